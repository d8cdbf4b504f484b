//! Two lines on a tall screen: the newest failure, and the newest call in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::cells::{rate_text, status_role};
use super::format::{UNKNOWN, age, compact, duration, known, money};
use super::pen::{Item, Strip, join, line_of, shelve};
use super::summary::status_word;
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::call::LlmCall;

/// A failure older than this is no news.
const NEWS_NANOS: i64 = 600 * 1_000_000_000;

/// How many lines they take on a screen of this size.
pub fn height(look: Look<'_>, screen: Rect) -> u16 {
    let room = match screen.height {
        0..30 => 0,
        30..40 => 1,
        40.. => 2,
    };
    room.min(u16::from(failure(look).is_some()) + u16::from(latest(look).is_some()))
}

/// Draws them; the failure comes first.
pub fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let cells = usize::from(room.width);
    let lines =
        [failure(look).map(|call| failure_items(look, call)), latest(look).map(|call| latest_items(look, call))];
    for (nth, items) in (0..area.height).zip(lines.into_iter().flatten()) {
        join(shelve(items, cells, 2), 2).draw(line_of(room, nth), buf);
    }
}

fn failure(look: Look<'_>) -> Option<&LlmCall> {
    let call = look.app.picture.call(look.app.picture.last_error?)?;
    (since(look, call) < NEWS_NANOS).then_some(call)
}

fn latest(look: Look<'_>) -> Option<&LlmCall> {
    look.app.picture.call(look.app.picture.latest?)
}

fn since(look: Look<'_>, call: &LlmCall) -> i64 {
    look.app.clock.unix_nano.saturating_sub(call.start_unix_nano())
}

fn failure_items<'a>(look: Look<'_>, call: &'a LlmCall) -> Vec<Item<'a>> {
    let labels = call.labels();
    let reason = call.error_message().or(labels.error_type.as_ref()).map_or("", |text| text.as_str());
    let dim = look.style(Role::Dim);
    vec![
        Item::new(99, Strip::of(format!("last error {}", status_word(call.status())), look.style(Role::Alarm))),
        Item::new(60, Strip::of(look.prose(reason, 60), look.style(Role::Text))),
        Item::new(80, Strip::of(model(look, call), look.style(Role::Text))),
        Item::new(50, route(look, call)),
        Item::new(90, Strip::of(age(since(look, call)), dim)),
        Item::new(20, Strip::of("id ", dim).then(look.text(&call.request_id(), 36).into_owned(), dim)),
    ]
}

fn latest_items<'a>(look: Look<'_>, call: &'a LlmCall) -> Vec<Item<'a>> {
    let dim = look.style(Role::Dim);
    let usage = call.usage();
    let figure =
        |label: &'static str, text: String, role: Role| Strip::of(label, dim).gap(1).then(text, look.style(role));
    let timed = |ms: Option<f64>, role: fn(f64) -> Role| (known(ms, duration), ms.map_or(Role::Dim, role));
    let (ttft, ttft_role) = timed(call.ttft_ms(), ttft_role);
    let (latency, latency_role) = timed(call.duration_ms(), latency_role);
    vec![
        Item::new(99, Strip::of("latest", dim)),
        Item::new(95, Strip::of(status_word(call.status()), look.style(status_role(call.status())))),
        Item::new(94, Strip::of(model(look, call), look.style(Role::Text))),
        Item::new(60, asked_for(look, call)),
        Item::new(70, route(look, call)),
        Item::new(50, figure("in", known(usage.input_total(), compact), Role::Text)),
        Item::new(40, figure("cached", known(usage.cache_read, compact), Role::Text)),
        Item::new(49, figure("out", known(usage.output, compact), Role::Text)),
        Item::new(45, figure("tok/s", rate_text(call).0, Role::Text)),
        Item::new(80, figure("TTFT", ttft, ttft_role)),
        Item::new(85, figure("latency", latency, latency_role)),
        Item::new(90, figure("cost", known(call.cost(), |cost| money(cost.usd)), Role::Text)),
        Item::new(30, Strip::of(age(since(look, call)), dim)),
    ]
}

fn model<'a>(look: Look<'_>, call: &'a LlmCall) -> Safe<'a> {
    match call.shown_model() {
        "" => UNKNOWN.into(),
        model => look.text(model, 40),
    }
}

fn asked_for<'a>(look: Look<'_>, call: &'a LlmCall) -> Strip<'a> {
    match call.request_model().filter(|asked| asked.as_str() != call.shown_model()) {
        None => Strip::new(),
        Some(asked) => {
            Strip::of("asked for ", look.style(Role::Dim)).then(look.text(asked, 30), look.style(Role::Text))
        }
    }
}

fn route<'a>(look: Look<'_>, call: &'a LlmCall) -> Strip<'a> {
    match call.route_name() {
        None => Strip::new(),
        Some(route) => Strip::of("route ", look.style(Role::Dim)).then(look.text(route, 24), look.style(Role::Text)),
    }
}

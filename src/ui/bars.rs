//! Two lines on a tall screen: the newest failure, and the newest call in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::{rate_text, status_role};
use super::draw_context::DrawContext;
use super::status::status_word;
use super::text::Safe;
use super::text_line::{Item, SafeLine, fit_by_priority, join, line_of};
use super::theme::{Role, latency_role, ttft_role};
use crate::call::LlmCall;
use crate::query::column::GenerationRate;
use crate::text::format::{UNKNOWN, age, compact, duration, known, money};

/// A failure older than this is no news.
const NEWS_NANOS: i64 = 600 * 1_000_000_000;

/// How many lines they take on a screen of this size.
pub(super) fn height(ctx: DrawContext<'_>, screen: Rect) -> u16 {
    let room = match screen.height {
        0..30 => 0,
        30..40 => 1,
        40.. => 2,
    };
    room.min(u16::from(failure(ctx).is_some()) + u16::from(latest(ctx).is_some()))
}

/// Draws them; the failure comes first.
pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let cells = usize::from(room.width);
    let lines = [failure(ctx).map(|call| failure_items(ctx, call)), latest(ctx).map(|call| latest_items(ctx, call))];
    for (nth, items) in (0..area.height).zip(lines.into_iter().flatten()) {
        join(fit_by_priority(items, cells, 2), 2).draw(line_of(room, nth), buf);
    }
}

fn failure(ctx: DrawContext<'_>) -> Option<&LlmCall> {
    let call = ctx.app.picture.call(ctx.app.picture.last_error?)?;
    (since(ctx, call) < NEWS_NANOS).then_some(call)
}

fn latest(ctx: DrawContext<'_>) -> Option<&LlmCall> {
    ctx.app.picture.call(ctx.app.picture.latest?)
}

fn since(ctx: DrawContext<'_>, call: &LlmCall) -> i64 {
    ctx.app.clock.unix_nano.saturating_sub(call.start_unix_nano())
}

fn failure_items<'a>(ctx: DrawContext<'_>, call: &'a LlmCall) -> Vec<Item<'a>> {
    let labels = call.labels();
    let reason = call.error_message().or(labels.error_type.as_ref()).map_or("", |text| text.as_str());
    let dim = ctx.style(Role::Dim);
    vec![
        Item::new(99, SafeLine::of(format!("last error {}", status_word(call.status())), ctx.style(Role::Alarm))),
        Item::new(60, SafeLine::of(ctx.prose(reason, 60), ctx.style(Role::Text))),
        Item::new(80, SafeLine::of(model(ctx, call), ctx.style(Role::Text))),
        Item::new(50, route(ctx, call)),
        Item::new(90, SafeLine::of(age(since(ctx, call)), dim)),
        Item::new(20, SafeLine::of("id ", dim).then(ctx.text(&call.request_id(), 36).into_owned(), dim)),
    ]
}

fn latest_items<'a>(ctx: DrawContext<'_>, call: &'a LlmCall) -> Vec<Item<'a>> {
    let dim = ctx.style(Role::Dim);
    let usage = call.usage();
    let figure =
        |label: &'static str, text: String, role: Role| SafeLine::of(label, dim).gap(1).then(text, ctx.style(role));
    let timed = |ms: Option<f64>, role: fn(f64) -> Role| (known(ms, duration), ms.map_or(Role::Dim, role));
    let (ttft, ttft_role) = timed(call.ttft_ms(), ttft_role);
    let (latency, latency_role) = timed(call.duration_ms(), latency_role);
    vec![
        Item::new(99, SafeLine::of("latest", dim)),
        Item::new(95, SafeLine::of(status_word(call.status()), ctx.style(status_role(call.status())))),
        Item::new(94, SafeLine::of(model(ctx, call), ctx.style(Role::Text))),
        Item::new(60, asked_for(ctx, call)),
        Item::new(70, route(ctx, call)),
        Item::new(50, figure("in", known(usage.input_total(), compact), Role::Text)),
        Item::new(40, figure("cached", known(usage.cache_read, compact), Role::Text)),
        Item::new(49, figure("out", known(usage.output, compact), Role::Text)),
        Item::new(45, figure("tok/s", known(GenerationRate::of(call), rate_text), Role::Text)),
        Item::new(80, figure("TTFT", ttft, ttft_role)),
        Item::new(85, figure("latency", latency, latency_role)),
        Item::new(90, figure("cost", known(call.cost(), |cost| money(cost.usd)), Role::Text)),
        Item::new(30, SafeLine::of(age(since(ctx, call)), dim)),
    ]
}

fn model<'a>(ctx: DrawContext<'_>, call: &'a LlmCall) -> Safe<'a> {
    match call.shown_model() {
        "" => UNKNOWN.into(),
        model => ctx.text(model, 40),
    }
}

fn asked_for<'a>(ctx: DrawContext<'_>, call: &'a LlmCall) -> SafeLine<'a> {
    match call.request_model().filter(|asked| asked.as_str() != call.shown_model()) {
        None => SafeLine::new(),
        Some(asked) => {
            SafeLine::of("asked for ", ctx.style(Role::Dim)).then(ctx.text(asked, 30), ctx.style(Role::Text))
        }
    }
}

fn route<'a>(ctx: DrawContext<'_>, call: &'a LlmCall) -> SafeLine<'a> {
    match call.route_name() {
        None => SafeLine::new(),
        Some(route) => SafeLine::of("route ", ctx.style(Role::Dim)).then(ctx.text(route, 24), ctx.style(Role::Text)),
    }
}

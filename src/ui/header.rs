//! The first line: alive or not, where it listens, how much it keeps, what is looked at.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::format::{clock, count, rate};
use super::pen::{Item, Strip, join, shelve};
use super::streams;
use super::theme::Role;
use crate::app::analysis::Window;

/// Draws it.
pub fn draw(look: Look<'_>, line: Rect, buf: &mut Buffer) {
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let time = Strip::of(clock(look.app.clock.unix_nano, look.app.clock.offset), look.style(Role::Dim));
    let time_width = u16::try_from(time.width()).unwrap_or(0);
    let has_time = room.width > 70;
    if has_time {
        time.draw_right(room, buf);
    }
    let width = room.width.saturating_sub(if has_time { time_width + 3 } else { 0 });
    let items = vec![
        Item::new(20, Strip::of("planoai obs", look.style(Role::Strong))),
        Item::new(90, pulse(look)),
        Item::new(40, listening(look)),
        Item::new(50, kept(look)),
        Item::new(30, since_start(look)),
        Item::new(85, refused(look)),
        Item::new(streams_rank(look), streams::recording(look)).or(92, streams::recording_loss(look)),
        Item::new(streams_rank(look), streams::forwarding(look)).or(92, streams::forwarding_loss(look)),
        Item::new(80, window(look)),
        Item::new(98, reconnecting(look)),
        Item::new(97, shut(look)),
        Item::new(95, filter(look, usize::from(width) / 2)),
        Item::new(100, paused(look)),
    ];
    join(shelve(items, usize::from(width), 3), 3).draw(Rect { width, ..room }, buf);
}

fn pulse(look: Look<'_>) -> Strip<'static> {
    let app = look.app;
    let per_second = app.arrivals.per_second(app.clock.unix_nano);
    let dot = if app.arrivals.is_moving(app.clock.unix_nano) { Role::Good } else { Role::Dim };
    let strip = Strip::of("● ", look.style(dot)).then(rate(per_second), look.style(Role::Text));
    let strip = strip.then(" calls/s", look.style(Role::Dim));
    if app.about.is_demo { strip.then(" demo", look.style(Role::Fair)) } else { strip }
}

fn paused(look: Look<'_>) -> Strip<'static> {
    match look.app.new_while_paused() {
        None => Strip::new(),
        Some(new) => Strip::of(format!("⏸ paused +{}", count(new)), look.style(Role::Fair)),
    }
}

/// Nothing is lost in silence: what was refused is told until the end.
fn refused(look: Look<'_>) -> Strip<'static> {
    let counters = &look.app.newest.counters;
    match counters.requests_refused.saturating_add(counters.connections_refused) {
        0 => Strip::new(),
        refused => Strip::of(format!("{} refused", count(refused)), look.style(Role::Bad)),
    }
}

/// Where something is lost, that is news; where all goes well, the figures are.
fn streams_rank(look: Look<'_>) -> u8 {
    let streams = &look.app.streams;
    let is_failing = streams.recorded.iter().any(|recorded| recorded.error.is_some() || recorded.lost() > 0)
        || streams.forwarded.iter().any(|forwarded| forwarded.counters.is_failing() || forwarded.counters.lost() > 0);
    if is_failing { 88 } else { 45 }
}

fn window(look: Look<'_>) -> Strip<'static> {
    match look.app.spec.window {
        Window::All => Strip::new(),
        window => Strip::of("last ", look.style(Role::Dim)).then(window.label(), look.style(Role::Accent)),
    }
}

fn filter(look: Look<'_>, cells: usize) -> Strip<'static> {
    let filter = look.app.spec.filter.describe();
    Strip::of(look.text(&filter, cells).into_owned(), look.style(Role::Accent))
}

/// What is shown is not what is: told as long as it lasts.
fn reconnecting(look: Look<'_>) -> Strip<'static> {
    if look.app.link.is_lost() { Strip::of("reconnecting", look.style(Role::Bad)) } else { Strip::new() }
}

/// Nothing arrives where nobody is let in: told as long as it lasts.
fn shut(look: Look<'_>) -> Strip<'static> {
    match look.app.newest.counters.listeners_failing {
        0 => Strip::new(),
        1 => Strip::of("a listener accepts nothing", look.style(Role::Bad)),
        failing => Strip::of(format!("{failing} listeners accept nothing"), look.style(Role::Bad)),
    }
}

fn listening(look: Look<'_>) -> Strip<'_> {
    let about = &look.app.about;
    let dim = look.style(Role::Dim);
    if let Some(attached) = &about.attached {
        return Strip::of("attached to ", dim).then(attached, dim);
    }
    let mut strip = Strip::of(&about.grpc, dim);
    match &about.http {
        // The same host need not be read twice.
        Some(Ok(http)) => match (about.grpc.rsplit_once(':'), http.rsplit_once(':')) {
            (Some((host, _)), Some((same, port))) if host == same => strip.add(format!(" :{port}"), dim),
            _ => strip.add(format!(" {http}"), dim),
        },
        Some(Err(_)) => strip.add(" no HTTP", look.style(Role::Fair)),
        None => {}
    }
    if let Some(viewers) = &about.viewers {
        let port = viewers.rsplit(':').next().unwrap_or_default();
        strip.add(format!(" viewers :{port}"), dim);
    }
    if about.is_open && !strip.is_empty() {
        strip.add(" open", look.style(Role::Fair));
    }
    strip
}

fn kept(look: Look<'_>) -> Strip<'static> {
    let kept = count(look.app.counted().calls.visible() as u128);
    let capacity = count(look.app.newest.capacity as u128);
    Strip::of(format!("{kept}/{capacity}"), look.style(Role::Text)).then(" kept", look.style(Role::Dim))
}

fn since_start(look: Look<'_>) -> Strip<'static> {
    let calls = look.app.counted().totals.calls;
    Strip::of(count(calls), look.style(Role::Text)).then(" since start", look.style(Role::Dim))
}

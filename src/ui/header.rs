//! The first line: alive or not, where it listens, how much it keeps, what is looked at.

use std::net::SocketAddr;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::streams;
use super::text_line::{Item, SafeLine, fit_by_priority, join};
use super::theme::Role;
use crate::collector::HttpListener;
use crate::query::analysis::Window;
use crate::text::format::{clock, count, rate};

pub(super) fn draw(ctx: DrawContext<'_>, line: Rect, buf: &mut Buffer) {
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let time = SafeLine::of(clock(ctx.app.clock.unix_nano, ctx.app.clock.zone), ctx.style(Role::Dim));
    let time_width = u16::try_from(time.width()).unwrap_or(0);
    let has_time = room.width > 70;
    if has_time {
        time.draw_right(room, buf);
    }
    let width = room.width.saturating_sub(if has_time { time_width + 3 } else { 0 });
    let items = vec![
        Item::new(20, SafeLine::of("planoai obs", ctx.style(Role::Strong))),
        Item::new(90, pulse(ctx)),
        Item::new(40, listening(ctx)),
        Item::new(50, kept(ctx)),
        Item::new(30, since_start(ctx)),
        Item::new(85, refused(ctx)),
        Item::new(streams_rank(ctx), streams::recording(ctx)).or(92, streams::recording_loss(ctx)),
        Item::new(streams_rank(ctx), streams::forwarding(ctx)).or(92, streams::forwarding_loss(ctx)),
        Item::new(80, window(ctx)),
        Item::new(98, reconnecting(ctx)),
        Item::new(97, shut(ctx)),
        Item::new(95, filter(ctx, usize::from(width) / 2)),
        Item::new(100, paused(ctx)),
    ];
    join(fit_by_priority(items, usize::from(width), 3), 3).draw(Rect { width, ..room }, buf);
}

fn pulse(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let app = ctx.app;
    let per_second = app.arrivals.per_second(app.clock.unix_nano);
    let dot = if app.arrivals.is_moving(app.clock.unix_nano) { Role::Good } else { Role::Dim };
    let strip = SafeLine::of("● ", ctx.style(dot)).then(rate(per_second), ctx.style(Role::Text));
    let strip = strip.then(" calls/s", ctx.style(Role::Dim));
    if app.about.is_demo { strip.then(" demo", ctx.style(Role::Fair)) } else { strip }
}

fn paused(ctx: DrawContext<'_>) -> SafeLine<'static> {
    match ctx.app.new_while_paused() {
        None => SafeLine::new(),
        Some(new) => SafeLine::of(format!("⏸ paused +{}", count(new)), ctx.style(Role::Fair)),
    }
}

/// Refused requests and connections, shown until exit.
fn refused(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let counters = &ctx.app.newest.counters;
    match counters.requests_refused.saturating_add(counters.connections_refused) {
        0 => SafeLine::new(),
        refused => SafeLine::of(format!("{} refused", count(refused)), ctx.style(Role::Bad)),
    }
}

/// Losses rank higher than plain figures.
fn streams_rank(ctx: DrawContext<'_>) -> u8 {
    let streams = &ctx.app.streams;
    let is_failing = streams.recorded.iter().any(|recorded| recorded.error.is_some() || recorded.lost() > 0)
        || streams.forwarded.iter().any(|forwarded| forwarded.counters.is_failing() || forwarded.counters.lost() > 0);
    if is_failing { 88 } else { 45 }
}

fn window(ctx: DrawContext<'_>) -> SafeLine<'static> {
    match ctx.app.spec.window {
        Window::All => SafeLine::new(),
        window => SafeLine::of("last ", ctx.style(Role::Dim)).then(window.label(), ctx.style(Role::Accent)),
    }
}

fn filter(ctx: DrawContext<'_>, cells: usize) -> SafeLine<'static> {
    let filter = ctx.app.spec.filter.describe();
    SafeLine::of(ctx.text(&filter, cells).into_owned(), ctx.style(Role::Accent))
}

/// The shown calls are stale while the connection is lost.
fn reconnecting(ctx: DrawContext<'_>) -> SafeLine<'static> {
    if ctx.app.link.is_lost() { SafeLine::of("reconnecting", ctx.style(Role::Bad)) } else { SafeLine::new() }
}

/// Listeners that accept no connections.
fn shut(ctx: DrawContext<'_>) -> SafeLine<'static> {
    match ctx.app.newest.counters.listeners_failing {
        0 => SafeLine::new(),
        1 => SafeLine::of("1 listener accepts no connections", ctx.style(Role::Bad)),
        failing => SafeLine::of(format!("{failing} listeners accept no connections"), ctx.style(Role::Bad)),
    }
}

fn listening(ctx: DrawContext<'_>) -> SafeLine<'_> {
    let about = &ctx.app.about;
    let dim = ctx.style(Role::Dim);
    if let Some(attached) = &about.attached {
        return SafeLine::of("attached to ", dim).then(attached, dim);
    }
    let mut strip = SafeLine::of(&about.grpc, dim);
    match &about.http {
        // The same host need not be read twice.
        HttpListener::Bound(http) => match about.grpc.parse::<SocketAddr>() {
            Ok(grpc) if grpc.ip() == http.ip() => strip.add(format!(" :{}", http.port()), dim),
            _ => strip.add(format!(" {http}"), dim),
        },
        HttpListener::Failed(_) => strip.add(" no HTTP", ctx.style(Role::Fair)),
        HttpListener::Off => {}
    }
    if let Some(viewers) = &about.viewers {
        let port = viewers.rsplit(':').next().unwrap_or_default();
        strip.add(format!(" viewers :{port}"), dim);
    }
    if about.is_open && !strip.is_empty() {
        strip.add(" open", ctx.style(Role::Fair));
    }
    strip
}

fn kept(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let kept = count(ctx.app.counted().calls.visible() as u128);
    let capacity = count(ctx.app.newest.capacity as u128);
    SafeLine::of(format!("{kept}/{capacity}"), ctx.style(Role::Text)).then(" kept", ctx.style(Role::Dim))
}

fn since_start(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let calls = ctx.app.counted().totals.calls;
    SafeLine::of(count(calls), ctx.style(Role::Text)).then(" since start", ctx.style(Role::Dim))
}

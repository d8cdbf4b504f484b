//! The line of a replay: what is played, how far it is, how fast, and the keys that steer it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::text::Safe;
use super::text_line::{Item, SafeLine, fit_by_priority, join};
use super::theme::Role;
use crate::app::keymap;
use crate::app::replay_progress::ReplayProgress;
use crate::sources::replay::{Progress, State};
use crate::text::format::{clock_near, count, percent};

/// Cells between the parts of the line.
const GAP: usize = 2;
/// The bar takes what is left, within these.
const BAR: std::ops::RangeInclusive<usize> = 8..=60;
/// A bar of so many cells is long enough.
const LONG_BAR: usize = 20;
/// Cells of a file's name.
const NAME: usize = 32;

/// How many lines it takes.
pub(super) fn height(ctx: DrawContext<'_>) -> u16 {
    u16::from(ctx.app.replay.is_some())
}

pub(super) fn draw(ctx: DrawContext<'_>, line: Rect, buf: &mut Buffer) {
    let Some(ReplayProgress { progress, .. }) = &ctx.app.replay else { return };
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let cells = usize::from(room.width).saturating_sub(BAR.start() + GAP);
    let shown = join(fit_by_priority(items(ctx, progress), cells, GAP), GAP);
    let left = usize::from(room.width).saturating_sub(shown.width() + GAP);
    let all_keys = join(keys(ctx), GAP).width() + GAP;
    // The keys come before a bar that is longer than it need be.
    let most = if left >= all_keys + LONG_BAR { (left - all_keys).min(*BAR.end()) } else { *BAR.end() };
    let bar = bar(ctx, progress.fraction(), left.min(most));
    let keys = join(fit_by_priority(key_items(ctx), left.saturating_sub(bar.width() + GAP), GAP), GAP);
    keys.draw_right(room, buf);
    shown.gap(GAP).with(bar).draw(room, buf);
}

fn items<'a>(ctx: DrawContext<'_>, progress: &'a Progress) -> Vec<Item<'a>> {
    let (text, dim) = (ctx.style(Role::Text), ctx.style(Role::Dim));
    let (state, role) = match progress.state {
        State::Playing => ("▶ replay", Role::Good),
        State::Paused => ("⏸ replay paused", Role::Fair),
        State::Done => ("■ replay done", Role::Dim),
    };
    let part = progress.fraction().map_or_else(SafeLine::new, |fraction| SafeLine::of(percent(fraction), text));
    let speed = progress.speed.map_or_else(SafeLine::new, |speed| SafeLine::of(speed.to_string(), text));
    vec![
        Item::new(99, SafeLine::of(state, ctx.style(role))),
        Item::new(40, SafeLine::of(name(&progress.input), dim)),
        Item::new(70, SafeLine::of(times(progress), text)),
        Item::new(50, when(ctx, progress)),
        Item::new(80, speed),
        Item::new(90, broken(ctx, progress)),
        Item::new(85, part),
    ]
}

/// The file without its folders, or what else is read.
fn name(input: &str) -> Safe<'_> {
    let name = input.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("recording");
    Safe::fit(name, NAME)
}

/// `1:23 / 4:56`, the whole only where it is known; `1:23 → 3:00 / 4:56` while it seeks.
fn times(progress: &Progress) -> String {
    let Some(elapsed) = progress.elapsed_nanos() else { return String::new() };
    let seeking = progress.seeking_nanos().map(|target| format!(" → {}", length(target))).unwrap_or_default();
    let total = progress.total_nanos().map(|total| format!(" / {}", length(total))).unwrap_or_default();
    format!("{}{seeking}{total}", length(elapsed))
}

/// Where it stands on the clock of the recording.
fn when(ctx: DrawContext<'_>, progress: &Progress) -> SafeLine<'static> {
    let clock = progress.clock_unix_nano.and_then(|clock| i64::try_from(clock).ok());
    clock.map_or_else(SafeLine::new, |clock| {
        let app = ctx.app;
        SafeLine::of(clock_near(clock, app.clock.unix_nano, app.clock.zone), ctx.style(Role::Dim))
    })
}

fn broken(ctx: DrawContext<'_>, progress: &Progress) -> SafeLine<'static> {
    match progress.broken {
        0 => SafeLine::new(),
        broken => SafeLine::of(format!("{} broken", count(broken)), ctx.style(Role::Bad)),
    }
}

/// `4:56`, `1:02:03`, `2d 01:02:03`
fn length(nanos: u64) -> String {
    let seconds = nanos / 1_000_000_000;
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, hours) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (days, hours) => format!("{days}d {hours:02}:{minutes:02}:{seconds:02}"),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a width, between 0 and all of it"
)]
fn bar(ctx: DrawContext<'_>, fraction: Option<f64>, cells: usize) -> SafeLine<'static> {
    let done = (fraction.unwrap_or(0.0).clamp(0.0, 1.0) * cells as f64) as usize;
    let strip = SafeLine::of("█".repeat(done.min(cells)), ctx.style(Role::Accent));
    strip.then("░".repeat(cells.saturating_sub(done)), ctx.style(Role::Dim))
}

fn keys(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let (key, dim) = (ctx.style(Role::Accent), ctx.style(Role::Dim));
    let hints = keymap::replay_hints().into_iter();
    hints.map(|(binding, word)| SafeLine::of(ctx.keys(binding.first_name()), key).gap(1).then(word, dim)).collect()
}

fn key_items(ctx: DrawContext<'_>) -> Vec<Item<'static>> {
    keys(ctx).into_iter().zip((0..u8::MAX).rev()).map(|(strip, rank)| Item::new(rank, strip)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_as_players_write_them() {
        let second = 1_000_000_000;
        for (seconds, text) in [(0, "0:00"), (296, "4:56"), (3723, "1:02:03"), (176_523, "2d 01:02:03")] {
            assert_eq!(length(seconds * second), text);
        }
    }
}

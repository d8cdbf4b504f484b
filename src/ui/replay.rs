//! The line of a replay: what is played, how far it is, how fast, and the keys that steer it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::format::{clock_near, count, percent};
use super::pen::{Item, Strip, join, shelve};
use super::text::Safe;
use super::theme::Role;
use crate::app::keymap;
use crate::app::replay::Playing;
use crate::collector::replay::{Progress, State};

/// Cells between the parts of the line.
const GAP: usize = 2;
/// The bar takes what is left, within these.
const BAR: std::ops::RangeInclusive<usize> = 8..=60;
/// A bar of so many cells is long enough.
const LONG_BAR: usize = 20;
/// Cells of a file's name.
const NAME: usize = 32;

/// How many lines it takes.
pub fn height(look: Look<'_>) -> u16 {
    u16::from(look.app.replay.is_some())
}

/// Draws it.
pub fn draw(look: Look<'_>, line: Rect, buf: &mut Buffer) {
    let Some(Playing { progress, .. }) = &look.app.replay else { return };
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let cells = usize::from(room.width).saturating_sub(BAR.start() + GAP);
    let shown = join(shelve(items(look, progress), cells, GAP), GAP);
    let left = usize::from(room.width).saturating_sub(shown.width() + GAP);
    let all_keys = join(keys(look), GAP).width() + GAP;
    // The keys come before a bar that is longer than it need be.
    let most = if left >= all_keys + LONG_BAR { (left - all_keys).min(*BAR.end()) } else { *BAR.end() };
    let bar = bar(look, progress.fraction(), left.min(most));
    let keys = join(shelve(key_items(look), left.saturating_sub(bar.width() + GAP), GAP), GAP);
    keys.draw_right(room, buf);
    shown.gap(GAP).with(bar).draw(room, buf);
}

fn items<'a>(look: Look<'_>, progress: &'a Progress) -> Vec<Item<'a>> {
    let (text, dim) = (look.style(Role::Text), look.style(Role::Dim));
    let (state, role) = match progress.state {
        State::Playing => ("▶ replay", Role::Good),
        State::Paused => ("⏸ replay paused", Role::Fair),
        State::Done => ("■ replay done", Role::Dim),
    };
    let part = progress.fraction().map_or_else(Strip::new, |fraction| Strip::of(percent(fraction), text));
    let speed = progress.speed.map_or_else(Strip::new, |speed| Strip::of(speed.to_string(), text));
    vec![
        Item::new(99, Strip::of(state, look.style(role))),
        Item::new(40, Strip::of(name(&progress.input), dim)),
        Item::new(70, Strip::of(times(progress), text)),
        Item::new(50, when(look, progress)),
        Item::new(80, speed),
        Item::new(90, broken(look, progress)),
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
fn when(look: Look<'_>, progress: &Progress) -> Strip<'static> {
    let clock = progress.clock_unix_nano.and_then(|clock| i64::try_from(clock).ok());
    clock.map_or_else(Strip::new, |clock| {
        let app = look.app;
        Strip::of(clock_near(clock, app.clock.unix_nano, app.clock.offset), look.style(Role::Dim))
    })
}

fn broken(look: Look<'_>, progress: &Progress) -> Strip<'static> {
    match progress.broken {
        0 => Strip::new(),
        broken => Strip::of(format!("{} broken", count(broken)), look.style(Role::Bad)),
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
fn bar(look: Look<'_>, fraction: Option<f64>, cells: usize) -> Strip<'static> {
    let done = (fraction.unwrap_or(0.0).clamp(0.0, 1.0) * cells as f64) as usize;
    let strip = Strip::of("█".repeat(done.min(cells)), look.style(Role::Accent));
    strip.then("░".repeat(cells.saturating_sub(done)), look.style(Role::Dim))
}

fn keys(look: Look<'_>) -> Vec<Strip<'static>> {
    let (key, dim) = (look.style(Role::Accent), look.style(Role::Dim));
    let hints = keymap::replay_hints().into_iter();
    hints.map(|(binding, word)| Strip::of(look.keys(binding.first_name()), key).gap(1).then(word, dim)).collect()
}

fn key_items(look: Look<'_>) -> Vec<Item<'static>> {
    keys(look).into_iter().zip((0..u8::MAX).rev()).map(|(strip, rank)| Item::new(rank, strip)).collect()
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

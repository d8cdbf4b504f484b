//! The keys, all of them, made from the table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::frame::{Titles, popup};
use super::pen::{Strip, line_of};
use super::theme::Role;
use crate::app::Seen;
use crate::app::keymap::{self, Topic};

/// Cells of the keys' names.
const NAMES: usize = 30;
/// Cells of the whole.
const WIDTH: u16 = 84;

/// Draws the help over the screen, scrolled down by `scroll` lines.
pub fn draw(look: Look<'_>, scroll: usize, screen: Rect, seen: &mut Seen, buf: &mut Buffer) {
    let lines = lines(look);
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let wanted = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(screen.height.saturating_sub(1));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let more = if wanted > height { "↓ ↑ scroll   " } else { "" };
    let titles = Titles {
        left: Strip::of("keys", look.style(Role::Accent)),
        right: Strip::of(format!("{more}Esc closes"), look.style(Role::Dim)),
    };
    let inner = popup(look, titles, area, buf);
    seen.list = usize::from(inner.height);
    seen.scroll = lines.len().saturating_sub(seen.list);
    for (nth, line) in (0..inner.height).zip(lines.into_iter().skip(scroll.min(seen.scroll))) {
        line.draw(line_of(inner, nth), buf);
    }
}

fn lines(look: Look<'_>) -> Vec<Strip<'static>> {
    let mut lines = Vec::new();
    let has_replay = look.app.replay.is_some();
    for topic in Topic::ALL.into_iter().filter(|topic| has_replay || *topic != Topic::Replay) {
        if !lines.is_empty() {
            lines.push(Strip::new());
        }
        lines.push(Strip::of(topic.title(), look.style(Role::Strong)));
        lines.extend(keymap::topic(topic).map(|binding| {
            let names = format!("{:<NAMES$}", binding.names());
            Strip::of(names, look.style(Role::Accent)).gap(1).then(binding.help, look.style(Role::Text))
        }));
    }
    lines
}

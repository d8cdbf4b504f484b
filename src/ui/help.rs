//! The keys, all of them, made from the table.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::frame::{Titles, popup};
use super::text::Safe;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::LayoutInfo;
use crate::app::keymap::{self, Topic};

/// Cells of the keys' names.
const NAMES: usize = 30;
/// Cells of the whole.
const WIDTH: u16 = 84;

/// Draws the help over the screen, scrolled down by `scroll` lines.
pub(super) fn draw(ctx: DrawContext<'_>, scroll: usize, screen: Rect, layout: &mut LayoutInfo, buf: &mut Buffer) {
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let lines = lines(ctx, usize::from(width.saturating_sub(4)));
    let wanted = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let height = wanted.min(screen.height.saturating_sub(1));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let more = if wanted > height { ctx.keys("↓ ↑ scroll   ".to_owned()) } else { String::new() };
    let titles = Titles {
        left: SafeLine::of("keys", ctx.style(Role::Accent)),
        right: SafeLine::of(format!("{more}Esc close"), ctx.style(Role::Dim)),
    };
    let inner = popup(ctx, titles, area, buf);
    layout.list = usize::from(inner.height);
    layout.scroll = lines.len().saturating_sub(layout.list);
    for (nth, line) in (0..inner.height).zip(lines.into_iter().skip(scroll.min(layout.scroll))) {
        line.draw(line_of(inner, nth), buf);
    }
}

/// All lines, none wider than `width`: what does not fit beside its keys goes on below.
fn lines(ctx: DrawContext<'_>, width: usize) -> Vec<SafeLine<'static>> {
    let mut lines = Vec::new();
    let has_replay = ctx.app.replay.is_some();
    for topic in Topic::ALL.into_iter().filter(|topic| has_replay || *topic != Topic::Replay) {
        if !lines.is_empty() {
            lines.push(SafeLine::new());
        }
        lines.push(SafeLine::of(topic.title(), ctx.style(Role::Strong)));
        let names = NAMES.min(width / 2);
        for binding in keymap::topic(topic) {
            let keys = Safe::from(ctx.keys(binding.names()));
            let help = Safe::from(binding.help);
            let (keys, help) = (keys.wrap(names), help.wrap(width.saturating_sub(names + 1)));
            lines.extend((0..keys.len().max(help.len())).map(|nth| {
                let part =
                    |parts: &[Safe<'_>]| parts.get(nth).map_or_else(String::new, |part| part.as_str().to_owned());
                SafeLine::of(format!("{:<names$}", part(&keys)), ctx.style(Role::Accent))
                    .gap(1)
                    .then(part(&help), ctx.style(Role::Text))
            }));
        }
    }
    lines.push(SafeLine::new());
    let figures = Safe::from("Every figure is defined in docs/FIGURES.md: unit, window, what is left out.");
    lines.extend(figures.wrap(width).iter().map(|line| SafeLine::of(line.as_str().to_owned(), ctx.style(Role::Dim))));
    lines
}

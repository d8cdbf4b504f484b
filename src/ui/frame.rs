//! Frames around panels: a box where there is room, a titled rule where there is little.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::border;
use ratatui::widgets::{Block, Clear, Widget};

use super::draw_context::DrawContext;
use super::text_line::SafeLine;
use super::theme::Role;

/// From this size on the body's panels are boxed.
const ROOMY: (u16, u16) = (100, 24);

/// Whether there is room for boxes on a screen of this size.
pub(super) fn is_roomy(screen: Rect) -> bool {
    screen.width >= ROOMY.0 && screen.height >= ROOMY.1
}

/// Titles of a panel: what it is at its left, what holds for it at its right.
#[derive(Debug, Default)]
pub(super) struct Titles<'a> {
    pub left: SafeLine<'a>,
    /// At the right; left out where both do not fit.
    pub right: SafeLine<'a>,
}

/// Draws the frame of a panel and returns what is inside: a box, or on a small screen a rule above.
pub(super) fn panel(ctx: DrawContext<'_>, titles: Titles<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    if is_roomy(buf.area) { boxed(ctx, titles, area, buf) } else { ruled(ctx, titles, area, buf) }
}

/// Draws a box and returns what is inside, a blank at either side left free.
pub(super) fn boxed(ctx: DrawContext<'_>, titles: Titles<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let border = ctx.style(Role::Border);
    Block::bordered().border_set(border::PLAIN).border_style(border).render(area, buf);
    draw_titles(titles, Rect { height: area.height.min(1), ..area }, buf);
    area.intersection(Rect {
        x: area.x + 2,
        y: area.y + 1,
        width: area.width.saturating_sub(4),
        height: area.height.saturating_sub(2),
    })
}

/// Draws a box over whatever is there.
pub(super) fn popup(ctx: DrawContext<'_>, titles: Titles<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    Clear.render(area, buf);
    boxed(ctx, titles, area, buf)
}

fn ruled(ctx: DrawContext<'_>, titles: Titles<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let rule = Rect { height: area.height.min(1), ..area };
    SafeLine::of("─".repeat(usize::from(area.width)), ctx.style(Role::Border)).draw(rule, buf);
    draw_titles(titles, rule, buf);
    Rect {
        x: area.x + u16::from(area.width > 2),
        y: area.y + rule.height,
        width: area.width.saturating_sub(2),
        height: area.height - rule.height,
    }
}

fn draw_titles(titles: Titles<'_>, line: Rect, buf: &mut Buffer) {
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let blank = Style::new();
    let pad = |strip: SafeLine<'_>| -> SafeLine<'static> {
        if strip.is_empty() {
            SafeLine::new()
        } else {
            SafeLine::of(" ", blank).with(strip).then(" ", blank).into_owned()
        }
    };
    let (left, right) = (pad(titles.left), pad(titles.right));
    if left.width() + right.width() < usize::from(room.width) {
        right.draw_right(room, buf);
    }
    left.draw(room, buf);
}

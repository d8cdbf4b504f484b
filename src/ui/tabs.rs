//! The titles of the body's frame: the tabs, and what is scrolled out of sight.

use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::text_line::SafeLine;
use super::theme::Role;
use crate::app::views::View;
use crate::text::format::count;

/// How many rows are scrolled out of sight above; nothing where there are none.
pub(super) fn above_mark(ctx: DrawContext<'_>, above: usize) -> SafeLine<'static> {
    match above {
        0 => SafeLine::new(),
        above => SafeLine::of(format!("▲ {} above · ", count(above as u128)), ctx.style(Role::Accent)),
    }
}

/// `1 calls  2 models …`, the active one bright.
pub(super) fn tabs(ctx: DrawContext<'_>) -> SafeLine<'static> {
    let mut strip = SafeLine::new();
    for (nth, view) in View::ALL.into_iter().enumerate() {
        let role = if view == ctx.app.views.tab { Role::Accent } else { Role::Dim };
        let gap = if nth == 0 { "" } else { "  " };
        strip.add(format!("{gap}{} {}", nth + 1, view.title()), ctx.style(role));
    }
    strip
}

/// Where each of the tabs is drawn by a panel of this area.
pub(super) fn tab_places(area: Rect) -> [Rect; View::ALL.len()] {
    let mut x = area.x.saturating_add(2);
    let line = Rect { height: area.height.min(1), width: area.width.saturating_sub(2), ..area };
    View::ALL.map(|view| {
        // The number, a blank, and the title; two blanks behind it.
        let width = u16::try_from(view.title().len()).unwrap_or(0).saturating_add(2);
        let place = Rect { x, width, ..line };
        x = x.saturating_add(width + 2);
        place.intersection(line)
    })
}

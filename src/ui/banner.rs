//! The banner: a limit that is passed, as long as it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::text_line::{Item, SafeLine, fit_by_priority, join};
use super::theme::Role;
use crate::query::limits::Breach;
use crate::text::format::percent;

/// Cells of the top contributor's name.
const NAME: usize = 32;
const SHORTEST_NAME: usize = 6;

/// How many lines it takes.
pub(super) fn height(ctx: DrawContext<'_>) -> u16 {
    u16::from(!ctx.app.breaches.is_empty())
}

/// Draws it: all of the first breach where there is room, else figure, limit and the one who contributes most.
pub(super) fn draw(ctx: DrawContext<'_>, line: Rect, buf: &mut Buffer) {
    let Some((first, others)) = ctx.app.breaches.split_first() else { return };
    let alarm = ctx.style(Role::Alarm);
    buf.set_style(line, alarm);
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let more = others.iter().map(Breach::short).collect::<Vec<_>>().join(", ");
    let more = if more.is_empty() { SafeLine::new() } else { SafeLine::of(format!("also {more}"), alarm) };
    let whole =
        SafeLine::of("▲ limit passed: ", alarm).then(ctx.app.about.secrets.in_text(&first.text).into_owned(), alarm);
    let short = SafeLine::of(format!("▲ {}", first.short()), alarm);
    let cells = usize::from(room.width);
    let is_whole = whole.width() + if more.is_empty() { 0 } else { more.width() + 2 } <= cells;
    let items = if is_whole {
        vec![Item::new(99, whole), Item::new(50, more)]
    } else {
        let contributor = contributor(ctx, first, cells.saturating_sub(short.width() + 2));
        vec![Item::new(99, short), Item::new(90, contributor), Item::new(50, more)]
    };
    join(fit_by_priority(items, cells, 2), 2).draw(room, buf);
}

/// The top contributor, in at most `cells` cells; empty where names could not be distinguished in so few.
fn contributor<'a>(ctx: DrawContext<'_>, breach: &'a Breach, cells: usize) -> SafeLine<'a> {
    let alarm = ctx.style(Role::Alarm);
    let Some(contributor) = breach.contributors.first() else { return SafeLine::new() };
    let (before, behind) =
        (format!("by {} ", contributor.dimension.name()), format!(" ({})", percent(contributor.share)));
    match cells.saturating_sub(before.len() + behind.len()) {
        0..SHORTEST_NAME => SafeLine::new(),
        room => {
            SafeLine::of(before, alarm).then(ctx.text(&contributor.name, NAME.min(room)), alarm).then(behind, alarm)
        }
    }
}

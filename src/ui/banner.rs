//! The banner: a limit that is passed, as long as it is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::pen::{Item, Strip, join, shelve};
use super::theme::Role;
use crate::app::guard::Breach;
use crate::format::percent;

/// Cells of the name of whoever is to blame.
const NAME: usize = 32;
const SHORTEST_NAME: usize = 6;

/// How many lines it takes.
pub fn height(look: Look<'_>) -> u16 {
    u16::from(!look.app.breaches.is_empty())
}

/// Draws it: all of the first breach where there is room, else figure, limit and the one who contributes most.
pub fn draw(look: Look<'_>, line: Rect, buf: &mut Buffer) {
    let Some((first, others)) = look.app.breaches.split_first() else { return };
    let alarm = look.style(Role::Alarm);
    buf.set_style(line, alarm);
    let room = Rect { x: line.x + 1, width: line.width.saturating_sub(2), ..line };
    let more = others.iter().map(Breach::short).collect::<Vec<_>>().join(", ");
    let more = if more.is_empty() { Strip::new() } else { Strip::of(format!("also {more}"), alarm) };
    let whole =
        Strip::of("▲ limit passed: ", alarm).then(look.app.about.secrets.in_text(&first.text).into_owned(), alarm);
    let short = Strip::of(format!("▲ {}", first.short()), alarm);
    let cells = usize::from(room.width);
    let is_whole = whole.width() + if more.is_empty() { 0 } else { more.width() + 2 } <= cells;
    let items = if is_whole {
        vec![Item::new(99, whole), Item::new(50, more)]
    } else {
        let culprit = culprit(look, first, cells.saturating_sub(short.width() + 2));
        vec![Item::new(99, short), Item::new(90, culprit), Item::new(50, more)]
    };
    join(shelve(items, cells, 2), 2).draw(room, buf);
}

/// Who contributes most, in at most `cells` cells; nobody, where no name would be told from another in so few.
fn culprit<'a>(look: Look<'_>, breach: &'a Breach, cells: usize) -> Strip<'a> {
    let alarm = look.style(Role::Alarm);
    let Some(culprit) = breach.culprits.first() else { return Strip::new() };
    let (before, behind) = (format!("by {} ", culprit.dimension.name()), format!(" ({})", percent(culprit.share)));
    match cells.saturating_sub(before.len() + behind.len()) {
        0..SHORTEST_NAME => Strip::new(),
        room => Strip::of(before, alarm).then(look.text(&culprit.name, NAME.min(room)), alarm).then(behind, alarm),
    }
}

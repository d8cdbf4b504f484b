//! The table of calls, and of failed calls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::cells::{Room, align, cell, is_dated, width};
use super::doctor;
use super::format::count;
use super::frame::{Titles, is_roomy, panel};
use super::pen::{Strip, line_of};
use super::table::{self, Cell, Gaps};
use super::theme::Role;
use crate::app::analysis::Rows;
use crate::app::column::{Column, Direction};
use crate::app::cursor::Cursor;
use crate::app::view::View;
use crate::call::{CallId, LlmCall};

/// Draws it and tells where its rows are.
pub fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let app = look.app;
    let (rows, cursor) = match app.view {
        View::Errors => (&app.picture.failed, &app.cursors.errors),
        _ => (&app.picture.rows, &app.cursors.calls),
    };
    let inner = panel(
        look,
        titles(look, rows, cursor, usize::from(area.height.saturating_sub(if is_roomy(buf.area) { 3 } else { 2 }))),
        area,
        buf,
    );
    if rows.is_empty() {
        doctor::draw(look, inner, buf);
        return Rect::default();
    }
    let body = table::body(inner);
    draw_rows(look, rows, cursor, usize::from(body.height), inner, buf);
    body
}

/// The views as tabs at the left, how many rows and in which order at the right.
fn titles(look: Look<'_>, rows: &Rows, cursor: &Cursor<CallId>, page: usize) -> Titles<'static> {
    let order = match &look.app.spec.sort {
        Some((column, direction)) if look.app.view == View::Calls => {
            format!("by {} {}", column.name(), arrow(*direction))
        }
        _ => "newest first".to_owned(),
    };
    let (shown, kept) = (rows.len(), look.app.picture.snapshot.calls.visible());
    let shown = if shown == kept {
        count(shown as u128)
    } else {
        format!("{} of {}", count(shown as u128), count(kept as u128))
    };
    let right = Strip::of(format!("{shown} · {order}"), look.style(Role::Dim));
    Titles { left: tabs(look), right: above_mark(look, cursor.top(rows.len(), page)).with(right) }
}

/// How many rows are scrolled out of sight above; nothing where there are none.
pub fn above_mark(look: Look<'_>, above: usize) -> Strip<'static> {
    match above {
        0 => Strip::new(),
        above => Strip::of(format!("▲ {} above · ", count(above as u128)), look.style(Role::Accent)),
    }
}

/// `1 calls  2 models …`, the active one bright.
pub fn tabs(look: Look<'_>) -> Strip<'static> {
    let mut strip = Strip::new();
    for (nth, view) in View::ALL.into_iter().enumerate() {
        let role = if view == look.app.view { Role::Accent } else { Role::Dim };
        let gap = if nth == 0 { "" } else { "  " };
        strip.add(format!("{gap}{} {}", nth + 1, view.title()), look.style(role));
    }
    strip
}

/// Where each of the tabs is drawn by a panel of this area.
pub fn tab_places(area: Rect) -> [Rect; View::ALL.len()] {
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

const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "▲",
        Direction::Descending => "▼",
    }
}

fn draw_rows(look: Look<'_>, rows: &Rows, cursor: &Cursor<CallId>, page: usize, area: Rect, buf: &mut Buffer) {
    let top = cursor.top(rows.len(), page);
    let visible: Vec<&LlmCall> = rows.from(top).take(page).filter_map(|id| look.app.picture.call(id)).collect();
    let is_wide = area.width >= 100;
    let kept = &look.app.picture.snapshot.calls;
    // By what is kept rather than by what is seen: columns then do not jump while it is scrolled.
    let mut told = kept.iter().take(1).chain(kept.iter().next_back()).chain(visible.iter().copied());
    let room = Room { is_wide, has_dates: is_wide && told.any(|call| is_dated(look, call)) };
    let shown = columns(look);
    let columns: Vec<_> = shown.iter().map(|column| table_column(look, column, room)).collect();
    let places = table::lay_out(&columns, area.width, Gaps::of(area.width));
    table::draw_titles(&columns, &places, line_of(area, 0), buf);
    let body = table::body(area);
    for (nth, call) in (0..).zip(&visible) {
        let line = line_of(body, nth);
        table::draw_row(&columns, &places, line, 0, buf, |at| match shown.get(at) {
            Some(column) => cell(look, column, call, room.has_dates),
            None => Cell::new("", look.style(Role::Text)),
        });
        if top + usize::from(nth) == cursor.row() {
            buf.set_style(line, look.style(Role::Selected));
        }
    }
}

/// The columns worth showing in this view.
fn columns(look: Look<'_>) -> Vec<Column> {
    match look.app.view {
        View::Errors => FAILED.into_iter().filter(|column| look.app.picture.has_data(column)).collect(),
        _ => look.app.shown_columns(),
    }
}

/// What is asked about a failed call.
const FAILED: [Column; 9] = [
    Column::Time,
    Column::Status,
    Column::Model,
    Column::Provider,
    Column::Route,
    Column::Latency,
    Column::Error,
    Column::Session,
    Column::RequestId,
];

fn table_column<'a>(look: Look<'_>, column: &'a Column, room: Room) -> table::Column<'a> {
    let sorted = look.app.spec.sort.as_ref().filter(|(by, _)| look.app.view == View::Calls && by == column);
    let role = if sorted.is_some() { Role::Accent } else { Role::Dim };
    table::Column {
        title: column.title().into(),
        width: width(column, room),
        align: align(column),
        priority: priority(look, column),
        style: look.style(role),
    }
}

/// Among failed calls the error is what matters, and a column that somebody asked for beats the usual ones.
fn priority(look: Look<'_>, column: &Column) -> u8 {
    match (look.app.view, column) {
        (View::Errors, Column::Error) => 98,
        (View::Calls, column) if look.app.columns.is_some() && !Column::default_set().contains(column) => 97,
        (_, column) => column.priority(),
    }
}

//! The table of calls, and of failed calls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::cells::{Room, align, cell, is_dated, width};
use super::draw_context::DrawContext;
use super::empty_state;
use super::frame::{Titles, is_roomy, panel};
use super::table::{self, Cell, Gaps};
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::cursor::Cursor;
use crate::app::view::View;
use crate::call::{CallId, LlmCall};
use crate::query::analysis::Rows;
use crate::query::column::{Column, Direction};
use crate::text::format::count;

/// Draws it and tells where its rows are.
pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let app = ctx.app;
    let (rows, cursor) = match app.view {
        View::Errors => (&app.picture.failed, &app.cursors.errors),
        _ => (&app.picture.rows, &app.cursors.calls),
    };
    let inner = panel(
        ctx,
        titles(ctx, rows, cursor, usize::from(area.height.saturating_sub(if is_roomy(buf.area) { 3 } else { 2 }))),
        area,
        buf,
    );
    if rows.is_empty() {
        empty_state::draw(ctx, inner, buf);
        return Rect::default();
    }
    let body = table::body(inner);
    draw_rows(ctx, rows, cursor, usize::from(body.height), inner, buf);
    body
}

/// The views as tabs at the left, how many rows and in which order at the right.
fn titles(ctx: DrawContext<'_>, rows: &Rows, cursor: &Cursor<CallId>, page: usize) -> Titles<'static> {
    let order = match &ctx.app.spec.sort {
        Some((column, direction)) if ctx.app.view == View::Calls => {
            format!("by {} {}", column.name(), arrow(*direction))
        }
        _ => "newest first".to_owned(),
    };
    let (shown, kept) = (rows.len(), ctx.app.picture.snapshot.calls.visible());
    let shown = if shown == kept {
        count(shown as u128)
    } else {
        format!("{} of {}", count(shown as u128), count(kept as u128))
    };
    let right = SafeLine::of(format!("{shown} · {order}"), ctx.style(Role::Dim));
    Titles { left: tabs(ctx), right: above_mark(ctx, cursor.top(rows.len(), page)).with(right) }
}

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
        let role = if view == ctx.app.view { Role::Accent } else { Role::Dim };
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

const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "▲",
        Direction::Descending => "▼",
    }
}

fn draw_rows(ctx: DrawContext<'_>, rows: &Rows, cursor: &Cursor<CallId>, page: usize, area: Rect, buf: &mut Buffer) {
    let top = cursor.top(rows.len(), page);
    let visible: Vec<&LlmCall> = rows.from(top).take(page).filter_map(|id| ctx.app.picture.call(id)).collect();
    let is_wide = area.width >= 100;
    let kept = &ctx.app.picture.snapshot.calls;
    // By what is kept rather than by what is seen: columns then do not jump while it is scrolled.
    let mut told = kept.iter().take(1).chain(kept.iter().next_back()).chain(visible.iter().copied());
    let room = Room { is_wide, has_dates: is_wide && told.any(|call| is_dated(ctx, call)) };
    let shown = columns(ctx);
    let columns: Vec<_> = shown.iter().map(|column| table_column(ctx, column, room)).collect();
    let places = table::lay_out(&columns, area.width, Gaps::of(area.width));
    table::draw_titles(&columns, &places, line_of(area, 0), buf);
    let body = table::body(area);
    for (nth, call) in (0..).zip(&visible) {
        let line = line_of(body, nth);
        table::draw_row(&columns, &places, line, 0, buf, |at| match shown.get(at) {
            Some(column) => cell(ctx, column, call, room.has_dates),
            None => Cell::new("", ctx.style(Role::Text)),
        });
        if top + usize::from(nth) == cursor.row() {
            buf.set_style(line, ctx.style(Role::Selected));
        }
    }
}

/// The columns worth showing in this view.
fn columns(ctx: DrawContext<'_>) -> Vec<Column> {
    match ctx.app.view {
        View::Errors => FAILED.into_iter().filter(|column| ctx.app.picture.has_data(column)).collect(),
        _ => ctx.app.shown_columns(),
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

fn table_column<'a>(ctx: DrawContext<'_>, column: &'a Column, room: Room) -> table::Column<'a> {
    let sorted = ctx.app.spec.sort.as_ref().filter(|(by, _)| ctx.app.view == View::Calls && by == column);
    let role = if sorted.is_some() { Role::Accent } else { Role::Dim };
    table::Column {
        title: column.title().into(),
        width: width(column, room),
        align: align(column),
        priority: priority(ctx, column),
        style: ctx.style(role),
    }
}

/// Among failed calls the error is what matters, and a column that somebody asked for beats the usual ones.
fn priority(ctx: DrawContext<'_>, column: &Column) -> u8 {
    match (ctx.app.view, column) {
        (View::Errors, Column::Error) => 98,
        (View::Calls, column) if ctx.app.columns.is_some() && !Column::default_set().contains(column) => 97,
        (_, column) => column.priority(),
    }
}

//! The table of calls, and of failed calls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::cells::{Room, cell, is_dated, width};
use super::super::draw_context::DrawContext;
use super::super::empty_state;
use super::super::frame::{Titles, is_roomy, panel};
use super::super::table::{self, Cell, Gaps};
use super::super::tabs::{above_mark, tabs};
use super::super::text_line::{SafeLine, line_of};
use super::super::theme::Role;
use crate::app::App;
use crate::app::views::{CallsView, ViewState as _};
use crate::call::LlmCall;
use crate::query::analysis::Rows;
use crate::query::column::{Column, Direction};
use crate::text::format::count;

/// The parts of a table of calls that differ from view to view.
pub(super) struct CallTable<'a> {
    view: &'a CallsView,
    columns: Vec<Column>,
    /// A column that leaves late where not all fit, and its priority.
    favoured: fn(&App, &Column) -> Option<u8>,
}

/// Draws the calls that pass the filter. Returns where the rows are.
pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let table = CallTable {
        view: &ctx.app.views.calls,
        columns: ctx.app.shown_columns(),
        // A column that somebody asked for beats the usual ones.
        favoured: |app, column| (app.columns.is_some() && !column.is_default()).then_some(97),
    };
    draw_table(ctx, &table, area, buf)
}

/// Draws the failed calls among them. Returns where the rows are.
pub(super) fn draw_errors(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let table = CallTable {
        view: &ctx.app.views.errors,
        columns: FAILED.into_iter().filter(|column| ctx.app.picture.has_data(column)).collect(),
        // Among failed calls the error is what matters.
        favoured: |_, column| (*column == Column::Error).then_some(98),
    };
    draw_table(ctx, &table, area, buf)
}

fn draw_table(ctx: DrawContext<'_>, table: &CallTable<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let rows = (table.view.list.rows)(&ctx.app.picture);
    let page = usize::from(area.height.saturating_sub(if is_roomy(buf.area) { 3 } else { 2 }));
    let inner = panel(ctx, titles(ctx, table.view, rows, page), area, buf);
    if rows.is_empty() {
        empty_state::draw(ctx, inner, buf);
        return Rect::default();
    }
    let body = table::body(inner);
    draw_rows(ctx, table, rows, usize::from(body.height), inner, buf);
    body
}

/// The order of the rows, if it is not by arrival.
fn order<'a>(ctx: DrawContext<'a>, view: &CallsView) -> Option<&'a (Column, Direction)> {
    ctx.app.spec.sort.as_ref().filter(|_| view.is_sortable())
}

/// The views as tabs at the left, how many rows and in which order at the right.
fn titles(ctx: DrawContext<'_>, view: &CallsView, rows: &Rows, page: usize) -> Titles<'static> {
    let order = match order(ctx, view) {
        Some((column, direction)) => format!("by {} {}", column.name(), arrow(*direction)),
        None => "newest first".to_owned(),
    };
    let (shown, kept) = (rows.len(), ctx.app.picture.snapshot.calls.visible());
    let shown = if shown == kept {
        count(shown as u128)
    } else {
        format!("{} of {}", count(shown as u128), count(kept as u128))
    };
    let right = SafeLine::of(format!("{shown} · {order}"), ctx.style(Role::Dim));
    Titles { left: tabs(ctx), right: above_mark(ctx, view.cursor.top(rows.len(), page)).with(right) }
}

const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "▲",
        Direction::Descending => "▼",
    }
}

fn draw_rows(ctx: DrawContext<'_>, calls: &CallTable<'_>, rows: &Rows, page: usize, area: Rect, buf: &mut Buffer) {
    let cursor = &calls.view.cursor;
    let top = cursor.top(rows.len(), page);
    let visible: Vec<&LlmCall> = rows.from(top).take(page).filter_map(|id| ctx.app.picture.call(id)).collect();
    let is_wide = area.width >= 100;
    let kept = &ctx.app.picture.snapshot.calls;
    // Depends on the kept calls, not on the visible ones, so that columns do not jump while scrolling.
    let mut sample = kept.iter().take(1).chain(kept.iter().next_back()).chain(visible.iter().copied());
    let room = Room { is_wide, has_dates: is_wide && sample.any(|call| is_dated(ctx, call)) };
    let shown = &calls.columns;
    let columns: Vec<_> = shown.iter().map(|column| table_column(ctx, calls, column, room)).collect();
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

/// The columns of failed calls.
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

fn table_column<'a>(ctx: DrawContext<'_>, calls: &CallTable<'_>, column: &'a Column, room: Room) -> table::Column<'a> {
    let sorted = order(ctx, calls.view).filter(|(by, _)| by == column);
    let role = if sorted.is_some() { Role::Accent } else { Role::Dim };
    table::Column {
        title: column.title().into(),
        width: width(column, room),
        align: column.align(),
        priority: (calls.favoured)(ctx.app, column).unwrap_or_else(|| column.priority()),
        style: ctx.style(role),
    }
}

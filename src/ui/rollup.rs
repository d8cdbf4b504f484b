//! Figures by model, route and session: as whole views, and the first two as panels above the calls.

mod cell;
mod column;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::empty_state;
use super::frame::{Titles, is_roomy, panel};
use super::table::{self, Cell, Gaps};
use super::tabs::{above_mark, tabs};
use super::text::ELLIPSIS;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::cursor::Cursor;
use crate::app::views::GroupsView;
use crate::query::analysis::Rollup;
use crate::text::format::count;
use cell::{Basis, cell};
use column::GroupColumn;

pub(super) use column::{MODELS, ROUTES, SESSIONS};

/// Rows of a panel above the calls.
const PANEL_ROWS: u16 = 6;

/// How many lines the panels take above the calls on a screen of this size.
pub(super) fn panels_height(ctx: DrawContext<'_>, screen: Rect) -> u16 {
    let picture = &ctx.app.picture;
    let rows = picture.models.len().max(picture.routes.len());
    if !is_roomy(screen) || screen.height < 36 || rows == 0 {
        return 0;
    }
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    rows.min(PANEL_ROWS + screen.height.saturating_sub(48) / 6) + 3
}

/// Draws the panels; without any route, models have all the room.
pub(super) fn draw_panels(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let picture = &ctx.app.picture;
    let left = if picture.routes.is_empty() { area.width } else { area.width * 3 / 5 };
    draw_panel(ctx, "models", MODELS, &picture.models, Rect { width: left, ..area }, buf);
    if !picture.routes.is_empty() {
        let right = Rect { x: area.x + left, width: area.width - left, ..area };
        draw_panel(ctx, "routes", ROUTES, &picture.routes, right, buf);
    }
}

fn draw_panel(
    ctx: DrawContext<'_>,
    title: &'static str,
    columns: &[GroupColumn<Rollup>],
    rows: &[Rollup],
    area: Rect,
    buf: &mut Buffer,
) {
    let fit = usize::from(area.height.saturating_sub(3));
    let more = rows.len().saturating_sub(fit);
    let titles = Titles {
        left: SafeLine::of(title, ctx.style(Role::Accent)),
        right: if more > 0 {
            SafeLine::of(format!("{} more", count(more as u128)), ctx.style(Role::Dim))
        } else {
            SafeLine::new()
        },
    };
    let inner = panel(ctx, titles, area, buf);
    draw_table(ctx, columns, rows.iter(), None, inner, buf);
}

/// Draws groups as the whole view; `rows` is `None` while they are being gathered. Returns where the rows are.
pub(super) fn draw<R>(
    ctx: DrawContext<'_>,
    view: &GroupsView,
    columns: &[GroupColumn<R>],
    rows: Option<&[R]>,
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let many = rows.map_or_else(|| ELLIPSIS.to_owned(), |rows| count(rows.len() as u128));
    let is_known = rows.is_some();
    let rows = rows.unwrap_or_default();
    let above = view.cursor.top(rows.len(), usize::from(area.height.saturating_sub(3)));
    let right = above_mark(ctx, above).then(format!("{many} · {}", view.grouping.hints), ctx.style(Role::Dim));
    let inner = panel(ctx, Titles { left: tabs(ctx), right }, area, buf);
    if rows.is_empty() {
        if is_known {
            draw_nothing(ctx, view, inner, buf);
        }
        return Rect::default();
    }
    let body = table::body(inner);
    let (top, selected) = window(&view.cursor, rows.len(), usize::from(body.height));
    draw_table(ctx, columns, rows.iter().skip(top), selected, inner, buf);
    body
}

fn draw_nothing(ctx: DrawContext<'_>, view: &GroupsView, area: Rect, buf: &mut Buffer) {
    let nothing = view.grouping.nothing;
    if ctx.app.picture.rows.is_empty() || nothing.is_empty() {
        empty_state::draw(ctx, area, buf);
    } else {
        SafeLine::of(nothing, ctx.style(Role::Text)).draw_centred(line_of(area, area.height / 3), buf);
    }
}

/// The first visible row, and the visible line that is selected.
fn window(cursor: &Cursor, rows: usize, page: usize) -> (usize, Option<usize>) {
    let top = cursor.top(rows, page);
    (top, cursor.row().checked_sub(top))
}

fn draw_table<'a, R: 'a>(
    ctx: DrawContext<'_>,
    columns: &[GroupColumn<R>],
    rows: impl Iterator<Item = &'a R>,
    selected: Option<usize>,
    area: Rect,
    buf: &mut Buffer,
) {
    let described: Vec<_> = columns
        .iter()
        .map(|column| table::Column {
            title: column.title.into(),
            width: column.width,
            align: column.align,
            priority: column.priority,
            style: ctx.style(Role::Dim),
        })
        .collect();
    let places = table::lay_out(&described, area.width, Gaps::of(area.width));
    table::draw_titles(&described, &places, line_of(area, 0), buf);
    let basis = Basis::of(ctx);
    for (nth, row) in (1..area.height).zip(rows) {
        table::draw_row(&described, &places, area, nth, buf, |at| match columns.get(at) {
            Some(column) => cell(ctx, (column.value)(row, basis)),
            None => Cell::new("", ctx.style(Role::Text)),
        });
        if selected == Some(usize::from(nth) - 1) {
            buf.set_style(line_of(area, nth), ctx.style(Role::Selected));
        }
    }
}

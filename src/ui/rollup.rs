//! Figures by model, route and session: as whole views, and the first two as panels above the calls.

mod cell;
mod column;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::calls::{above_mark, tabs};
use super::draw_context::DrawContext;
use super::empty_state;
use super::frame::{Titles, is_roomy, panel};
use super::table::{self, Cell, Gaps};
use super::text::ELLIPSIS;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::App;
use crate::app::cursor::Cursor;
use crate::app::view::View;
use crate::call::Name;
use crate::query::analysis::Rollup;
use crate::text::format::count;
use cell::{Whole, rollup_cell, session_cell};
use column::{Column, MODELS, ROUTES, SESSIONS};

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
    columns: &[Column],
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
    let whole = Whole::of(ctx);
    draw_table(
        ctx,
        columns,
        rows.iter().map(|row| move |column| rollup_cell(ctx, column, row, whole)),
        None,
        inner,
        buf,
    );
}

/// Draws a rollup as the whole view and tells where its rows are.
pub(super) fn draw_view(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let app = ctx.app;
    let picture = &app.picture;
    let known = match app.view {
        View::Models => Some(picture.models.len()),
        View::Routes => Some(picture.routes.len()),
        // They are gathered once somebody looks.
        View::Calls | View::Sessions | View::Errors => picture.sessions.as_ref().map(Vec::len),
    };
    let rows = known.unwrap_or(0);
    let keys = match app.view {
        View::Sessions => "Enter calls · t turns",
        _ => "Enter calls · = compare",
    };
    let many = known.map_or_else(|| ELLIPSIS.to_owned(), |rows| count(rows as u128));
    let above = selection(app).map_or(0, |cursor| cursor.top(rows, usize::from(area.height.saturating_sub(3))));
    let right = above_mark(ctx, above).then(format!("{many} · {keys}"), ctx.style(Role::Dim));
    let inner = panel(ctx, Titles { left: tabs(ctx), right }, area, buf);
    if rows == 0 {
        if known.is_some() {
            draw_nothing(ctx, inner, buf);
        }
        return Rect::default();
    }
    let body = table::body(inner);
    let page = usize::from(body.height);
    let whole = Whole::of(ctx);
    match app.view {
        View::Models => {
            let (top, selected) = window(&app.cursors.models, rows, page);
            let rows = picture.models.iter().skip(top);
            draw_table(
                ctx,
                MODELS,
                rows.map(|row| move |column| rollup_cell(ctx, column, row, whole)),
                selected,
                inner,
                buf,
            );
        }
        View::Routes => {
            let (top, selected) = window(&app.cursors.routes, rows, page);
            let rows = picture.routes.iter().skip(top);
            draw_table(
                ctx,
                ROUTES,
                rows.map(|row| move |column| rollup_cell(ctx, column, row, whole)),
                selected,
                inner,
                buf,
            );
        }
        View::Calls | View::Sessions | View::Errors => {
            let (top, selected) = window(&app.cursors.sessions, rows, page);
            let rows = picture.sessions.iter().flatten().skip(top);
            draw_table(
                ctx,
                SESSIONS,
                rows.map(|row| move |column| session_cell(ctx, column, row)),
                selected,
                inner,
                buf,
            );
        }
    }
    body
}

/// The cursor of the view.
const fn selection(app: &App) -> Option<&Cursor<Name>> {
    match app.view {
        View::Models => Some(&app.cursors.models),
        View::Routes => Some(&app.cursors.routes),
        View::Sessions => Some(&app.cursors.sessions),
        View::Calls | View::Errors => None,
    }
}

fn draw_nothing(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    let calls = ctx.app.picture.rows.len();
    let nothing = match ctx.app.view {
        View::Routes => "none of these calls was routed",
        View::Sessions => "none of these calls names a session",
        View::Calls | View::Models | View::Errors => "",
    };
    if calls == 0 || nothing.is_empty() {
        empty_state::draw(ctx, area, buf);
    } else {
        SafeLine::of(nothing, ctx.style(Role::Text)).draw_centred(line_of(area, area.height / 3), buf);
    }
}

/// The first visible row, and the visible line that is selected.
fn window(cursor: &Cursor<Name>, rows: usize, page: usize) -> (usize, Option<usize>) {
    let top = cursor.top(rows, page);
    (top, cursor.row().checked_sub(top))
}

fn draw_table<'a, F: FnMut(Column) -> Cell<'a>>(
    ctx: DrawContext<'_>,
    columns: &[Column],
    rows: impl Iterator<Item = F>,
    selected: Option<usize>,
    area: Rect,
    buf: &mut Buffer,
) {
    let described: Vec<_> = columns
        .iter()
        .map(|column| table::Column {
            title: column.title().into(),
            width: column.width(),
            align: column.align(),
            priority: column.priority(),
            style: ctx.style(Role::Dim),
        })
        .collect();
    let places = table::lay_out(&described, area.width, Gaps::of(area.width));
    table::draw_titles(&described, &places, line_of(area, 0), buf);
    for (nth, mut row) in (1..area.height).zip(rows) {
        table::draw_row(&described, &places, area, nth, buf, |at| match columns.get(at) {
            Some(&column) => row(column),
            None => Cell::new("", ctx.style(Role::Text)),
        });
        if selected == Some(usize::from(nth) - 1) {
            buf.set_style(line_of(area, nth), ctx.style(Role::Selected));
        }
    }
}

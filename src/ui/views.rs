//! The body: the active view, with the pane of the selected call beside it. Here each view is given its drawing.

mod calls;
mod trace;
mod turns;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail;
use super::draw_context::DrawContext;
use super::rollup;
use super::tabs::tab_places;
use crate::app::LayoutInfo;
use crate::app::views::{Opened, View};

/// Draws the active view with its pane.
pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> LayoutInfo {
    match &ctx.app.views.opened {
        Some(Opened::Trace(trace)) => trace::draw(ctx, trace, area, buf),
        Some(Opened::Turns(turns)) => turns::draw(ctx, turns, area, buf),
        None => draw_tab(ctx, area, buf),
    }
}

fn draw_tab(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> LayoutInfo {
    let mut layout = LayoutInfo::default();
    let (table, pane) = detail::split(ctx, area);
    if let Some(pane) = pane {
        detail::draw(ctx, pane, &mut layout, buf);
    }
    if let Some(table) = table {
        layout.table = draw_table(ctx, table, buf);
        layout.rows = usize::from(layout.table.height);
        layout.tabs = tab_places(table);
    }
    layout
}

fn draw_table(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let (views, picture) = (&ctx.app.views, &ctx.app.picture);
    match views.tab {
        View::Calls => calls::draw(ctx, area, buf),
        View::Models => rollup::draw(ctx, &views.models, rollup::MODELS, Some(&picture.models), area, buf),
        View::Routes => rollup::draw(ctx, &views.routes, rollup::ROUTES, Some(&picture.routes), area, buf),
        View::Sessions => rollup::draw(ctx, &views.sessions, rollup::SESSIONS, picture.sessions.as_deref(), area, buf),
        View::Errors => calls::draw_errors(ctx, area, buf),
    }
}

/// Whether the panels of models and routes stand above the active view.
pub(super) fn has_panels(ctx: DrawContext<'_>) -> bool {
    ctx.app.views.opened.is_none() && ctx.app.views.tab == View::Calls
}

/// Whether one call, trace or session has all the room.
pub(super) fn is_reading(ctx: DrawContext<'_>) -> bool {
    ctx.app.is_reading() || ctx.app.views.opened.is_some()
}

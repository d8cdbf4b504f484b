//! The selected call in full, beside the table where the screen is wide, below it otherwise: what came of it, what it
//! cost and why, how it was routed, the conversation, and every attribute of its spans.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::detail_lines;
use super::detail_lines::Sheet;
use super::draw_context::DrawContext;
use super::frame::{Titles, panel};
use super::text_line::SafeLine;
use super::theme::Role;
use crate::app::detail::{SHOWN_CHARS, sections};
use crate::app::{LayoutInfo, Pane};
use crate::call::LlmCall;

/// A body at least so wide has the pane beside the table.
const BESIDE: u16 = 150;

/// Room for the table and for the pane.
pub(super) fn split(ctx: DrawContext<'_>, body: Rect) -> (Option<Rect>, Option<Rect>) {
    let has_calls = ctx.app.selected_call().is_some();
    let Some(pane) = ctx.app.pane.shown(body.width, body.height).filter(|_| has_calls) else {
        return (Some(body), None);
    };
    if pane.is_expanded || body.height < 14 && body.width < BESIDE {
        return (None, Some(body));
    }
    if body.width >= BESIDE {
        let width = (body.width / 3).clamp(60, 90);
        let table = Rect { width: body.width - width, ..body };
        return (Some(table), Some(Rect { x: body.x + table.width, width, ..body }));
    }
    let height = body.height / 2;
    let table = Rect { height: body.height - height, ..body };
    (Some(table), Some(Rect { y: body.y + table.height, height, ..body }))
}

pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, layout: &mut LayoutInfo, buf: &mut Buffer) {
    let Some(call) = ctx.app.selected_call() else { return };
    let pane = ctx.app.pane.shown(u16::MAX, u16::MAX).unwrap_or_default();
    let titles = Titles { left: title(ctx, call), right: SafeLine::of(hints(ctx, pane), ctx.style(Role::Dim)) };
    let inner = panel(ctx, titles, area, buf);
    let find = if pane.is_expanded { ctx.app.find.as_str() } else { "" };
    let mut sheet = Sheet::new(ctx, inner.width, find);
    let facts = ctx.app.facts(call, SHOWN_CHARS);
    sheet.sections(&sections(facts));
    detail_lines::draw(sheet.into_lines(), pane.scroll, inner, layout, buf);
}

fn title<'a>(ctx: DrawContext<'_>, call: &LlmCall) -> SafeLine<'a> {
    let id = ctx.text(&call.request_id(), 40).into_owned();
    SafeLine::of("call ", ctx.style(Role::Dim)).then(id, ctx.style(Role::Accent))
}

fn hints(ctx: DrawContext<'_>, pane: Pane) -> String {
    match (pane.is_expanded, ctx.app.find.as_str()) {
        (true, "") => "/ find  t trace  Esc close".to_owned(),
        (true, find) => format!("with `{find}`  Esc show all"),
        (false, _) => "J K scroll  e expand  Esc close".to_owned(),
    }
}

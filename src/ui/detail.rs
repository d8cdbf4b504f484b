//! The selected call in full, beside the table where the screen is wide, below it otherwise: what came of it, what it
//! cost and why, how it was routed, how the conversation goes, and everything its spans say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::frame::{Titles, panel};
use super::pen::Strip;
use super::sheet::{self, Sheet};
use super::theme::Role;
use crate::app::detail::{SHOWN_CHARS, sections};
use crate::app::view::View;
use crate::app::{Pane, Seen};
use crate::call::LlmCall;

/// A body at least so wide has the pane beside the table.
const BESIDE: u16 = 150;

/// Room for the table and for the pane.
pub fn split(look: Look<'_>, body: Rect) -> (Option<Rect>, Option<Rect>) {
    let has_calls = matches!(look.app.view, View::Calls | View::Errors) && look.app.selected_call().is_some();
    let Some(pane) = look.app.pane.shown(body.width, body.height).filter(|_| has_calls) else {
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

/// Draws the pane.
pub fn draw(look: Look<'_>, area: Rect, seen: &mut Seen, buf: &mut Buffer) {
    let Some(call) = look.app.selected_call() else { return };
    let pane = look.app.pane.shown(u16::MAX, u16::MAX).unwrap_or_default();
    let titles = Titles { left: title(look, call), right: Strip::of(hints(look, pane), look.style(Role::Dim)) };
    let inner = panel(look, titles, area, buf);
    let find = if pane.is_expanded { look.app.find.as_str() } else { "" };
    let mut sheet = Sheet::new(look, inner.width, find);
    let facts = look.app.facts(call, SHOWN_CHARS);
    sheet.sections(&sections(facts));
    sheet::draw(sheet.into_lines(), pane.scroll, inner, seen, buf);
}

fn title<'a>(look: Look<'_>, call: &LlmCall) -> Strip<'a> {
    let id = look.text(&call.request_id(), 40).into_owned();
    Strip::of("call ", look.style(Role::Dim)).then(id, look.style(Role::Accent))
}

fn hints(look: Look<'_>, pane: Pane) -> String {
    match (pane.is_expanded, look.app.find.as_str()) {
        (true, "") => "/ find  t trace  Esc closes".to_owned(),
        (true, find) => format!("with `{find}`  Esc shows all"),
        (false, _) => "J K scroll  e expand  Esc closes".to_owned(),
    }
}

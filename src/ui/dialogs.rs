//! Lists over the screen: pickers, and proposals for the filter line.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Clear, Widget};

use super::draw_context::DrawContext;
use super::frame::{Titles, popup};
use super::lines;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::LayoutInfo;
use crate::app::filter_line::FilterLine;
use crate::app::picker::{Choice, Picker, Subject};
use crate::text::format::count;

const PICKER_WIDTH: u16 = 56;
const PICKER_HEIGHT: u16 = 20;

/// Draws a picker in the middle of the screen.
pub(super) fn draw_picker(
    ctx: DrawContext<'_>,
    picker: &Picker,
    screen: Rect,
    layout: &mut LayoutInfo,
    buf: &mut Buffer,
) {
    let width = PICKER_WIDTH.min(screen.width.saturating_sub(4));
    let height = PICKER_HEIGHT.min(screen.height.saturating_sub(2));
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let titles = Titles {
        left: SafeLine::of(picker.subject.title(), ctx.style(Role::Accent)),
        right: SafeLine::of(hint(picker), ctx.style(Role::Dim)),
    };
    let inner = popup(ctx, titles, area, buf);
    layout.cursor = Some(lines::edited(ctx, "› ", &picker.input, None, line_of(inner, 0), buf));
    let list = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    layout.list = usize::from(list.height);
    layout.choices = list;
    if picker.shown.is_empty() {
        SafeLine::of("no match", ctx.style(Role::Dim)).draw(list, buf);
    }
    let top = picker.cursor.top(picker.shown.len(), layout.list);
    for (nth, (row, choice)) in (0..list.height).zip(picker.shown.iter().enumerate().skip(top)) {
        let line = line_of(list, nth);
        draw_choice(ctx, choice, line, buf);
        if row == picker.cursor.row() {
            buf.set_style(line, ctx.style(Role::Selected));
        }
    }
}

fn hint(picker: &Picker) -> &'static str {
    match picker.subject {
        Subject::Columns => "Enter show/hide · Ctrl-↑↓ move",
        _ if picker.has_set() => "Enter on ● clear",
        _ => "Enter apply",
    }
}

fn draw_choice(ctx: DrawContext<'_>, choice: &Choice, line: Rect, buf: &mut Buffer) {
    let (mark, role) = if choice.is_set { ("● ", Role::Accent) } else { ("  ", Role::Text) };
    let name = if choice.name.is_empty() { "(unknown)" } else { choice.name.as_str() };
    let calls = choice.calls.map_or_else(SafeLine::new, |calls| SafeLine::of(count(calls), ctx.style(Role::Dim)));
    let room = usize::from(line.width).saturating_sub(calls.width() + 3);
    SafeLine::of(mark, ctx.style(role)).then(ctx.text(name, room), ctx.style(role)).draw(line, buf);
    calls.draw_right(line, buf);
}

/// The most proposals shown.
const PROPOSALS: u16 = 8;
/// Cells of a proposal with its explanation, and of its name alone.
const PROPOSAL_CELLS: u16 = 76;
const NAME_CELLS: usize = 14;

/// Draws the proposals for the word under the cursor above the filter line.
pub(super) fn draw_candidates(ctx: DrawContext<'_>, line: &FilterLine, footer: Rect, buf: &mut Buffer) {
    let (candidates, chosen) = match line.completing() {
        Some((candidates, shown)) => (candidates, Some(shown)),
        None => (line.candidates.as_slice(), None),
    };
    if candidates.is_empty() || line.input.is_empty() {
        return;
    }
    let height = PROPOSALS.min(u16::try_from(candidates.len()).unwrap_or(PROPOSALS)).min(footer.y);
    let top = chosen.unwrap_or(0).saturating_sub(usize::from(height).saturating_sub(1));
    let width = PROPOSAL_CELLS.min(footer.width.saturating_sub(4));
    let area = Rect { x: footer.x + 2, y: footer.y - height, width, height };
    Clear.render(area, buf);
    for (nth, (at, candidate)) in (0..height).zip(candidates.iter().enumerate().skip(top)) {
        let spot = line_of(area, nth);
        let name = ctx.text(&candidate.text, usize::from(width) / 2);
        let blank = " ".repeat(NAME_CELLS.saturating_sub(name.width()));
        SafeLine::of(" ", ctx.style(Role::Text))
            .then(name, ctx.style(Role::Accent))
            .then(blank, ctx.style(Role::Text))
            .then(format!("  {} ", candidate.hint), ctx.style(Role::Dim))
            .draw(spot, buf);
        if Some(at) == chosen {
            buf.set_style(spot, ctx.style(Role::Selected));
        }
    }
}

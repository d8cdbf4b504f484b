//! The last lines: hints, a note, the edited line, or a question.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::draw_context::DrawContext;
use super::text::Safe;
use super::text_line::{Item, SafeLine, fit_by_priority, join, line_of};
use super::theme::Role;
use crate::app::Dialog;
use crate::app::filter_line::FilterLine;
use crate::app::goto_line::GoToLine;
use crate::app::keymap::{self, Scene};
use crate::text::format::{count, plural};

/// How many lines they take.
pub(super) fn height(ctx: DrawContext<'_>) -> u16 {
    if matches!(ctx.app.dialog, Some(Dialog::Filter(_) | Dialog::GoTo(_))) { 2 } else { 1 }
}

/// Draws them and returns where the text cursor stands.
pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    match &ctx.app.dialog {
        Some(Dialog::Filter(line)) => {
            below_filter(ctx, line, line_of(room, 1), buf);
            Some(edited(ctx, "/ ", &line.input, line.error.as_ref().map(|error| error.span.clone()), room, buf))
        }
        Some(Dialog::Find(line)) => Some(edited(ctx, "find ", line, None, room, buf)),
        Some(Dialog::Export(line)) => Some(edited(ctx, "write to ", line, None, room, buf)),
        Some(Dialog::GoTo(line)) => {
            below_go_to(ctx, line, line_of(room, 1), buf);
            Some(edited(ctx, "go to ", &line.input, None, room, buf))
        }
        Some(Dialog::AskClear) => {
            let kept = count(ctx.app.newest.calls.visible() as u128);
            let here = if ctx.app.about.attached.is_some() { " here" } else { "" };
            question(ctx, format!("clear all {kept} kept calls{here}?")).draw(room, buf);
            None
        }
        Some(Dialog::AskOverwrite(path)) => {
            question(ctx, format!("overwrite {path}?")).draw(room, buf);
            None
        }
        _ => {
            match &ctx.app.note {
                Some(note) => SafeLine::of(&note.text, ctx.style(Role::Accent)).draw(room, buf),
                None => hints(ctx, hinted(ctx), room, buf),
            }
            None
        }
    }
}

/// A popup that only shows has no keys of its own but those of the help.
fn hinted(ctx: DrawContext<'_>) -> Scene {
    match ctx.app.dialog {
        Some(Dialog::Compare(_) | Dialog::Accounting) => Scene::Help,
        _ => ctx.app.scene(),
    }
}

fn question(ctx: DrawContext<'_>, text: String) -> SafeLine<'static> {
    SafeLine::of(text, ctx.style(Role::Strong))
        .gap(2)
        .then("y", ctx.style(Role::Accent))
        .then(" yes   any other key: no", ctx.style(Role::Dim))
}

/// ` / filter  m model …`, and at the right where prices come from.
fn hints(ctx: DrawContext<'_>, scene: Scene, room: Rect, buf: &mut Buffer) {
    let (key, dim) = (ctx.style(Role::Accent), ctx.style(Role::Dim));
    let hints = keymap::hints(scene);
    let last = hints.len().saturating_sub(2);
    // Help and quit, the last two, stay longest; of the others the first.
    let ranks = (0..).map(|nth| if nth >= last { u8::MAX } else { u8::try_from(last - nth).unwrap_or(u8::MAX) });
    let items = hints.iter().zip(ranks).map(|((binding, hint), rank)| {
        Item::new(rank, SafeLine::of(ctx.keys(binding.first_name()), key).gap(1).then(*hint, dim))
    });
    let hints = join(fit_by_priority(items.collect(), usize::from(room.width), 2), 2);
    let prices = SafeLine::of(&ctx.app.about.prices, dim);
    if hints.width() + prices.width() + 3 < usize::from(room.width) {
        prices.draw_right(room, buf);
    }
    hints.draw(room, buf);
}

/// A label and an edited line behind it, scrolled so that the cursor is seen. Returns where the cursor stands.
pub(super) fn edited(
    ctx: DrawContext<'_>,
    label: &'static str,
    input: &crate::app::line_edit::LineEdit,
    wrong: Option<std::ops::Range<usize>>,
    room: Rect,
    buf: &mut Buffer,
) -> Position {
    let label = SafeLine::of(label, ctx.style(Role::Accent));
    let label_width = u16::try_from(label.width()).unwrap_or(0);
    label.draw(room, buf);
    let field = Rect { x: room.x + label_width, width: room.width.saturating_sub(label_width), ..room };
    let cells = usize::from(field.width).saturating_sub(1);
    let (text, cursor) = (input.text(), input.cursor());
    let before = Safe::from(text.get(..cursor).unwrap_or_default()).width();
    let skipped = before.saturating_sub(cells);
    let wrong = wrong.unwrap_or(text.len()..text.len());
    let mut at = 0;
    for (range, role) in
        [(0..wrong.start, Role::Text), (wrong.clone(), Role::Wrong), (wrong.end..text.len(), Role::Text)]
    {
        let piece = Safe::from(text.get(range).unwrap_or_default());
        let width = piece.width();
        let from = skipped.saturating_sub(at);
        let x = u16::try_from(at.saturating_sub(skipped)).unwrap_or(u16::MAX).min(field.width);
        let spot = Rect { x: field.x + x, width: field.width - x, ..field };
        SafeLine::of(piece.window(from, usize::from(spot.width)), ctx.style(role)).draw(spot, buf);
        at += width;
    }
    let x = u16::try_from(before - skipped).unwrap_or(0);
    Position { x: field.x + x, y: field.y }
}

/// What is wrong, or how to write times.
fn below_go_to(ctx: DrawContext<'_>, line: &GoToLine, room: Rect, buf: &mut Buffer) {
    let strip = match line.error {
        Some(error) => SafeLine::of(error, ctx.style(Role::Bad)),
        None => {
            SafeLine::of("12:03:22 of the recording · 90s from its beginning · +5m · -30s · 50%", ctx.style(Role::Dim))
        }
    };
    strip.draw(room, buf);
}

/// What is wrong, or how to write filters.
fn below_filter(ctx: DrawContext<'_>, line: &FilterLine, room: Rect, buf: &mut Buffer) {
    let dim = ctx.style(Role::Dim);
    let strip = match &line.error {
        Some(error) => {
            let strip = SafeLine::of(error.to_string(), ctx.style(Role::Bad));
            match &error.hint {
                Some(hint) => strip.then(format!(" · {hint}"), dim),
                None => strip,
            }
        }
        None if line.input.is_empty() => SafeLine::of(
            "model:gpt-5*,claude-*  !provider:openai  status:>=500  cost:>$0.01  ttft:>800ms  since:5m",
            dim,
        ),
        None => {
            let rows = ctx.app.picture.rows.len();
            SafeLine::of(plural(rows, "call"), ctx.style(Role::Text))
                .then("   Enter apply · Esc cancel · Tab complete · ↑ history", dim)
        }
    };
    strip.draw(room, buf);
}

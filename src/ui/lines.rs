//! The last lines: hints, or the line being edited, or a question, or something to tell.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::Look;
use super::format::{count, plural};
use super::pen::{Item, Strip, join, line_of, shelve};
use super::text::Safe;
use super::theme::Role;
use crate::app::Dialog;
use crate::app::filter_line::FilterLine;
use crate::app::keymap::{self, Scene};
use crate::app::replay::GoToLine;

/// How many lines they take.
pub fn height(look: Look<'_>) -> u16 {
    if matches!(look.app.dialog, Some(Dialog::Filter(_) | Dialog::GoTo(_))) { 2 } else { 1 }
}

/// Draws them and tells where the text cursor stands.
pub fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let room = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    match &look.app.dialog {
        Some(Dialog::Filter(line)) => {
            below_filter(look, line, line_of(room, 1), buf);
            Some(edited(look, "/ ", &line.input, line.error.as_ref().map(|error| error.span.clone()), room, buf))
        }
        Some(Dialog::Find(line)) => Some(edited(look, "find ", line, None, room, buf)),
        Some(Dialog::Export(line)) => Some(edited(look, "write to ", line, None, room, buf)),
        Some(Dialog::GoTo(line)) => {
            below_go_to(look, line, line_of(room, 1), buf);
            Some(edited(look, "go to ", &line.input, None, room, buf))
        }
        Some(Dialog::AskClear) => {
            let kept = count(look.app.newest.calls.visible() as u128);
            let here = if look.app.about.attached.is_some() { " here" } else { "" };
            question(look, format!("forget all {kept} kept calls{here}?")).draw(room, buf);
            None
        }
        Some(Dialog::AskOverwrite(path)) => {
            question(look, format!("write over {path}?")).draw(room, buf);
            None
        }
        _ => {
            match &look.app.note {
                Some(note) => Strip::of(&note.text, look.style(Role::Accent)).draw(room, buf),
                None => hints(look, hinted(look), room, buf),
            }
            None
        }
    }
}

/// A popup that only shows has no keys of its own but those of the help.
fn hinted(look: Look<'_>) -> Scene {
    match look.app.dialog {
        Some(Dialog::Compare(_) | Dialog::Accounting) => Scene::Help,
        _ => look.app.scene(),
    }
}

fn question(look: Look<'_>, text: String) -> Strip<'static> {
    Strip::of(text, look.style(Role::Strong))
        .gap(2)
        .then("y", look.style(Role::Accent))
        .then(" yes   any other key: no", look.style(Role::Dim))
}

/// ` / filter  m model …`, and at the right where prices come from.
fn hints(look: Look<'_>, scene: Scene, room: Rect, buf: &mut Buffer) {
    let (key, dim) = (look.style(Role::Accent), look.style(Role::Dim));
    let hints = keymap::hints(scene);
    let last = hints.len().saturating_sub(2);
    // Help and quit, the last two, stay longest; of the others the first.
    let ranks = (0..).map(|nth| if nth >= last { u8::MAX } else { u8::try_from(last - nth).unwrap_or(u8::MAX) });
    let items = hints.iter().zip(ranks).map(|((binding, hint), rank)| {
        Item::new(rank, Strip::of(look.keys(binding.first_name()), key).gap(1).then(*hint, dim))
    });
    let hints = join(shelve(items.collect(), usize::from(room.width), 2), 2);
    let prices = Strip::of(&look.app.about.prices, dim);
    if hints.width() + prices.width() + 3 < usize::from(room.width) {
        prices.draw_right(room, buf);
    }
    hints.draw(room, buf);
}

/// A label and an edited line behind it, scrolled so that the cursor is seen. Returns where the cursor stands.
pub fn edited(
    look: Look<'_>,
    label: &'static str,
    input: &crate::app::line_edit::LineEdit,
    wrong: Option<std::ops::Range<usize>>,
    room: Rect,
    buf: &mut Buffer,
) -> Position {
    let label = Strip::of(label, look.style(Role::Accent));
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
        Strip::of(piece.window(from, usize::from(spot.width)), look.style(role)).draw(spot, buf);
        at += width;
    }
    let x = u16::try_from(before - skipped).unwrap_or(0);
    Position { x: field.x + x, y: field.y }
}

/// What is wrong, or how to write times.
fn below_go_to(look: Look<'_>, line: &GoToLine, room: Rect, buf: &mut Buffer) {
    let strip = match line.error {
        Some(error) => Strip::of(error, look.style(Role::Bad)),
        None => {
            Strip::of("12:03:22 of the recording · 90s from its beginning · +5m · -30s · 50%", look.style(Role::Dim))
        }
    };
    strip.draw(room, buf);
}

/// What is wrong, or how to write filters.
fn below_filter(look: Look<'_>, line: &FilterLine, room: Rect, buf: &mut Buffer) {
    let dim = look.style(Role::Dim);
    let strip = match &line.error {
        Some(error) => {
            let strip = Strip::of(error.to_string(), look.style(Role::Bad));
            match &error.hint {
                Some(hint) => strip.then(format!(" · {hint}"), dim),
                None => strip,
            }
        }
        None if line.input.is_empty() => {
            Strip::of("model:gpt-5*,claude-*  !provider:openai  status:>=500  cost:>$0.01  ttft:>800ms  since:5m", dim)
        }
        None => {
            let rows = look.app.picture.rows.len();
            Strip::of(plural(rows, "call"), look.style(Role::Text))
                .then("   Enter sets · Esc takes back · Tab completes · ↑ older", dim)
        }
    };
    strip.draw(room, buf);
}

//! A key with its modifier, in the terms of the table.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers. Shift is part of a character (`G`), not a modifier of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    with: With,
}

/// The modifier held down with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum With {
    Nothing,
    Ctrl,
    Alt,
}

impl Key {
    pub(super) const fn char(char: char) -> Self {
        Self::code(KeyCode::Char(char))
    }

    pub(super) const fn ctrl(char: char) -> Self {
        Self { code: KeyCode::Char(char), with: With::Ctrl }
    }

    pub(super) const fn alt(char: char) -> Self {
        Self { code: KeyCode::Char(char), with: With::Alt }
    }

    pub(super) const fn ctrl_code(code: KeyCode) -> Self {
        Self { code, with: With::Ctrl }
    }

    pub(super) const fn code(code: KeyCode) -> Self {
        Self { code, with: With::Nothing }
    }

    /// What the terminal sent, in the table's terms; `None` for chords that mean nothing here.
    pub fn of(event: KeyEvent) -> Option<Self> {
        let with = match event.modifiers.difference(KeyModifiers::SHIFT) {
            none if none.is_empty() => With::Nothing,
            KeyModifiers::CONTROL => With::Ctrl,
            KeyModifiers::ALT => With::Alt,
            _ => return None,
        };
        match (event.code, with) {
            // Terminals without a key of its own for it send Ctrl-H for Backspace.
            (KeyCode::Char('h'), With::Ctrl) => Some(Self::code(KeyCode::Backspace)),
            (KeyCode::Char(char), With::Ctrl) => Some(Self::ctrl(char.to_ascii_lowercase())),
            (code, with) => Some(Self { code, with }),
        }
    }

    /// The character typed, when the key is one.
    pub const fn typed(self) -> Option<char> {
        match (self.code, self.with) {
            (KeyCode::Char(char), With::Nothing) => Some(char),
            _ => None,
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self.with {
            With::Nothing => "",
            With::Ctrl => "Ctrl-",
            With::Alt => "Alt-",
        })?;
        match self.code {
            KeyCode::Char(' ') => out.write_str("space"),
            KeyCode::Char(char) => write!(out, "{char}"),
            KeyCode::Up => out.write_str("↑"),
            KeyCode::Down => out.write_str("↓"),
            KeyCode::Left => out.write_str("←"),
            KeyCode::Right => out.write_str("→"),
            KeyCode::PageUp => out.write_str("PgUp"),
            KeyCode::PageDown => out.write_str("PgDn"),
            KeyCode::BackTab => out.write_str("Shift-Tab"),
            KeyCode::Delete => out.write_str("Del"),
            code => write!(out, "{code}"),
        }
    }
}

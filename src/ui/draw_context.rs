//! What every panel draws from, and how panels divide the area between them.

use std::borrow::Cow;

use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text::Safe;
use super::theme::{Role, Theme};
use crate::app::App;

/// What every panel draws from.
#[derive(Clone, Copy)]
pub(super) struct DrawContext<'a> {
    pub(super) app: &'a App,
    pub(super) theme: Theme,
}

impl DrawContext<'_> {
    pub(super) fn style(self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Names of keys, spelled out where the terminal shows no arrows: `^`, `<` and `>` would name other keys.
    pub(super) fn keys(self, names: String) -> String {
        const ARROWS: [(&str, &str); 4] = [("↑", "Up"), ("↓", "Down"), ("←", "Left"), ("→", "Right")];
        if self.theme.ascii {
            ARROWS.iter().fold(names, |names, (arrow, word)| names.replace(arrow, word))
        } else {
            names
        }
    }

    /// Text of a call as it may be shown: without its credentials, and cut in its middle to at most `cells` cells.
    pub(super) fn text(self, text: &str, cells: usize) -> Safe<'_> {
        match self.app.about.secrets.in_text(text) {
            Cow::Borrowed(text) => Safe::fit(text, cells),
            Cow::Owned(masked) => Safe::from(masked).cut_middle(cells),
        }
    }

    /// The same, cut at its end: for prose.
    pub(super) fn prose(self, text: &str, cells: usize) -> Safe<'_> {
        match self.app.about.secrets.in_text(text) {
            Cow::Borrowed(text) => Safe::fit_start(text, cells),
            Cow::Owned(masked) => Safe::from(masked).cut_end(cells),
        }
    }
}

/// Takes `lines` lines off the top of `area`.
pub(super) fn take_top(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    let top = Rect { height: lines, ..*area };
    area.y += lines;
    area.height -= lines;
    top
}

/// Takes `lines` lines off the bottom of `area`.
pub(super) fn take_bottom(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    area.height -= lines;
    Rect { y: area.y + area.height, height: lines, ..*area }
}

//! The screen: a pure function from [`App`] to cells.
//!
//! [`draw`] lays the panels out for the size at hand, each panel draws itself with the [`pen`], and [`finish`] has the
//! last look. No panel reads a clock, keeps state, or names a colour.

mod accounting;
mod banner;
mod bars;
mod calls;
mod cells;
mod compare;
mod detail;
mod dialogs;
mod doctor;
pub mod finish;
mod frame;
mod header;
mod help;
mod lines;
pub mod pen;
mod replay;
mod rollup;
mod sheet;
mod spark;
mod streams;
mod summary;
mod table;
pub mod text;
pub mod theme;
mod trace;
mod turns;

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub use crate::format;

use crate::app::view::View;
use crate::app::{App, Dialog, Seen};
use pen::Strip;
use text::Safe;
use theme::{Role, Theme};

/// Below this nothing useful can be shown.
const SMALLEST: (u16, u16) = (40, 8);

/// What every panel draws from.
#[derive(Clone, Copy)]
struct Look<'a> {
    app: &'a App,
    theme: Theme,
}

impl Look<'_> {
    fn style(self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Names of keys, spelled out where the terminal shows no arrows: `^`, `<` and `>` would name other keys.
    fn keys(self, names: String) -> String {
        const ARROWS: [(&str, &str); 4] = [("↑", "Up"), ("↓", "Down"), ("←", "Left"), ("→", "Right")];
        if self.theme.ascii {
            ARROWS.iter().fold(names, |names, (arrow, word)| names.replace(arrow, word))
        } else {
            names
        }
    }

    /// Text of a call as it may be shown: without its credentials, and cut in its middle to at most `cells` cells.
    fn text(self, text: &str, cells: usize) -> Safe<'_> {
        match self.app.about.secrets.in_text(text) {
            Cow::Borrowed(text) => Safe::fit(text, cells),
            Cow::Owned(masked) => Safe::from(masked).cut_middle(cells),
        }
    }

    /// The same, cut at its end: for prose.
    fn prose(self, text: &str, cells: usize) -> Safe<'_> {
        match self.app.about.secrets.in_text(text) {
            Cow::Borrowed(text) => Safe::fit_start(text, cells),
            Cow::Owned(masked) => Safe::from(masked).cut_end(cells),
        }
    }
}

/// Draws the whole screen into `buf` and tells how much of it could be seen.
pub fn draw(app: &App, theme: Theme, buf: &mut Buffer) -> Seen {
    let look = Look { app, theme };
    let area = buf.area;
    let seen = if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(look, area, buf);
        Seen::default()
    } else {
        screen(look, area, buf)
    };
    finish::sweep(buf);
    if theme.ascii {
        finish::to_ascii(buf);
    }
    seen
}

fn too_small(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let (width, height) = SMALLEST;
    let lines = [format!("{width}x{height} needed"), format!("this is {}x{}", area.width, area.height)];
    for (nth, line) in (0..).zip(lines) {
        Strip::of(line, look.style(Role::Text)).draw(pen::line_of(area, nth), buf);
    }
}

/// Takes `lines` lines off the top of `area`.
fn take_top(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    let top = Rect { height: lines, ..*area };
    area.y += lines;
    area.height -= lines;
    top
}

/// Takes `lines` lines off the bottom of `area`.
fn take_bottom(area: &mut Rect, lines: u16) -> Rect {
    let lines = lines.min(area.height);
    area.height -= lines;
    Rect { y: area.y + area.height, height: lines, ..*area }
}

fn screen(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Seen {
    let mut left = area;
    header::draw(look, take_top(&mut left, 1), buf);
    banner::draw(look, take_top(&mut left, banner::height(look)), buf);
    let footer = take_bottom(&mut left, lines::height(look));
    replay::draw(look, take_bottom(&mut left, replay::height(look)), buf);
    summary::draw(look, take_top(&mut left, summary::height(area)), buf);
    if !is_reading(look) {
        bars::draw(look, take_top(&mut left, bars::height(look, area)), buf);
        if look.app.view == View::Calls {
            rollup::draw_panels(look, take_top(&mut left, rollup::panels_height(look, area)), buf);
        }
    }
    let mut seen = match &look.app.dialog {
        Some(Dialog::Trace(trace)) => trace::draw(look, trace, left, buf),
        Some(Dialog::Turns(turns)) => turns::draw(look, turns, left, buf),
        _ => body(look, left, buf),
    };
    seen.cursor = lines::draw(look, footer, buf);
    match &look.app.dialog {
        Some(Dialog::Help(scroll)) => help::draw(look, *scroll, area, &mut seen, buf),
        Some(Dialog::Pick(picker)) => dialogs::draw_picker(look, picker, area, &mut seen, buf),
        Some(Dialog::Filter(line)) => dialogs::draw_candidates(look, line, footer, buf),
        Some(Dialog::Compare(pair)) => compare::draw(look, pair, area, buf),
        Some(Dialog::Accounting) => accounting::draw(look, area, buf),
        _ => {}
    }
    seen
}

/// Whether one call has all the room.
fn is_reading(look: Look<'_>) -> bool {
    look.app.is_reading() || matches!(look.app.dialog, Some(Dialog::Trace(_) | Dialog::Turns(_)))
}

fn body(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Seen {
    let mut seen = Seen::default();
    let (table, pane) = detail::split(look, area);
    if let Some(pane) = pane {
        detail::draw(look, pane, &mut seen, buf);
    }
    if let Some(table) = table {
        seen.table = match look.app.view {
            View::Calls | View::Errors => calls::draw(look, table, buf),
            View::Models | View::Routes | View::Sessions => rollup::draw_view(look, table, buf),
        };
        seen.rows = usize::from(seen.table.height);
        seen.tabs = calls::tab_places(table);
    }
    seen
}

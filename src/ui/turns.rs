//! A session's turns in order, with model switches, cache hits and the running cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::cells::{COST_CELLS, status_role, time_of};
use super::format::{UNKNOWN, compact, count, duration, known, money, percent, plural, share};
use super::frame::{Titles, panel};
use super::pen::{Strip, line_of};
use super::summary::status_word;
use super::table::{self, Align, Cell, Gaps, Width};
use super::theme::{Role, latency_role};
use crate::app::Seen;
use crate::app::turns::{Turn, TurnsView};
use crate::call::LlmCall;

/// A column of the turns.
#[derive(Clone, Copy)]
enum Column {
    Number,
    Time,
    Status,
    Model,
    Input,
    Cached,
    Output,
    Latency,
    Cost,
    Running,
}

const COLUMNS: [Column; 10] = [
    Column::Number,
    Column::Time,
    Column::Status,
    Column::Model,
    Column::Input,
    Column::Cached,
    Column::Output,
    Column::Latency,
    Column::Cost,
    Column::Running,
];

impl Column {
    fn described(self, look: Look<'_>) -> table::Column<'static> {
        let (title, width, align, priority) = match self {
            Self::Number => ("turn", Width::Fixed(5), Align::Right, 80),
            Self::Time => ("time", Width::Fixed(8), Align::Left, 90),
            Self::Status => ("status", Width::Fixed(7), Align::Left, 95),
            Self::Model => ("model", Width::Flexible { min: 16, want: 30, max: 60 }, Align::Left, 100),
            Self::Input => ("in", Width::Fixed(5), Align::Right, 60),
            Self::Cached => ("cached", Width::Fixed(6), Align::Right, 91),
            Self::Output => ("out", Width::Fixed(5), Align::Right, 50),
            Self::Latency => ("latency", Width::Fixed(7), Align::Right, 85),
            Self::Cost => ("cost", Width::Fixed(COST_CELLS), Align::Right, 92),
            Self::Running => ("so far", Width::Fixed(COST_CELLS), Align::Right, 93),
        };
        table::Column { title: title.into(), width, align, priority, style: look.style(Role::Dim) }
    }

    fn cell<'a>(self, look: Look<'_>, number: usize, turn: &Turn, call: &'a LlmCall) -> Cell<'a> {
        let usage = call.usage();
        let text = |text: String| Cell::new(text, look.style(Role::Text));
        match self {
            Self::Number => Cell::new(count(number as u128), look.style(Role::Dim)),
            Self::Time => Cell::new(time_of(look, call), look.style(Role::Dim)),
            Self::Status => Cell::new(status_word(call.status()), look.style(status_role(call.status()))),
            Self::Model if turn.is_switch => {
                Cell::new(format!("⇄ {}", look.text(call.shown_model(), 60)), look.style(Role::Fair))
            }
            Self::Model => Cell::new(look.text(call.shown_model(), 60), look.style(Role::Text)),
            Self::Input => text(known(usage.input_total(), compact)),
            Self::Cached => {
                let hit = usage.cache_read.zip(usage.input_total());
                text(known(hit.and_then(|(read, input)| share(read.into(), input.into())), percent))
            }
            Self::Output => text(known(usage.output, compact)),
            Self::Latency => {
                let role = call.duration_ms().map_or(Role::Dim, latency_role);
                Cell::new(known(call.duration_ms(), duration), look.style(role))
            }
            Self::Cost => text(known(call.cost(), |cost| money(cost.usd))),
            Self::Running => text(format!("{}{}", if turn.is_partial { "≥" } else { "" }, money(turn.running_usd))),
        }
    }
}

/// Draws it in the place of the view.
pub fn draw(look: Look<'_>, view: &TurnsView, area: Rect, buf: &mut Buffer) -> Seen {
    let switches = view.turns.iter().filter(|turn| turn.is_switch).count();
    let facts = format!(
        "  {}  {}",
        plural(view.turns.len(), "turn"),
        if switches == 1 { "1 switch".to_owned() } else { format!("{} switches", count(switches as u128)) }
    );
    let titles = Titles {
        left: Strip::of("session ", look.style(Role::Dim))
            .then(look.text(&view.session, 40), look.style(Role::Accent))
            .then(facts, look.style(Role::Text)),
        right: Strip::of("Enter shows the call  Esc closes", look.style(Role::Dim)),
    };
    let inner = panel(look, titles, area, buf);
    let columns = COLUMNS.map(|column| column.described(look));
    let places = table::lay_out(&columns, inner.width, Gaps::of(inner.width));
    table::draw_titles(&columns, &places, line_of(inner, 0), buf);
    let list = usize::from(inner.height.saturating_sub(1));
    let top = view.cursor.top(view.turns.len(), list);
    for (nth, (row, turn)) in (1..inner.height).zip(view.turns.iter().enumerate().skip(top)) {
        table::draw_row(&columns, &places, inner, nth, buf, |at| {
            match (COLUMNS.get(at), look.app.picture.call(turn.call)) {
                (Some(column), Some(call)) => column.cell(look, row + 1, turn, call),
                _ => Cell::new(UNKNOWN, look.style(Role::Dim)),
            }
        });
        if row == view.cursor.row() {
            buf.set_style(line_of(inner, nth), look.style(Role::Selected));
        }
    }
    Seen { list, ..Seen::default() }
}

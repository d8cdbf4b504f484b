//! A session's turns in order, with model switches, cache hits and the running cost.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::cells::{COST_CELLS, status_role, time_of};
use super::super::draw_context::DrawContext;
use super::super::frame::{Titles, panel};
use super::super::status::status_word;
use super::super::table::{self, Align, Cell, Gaps, Width};
use super::super::text_line::{SafeLine, line_of};
use super::super::theme::{Role, latency_role};
use crate::app::LayoutInfo;
use crate::app::views::TurnsView;
use crate::app::views::turns::Turn;
use crate::call::LlmCall;
use crate::text::format::{UNKNOWN, compact, count, duration, known, money, percent, plural, share};

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
    fn described(self, ctx: DrawContext<'_>) -> table::Column<'static> {
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
        table::Column { title: title.into(), width, align, priority, style: ctx.style(Role::Dim) }
    }

    fn cell<'a>(self, ctx: DrawContext<'_>, number: usize, turn: &Turn, call: &'a LlmCall) -> Cell<'a> {
        let usage = call.usage();
        let text = |text: String| Cell::new(text, ctx.style(Role::Text));
        match self {
            Self::Number => Cell::new(count(number as u128), ctx.style(Role::Dim)),
            Self::Time => Cell::new(time_of(ctx, call), ctx.style(Role::Dim)),
            Self::Status => Cell::new(status_word(call.status()), ctx.style(status_role(call.status()))),
            Self::Model if turn.is_switch => {
                Cell::new(format!("⇄ {}", ctx.text(call.shown_model(), 60)), ctx.style(Role::Fair))
            }
            Self::Model => Cell::new(ctx.text(call.shown_model(), 60), ctx.style(Role::Text)),
            Self::Input => text(known(usage.input_total(), compact)),
            Self::Cached => {
                let hit = usage.cache_read.zip(usage.input_total());
                text(known(hit.and_then(|(read, input)| share(read.into(), input.into())), percent))
            }
            Self::Output => text(known(usage.output, compact)),
            Self::Latency => {
                let role = call.duration_ms().map_or(Role::Dim, latency_role);
                Cell::new(known(call.duration_ms(), duration), ctx.style(role))
            }
            Self::Cost => text(known(call.cost(), |cost| money(cost.usd))),
            Self::Running => text(format!("{}{}", if turn.is_partial { "≥" } else { "" }, money(turn.running_usd))),
        }
    }
}

/// Draws it in the place of the view.
pub(super) fn draw(ctx: DrawContext<'_>, view: &TurnsView, area: Rect, buf: &mut Buffer) -> LayoutInfo {
    let switches = view.turns.iter().filter(|turn| turn.is_switch).count();
    let facts = format!(
        "  {}  {}",
        plural(view.turns.len(), "turn"),
        if switches == 1 { "1 switch".to_owned() } else { format!("{} switches", count(switches as u128)) }
    );
    let titles = Titles {
        left: SafeLine::of("session ", ctx.style(Role::Dim))
            .then(ctx.text(&view.session, 40), ctx.style(Role::Accent))
            .then(facts, ctx.style(Role::Text)),
        right: SafeLine::of("Enter open call  Esc close", ctx.style(Role::Dim)),
    };
    let inner = panel(ctx, titles, area, buf);
    let columns = COLUMNS.map(|column| column.described(ctx));
    let places = table::lay_out(&columns, inner.width, Gaps::of(inner.width));
    table::draw_titles(&columns, &places, line_of(inner, 0), buf);
    let list = usize::from(inner.height.saturating_sub(1));
    let top = view.cursor.top(view.turns.len(), list);
    for (nth, (row, turn)) in (1..inner.height).zip(view.turns.iter().enumerate().skip(top)) {
        table::draw_row(&columns, &places, inner, nth, buf, |at| {
            match (COLUMNS.get(at), ctx.app.picture.call(turn.call)) {
                (Some(column), Some(call)) => column.cell(ctx, row + 1, turn, call),
                _ => Cell::new(UNKNOWN, ctx.style(Role::Dim)),
            }
        });
        if row == view.cursor.row() {
            buf.set_style(line_of(inner, nth), ctx.style(Role::Selected));
        }
    }
    LayoutInfo { rows: list, ..LayoutInfo::default() }
}

//! The cells of the calls table: how each kind of value is written and coloured.

use super::draw_context::DrawContext;
use super::status::status_word;
use super::table::{Cell, Width};
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::call::{Cost, CostBasis, LlmCall, Name, Status};
use crate::query::column::{CellValue, Column, ColumnWidth, GenerationRate};
use crate::text::format::{UNKNOWN, clock_near, clock_or_day, duration, money, rate, tokens};

/// Cells of a time of day, and of a time of another day.
const CLOCK_CELLS: u16 = 8;
const DATED_CELLS: u16 = 16;
/// Cells of an amount of money with a mark before it: `~$0.0000097`.
pub(super) const COST_CELLS: u16 = 11;

/// How much room a table has, and needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Names need not be cut to the bone to make room for figures.
    pub is_wide: bool,
    /// Some visible call is of another day.
    pub has_dates: bool,
}

/// The width of a column.
pub(super) const fn width(column: &Column, room: Room) -> Width {
    match column.width() {
        ColumnWidth::Clock => Width::Fixed(if room.has_dates { DATED_CELLS } else { CLOCK_CELLS }),
        ColumnWidth::Money => Width::Fixed(COST_CELLS),
        ColumnWidth::Fixed(cells) => Width::Fixed(cells),
        ColumnWidth::Flexible { narrow, min, want, max } => {
            Width::Flexible { min: if room.is_wide { min } else { narrow }, want, max }
        }
    }
}

/// Whether a call is of another day than the tick's.
pub(super) fn is_dated(ctx: DrawContext<'_>, call: &LlmCall) -> bool {
    time(ctx, call, true).len() > usize::from(CLOCK_CELLS)
}

/// The time of day a call started, or its day where the newest is of another.
pub(super) fn time_of(ctx: DrawContext<'_>, call: &LlmCall) -> String {
    time(ctx, call, false)
}

fn time(ctx: DrawContext<'_>, call: &LlmCall, may_be_dated: bool) -> String {
    let zone = ctx.app.clock.zone;
    if may_be_dated {
        clock_near(call.start_unix_nano(), ctx.app.clock.unix_nano, zone)
    } else {
        let newest = ctx.app.picture.snapshot.calls.iter().next_back().unwrap_or(call);
        clock_or_day(call.start_unix_nano(), newest.start_unix_nano(), zone)
    }
}

/// The cell of a call in a column.
pub(super) fn cell<'a>(ctx: DrawContext<'a>, column: &Column, call: &'a LlmCall, has_dates: bool) -> Cell<'a> {
    let value = match column.attribute() {
        Some(key) => return attribute(ctx, key, call),
        None => column.value(call),
    };
    let styled = |text: String, role: Role| Cell::new(text, ctx.style(role));
    match value {
        None => absent(ctx),
        Some(CellValue::Start(_)) => styled(time(ctx, call, has_dates), Role::Dim),
        Some(CellValue::Status { status, is_flagged }) => styled(status_text(status, is_flagged), status_role(status)),
        Some(CellValue::Text(text)) => Cell::new(ctx.text(text, LONGEST_CELL), ctx.style(Role::Text)),
        Some(CellValue::Prose(text)) => Cell::new(ctx.prose(text, LONGEST_CELL), ctx.style(Role::Text)),
        Some(CellValue::Tokens(count)) => styled(tokens(count), Role::Text),
        Some(CellValue::Rate(rate)) => styled(rate_text(rate), if rate.is_end_to_end { Role::Dim } else { Role::Text }),
        Some(CellValue::FirstToken(ms)) => styled(duration(ms), ttft_role(ms)),
        Some(CellValue::Duration(ms)) => styled(duration(ms), latency_role(ms)),
        Some(CellValue::Cost(cost)) => styled(cost_text(cost), Role::Text),
        Some(CellValue::YesNo(answer)) => Cell::new(yes_no(answer), ctx.style(Role::Text)),
        Some(CellValue::Id(id)) => {
            Cell::new(ctx.text(&id.text_in(&mut [0; 36]), LONGEST_CELL).into_owned(), ctx.style(Role::Text))
        }
    }
}

fn attribute<'a>(ctx: DrawContext<'a>, key: &Name, call: &LlmCall) -> Cell<'a> {
    match ctx.app.attributes.get(call.id(), key) {
        Some(value) => Cell::new(Safe::fit(value, LONGEST_CELL), ctx.style(Role::Text)),
        None => absent(ctx),
    }
}

/// No cell is wider.
const LONGEST_CELL: usize = 160;

/// `yes`, `no`
pub(super) const fn yes_no(answer: bool) -> &'static str {
    if answer { "yes" } else { "no" }
}

fn absent(ctx: DrawContext<'_>) -> Cell<'static> {
    Cell::new(UNKNOWN, ctx.style(Role::Dim))
}

/// What a status means.
pub(super) const fn status_role(status: Status) -> Role {
    match status {
        Status::Code(300..400) => Role::Fair,
        _ if status.is_error() => Role::Bad,
        _ => Role::Good,
    }
}

/// The status, with a flag where a behaviour signal fired.
fn status_text(status: Status, is_flagged: bool) -> String {
    let word = status_word(status);
    let flag = if is_flagged && word.len() <= 5 { " ⚑" } else { "" };
    word + flag
}

/// An estimate is marked as one.
fn cost_text(cost: Cost) -> String {
    let mark = if cost.basis == CostBasis::Estimate { "~" } else { "" };
    format!("{mark}{}", money(cost.usd))
}

/// Generated tokens per second; `≈` marks a rate over the whole call.
pub(super) fn rate_text(GenerationRate { per_sec, is_end_to_end }: GenerationRate) -> String {
    let mark = if is_end_to_end { "≈" } else { "" };
    format!("{mark}{}", rate(per_sec))
}

//! The cells of the calls table: for each column its width, side and text.

use chrono::FixedOffset;

use super::draw_context::DrawContext;
use super::summary::status_word;
use super::table::{Align, Cell, Width};
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::call::{CostBasis, LlmCall, Name, Status};
use crate::query::column::Column;
use crate::text::format::{UNKNOWN, clock_near, clock_or_day, duration, known, money, rate, tokens};

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
pub(super) fn width(column: &Column, room: Room) -> Width {
    let name = |narrow: u16, min: u16, want: u16, max: u16| Width::Flexible {
        min: if room.is_wide { min } else { narrow },
        want,
        max,
    };
    match column {
        Column::Time => Width::Fixed(if room.has_dates { DATED_CELLS } else { CLOCK_CELLS }),
        Column::Status | Column::Output | Column::InputFresh | Column::Reasoning | Column::Ttft | Column::Latency => {
            Width::Fixed(7)
        }
        Column::InputCached | Column::CacheWrite => Width::Fixed(8),
        Column::TokensPerSec | Column::Streaming => Width::Fixed(6),
        Column::Cost => Width::Fixed(COST_CELLS),
        // Narrow enough that 60 columns hold time, status, model, rate, first token and cost.
        Column::Model | Column::RequestModel => name(14, 20, 26, 36),
        Column::Route | Column::Provider | Column::Operation | Column::Finish => name(10, 11, 16, 20),
        Column::Session | Column::User | Column::Service => name(10, 10, 16, 36),
        Column::Convention => Width::Fixed(13),
        Column::Error => Width::Flexible { min: 24, want: 60, max: 160 },
        Column::Attribute(_) => Width::Flexible { min: 12, want: 20, max: 80 },
        Column::RequestId => Width::Flexible { min: 12, want: 36, max: 36 },
    }
}

/// The side a column's cells lean to.
pub(super) const fn align(column: &Column) -> Align {
    match column {
        Column::InputFresh
        | Column::InputCached
        | Column::CacheWrite
        | Column::Output
        | Column::Reasoning
        | Column::TokensPerSec
        | Column::Ttft
        | Column::Latency
        | Column::Cost => Align::Right,
        Column::Time
        | Column::Status
        | Column::Model
        | Column::RequestModel
        | Column::Provider
        | Column::Route
        | Column::Session
        | Column::User
        | Column::Operation
        | Column::Convention
        | Column::Service
        | Column::Streaming
        | Column::Finish
        | Column::RequestId
        | Column::Attribute(_) => Align::Left,
        Column::Error => Align::Prose,
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
    let offset: FixedOffset = ctx.app.clock.offset;
    if may_be_dated {
        clock_near(call.start_unix_nano(), ctx.app.clock.unix_nano, offset)
    } else {
        let newest = ctx.app.picture.snapshot.calls.iter().next_back().unwrap_or(call);
        clock_or_day(call.start_unix_nano(), newest.start_unix_nano(), offset)
    }
}

/// The cell of a call in a column.
pub(super) fn cell<'a>(ctx: DrawContext<'a>, column: &Column, call: &'a LlmCall, has_dates: bool) -> Cell<'a> {
    let labels = call.labels();
    let usage = call.usage();
    let plain = |text: Safe<'a>| Cell { text, style: ctx.style(Role::Text) };
    let name = |name: Option<&'a Name>| match name {
        Some(name) => Cell::new(ctx.text(name, LONGEST_CELL), ctx.style(Role::Text)),
        None => absent(ctx),
    };
    let text = |text: &'a str| if text.is_empty() { absent(ctx) } else { plain(ctx.text(text, LONGEST_CELL)) };
    let count = |figure: Option<u64>| figure.map_or_else(|| absent(ctx), |figure| plain(tokens(figure).into()));
    match column {
        Column::Time => Cell::new(time(ctx, call, has_dates), ctx.style(Role::Dim)),
        Column::Status => status(ctx, call),
        Column::Model => text(call.shown_model()),
        Column::RequestModel => name(labels.request_model.as_ref()),
        Column::Provider => text(call.provider()),
        Column::Route => name(labels.route_name.as_ref()),
        Column::InputFresh => count(usage.input_fresh()),
        Column::InputCached => count(usage.cache_read),
        Column::CacheWrite => count(usage.cache_write),
        Column::Output => count(usage.output),
        Column::Reasoning => count(usage.reasoning),
        Column::TokensPerSec => {
            let (text, role) = rate_text(call);
            Cell::new(text, ctx.style(role))
        }
        Column::Ttft => timed(ctx, call.ttft_ms(), ttft_role),
        Column::Latency => timed(ctx, call.duration_ms(), latency_role),
        Column::Cost => cost(ctx, call),
        Column::Session => name(call.session_id()),
        Column::User => name(call.user_id()),
        Column::Operation => name(labels.operation.as_ref()),
        Column::Convention => text(labels.convention.name()),
        Column::Service => name(labels.service_name.as_ref()),
        Column::Streaming => plain(known(call.is_streaming(), |streams| yes_no(streams).to_owned()).into()),
        Column::Finish => name(labels.finish_reasons.as_ref()),
        Column::Error => match call.error_message().or(labels.error_type.as_ref()) {
            Some(error) => plain(ctx.prose(error, LONGEST_CELL)),
            None => absent(ctx),
        },
        Column::RequestId => plain(ctx.text(&call.request_id(), LONGEST_CELL).into_owned()),
        Column::Attribute(key) => match ctx.app.attributes.get(call.id(), key) {
            Some(value) => plain(Safe::fit(value, LONGEST_CELL)),
            None => absent(ctx),
        },
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

fn timed(ctx: DrawContext<'_>, ms: Option<f64>, role: impl Fn(f64) -> Role) -> Cell<'static> {
    ms.map_or_else(|| absent(ctx), |ms| Cell::new(duration(ms), ctx.style(role(ms))))
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
fn status(ctx: DrawContext<'_>, call: &LlmCall) -> Cell<'static> {
    let word = status_word(call.status());
    let flag = if call.plano_facts().flagged && word.len() <= 5 { " ⚑" } else { "" };
    Cell::new(word + flag, ctx.style(status_role(call.status())))
}

/// An estimate is marked as one.
fn cost(ctx: DrawContext<'_>, call: &LlmCall) -> Cell<'static> {
    match call.cost() {
        None => absent(ctx),
        Some(cost) if cost.basis == CostBasis::Estimate => {
            Cell::new(format!("~{}", money(cost.usd)), ctx.style(Role::Text))
        }
        Some(cost) => Cell::new(money(cost.usd), ctx.style(Role::Text)),
    }
}

/// Generated tokens a second; for a call without a generation window the end-to-end rate, marked `≈`.
pub(super) fn rate_text(call: &LlmCall) -> (String, Role) {
    if let Some(per_second) = call.generation_rate() {
        return (rate(per_second), Role::Text);
    }
    match call.end_to_end_rate() {
        Some(per_second) => (format!("≈{}", rate(per_second)), Role::Dim),
        None => (UNKNOWN.to_owned(), Role::Dim),
    }
}

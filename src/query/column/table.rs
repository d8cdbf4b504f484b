//! The table of columns: a new column of the calls table is a new entry here.
//!
//! A new kind of cell is a new variant of [`CellValue`], which `ui::cells` renders.

use std::borrow::Cow;

use super::layout::{Align, ColumnWidth};
use super::order::{Direction, SortKey, status_rank};
use crate::call::{Cost, KeptId, LlmCall, Name, Status};

/// One row of the table of columns: everything that is known of a column.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSpec {
    /// The name in menus and settings; `attr:KEY` stands for every attribute column.
    pub name: &'static str,
    /// The title above the column.
    pub title: &'static str,
    /// What the column shows, as one sentence.
    pub doc: &'static str,
    /// Whether it is shown unless other columns were chosen.
    pub is_default: bool,
    /// Cells on the screen.
    pub(crate) width: ColumnWidth,
    pub(crate) align: Align,
    /// Where the table is too narrow, the columns with the lowest priority go first. The six that stay at
    /// 60 cells (TUI.md) come highest; no two built-in columns are alike.
    pub(crate) priority: u8,
    /// The direction in which a table sorted anew by this column runs.
    pub(crate) direction: Direction,
    /// What the column shows of a call and sorts it by; `None` where that is unknown.
    pub(crate) value: for<'a> fn(&'a LlmCall) -> Option<CellValue<'a>>,
}

/// What a cell of the calls table shows. The screen has one rendering for each kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum CellValue<'a> {
    /// The start of the call, ns since the epoch.
    Start(i64),
    /// How the call ended, and whether the gateway flagged its behaviour.
    Status {
        status: Status,
        is_flagged: bool,
    },
    /// A name or a short text, never empty.
    Text(&'a str),
    /// A sentence, never empty; its beginning matters most.
    Prose(&'a str),
    /// A count of tokens.
    Tokens(u64),
    Rate(GenerationRate),
    /// Time to first token, ms.
    FirstToken(f64),
    /// Duration of the call, ms.
    Duration(f64),
    Cost(Cost),
    YesNo(bool),
    Id(KeptId<'a>),
}

impl<'a> CellValue<'a> {
    fn text(text: &'a str) -> Option<Self> {
        (!text.is_empty()).then_some(Self::Text(text))
    }

    fn name(name: Option<&'a Name>) -> Option<Self> {
        Self::text(name?)
    }

    /// The message of the error or, failing that, its class.
    fn error(call: &'a LlmCall) -> Option<Self> {
        let is_known = |name: &&Name| !name.is_empty();
        let message = call.error_message().filter(is_known);
        let error = message.or_else(|| call.labels().error_type.as_ref().filter(is_known))?;
        Some(Self::Prose(error))
    }

    pub(super) fn sort_key(self) -> SortKey<'a> {
        match self {
            Self::Start(unix_nano) => SortKey::Instant(unix_nano),
            Self::Status { status, is_flagged: _ } => SortKey::Count(status_rank(status)),
            Self::Text(text) | Self::Prose(text) | Self::Id(KeptId::Text(text)) => SortKey::Text(Cow::Borrowed(text)),
            Self::Id(id) => SortKey::Text(Cow::Owned(id.text_in(&mut [0; 36]).into_owned())),
            Self::Tokens(count) => SortKey::Count(count),
            Self::YesNo(answer) => SortKey::Count(answer.into()),
            Self::Rate(GenerationRate { per_sec: number, is_end_to_end: _ })
            | Self::FirstToken(number)
            | Self::Duration(number)
            | Self::Cost(Cost { usd: number, basis: _ }) => {
                if number.is_nan() {
                    SortKey::Absent
                } else {
                    SortKey::Number(number)
                }
            }
        }
    }
}

/// Generated tokens per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GenerationRate {
    pub per_sec: f64,
    /// The duration of the whole call stands in for the generation window.
    pub is_end_to_end: bool,
}

impl GenerationRate {
    pub(crate) fn of(call: &LlmCall) -> Option<Self> {
        let rate = |is_end_to_end| move |per_sec| Self { per_sec, is_end_to_end };
        call.generation_rate().map(rate(false)).or_else(|| call.end_to_end_rate().map(rate(true)))
    }
}

// 14 cells are narrow enough that 60 hold time, status, model, rate, first token and cost.
const MODEL: ColumnWidth = ColumnWidth::Flexible { narrow: 14, min: 20, want: 26, max: 36 };
const WORD: ColumnWidth = ColumnWidth::Flexible { narrow: 10, min: 11, want: 16, max: 20 };
const IDENTITY: ColumnWidth = ColumnWidth::Flexible { narrow: 10, min: 10, want: 16, max: 36 };

/// What holds for every attribute column. Attributes are not kept with the call: the screen looks them up.
static ATTRIBUTE: ColumnSpec = ColumnSpec {
    name: "attr:KEY",
    title: "KEY",
    doc: "Span attribute KEY; does not sort.",
    width: ColumnWidth::Flexible { narrow: 12, min: 12, want: 20, max: 80 },
    align: Align::Left,
    priority: 60,
    is_default: false,
    direction: Direction::Ascending,
    value: |_| None,
};

/// Declares [`Column`] from its entries, whose doc comments are what the documentation prints.
macro_rules! columns {
    ($(#[doc = $doc:literal] $column:ident { $($field:ident: $value:expr,)* })*) => {
        /// One column of the calls table.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Column {
            $(#[doc = $doc] $column,)*
            /// Any span attribute, by key.
            Attribute(Name),
        }

        impl Column {
            /// How many columns are built in.
            pub(crate) const COUNT: usize = Self::BUILT_IN.len();

            /// The built-in columns, in the order in which they stand in the table and in the columns menu.
            pub(crate) const BUILT_IN: [Self; [$(stringify!($column)),*].len()] = [$(Self::$column),*];

            pub(super) const fn spec(&self) -> &'static ColumnSpec {
                match self {
                    $(Self::$column => {
                        static SPEC: ColumnSpec =
                            ColumnSpec { doc: $doc.trim_ascii(), $($field: $value),* };
                        &SPEC
                    })*
                    Self::Attribute(_) => &ATTRIBUTE,
                }
            }
        }
    };
}

columns! {
    /// Start of the call in local time.
    Time {
        name: "time",
        title: "time",
        width: ColumnWidth::Clock,
        align: Align::Left,
        priority: 100,
        is_default: true,
        direction: Direction::Descending,
        value: |call| Some(CellValue::Start(call.start_unix_nano())),
    }
    /// HTTP status code, or how the call ended where none was reported; `⚑` marks behaviour that the gateway flagged.
    Status {
        name: "status",
        title: "status",
        width: ColumnWidth::Fixed(7),
        align: Align::Left,
        priority: 99,
        is_default: true,
        direction: Direction::Descending,
        value: |call| Some(CellValue::Status { status: call.status(), is_flagged: call.plano_facts().flagged }),
    }
    /// Model that answered, or the requested one where no span names it.
    Model {
        name: "model",
        title: "model",
        width: MODEL,
        align: Align::Left,
        priority: 98,
        is_default: true,
        direction: Direction::Ascending,
        value: |call| CellValue::text(call.shown_model()),
    }
    /// Model that the client requested.
    RequestModel {
        name: "request-model",
        title: "asked for",
        width: MODEL,
        align: Align::Left,
        priority: 44,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.request_model()),
    }
    /// Provider, or the service where no span names one.
    Provider {
        name: "provider",
        title: "provider",
        width: WORD,
        align: Align::Left,
        priority: 45,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::text(call.provider()),
    }
    /// Route that the gateway chose.
    Route {
        name: "route",
        title: "route",
        width: WORD,
        align: Align::Left,
        priority: 80,
        is_default: true,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.route_name()),
    }
    /// Input tokens neither read from nor written to the prompt cache.
    InputFresh {
        name: "in",
        title: "in·new",
        width: ColumnWidth::Fixed(7),
        align: Align::Right,
        priority: 84,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.usage().input_fresh().map(CellValue::Tokens),
    }
    /// Input tokens read from the prompt cache.
    InputCached {
        name: "cached",
        title: "in·cache",
        width: ColumnWidth::Fixed(8),
        align: Align::Right,
        priority: 65,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.usage().cache_read.map(CellValue::Tokens),
    }
    /// Input tokens written to the prompt cache.
    CacheWrite {
        name: "written",
        title: "in·write",
        width: ColumnWidth::Fixed(8),
        align: Align::Right,
        priority: 55,
        is_default: false,
        direction: Direction::Descending,
        value: |call| call.usage().cache_write.map(CellValue::Tokens),
    }
    /// Output tokens.
    Output {
        name: "out",
        title: "out",
        width: ColumnWidth::Fixed(7),
        align: Align::Right,
        priority: 85,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.usage().output.map(CellValue::Tokens),
    }
    /// Output tokens spent on reasoning.
    Reasoning {
        name: "reasoning",
        title: "rsn",
        width: ColumnWidth::Fixed(7),
        align: Align::Right,
        priority: 50,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.usage().reasoning.map(CellValue::Tokens),
    }
    /// Generated tokens per second; `≈` marks a rate over the whole call.
    TokensPerSec {
        name: "tok/s",
        title: "tok/s",
        width: ColumnWidth::Fixed(6),
        align: Align::Right,
        priority: 96,
        is_default: true,
        direction: Direction::Descending,
        value: |call| GenerationRate::of(call).map(CellValue::Rate),
    }
    /// Time to first token.
    Ttft {
        name: "ttft",
        title: "TTFT",
        width: ColumnWidth::Fixed(7),
        align: Align::Right,
        priority: 95,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.ttft_ms().map(CellValue::FirstToken),
    }
    /// Duration of the call.
    Latency {
        name: "latency",
        title: "latency",
        width: ColumnWidth::Fixed(7),
        align: Align::Right,
        priority: 90,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.duration_ms().map(CellValue::Duration),
    }
    /// Cost in USD; `~` marks an estimate.
    Cost {
        name: "cost",
        title: "cost",
        width: ColumnWidth::Money,
        align: Align::Right,
        priority: 97,
        is_default: true,
        direction: Direction::Descending,
        value: |call| call.cost().map(CellValue::Cost),
    }
    /// Session or conversation id.
    Session {
        name: "session",
        title: "session",
        width: IDENTITY,
        align: Align::Left,
        priority: 70,
        is_default: true,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.session_id()),
    }
    /// End user.
    User {
        name: "user",
        title: "user",
        width: IDENTITY,
        align: Align::Left,
        priority: 43,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.user_id()),
    }
    /// Operation, such as `chat` or `embeddings`.
    Operation {
        name: "operation",
        title: "operation",
        width: WORD,
        align: Align::Left,
        priority: 40,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.labels().operation.as_ref()),
    }
    /// Semantic convention by which the span was recognised.
    Convention {
        name: "convention",
        title: "convention",
        width: ColumnWidth::Fixed(13),
        align: Align::Left,
        priority: 38,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::text(call.labels().convention.name()),
    }
    /// Resource attribute `service.name`.
    Service {
        name: "service",
        title: "service",
        width: IDENTITY,
        align: Align::Left,
        priority: 39,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.labels().service_name.as_ref()),
    }
    /// Whether the response was streamed.
    Streaming {
        name: "stream",
        title: "stream",
        width: ColumnWidth::Fixed(6),
        align: Align::Left,
        priority: 41,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| call.is_streaming().map(CellValue::YesNo),
    }
    /// Attempts that the call took, where several are known.
    Tries {
        name: "tries",
        title: "tries",
        width: ColumnWidth::Fixed(5),
        align: Align::Right,
        priority: 36,
        is_default: false,
        direction: Direction::Descending,
        value: |call| call.attempts().map(|count| CellValue::Tokens(count.into())),
    }
    /// Finish reasons.
    Finish {
        name: "finish",
        title: "finish",
        width: WORD,
        align: Align::Left,
        priority: 42,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::name(call.labels().finish_reasons.as_ref()),
    }
    /// Error message, or its class where there is no message.
    Error {
        name: "error",
        title: "error",
        width: ColumnWidth::Flexible { narrow: 24, min: 24, want: 60, max: 160 },
        align: Align::Prose,
        priority: 75,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| CellValue::error(call),
    }
    /// Request id, or the span id where none was emitted.
    RequestId {
        name: "request-id",
        title: "request id",
        width: ColumnWidth::Flexible { narrow: 12, min: 12, want: 36, max: 36 },
        align: Align::Left,
        priority: 37,
        is_default: false,
        direction: Direction::Ascending,
        value: |call| Some(CellValue::Id(call.kept_id())),
    }
}

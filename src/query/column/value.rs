//! What a column shows of a call, before it becomes text, and what calls are sorted by.

use std::borrow::Cow;

use crate::call::{Cost, KeptId, LlmCall, Name, Status};

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

/// Generated tokens per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct GenerationRate {
    pub per_sec: f64,
    /// The duration of the whole call stands in for the generation window.
    pub is_end_to_end: bool,
}

/// What a call is sorted by. One column yields one kind, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SortKey<'a> {
    Count(u64),
    /// ns since the epoch.
    Instant(i64),
    /// A measure or an amount of money; never NaN.
    Number(f64),
    /// Ordered by its bytes.
    Text(Cow<'a, str>),
    /// Unknown: last in both directions.
    Absent,
}

impl GenerationRate {
    pub(crate) fn of(call: &LlmCall) -> Option<Self> {
        let rate = |is_end_to_end| move |per_sec| Self { per_sec, is_end_to_end };
        call.generation_rate().map(rate(false)).or_else(|| call.end_to_end_rate().map(rate(true)))
    }
}

impl<'a> CellValue<'a> {
    pub(super) fn text(text: &'a str) -> Option<Self> {
        (!text.is_empty()).then_some(Self::Text(text))
    }

    pub(super) fn name(name: Option<&'a Name>) -> Option<Self> {
        Self::text(name?)
    }

    /// The message of the error or, failing that, its class.
    pub(super) fn error(call: &'a LlmCall) -> Option<Self> {
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

/// Success first, then status codes in their order, then failures without a code.
fn status_rank(status: Status) -> u64 {
    match status {
        Status::Ok => 0,
        Status::Code(code) => code.into(),
        Status::Error => 1 << 16,
        Status::NoResponse => 1 << 17,
    }
}

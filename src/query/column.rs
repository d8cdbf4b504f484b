//! The columns of the calls table as data: name, title, sort key, whether anything is known.
//!
//! Every property is an exhaustive match, so that a new column cannot be forgotten in one of them.

use std::borrow::Cow;

use crate::call::{LlmCall, Name, Status};

/// One column of the calls table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Start of the call, local time.
    Time,
    /// How it ended.
    Status,
    /// Model that answered.
    Model,
    /// Model asked for.
    RequestModel,
    /// Provider.
    Provider,
    /// Plano's route.
    Route,
    /// Input tokens neither read from nor written to the cache.
    InputFresh,
    /// Input tokens read from the cache.
    InputCached,
    /// Input tokens written to the cache.
    CacheWrite,
    /// Output tokens.
    Output,
    /// Reasoning tokens.
    Reasoning,
    /// Generated tokens a second.
    TokensPerSec,
    /// Time to first token.
    Ttft,
    /// Duration.
    Latency,
    /// Cost.
    Cost,
    /// Session.
    Session,
    /// End user.
    User,
    /// Operation.
    Operation,
    /// Convention that recognised the call.
    Convention,
    /// Resource `service.name`.
    Service,
    /// Streaming or not.
    Streaming,
    /// Finish reasons.
    Finish,
    /// Error type or message.
    Error,
    /// Request id.
    RequestId,
    /// Any span attribute, by key.
    Attribute(Name),
}

/// Which way a sorted table runs. Unknown values come last either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    #[default]
    Descending,
}

impl Direction {
    /// The other way.
    #[must_use]
    pub const fn inverted(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }
}

/// What a column sorts a call by. A column yields one kind, or nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum SortKey<'a> {
    /// A count.
    Count(u64),
    /// A moment, ns since the epoch.
    Instant(i64),
    /// A measure or an amount of money.
    Number(f64),
    /// Text, ordered by its bytes.
    Text(Cow<'a, str>),
    /// Unknown: last in both directions.
    Absent,
}

/// What an attribute column's name begins with, before the attribute's key.
pub(crate) const ATTRIBUTE_PREFIX: &str = "attr:";

impl Column {
    /// How many columns are built in.
    pub const COUNT: usize = 24;

    /// The built-in columns, in the order in which they stand in the table and in the columns menu.
    pub const BUILT_IN: [Self; Self::COUNT] = [
        Self::Time,
        Self::Status,
        Self::Model,
        Self::RequestModel,
        Self::Provider,
        Self::Route,
        Self::InputFresh,
        Self::InputCached,
        Self::CacheWrite,
        Self::Output,
        Self::Reasoning,
        Self::TokensPerSec,
        Self::Ttft,
        Self::Latency,
        Self::Cost,
        Self::Session,
        Self::User,
        Self::Operation,
        Self::Convention,
        Self::Service,
        Self::Streaming,
        Self::Finish,
        Self::Error,
        Self::RequestId,
    ];

    /// The columns shown unless others were chosen (TUI.md, "Layout").
    pub fn default_set() -> Vec<Self> {
        Self::BUILT_IN.into_iter().filter(Self::is_default).collect()
    }

    const fn is_default(&self) -> bool {
        match self {
            Self::Time
            | Self::Status
            | Self::Model
            | Self::Route
            | Self::InputFresh
            | Self::InputCached
            | Self::Output
            | Self::Reasoning
            | Self::TokensPerSec
            | Self::Ttft
            | Self::Latency
            | Self::Cost
            | Self::Session => true,
            Self::RequestModel
            | Self::Provider
            | Self::CacheWrite
            | Self::User
            | Self::Operation
            | Self::Convention
            | Self::Service
            | Self::Streaming
            | Self::Finish
            | Self::Error
            | Self::RequestId
            | Self::Attribute(_) => false,
        }
    }

    /// The name by which options, menus and saved settings know the column; [`Column::parse`] reads it.
    pub fn name(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Time => "time",
            Self::Status => "status",
            Self::Model => "model",
            Self::RequestModel => "request-model",
            Self::Provider => "provider",
            Self::Route => "route",
            Self::InputFresh => "in",
            Self::InputCached => "cached",
            Self::CacheWrite => "written",
            Self::Output => "out",
            Self::Reasoning => "reasoning",
            Self::TokensPerSec => "tok/s",
            Self::Ttft => "ttft",
            Self::Latency => "latency",
            Self::Cost => "cost",
            Self::Session => "session",
            Self::User => "user",
            Self::Operation => "operation",
            Self::Convention => "convention",
            Self::Service => "service",
            Self::Streaming => "stream",
            Self::Finish => "finish",
            Self::Error => "error",
            Self::RequestId => "request-id",
            Self::Attribute(key) => return Cow::Owned(format!("{ATTRIBUTE_PREFIX}{key}")),
        })
    }

    /// The key of an attribute column.
    pub const fn attribute(&self) -> Option<&Name> {
        match self {
            Self::Attribute(key) => Some(key),
            _ => None,
        }
    }

    /// The column of this name, in any case; `attr:KEY` is the column of a span attribute.
    pub fn parse(name: &str) -> Option<Self> {
        match name.strip_prefix(ATTRIBUTE_PREFIX) {
            Some("") => None,
            Some(key) => Some(Self::Attribute(Name::from(key))),
            None => Self::BUILT_IN.into_iter().find(|column| column.name().eq_ignore_ascii_case(name)),
        }
    }

    /// The title above the column.
    pub fn title(&self) -> &str {
        match self {
            Self::Time => "time",
            Self::Status => "status",
            Self::Model => "model",
            Self::RequestModel => "asked for",
            Self::Provider => "provider",
            Self::Route => "route",
            Self::InputFresh => "in·new",
            Self::InputCached => "in·cache",
            Self::CacheWrite => "in·write",
            Self::Output => "out",
            Self::Reasoning => "rsn",
            Self::TokensPerSec => "tok/s",
            Self::Ttft => "TTFT",
            Self::Latency => "latency",
            Self::Cost => "cost",
            Self::Session => "session",
            Self::User => "user",
            Self::Operation => "operation",
            Self::Convention => "convention",
            Self::Service => "service",
            Self::Streaming => "stream",
            Self::Finish => "finish",
            Self::Error => "error",
            Self::RequestId => "request id",
            Self::Attribute(key) => key,
        }
    }

    /// Where the table is too narrow, the columns with the lowest priority go first. The six that stay at
    /// 60 cells (TUI.md) come highest; no two built-in columns are alike.
    pub const fn priority(&self) -> u8 {
        match self {
            Self::Time => 100,
            Self::Status => 99,
            Self::Model => 98,
            Self::Cost => 97,
            Self::TokensPerSec => 96,
            Self::Ttft => 95,
            Self::Latency => 90,
            Self::Output => 85,
            Self::InputFresh => 84,
            Self::Route => 80,
            Self::Error => 75,
            Self::Session => 70,
            Self::InputCached => 65,
            Self::Attribute(_) => 60,
            Self::CacheWrite => 55,
            Self::Reasoning => 50,
            Self::Provider => 45,
            Self::RequestModel => 44,
            Self::User => 43,
            Self::Finish => 42,
            Self::Streaming => 41,
            Self::Operation => 40,
            Self::Service => 39,
            Self::Convention => 38,
            Self::RequestId => 37,
        }
    }

    /// What the table is sorted by. Attributes are not kept with the call: an attribute column does not sort.
    pub fn key<'a>(&self, call: &'a LlmCall) -> SortKey<'a> {
        let labels = call.labels();
        match self {
            Self::Time => SortKey::Instant(call.start_unix_nano()),
            Self::Status => SortKey::Count(status_order(call.status())),
            Self::Model => text(Some(call.shown_model())),
            Self::RequestModel => name(labels.request_model.as_ref()),
            Self::Provider => text(Some(call.provider())),
            Self::Route => name(labels.route_name.as_ref()),
            Self::InputFresh => count(call.usage().input_fresh()),
            Self::InputCached => count(call.usage().cache_read),
            Self::CacheWrite => count(call.usage().cache_write),
            Self::Output => count(call.usage().output),
            Self::Reasoning => count(call.usage().reasoning),
            Self::TokensPerSec => number(call.generation_rate().or_else(|| call.end_to_end_rate())),
            Self::Ttft => number(call.ttft_ms()),
            Self::Latency => number(call.duration_ms()),
            Self::Cost => number(call.cost().map(|cost| cost.usd)),
            Self::Session => name(call.session_id()),
            Self::User => name(call.user_id()),
            Self::Operation => name(labels.operation.as_ref()),
            Self::Convention => text(Some(labels.convention.name())),
            Self::Service => name(labels.service_name.as_ref()),
            Self::Streaming => count(call.is_streaming().map(u64::from)),
            Self::Finish => name(labels.finish_reasons.as_ref()),
            Self::Error => name(error(call)),
            Self::RequestId => SortKey::Text(Cow::Owned(call.request_id())),
            Self::Attribute(_) => SortKey::Absent,
        }
    }

    /// Whether the call has anything to show in this column. Attributes are not kept with the call, so that an
    /// attribute column never counts as empty.
    pub fn has_data(&self, call: &LlmCall) -> bool {
        let labels = call.labels();
        match self {
            Self::Time | Self::Status | Self::Provider | Self::Convention | Self::RequestId | Self::Attribute(_) => {
                true
            }
            Self::Model => !call.shown_model().is_empty(),
            Self::RequestModel => is_said(labels.request_model.as_ref()),
            Self::Route => is_said(labels.route_name.as_ref()),
            Self::InputFresh => call.usage().input_fresh().is_some(),
            Self::InputCached => call.usage().cache_read.is_some(),
            Self::CacheWrite => call.usage().cache_write.is_some(),
            Self::Output => call.usage().output.is_some(),
            Self::Reasoning => call.usage().reasoning.is_some(),
            Self::TokensPerSec => call.generation_rate().or_else(|| call.end_to_end_rate()).is_some(),
            Self::Ttft => call.ttft_ms().is_some(),
            Self::Latency => call.duration_ms().is_some(),
            Self::Cost => call.cost().is_some(),
            Self::Session => is_said(call.session_id()),
            Self::User => is_said(call.user_id()),
            Self::Operation => is_said(labels.operation.as_ref()),
            Self::Service => is_said(labels.service_name.as_ref()),
            Self::Streaming => call.is_streaming().is_some(),
            Self::Finish => is_said(labels.finish_reasons.as_ref()),
            Self::Error => error(call).is_some(),
        }
    }
}

/// The message of the error or, failing that, its class, as the column shows it.
fn error(call: &LlmCall) -> Option<&Name> {
    let said = |name: &&Name| !name.is_empty();
    call.error_message().filter(said).or(call.labels().error_type.as_ref().filter(said))
}

fn is_said(name: Option<&Name>) -> bool {
    name.is_some_and(|name| !name.is_empty())
}

/// Success first, then codes as they are, then failures without a code.
fn status_order(status: Status) -> u64 {
    match status {
        Status::Ok => 0,
        Status::Code(code) => code.into(),
        Status::Error => 1 << 16,
        Status::NoResponse => 1 << 17,
    }
}

fn text(text: Option<&str>) -> SortKey<'_> {
    text.filter(|text| !text.is_empty()).map_or(SortKey::Absent, |text| SortKey::Text(Cow::Borrowed(text)))
}

fn name(name: Option<&Name>) -> SortKey<'_> {
    text(name.map(Name::as_str))
}

fn count(count: Option<u64>) -> SortKey<'static> {
    count.map_or(SortKey::Absent, SortKey::Count)
}

fn number(number: Option<f64>) -> SortKey<'static> {
    number.filter(|number| !number.is_nan()).map_or(SortKey::Absent, SortKey::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};
    use std::collections::HashSet;

    #[test]
    fn names_are_distinct_and_read_back() {
        let names: HashSet<_> = Column::BUILT_IN.iter().map(Column::name).collect();
        assert_eq!(names.len(), Column::COUNT);
        for column in Column::BUILT_IN.into_iter().chain([Column::Attribute("http.path".into())]) {
            assert_eq!(Column::parse(&column.name()), Some(column));
        }
        assert_eq!(Column::parse("TTFT"), Some(Column::Ttft));
        assert_eq!(Column::parse("attr:"), None);
        assert_eq!(Column::parse("nonsense"), None);
    }

    #[test]
    fn the_narrow_screen_keeps_its_six() {
        let mut columns = Column::default_set();
        assert_eq!(columns.len(), 13);
        columns.sort_by_key(|column| std::cmp::Reverse(column.priority()));
        columns.truncate(6);
        let kept: HashSet<_> = columns.into_iter().collect();
        let six = [Column::Time, Column::Status, Column::Model, Column::TokensPerSec, Column::Ttft, Column::Cost];
        assert_eq!(kept, six.into_iter().collect());
        let priorities: HashSet<_> = Column::BUILT_IN.iter().map(Column::priority).collect();
        assert_eq!(priorities.len(), Column::COUNT, "ties would make dropping arbitrary");
    }

    #[test]
    fn an_empty_call_has_data_only_where_every_call_has() {
        let call = LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 0);
        let with_data: Vec<_> = Column::BUILT_IN.into_iter().filter(|column| column.has_data(&call)).collect();
        let always = [Column::Time, Column::Status, Column::Provider, Column::Convention, Column::RequestId];
        assert_eq!(with_data, always);
    }

    #[test]
    fn unknown_is_not_zero() {
        let draft = CallFacts { ttft_ms: Some(0.0), route_name: Some("".into()), ..CallFacts::default() };
        let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        assert_eq!(Column::Ttft.key(&call), SortKey::Number(0.0));
        assert_eq!(Column::Latency.key(&call), SortKey::Absent);
        assert_eq!(Column::Route.key(&call), SortKey::Absent);
        assert!(!Column::Route.has_data(&call));
    }
}

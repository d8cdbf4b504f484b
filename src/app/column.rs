//! The columns of the calls table as data: name, sort key, whether anything is known.

use crate::call::Name;

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

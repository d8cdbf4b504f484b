//! Which calls are shown: the filter expression and the shortcuts that set parts of it.

use crate::call::LlmCall;

/// A compiled filter. Its parts are joined by AND.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {}

impl Filter {
    /// Whether every call passes.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// Whether the outcome for one call may change as time goes by (`since:`).
    pub fn depends_on_now(&self) -> bool {
        false
    }

    /// Whether the call passes. `now_unix_nano` is the tick's time.
    pub fn matches(&self, call: &LlmCall, now_unix_nano: i64) -> bool {
        let _ = (call, now_unix_nano);
        true
    }
}

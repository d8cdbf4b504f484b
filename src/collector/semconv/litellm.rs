//! LiteLLM's own OpenTelemetry callback, in the SDK and in the proxy (SEMCONV.md, section 3). The row is
//! `litellm_request`, the proxy's root span, or a span with a name set by the user; `raw_gen_ai_request` repeats it.

use super::fields::{self, Fields};
use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, gen_ai, not_a_call, usage_text};
use crate::call::{CallFacts, Convention};

const FIELDS: Fields = Fields {
    convention: Convention::LiteLlm,
    operation: &[Key::GenAiOperationName, Key::LlmRequestType],
    ..gen_ai::FIELDS
};

/// Keys that only LiteLLM sets.
const MARKS: [Key; 3] = [Key::LiteLlmCallId, Key::LiteLlmProviderModel, Key::LiteLlmUsageObject];

const RAW: &str = "raw_gen_ai_request repeats the call of its parent";

/// Name of the child span in which LiteLLM repeats the request to the provider.
pub(super) const RAW_REQUEST: &str = "raw_gen_ai_request";

/// Reads a span of LiteLLM.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if view.span.name == RAW_REQUEST {
        return Some(not_a_call(view, RAW));
    }
    let is_litellm = view.origin.scope_name == "litellm" || MARKS.iter().any(|&key| view.has(key));
    is_litellm.then_some(())?;
    let operation = view.str(Key::GenAiOperationName).or_else(|| view.str(Key::LlmRequestType))?;
    Some(match gen_ai::call_reason(operation) {
        Some(why) => Classification::call(facts(view), why),
        None => not_a_call(view, gen_ai::wrapper_reason(operation)),
    })
}

/// Version 1 reports cached and reasoning tokens only in `metadata.usage_object`, the `repr` of a Python dict.
fn facts<'a>(view: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut facts = fields::call_facts(view, &FIELDS);
    if let Some(usage) = view.str(Key::LiteLlmUsageObject) {
        usage_text::complete(&mut facts.usage, &usage_text::read(usage));
    }
    facts
}

//! LiteLLM's own OpenTelemetry callback, in the SDK and in the proxy (SEMCONV.md, section 3). The row is
//! `litellm_request`, or the proxy's root span, or whatever name the user gave; `raw_gen_ai_request` repeats it.

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

/// Why a raw request is no row.
const RAW: &str = "raw_gen_ai_request repeats the call of its parent";

/// The name of the copy of the provider's request that LiteLLM puts below its call.
pub(super) const RAW_REQUEST: &str = "raw_gen_ai_request";

/// Reads a span of LiteLLM's.
pub(super) fn read<'a>(evidence: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    if evidence.span.name == RAW_REQUEST {
        return Some(not_a_call(evidence, RAW));
    }
    let is_litellm = evidence.origin.scope_name == "litellm" || MARKS.iter().any(|&key| evidence.has(key));
    is_litellm.then_some(())?;
    let operation = evidence.str(Key::GenAiOperationName).or_else(|| evidence.str(Key::LlmRequestType))?;
    Some(match gen_ai::call_reason(operation) {
        Some(why) => Classification::call(draft(evidence), why),
        None => not_a_call(evidence, gen_ai::wrapper_reason(operation)),
    })
}

/// Version 1 tells cached and reasoning tokens only inside `metadata.usage_object`, the `repr` of a Python dict.
fn draft<'a>(evidence: &SpanView<'a, '_>) -> CallFacts<'a> {
    let mut draft = fields::draft(evidence, &FIELDS);
    if let Some(usage) = evidence.str(Key::LiteLlmUsageObject) {
        usage_text::complete(&mut draft.usage, &usage_text::read(usage));
    }
    draft
}

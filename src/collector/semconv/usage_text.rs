//! Token counts in a structure in text form: a provider's usage object (OpenAI, Anthropic, Google), Langfuse's usage
//! details, `LangChain`'s usage metadata, the AI SDK's provider metadata.

use serde_json::{Map, Value};

use super::count_name::Count;
use super::structured::{count, member, object};
use crate::call::{InputCount, Usage};

/// Paths of member names that may hold one count, most trusted first.
type Paths = &'static [&'static [&'static str]];

const INPUT: Paths = &[
    &["input"],
    &["prompt_tokens"],
    &["input_tokens"],
    &["promptTokens"],
    &["inputTokens"],
    &["prompt_token_count"],
    &["input_token_count"],
    &["promptTokenCount"],
];
const OUTPUT: Paths = &[
    &["output"],
    &["completion_tokens"],
    &["output_tokens"],
    &["completionTokens"],
    &["outputTokens"],
    &["candidates_token_count"],
    &["candidatesTokenCount"],
];
const TOTAL: Paths = &[&["total"], &["total_tokens"], &["totalTokens"], &["total_token_count"], &["totalTokenCount"]];
const CACHE_READ: Paths = &[
    &["cache_read_input_tokens"],
    &["input_cache_read"],
    &["input_cached_tokens"],
    &["cache_read"],
    &["prompt_tokens_details", "cached_tokens"],
    &["input_tokens_details", "cached_tokens"],
    &["input_token_details", "cache_read"],
    &["cacheReadInputTokens"],
    &["cachedPromptTokens"],
    &["cached_tokens"],
    &["cached_content_token_count"],
    &["cachedContentTokenCount"],
];
const CACHE_WRITE: Paths = &[
    &["cache_creation_input_tokens"],
    &["input_cache_creation"],
    &["cache_creation"],
    &["cache_write"],
    &["prompt_tokens_details", "cache_creation_tokens"],
    &["prompt_tokens_details", "cache_write_tokens"],
    &["input_token_details", "cache_creation"],
    &["cacheCreationInputTokens"],
    &["cacheWriteInputTokens"],
];
const CACHE_WRITE_1H: Paths = &[
    &["cache_creation", "ephemeral_1h_input_tokens"],
    &["prompt_tokens_details", "cache_creation_token_details", "ephemeral_1h_input_tokens"],
    &["input_token_details", "ephemeral_1h_input_tokens"],
];
const REASONING: Paths = &[
    &["completion_tokens_details", "reasoning_tokens"],
    &["output_tokens_details", "reasoning_tokens"],
    &["output_token_details", "reasoning"],
    &["output_reasoning_tokens"],
    &["output_reasoning"],
    &["reasoning_tokens"],
    &["reasoningTokens"],
    &["reasoning"],
    &["thoughts_token_count"],
    &["thoughtsTokenCount"],
];
const INPUT_AUDIO: Paths =
    &[&["prompt_tokens_details", "audio_tokens"], &["input_token_details", "audio"], &["input_audio_tokens"]];
const CACHE_READ_AUDIO: Paths = &[
    &["prompt_tokens_details", "cached_tokens_details", "audio_tokens"],
    &["input_token_details", "cached_tokens_details", "audio_tokens"],
];
const OUTPUT_AUDIO: Paths =
    &[&["completion_tokens_details", "audio_tokens"], &["output_token_details", "audio"], &["output_audio_tokens"]];

/// Members that itemise the input count and so imply that it includes cached tokens.
const ITEMISED: Paths = &[&["prompt_tokens_details"], &["input_tokens_details"], &["input_token_details"]];

/// The counts in `text`; no counts if it is not an object.
pub(super) fn read(text: &str) -> Usage {
    object(text).map_or_else(Usage::default, |members| of(&members))
}

/// The counts among an object's members.
pub(super) fn of(members: &Map<String, Value>) -> Usage {
    let first = |paths: Paths| paths.iter().find_map(|path| member(members, path).and_then(count));
    let mut usage = Usage {
        input: first(INPUT),
        output: first(OUTPUT),
        total: first(TOTAL),
        cache_read: first(CACHE_READ),
        cache_write: first(CACHE_WRITE),
        cache_write_1h: first(CACHE_WRITE_1H),
        reasoning: first(REASONING),
        fresh: None,
        input_audio: first(INPUT_AUDIO),
        cache_read_audio: first(CACHE_READ_AUDIO),
        output_audio: first(OUTPUT_AUDIO),
        ..Usage::default()
    };
    complete_by_name(&mut usage, members);
    let itemised = ITEMISED.iter().any(|path| member(members, path).is_some_and(Value::is_object));
    usage.input_count = input_count(&usage, itemised);
    usage.output = full_output(&usage);
    usage
}

/// Fills what no path holds by the words of the names, those of nested objects after those of the object.
fn complete_by_name(usage: &mut Usage, members: &Map<String, Value>) {
    let mut five_minutes = None;
    let mut note = |name: &str, value: &Value| {
        let slot = match Count::named(name) {
            Some(Count::Input) => &mut usage.input,
            Some(Count::Output) => &mut usage.output,
            Some(Count::Total) => &mut usage.total,
            Some(Count::CacheRead) => &mut usage.cache_read,
            Some(Count::CacheWrite) => &mut usage.cache_write,
            Some(Count::CacheWrite1h) => &mut usage.cache_write_1h,
            Some(Count::CacheWrite5m) => &mut five_minutes,
            Some(Count::Reasoning) => &mut usage.reasoning,
            None => return,
        };
        *slot = slot.or_else(|| count(value));
    };
    for (name, value) in members {
        note(name, value);
    }
    for (outer, value) in members {
        for (inner, value) in value.as_object().into_iter().flatten() {
            note(&format!("{outer}.{inner}"), value);
        }
    }
    usage.cache_write = whole_write(usage.cache_write, usage.cache_write_1h, five_minutes);
}

/// The tokens written to the cache: some count the parts by lifetime and leave the whole 0 or out.
pub(super) fn whole_write(whole: Option<u64>, hour: Option<u64>, five_minutes: Option<u64>) -> Option<u64> {
    let parts = hour.unwrap_or(0).saturating_add(five_minutes.unwrap_or(0));
    if five_minutes.is_some() && parts > whole.unwrap_or(0) { Some(parts) } else { whole }
}

/// Adds reasoning tokens to an output count that proves to lack them: they are more than it, or the total counts them
/// beside it. Of Google's models the total alone proves it (`thoughts` are often not told).
pub(super) fn settle_output(usage: &mut Usage, is_google: bool) {
    let (Some(output), Some(sent)) = (usage.output, usage.input_total()) else { return };
    let reasoning = usage.reasoning.unwrap_or(0);
    let whole = output.saturating_add(reasoning);
    let apart = usage.total.and_then(|total| total.checked_sub(sent)).filter(|&apart| apart > output);
    usage.output = match apart {
        _ if reasoning > output => Some(whole),
        Some(apart) if reasoning > 0 && apart >= whole => Some(whole),
        Some(apart) if usage.reasoning.is_none() && is_google => Some(apart),
        _ if reasoning > 0 && excludes_both(usage, whole) => {
            usage.input_count = InputCount::Exclusive;
            Some(whole)
        }
        _ => return,
    };
}

/// Whether total = input + cached + output + reasoning, which proves that the counts exclude each other.
fn excludes_both(usage: &Usage, whole: u64) -> bool {
    let input = usage.input.unwrap_or(0);
    usage.cached() > 0 && usage.total == Some(input.saturating_add(usage.cached()).saturating_add(whole))
}

/// Whether the input count includes cached tokens. The total proves it if there is one; otherwise itemised counts include
/// them and flat counts (Anthropic, Langfuse) exclude them.
fn input_count(usage: &Usage, itemised: bool) -> InputCount {
    let (cached, reasoning) = (usage.cached(), usage.reasoning.unwrap_or(0));
    if cached == 0 {
        return InputCount::Inclusive;
    }
    let fresh_and_output = usage.input.unwrap_or(0).saturating_add(usage.output.unwrap_or(0));
    match usage.total {
        Some(total) if total == fresh_and_output => InputCount::Inclusive,
        // Only the output is itemised, as Google does.
        Some(total) if total == fresh_and_output.saturating_add(reasoning) && reasoning != cached => {
            InputCount::Inclusive
        }
        Some(total) if total >= fresh_and_output.saturating_add(cached) => InputCount::Exclusive,
        _ if itemised => InputCount::Inclusive,
        _ => InputCount::Exclusive,
    }
}

/// The output count including reasoning tokens. They are added if the total proves that the count lacks them (Langfuse's
/// flat details, Google's candidates).
fn full_output(usage: &Usage) -> Option<u64> {
    let whole = usage.output?.saturating_add(usage.reasoning.unwrap_or(0));
    let sum = usage.input_total().map(|sent| sent.saturating_add(whole));
    if sum.is_some() && sum == usage.total { Some(whole) } else { usage.output }
}

/// Fills the counts that `usage` lacks from `other`. `input_count` follows the source of `input`.
pub(super) fn complete(usage: &mut Usage, other: &Usage) {
    if usage.input.is_none() {
        usage.input_count = other.input_count;
    }
    usage.input = usage.input.or(other.input);
    usage.output = usage.output.or(other.output);
    usage.total = usage.total.or(other.total);
    complete_parts(usage, other);
}

/// Fills the itemised counts that `usage` lacks from `other`.
pub(super) fn complete_parts(usage: &mut Usage, other: &Usage) {
    usage.cache_read = usage.cache_read.or(other.cache_read);
    usage.cache_write = usage.cache_write.or(other.cache_write);
    usage.cache_write_1h = usage.cache_write_1h.or(other.cache_write_1h);
    usage.reasoning = usage.reasoning.or(other.reasoning);
    usage.input_audio = usage.input_audio.or(other.input_audio);
    usage.cache_read_audio = usage.cache_read_audio.or(other.cache_read_audio);
    usage.output_audio = usage.output_audio.or(other.output_audio);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Text, then input, output, cache read, cache write, reasoning, and how input is counted.
    type Case = (&'static str, [Option<u64>; 5], InputCount);

    #[test]
    fn usage_of_many_hands() {
        let cases: [Case; 13] = [
            (
                r#"{"prompt_tokens": 1055, "completion_tokens": 95, "total_tokens": 1150,
                   "prompt_tokens_details": {"cached_tokens": 512}, "completion_tokens_details": {"reasoning_tokens": 3}}"#,
                [Some(1055), Some(95), Some(512), None, Some(3)],
                InputCount::Inclusive,
            ),
            (
                "{'completion_tokens': 116, 'prompt_tokens': 1856, 'total_tokens': 1972, 'prompt_tokens_details': \
                 {'cached_tokens': 512, 'audio_tokens': None}, 'cache_creation_input_tokens': 256, \
                 'cache_read_input_tokens': 512}",
                [Some(1856), Some(116), Some(512), Some(256), None],
                InputCount::Inclusive,
            ),
            (
                r#"{"input_tokens": 10, "output_tokens": 4, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0}"#,
                [Some(10), Some(4), Some(3), Some(0), None],
                InputCount::Exclusive,
            ),
            (
                r#"{"input": 10, "output": 4, "total": 17, "input_cache_read": 3}"#,
                [Some(10), Some(4), Some(3), None, None],
                InputCount::Exclusive,
            ),
            (
                r#"{"input": 10, "output": 4, "total": 14, "input_cache_read": 3}"#,
                [Some(10), Some(4), Some(3), None, None],
                InputCount::Inclusive,
            ),
            (
                r#"{"input": 36, "output": 8, "total": 140, "input_cache_read": 64, "output_reasoning": 32}"#,
                [Some(36), Some(40), Some(64), None, Some(32)],
                InputCount::Exclusive,
            ),
            (
                r#"{"input": 36, "output": 40, "total": 140, "input_cache_read": 64, "output_reasoning": 32}"#,
                [Some(36), Some(40), Some(64), None, Some(32)],
                InputCount::Exclusive,
            ),
            (
                r#"{"input": 36, "output": 8, "input_cache_read": 64, "output_reasoning": 32}"#,
                [Some(36), Some(8), Some(64), None, Some(32)],
                InputCount::Exclusive,
            ),
            (
                r#"{"prompt_token_count": 5, "candidates_token_count": 3, "thoughts_token_count": 20, "total_token_count": 28}"#,
                [Some(5), Some(23), None, None, Some(20)],
                InputCount::Inclusive,
            ),
            (
                r#"{"promptTokenCount": 100, "cachedContentTokenCount": 64, "candidatesTokenCount": 8,
                   "thoughtsTokenCount": 200, "totalTokenCount": 308}"#,
                [Some(100), Some(208), Some(64), None, Some(200)],
                InputCount::Inclusive,
            ),
            (
                r#"{"input": "10", "output": -4, "total": 2.5}"#,
                [Some(10), None, None, None, None],
                InputCount::Inclusive,
            ),
            ("{}", [None; 5], InputCount::Inclusive),
            ("not an object", [None; 5], InputCount::Inclusive),
        ];
        for (text, counts, input_count) in cases {
            let usage = read(text);
            let found = [usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning];
            assert_eq!(found, counts, "{text}");
            assert_eq!(usage.input_count, input_count, "{text}");
        }
    }

    #[test]
    fn a_one_hour_write_is_a_part_of_the_write() {
        let usage = read(
            r#"{"input_tokens": 1, "cache_creation_input_tokens": 9,
            "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 7}}"#,
        );
        assert_eq!((usage.cache_write, usage.cache_write_1h), (Some(9), Some(7)));
    }
}

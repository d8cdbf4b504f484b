//! What a token count is, told by the words of its name in any order and spelling: `cache_read.input_tokens`,
//! `inputTokensDetails.cachedTokens`, `prompt_cached_tokens`. A name with a word that is not known here is none.

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Count {
    Input,
    Output,
    Total,
    CacheRead,
    CacheWrite,
    /// Written with a lifetime of an hour.
    CacheWrite1h,
    /// Written with a lifetime of five minutes.
    CacheWrite5m,
    Reasoning,
}

const INPUT: u16 = 1;
const OUTPUT: u16 = 1 << 1;
const TOTAL: u16 = 1 << 2;
const CACHE: u16 = 1 << 3;
const READ: u16 = 1 << 4;
const WRITE: u16 = 1 << 5;
const REASONING: u16 = 1 << 6;
const HOUR: u16 = 1 << 7;
const MINUTES: u16 = 1 << 8;
/// Words that every count may have.
const TOKENS: u16 = 1 << 9;

const WORDS: &[(&str, u16)] = &[
    ("tokens", TOKENS),
    ("token", TOKENS),
    ("count", 0),
    ("usage", 0),
    ("details", 0),
    ("detail", 0),
    ("content", 0),
    ("ephemeral", 0),
    ("above", 0),
    ("input", INPUT),
    ("prompt", INPUT),
    ("output", OUTPUT),
    ("completion", OUTPUT),
    ("candidates", OUTPUT),
    ("total", TOTAL),
    ("cache", CACHE),
    ("cached", CACHE | READ),
    ("read", READ),
    ("hit", READ),
    ("write", WRITE),
    ("written", WRITE),
    ("creation", WRITE),
    ("created", WRITE),
    ("reasoning", REASONING),
    ("thoughts", REASONING),
    ("thinking", REASONING),
    ("1h", HOUR),
    ("1hr", HOUR),
    ("5m", MINUTES),
    ("5min", MINUTES),
];

impl Count {
    /// What a count of this name counts.
    pub(super) fn named(name: &str) -> Option<Self> {
        let mut found = 0;
        for word in words(name) {
            let (_, bits) = WORDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word))?;
            found |= bits;
        }
        let is_write = found & WRITE != 0;
        let only = |bits: u16| found & !(bits | TOKENS) == 0;
        let has = |bits: u16| found & bits == bits;
        match found {
            _ if has(HOUR) && only(HOUR | CACHE | WRITE | INPUT) => Some(Self::CacheWrite1h),
            _ if has(MINUTES) && only(MINUTES | CACHE | WRITE | INPUT) => Some(Self::CacheWrite5m),
            _ if is_write && has(CACHE) && only(CACHE | WRITE | INPUT) => Some(Self::CacheWrite),
            _ if has(CACHE | READ) && only(CACHE | READ | INPUT) => Some(Self::CacheRead),
            _ if has(REASONING) && only(REASONING | OUTPUT) => Some(Self::Reasoning),
            _ if !has(TOKENS) => None,
            _ if has(TOTAL) && only(TOTAL) => Some(Self::Total),
            _ if has(INPUT) && only(INPUT) => Some(Self::Input),
            _ if has(OUTPUT) && only(OUTPUT) => Some(Self::Output),
            _ => None,
        }
    }
}

/// The words of a name in snake case, camel case or with dots.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(['.', '_', '-', ':']).flat_map(camel_words).filter(|word| !word.is_empty())
}

fn camel_words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let is_end = |pair: &[u8]| {
            pair.first().is_some_and(u8::is_ascii_lowercase) && pair.last().is_some_and(u8::is_ascii_uppercase)
        };
        (!rest.is_empty()).then(|| {
            let end = rest.as_bytes().windows(2).position(is_end).map_or(rest.len(), |at| at + 1);
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = after;
            word
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_the_words_of_their_names() {
        let cases = [
            (Count::CacheRead, "cached_tokens cached_input_tokens input_cached_tokens input_tokens.cached"),
            (Count::CacheRead, "input_tokens_details.cached_tokens cachedContentTokenCount cache_read.input_tokens"),
            (Count::CacheRead, "prompt_cached_tokens cached_content_token_count prompt_cache_hit_tokens cacheRead"),
            (Count::CacheWrite, "cache_creation_input_tokens cache_write.input_tokens cacheWriteInputTokens"),
            (Count::CacheWrite, "prompt_cache_creation_tokens cacheCreation"),
            (Count::CacheWrite1h, "ephemeral_1h_input_tokens cache_creation.ephemeral_1h_input_tokens"),
            (Count::CacheWrite1h, "ephemeral_1hr_input_tokens cache_creation_input_tokens_above_1hr"),
            (Count::CacheWrite5m, "ephemeral_5m_input_tokens"),
            (Count::Reasoning, "output_tokens.reasoning thoughts_token_count thoughtsTokens reasoning"),
            (Count::Reasoning, "completion_reasoning_tokens completion_tokens_details.reasoning_tokens"),
            (Count::Input, "prompt_token_count inputTokens prompt.tokens"),
            (Count::Output, "candidates_token_count completionTokens"),
            (Count::Total, "total_token_count totalTokens"),
        ];
        for (count, names) in cases {
            for name in names.split(' ') {
                assert_eq!(Count::named(name), Some(count), "{name}");
            }
        }
    }

    #[test]
    fn names_that_could_be_mistaken_are_none() {
        for name in [
            "",
            "tokens",
            "input",
            "cost",
            "input_cost",
            "total_input_tokens",
            "audio_input_tokens",
            "image.output_tokens",
            "accepted_prediction_tokens",
            "cache_tokens",
            "cache_miss_tokens",
            "read_tokens",
            "max_tokens",
            "inputCharacters",
            "tool_use_prompt_token_count",
            "output_tokens_per_second",
            "cached_output_tokens",
            "reasoning_cost",
        ] {
            assert_eq!(Count::named(name), None, "{name}");
        }
    }
}

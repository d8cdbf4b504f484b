//! Model families: first parties that can be derived from a model name alone.

use super::providers::{KnownProvider, known};

/// Name prefixes that only one first party uses.
struct Family {
    provider: &'static str,
    /// Prefixes of names. The next character must not be a letter; see [`family`].
    stems: &'static [&'static str],
    /// The family includes open weights: names with a parameter count may run anywhere.
    has_open_weights: bool,
}

const FAMILIES: &[Family] = &[
    Family { provider: "anthropic", stems: &["claude"], has_open_weights: false },
    Family {
        provider: "openai",
        stems: &[
            "gpt",
            "chatgpt",
            "o1",
            "o3",
            "o4",
            "ft:gpt",
            "ft:o",
            "ft:babbage",
            "ft:davinci",
            "text-embedding-3",
            "text-embedding-ada",
            "text-davinci",
            "davinci",
            "babbage",
            "codex-mini",
            "computer-use",
        ],
        has_open_weights: false,
    },
    Family { provider: "google", stems: &["gemini"], has_open_weights: false },
    Family { provider: "xai", stems: &["grok"], has_open_weights: false },
    Family { provider: "deepseek", stems: &["deepseek"], has_open_weights: true },
    Family {
        provider: "mistral",
        stems: &["mistral", "codestral", "ministral", "magistral", "devstral", "pixtral", "voxtral"],
        has_open_weights: true,
    },
    Family { provider: "cohere", stems: &["command"], has_open_weights: true },
    Family { provider: "perplexity", stems: &["sonar"], has_open_weights: false },
    Family { provider: "moonshotai", stems: &["kimi", "moonshot"], has_open_weights: true },
    Family { provider: "zai", stems: &["glm"], has_open_weights: true },
    Family { provider: "minimax", stems: &["minimax"], has_open_weights: true },
    Family { provider: "alibaba", stems: &["qwen", "qwq", "qvq"], has_open_weights: true },
    Family { provider: "xiaomi", stems: &["mimo"], has_open_weights: true },
    Family { provider: "meta", stems: &["muse"], has_open_weights: false },
];

/// Prefixes that look like a family but name open weights, which anyone may host.
const NOT_FAMILIES: &[&str] = &["gpt-oss", "gpt-j", "gpt-neo", "gpt2"];

/// Prefixes of the names of open weights, which anyone may host under the same name.
const OPEN_WEIGHTS: &[&str] = &[
    "gpt-oss",
    "gpt-j",
    "gpt-neo",
    "gpt2",
    "gemma",
    "llama",
    "codellama",
    "mixtral",
    "phi-",
    "bge-",
    "gte-",
    "e5-",
    "nemotron",
    "granite",
    "deepseek-v",
    "deepseek-r1",
    "kimi-k2",
    "glm-4",
    "glm-5",
    "minimax-m",
    "qwq",
];

/// Whether a bare name is that of open weights: by its stem, or by its size in a family that has open weights.
pub(super) fn has_open_weights(name: &str, has_size: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let is_closed_family = || {
        family(&name, false)
            .is_some_and(|known| !FAMILIES.iter().any(|family| family.provider == known.id && family.has_open_weights))
    };
    OPEN_WEIGHTS.iter().any(|stem| name.starts_with(stem)) || has_size && !is_closed_family()
}

/// The first party whose family a bare name belongs to. `has_size`: the name contains a parameter count.
pub(super) fn family(name: &str, has_size: bool) -> Option<KnownProvider> {
    let name = name.to_ascii_lowercase();
    if NOT_FAMILIES.iter().any(|other| name.starts_with(other)) {
        return None;
    }
    let belongs = |stem: &&str| {
        name.strip_prefix(*stem)
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphabetic()) && !rest.contains('/'))
    };
    let family = FAMILIES.iter().find(|family| family.stems.iter().any(&belongs))?;
    known(family.provider).filter(|_| !(family.has_open_weights && has_size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::spelling;

    #[test]
    fn families_are_whole_words_and_never_open_weights() {
        for (name, expected) in [
            ("claude-opus-4-7", Some("anthropic")),
            ("o3-mini", Some("openai")),
            ("o30", Some("openai")),
            ("gpt-oss-120b", None),
            ("gemini-flash-1.5-8b", Some("google")),
            ("gemma-3-27b-it", None),
            ("deepseek-chat", Some("deepseek")),
            ("deepseek-r1-distill-llama-70b", None),
            ("claudette", None),
            ("commander", None),
            ("llama-3.3-70b-instruct", None),
            ("claude/x", None),
        ] {
            assert_eq!(family(name, spelling::has_parameter_count(name)).map(|known| known.id), expected, "{name}");
        }
    }
}

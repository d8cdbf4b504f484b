//! Spellings of model names: resource names around an id, the canonical form of an id, and suffixes that do not affect
//! the price (PRICING.md, section 1).

/// Region prefixes of Bedrock's cross-region inference profiles.
const BEDROCK_REGIONS: &[&str] =
    &["af", "ap", "apac", "au", "ca", "eu", "global", "il", "in", "jp", "kr", "me", "mx", "sa", "uk", "us", "us-gov"];

/// Vendor prefixes of Bedrock ids.
const BEDROCK_VENDORS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// A model name extracted from a resource name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwrapped<'a> {
    /// Not a resource name, or one without a provider (`models/ID`).
    Bare(&'a str),
    /// The model id in a Bedrock ARN.
    Bedrock(&'a str),
    /// Publisher and id in a Vertex resource name.
    Vertex {
        /// `google`, `anthropic`, `meta` …
        publisher: &'a str,
        id: &'a str,
    },
    /// A resource name without a model id.
    Opaque,
}

/// Unwraps a Bedrock ARN, `publishers/P/models/ID` and `models/ID`.
pub(super) fn unwrap(name: &str) -> Unwrapped<'_> {
    if name.starts_with("arn:") {
        return unwrap_arn(name);
    }
    if let Some((publisher, id)) = unwrap_vertex(name) {
        return Unwrapped::Vertex { publisher, id };
    }
    Unwrapped::Bare(name.strip_prefix("models/").unwrap_or(name))
}

/// `arn:PARTITION:bedrock:REGION:ACCOUNT:inference-profile/ID`; any other resource is opaque.
fn unwrap_arn(arn: &str) -> Unwrapped<'_> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let is_bedrock = parts.next() == Some("bedrock");
    match parts.nth(2).and_then(|resource| resource.split_once('/')) {
        Some(("inference-profile" | "foundation-model", id)) if is_bedrock => Unwrapped::Bedrock(id),
        _ => Unwrapped::Opaque,
    }
}

fn unwrap_vertex(name: &str) -> Option<(&str, &str)> {
    let after = match name.strip_prefix("publishers/") {
        Some(after) => after,
        None => name.split_once("/publishers/")?.1,
    };
    let (publisher, id) = after.split_once("/models/")?;
    (!publisher.contains('/')).then_some((publisher, id))
}

/// One form for all spellings of the same model at a provider: lower case, no `anthropic-` in front, `4-7` as `4.7`,
/// Claude's family before its version; at DigitalOcean no `openai-` either, at Bedrock no `-v1:0`, at Vertex no `@default`.
pub(super) fn canonical(provider: &str, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = name.strip_prefix("anthropic-").unwrap_or(&name);
    let name = match provider {
        "digitalocean" => name.strip_prefix("openai-").unwrap_or(name),
        "amazon-bedrock" => strip_bedrock_version(name).unwrap_or(name),
        "google-vertex" => name.strip_suffix("@default").unwrap_or(name),
        _ => name,
    };
    let (core, rest) = name.split_at(name.find([':', '@']).unwrap_or(name.len()));
    let mut words = join_versions(core);
    order_claude(&mut words);
    words.join("-") + rest
}

/// Words between hyphens, with `4`, `7` joined to `4.7` and `llama3`, `1` to `llama3.1`.
fn join_versions(core: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut may_join = false;
    for word in core.split('-') {
        let is_minor = matches!(word.len(), 1 | 2) && word.bytes().all(|byte| byte.is_ascii_digit());
        match words.last_mut() {
            Some(major) if may_join && is_minor => {
                major.push('.');
                major.push_str(word);
                may_join = false;
            }
            _ => {
                may_join = ends_in_major(word);
                words.push(word.to_owned());
            }
        }
    }
    words
}

/// Whether a word ends in a version's first part: one or two digits, alone or after letters (`4`, `llama3`, `v3`).
fn ends_in_major(word: &str) -> bool {
    let digits = word.bytes().rev().take_while(u8::is_ascii_digit).count();
    let before = word.len() - digits;
    matches!(digits, 1 | 2) && !word.as_bytes().get(..before).is_some_and(|head| head.ends_with(b"."))
}

/// `claude-4.7-opus` and `claude-opus-4.7` are the same model.
fn order_claude(words: &mut [String]) {
    let is_claude = |word: &String| word == "claude" || word.ends_with(".claude") || word.ends_with("/claude");
    let Some(at) = words.iter().position(is_claude) else { return };
    let Some([version, family]) = words.get_mut(at + 1..at + 3) else { return };
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_family = !family.is_empty() && family.bytes().all(|byte| byte.is_ascii_alphabetic());
    if is_version && is_family {
        std::mem::swap(version, family);
    }
}

/// `name` without suffixes that do not affect the price, in every combination, least stripped first.
pub(super) fn stripped(provider: &str, name: &str) -> Vec<String> {
    let mut found = vec![name.to_owned()];
    let mut at = 0;
    while let Some(current) = found.get(at).cloned() {
        for shorter in STRIPS.iter().filter_map(|strip| strip(provider, &current)) {
            if !shorter.is_empty() && !found.contains(&shorter) {
                found.push(shorter);
            }
        }
        at += 1;
    }
    found.remove(0);
    found
}

/// Removes one part of a name at a provider; `None` if it does not apply.
type StripRule = fn(&str, &str) -> Option<String>;

/// In the order they are tried. Never stripped: `:free`, `:batch`, `-mini`, `-fast`, four-digit revisions.
const STRIPS: [StripRule; 8] = [
    |_, name| strip_any(name, &[":nitro", ":floor", ":online", ":exacto", ":thinking"]),
    |_, name| strip_any(name, &["@default"]),
    |_, name| strip_date(name).map(str::to_owned),
    |_, name| strip_any(name, &["-latest"]),
    |provider, name| if_at(provider, &["google", "google-vertex"], || strip_any(name, &["-001"])),
    |provider, name| if_at(provider, &["amazon-bedrock"], || strip_bedrock_version(name).map(str::to_owned)),
    |provider, name| {
        if_at(provider, &["azure", "azure-cognitive-services", "openai"], || {
            name.contains("gpt-35").then(|| name.replacen("gpt-35", "gpt-3.5", 1))
        })
    },
    |_, name| fine_tune_base(name),
];

fn if_at(provider: &str, providers: &[&str], strip: impl FnOnce() -> Option<String>) -> Option<String> {
    if providers.contains(&provider) { strip() } else { None }
}

fn strip_any(name: &str, suffixes: &[&str]) -> Option<String> {
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).map(str::to_owned)
}

/// `-20251001`, `@20250929` or `-2024-08-06`.
fn strip_date(name: &str) -> Option<&str> {
    let (head, compact) = name.rsplit_once(['-', '@'])?;
    if is_compact_date(compact) {
        return Some(head);
    }
    let at = name.len().checked_sub("-2024-08-06".len())?;
    let (head, date) = name.split_at_checked(at)?;
    let mut parts = date.strip_prefix('-')?.split('-');
    let joined = format!("{}{}{}", parts.next()?, parts.next()?, parts.next()?);
    (parts.next().is_none() && date.len() == 11 && is_compact_date(&joined)).then_some(head)
}

/// `YYYYMMDD` of this century.
fn is_compact_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u8>().ok());
    text.len() == 8
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && text.starts_with("20")
        && matches!(number(4..6), Some(1..=12))
        && matches!(number(6..8), Some(1..=31))
}

/// `-v1:0` or `-v1`.
pub(super) fn strip_bedrock_version(name: &str) -> Option<&str> {
    let (head, version) = name.rsplit_once("-v")?;
    let (major, minor) = version.split_once(':').unwrap_or((version, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(major) && is_number(minor)).then_some(head)
}

/// Region and id of a cross-region inference profile.
pub(super) fn split_bedrock_region(name: &str) -> Option<(&str, &str)> {
    let (region, rest) = name.split_once('.')?;
    (BEDROCK_REGIONS.contains(&region) && is_bedrock_vendor(rest)).then_some((region, rest))
}

/// The Bedrock id after LiteLLM's routes (`converse/`, `us-east-1/`).
pub(super) fn after_route(name: &str) -> &str {
    name.rsplit_once('/').map(|(_, id)| id).filter(|id| is_bedrock_id(id)).unwrap_or(name)
}

/// The name before a date at its end.
pub(super) fn undated(name: &str) -> Option<&str> {
    strip_date(name)
}

/// The name without a marker that clients append, such as `[1m]` for the context window.
pub(super) fn without_marker(name: &str) -> &str {
    let marked = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
    marked.map_or(name, |(name, _)| name.trim_end())
}

/// Whether a name is a Bedrock id: a vendor, a dot, a model, perhaps with a region in front.
pub(super) fn is_bedrock_id(name: &str) -> bool {
    is_bedrock_vendor(name) || split_bedrock_region(name).is_some()
}

fn is_bedrock_vendor(name: &str) -> bool {
    name.split_once('.')
        .is_some_and(|(vendor, model)| !model.is_empty() && BEDROCK_VENDORS.contains(&vendor) && !name.contains('/'))
}

/// Whether a name ends in a Vertex version: `@default` or `@` and a date.
pub(super) fn is_vertex_id(name: &str) -> bool {
    name.rsplit_once('@').is_some_and(|(_, version)| version == "default" || is_compact_date(version))
}

/// `ft:BASE` of `ft:BASE:organisation:name:id`.
fn fine_tune_base(name: &str) -> Option<String> {
    let (base, _) = name.strip_prefix("ft:")?.split_once(':')?;
    Some(format!("ft:{base}"))
}

/// Whether a name contains a parameter count (`32b`, `8x7b`, `a22b`), a sign of open weights.
pub(super) fn has_parameter_count(name: &str) -> bool {
    name.split(['-', ':', '_', '/']).any(|word| {
        let Some(number) = word.strip_suffix(['b', 'B']) else { return false };
        let number = number.strip_prefix(['a', 'A', 'e', 'E', 'r', 'R']).unwrap_or(number);
        number.starts_with(|first: char| first.is_ascii_digit())
            && number.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'x' | b'X'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_model_have_one_canonical_form() {
        for (provider, spellings) in [
            ("anthropic", &["claude-4.7-opus", "claude-opus-4-7", "Claude-Opus-4.7", "anthropic-claude-4-7-opus"][..]),
            ("digitalocean", &["openai-gpt-5.4", "gpt-5-4"]),
            ("amazon-bedrock", &["meta.llama3-1-70b-instruct-v1:0", "meta.llama3.1-70b-instruct"]),
            ("amazon-bedrock", &["us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6-v1:0"]),
            ("google-vertex", &["claude-opus-4-7@default", "claude-opus-4-7"]),
            ("openrouter", &["anthropic/claude-3.7-sonnet:thinking", "anthropic/claude-sonnet-3-7:thinking"]),
        ] {
            let forms: Vec<_> = spellings.iter().map(|name| canonical(provider, name)).collect();
            assert!(forms.iter().all(|form| *form == forms[0]), "{forms:?}");
        }
    }

    #[test]
    fn different_models_keep_different_forms() {
        for (one, other) in [
            ("claude-opus-4-7", "claude-opus-4-70"),
            ("claude-opus-4-7", "claude-opus-47"),
            ("claude-opus-4", "claude-opus-4-20250514"),
            ("gpt-4", "gpt-4-0613"),
            ("gpt-4.1", "gpt-41"),
            ("qwen-3-32b", "qwen-3.32b"),
            ("o1", "o1-mini"),
        ] {
            assert_ne!(canonical("openai", one), canonical("openai", other));
        }
    }

    #[test]
    fn only_suffixes_without_effect_on_the_price_are_stripped() {
        for (provider, name, expected) in [
            ("openrouter", "meta-llama/llama-3.3-70b-instruct:nitro", &["meta-llama/llama-3.3-70b-instruct"][..]),
            ("anthropic", "claude-haiku-4-5-20251001", &["claude-haiku-4-5"]),
            ("openai", "gpt-4o-2024-08-06", &["gpt-4o"]),
            ("openai", "gpt-4-0613", &[]),
            ("openai", "gpt-4o-20249901", &[]),
            ("openrouter", "a/b:free", &[]),
            ("openrouter", "a/b:batch", &[]),
            ("openai", "gpt-4o-mini", &[]),
            ("google", "gemini-2.0-flash-001", &["gemini-2.0-flash"]),
            ("openai", "gemini-2.0-flash-001", &[]),
            (
                "amazon-bedrock",
                "eu.anthropic.claude-x-20251001-v1:0",
                &["eu.anthropic.claude-x-20251001", "eu.anthropic.claude-x"],
            ),
            ("azure", "gpt-35-turbo-0125", &["gpt-3.5-turbo-0125"]),
            ("openai", "ft:gpt-4o-2024-08-06:acme::x", &["ft:gpt-4o-2024-08-06", "ft:gpt-4o"]),
            ("openai", "é-2024-08-06", &["é"]),
            ("openai", "ééééééé", &[]),
        ] {
            assert_eq!(stripped(provider, name), expected, "{provider} {name}");
        }
    }

    #[test]
    fn resource_names_are_unwrapped_or_opaque() {
        for (name, expected) in [
            ("gpt-4o", Unwrapped::Bare("gpt-4o")),
            ("models/gemini-2.5-pro", Unwrapped::Bare("gemini-2.5-pro")),
            ("arn:aws:bedrock:us-east-1::foundation-model/a.b-v1:0", Unwrapped::Bedrock("a.b-v1:0")),
            ("arn:aws-us-gov:bedrock:us-gov-west-1:1:inference-profile/us.a.b", Unwrapped::Bedrock("us.a.b")),
            ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", Unwrapped::Opaque),
            ("arn:aws:bedrock:us-east-1:1:provisioned-model/abc", Unwrapped::Opaque),
            ("arn:aws:sagemaker:us-east-1:1:foundation-model/abc", Unwrapped::Opaque),
            ("arn:", Unwrapped::Opaque),
            ("publishers/google/models/x", Unwrapped::Vertex { publisher: "google", id: "x" }),
            (
                "projects/p/locations/l/publishers/anthropic/models/c@20250929",
                Unwrapped::Vertex { publisher: "anthropic", id: "c@20250929" },
            ),
            ("accounts/fireworks/models/x", Unwrapped::Bare("accounts/fireworks/models/x")),
        ] {
            assert_eq!(unwrap(name), expected, "{name}");
        }
    }

    #[test]
    fn a_size_in_the_name_is_seen() {
        for name in ["gpt-oss-120b", "qwen3-30b-a3b", "mixtral-8x7b", "gemma-4-31B-it", "qwen3-embedding-0.6b"] {
            assert!(has_parameter_count(name), "{name}");
        }
        for name in ["kimi-k2.5", "gpt-4o", "web", "b", "glm-5", "deepseek-chat"] {
            assert!(!has_parameter_count(name), "{name}");
        }
    }
}

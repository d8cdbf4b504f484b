//! Credentials that found their way into span attributes: recognised and masked wherever attributes are shown.

use std::borrow::Cow;
use std::ops::Range;

/// Stands for what is not shown.
pub const MASK: &str = "••••••";

/// A shorter word is no credential.
const SHORTEST: usize = 16;

/// How the words of well-known credentials begin: OpenAI and Anthropic, GitHub, Slack, AWS, Google, Hugging Face, Groq,
/// xAI, GitLab, DigitalOcean, and JSON web tokens.
const PREFIXES: [&str; 21] = [
    "sk-",
    "sk_live_",
    "sk_test_",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "AKIA",
    "ASIA",
    "AIza",
    "hf_",
    "gsk_",
    "xai-",
    "glpat-",
    "dop_v1_",
    "eyJ",
];

/// Parts of keys whose values are credentials.
const KEY_PARTS: [&str; 10] = [
    "authorization",
    "apikey",
    "api_key",
    "secret",
    "password",
    "passwd",
    "credential",
    "cookie",
    "private_key",
    "bearer",
];

/// Keys that end in `token` hold one, except where it is the kind that models count: `llm.time_to_first_token`.
const COUNTED_TOKENS: [&str; 5] = ["first_token", "firsttoken", "per_token", "pertoken", "last_token"];

/// What stands before a credential in a header's value (RFC 9110, section 11).
const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// `value` as it may be shown: masked whole where the key names a credential, else the words in it that look like one.
pub fn mask<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() || matches!(value, "true" | "false") {
        return Cow::Borrowed(value);
    }
    if is_credential_key(key) {
        return Cow::Borrowed(MASK);
    }
    mask_words(value)
}

fn is_credential_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let last = key.rsplit(['.', '/', ':']).next().unwrap_or_default();
    let holds_token = last.ends_with("token") && !COUNTED_TOKENS.iter().any(|counted| last.ends_with(counted));
    holds_token || KEY_PARTS.iter().any(|part| key.contains(part))
}

fn mask_words(value: &str) -> Cow<'_, str> {
    let mut masked: Option<String> = None;
    let mut done = 0;
    for (start, end) in words(value) {
        if start < done {
            continue;
        }
        if let Some(secret) = secret(value, start, end) {
            let out = masked.get_or_insert_default();
            out.push_str(value.get(done..secret.start).unwrap_or_default());
            out.push_str(MASK);
            done = secret.end;
        }
    }
    match masked {
        None => Cow::Borrowed(value),
        Some(out) => Cow::Owned(out + value.get(done..).unwrap_or_default()),
    }
}

/// What is to be masked because of the word at `start..end`: what it names, or most of itself.
fn secret(value: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let word = value.get(start..end)?;
    if is_scheme(word) {
        let given = given(value, end)?;
        return (given.len() >= SHORTEST).then_some(given);
    }
    if is_credential_key(word) {
        return assigned(value, end);
    }
    // Its beginning tells whose it is.
    is_credential(word).then_some(start + 4..end)
}

fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The value that stands behind a key that ends at `end`: `"key": "value"`, `key=value`, also in quoted JSON. A scheme
/// before a credential is left standing.
fn assigned(value: &str, end: usize) -> Option<Range<usize>> {
    let behind = value.get(end..)?;
    let between = behind.find(|char| !matches!(char, ':' | '=' | '"' | '\'' | '\\' | ' '))?;
    let separator = behind.get(..between).filter(|separator| separator.contains([':', '=']))?;
    let start = end + between;
    let length = match separator.chars().next_back().filter(|last| matches!(last, '"' | '\'')) {
        Some(quote) => value.get(start..)?.find(['\\', quote]).unwrap_or(value.len() - start),
        None => unquoted(value.get(start..)?),
    };
    let named = value.get(start..start + length)?;
    let scheme = named.split(' ').next().filter(|first| is_scheme(first));
    match scheme {
        Some(scheme) => given(value, start + scheme.len()),
        None => (!is_plain_word(named)).then_some(start..start + length),
    }
}

/// What stands one blank behind a scheme that ends at `end`.
fn given(value: &str, end: usize) -> Option<Range<usize>> {
    let behind = value.get(end..)?.strip_prefix(' ')?;
    Some(end + 1..end + 1 + unquoted(behind))
}

/// Bytes of a value without quotes around it.
fn unquoted(behind: &str) -> usize {
    let is_end =
        |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '\\' | '&' | ',' | ';' | '}' | ']' | ')');
    behind.find(is_end).unwrap_or(behind.len())
}

/// Not a credential even behind a key that names one.
fn is_plain_word(word: &str) -> bool {
    matches!(word, "" | "null" | "None" | "true" | "false" | "string" | "object" | "True" | "False" | "{" | "[")
}

/// Runs of the characters that credentials are made of, as byte ranges.
fn words(value: &str) -> impl Iterator<Item = (usize, usize)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | '+');
    let mut rest = value;
    let mut at = 0;
    std::iter::from_fn(move || {
        let skipped = rest.find(is_part)?;
        let word = rest.get(skipped..)?;
        let length = word.find(|char| !is_part(char)).unwrap_or(word.len());
        let range = (at + skipped, at + skipped + length);
        at = range.1;
        rest = word.get(length..)?;
        Some(range)
    })
}

fn is_credential(word: &str) -> bool {
    word.len() >= SHORTEST
        && PREFIXES.iter().any(|prefix| word.starts_with(prefix))
        && (!word.starts_with("eyJ") || word.bytes().filter(|byte| *byte == b'.').count() == 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_masked_and_nothing_else() {
        let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl";
        let cases = [
            ("http.request.header.authorization", "Bearer abc", MASK),
            ("X-Api-Key", "abc", MASK),
            ("openai.api_key", "abc", MASK),
            ("db.password", "hunter2", MASK),
            ("aws.session_token", "x", MASK),
            ("X-Auth-Token", "x", MASK),
            ("accessToken", "x", MASK),
            ("cookie.secure", "true", "true"),
            ("header", "Bearer abcdefghij0123456789", "Bearer ••••••"),
            ("header", "authorization: Bearer abc", "authorization: Bearer ••••••"),
            ("headers", r#"{"Authorization": "Basic dTpw", "X": 1}"#, r#"{"Authorization": "Basic ••••••", "X": 1}"#),
            ("header", "the bearer came late", "the bearer came late"),
            ("body", r#"{"api_key": "hunter2", "model": "gpt-4o"}"#, r#"{"api_key": "••••••", "model": "gpt-4o"}"#),
            ("body", r#"{\"password\":\"hunter2\"}"#, r#"{\"password\":\"••••••\"}"#),
            ("body", "password: hünter2!§ {", "password: •••••• {"),
            ("body", "password=hunter2&user=me", "password=••••••&user=me"),
            ("body", r#"{"api_key": null}"#, r#"{"api_key": null}"#),
            ("usage", r#"{"total_tokens": 120}"#, r#"{"total_tokens": 120}"#),
            ("set-cookie", "a=b", MASK),
            ("llm.usage.total_tokens", "120", "120"),
            ("llm.time_to_first_token", "310", "310"),
            ("gen_ai.usage.cache_read.input_tokens", "5", "5"),
            ("plano.session_id", "sess-alpha", "sess-alpha"),
            ("prompt", "use sk-proj-0123456789abcdef please", "use sk-p•••••• please"),
            ("prompt", "\"ghp_0123456789abcdefghij\"", "\"ghp_••••••\""),
            ("prompt", "sk-short", "sk-short"),
            ("note", "eyJ0ZXh0LXdpdGhvdXQtZG90cw", "eyJ0ZXh0LXdpdGhvdXQtZG90cw"),
            ("note", jwt, "eyJh••••••"),
            ("empty.secret", "", ""),
            ("text", "zażółć — gęślą", "zażółć — gęślą"),
        ];
        for (key, value, shown) in cases {
            assert_eq!(mask(key, value), shown, "{key}");
        }
    }

    proptest! {
        #[test]
        fn a_credential_behind_its_name_is_never_shown(secret in "[A-Za-z0-9!§#%^~@]{8,40}", other in "[a-z ]{0,20}") {
            for value in [
                format!("{{\"{other}\": 1, \"api_key\": \"{secret}\"}}"),
                format!("{{\\\"client_secret\\\":\\\"{secret}\\\"}}"),
                format!("x={other}&password={secret}&y=2"),
                format!("{other}\nAuthorization: Bearer {secret}\n"),
            ] {
                let shown = mask("body", &value);
                prop_assert!(!shown.contains(&secret), "{shown}");
                prop_assert!(shown.contains(MASK));
            }
        }
    }
}

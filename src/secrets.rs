//! Credentials that found their way into span attributes: recognised and masked wherever attributes are shown.

use std::borrow::Cow;

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

/// Parts of keys whose values are credentials. `token` counts only as the last word: `llm.usage.total_tokens` and
/// `llm.time_to_first_token` count tokens of another kind.
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
const TOKEN_KEYS: [&str; 9] = [
    "token",
    "access_token",
    "auth_token",
    "id_token",
    "refresh_token",
    "session_token",
    "api_token",
    "x_token",
    "csrf_token",
];

/// `value` as it may be shown: masked whole where the key names a credential, else the words in it that look like one.
pub fn mask<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() {
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
    KEY_PARTS.iter().any(|part| key.contains(part)) || TOKEN_KEYS.contains(&last)
}

fn mask_words(value: &str) -> Cow<'_, str> {
    let mut masked: Option<String> = None;
    let mut done = 0;
    for (start, end) in words(value) {
        let Some(word) = value.get(start..end).filter(|word| is_credential(word)) else { continue };
        let out = masked.get_or_insert_default();
        out.push_str(value.get(done..start).unwrap_or_default());
        out.push_str(word.get(..4.min(word.len())).unwrap_or_default());
        out.push_str(MASK);
        done = end;
    }
    match masked {
        None => Cow::Borrowed(value),
        Some(out) => Cow::Owned(out + value.get(done..).unwrap_or_default()),
    }
}

/// Runs of the characters that credentials are made of, as byte ranges.
fn words(value: &str) -> impl Iterator<Item = (usize, usize)> {
    let is_part = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | '+' | '=');
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
}

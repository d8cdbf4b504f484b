//! Detects credentials in span attributes and masks them wherever attributes are shown.

use std::borrow::Cow;
use std::ops::Range;

/// Whether credentials in displayed or written text are masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Secrets {
    /// Replaced by [`MASK`].
    #[default]
    Masked,
    /// Shown unchanged (`--show-secrets`).
    Shown,
}

impl Secrets {
    /// `text` without an attribute key, masked if required.
    pub fn in_text(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Masked => mask_text(text),
            Self::Shown => Cow::Borrowed(text),
        }
    }

    /// The value of an attribute, masked if required.
    pub fn in_value<'a>(self, key: &str, value: &'a str) -> Cow<'a, str> {
        match self {
            Self::Masked => mask(key, value),
            Self::Shown => Cow::Borrowed(value),
        }
    }
}

impl From<bool> for Secrets {
    /// `true` shows credentials.
    fn from(show: bool) -> Self {
        if show { Self::Shown } else { Self::Masked }
    }
}

/// Replaces a masked credential.
pub const MASK: &str = "••••••";

/// Shorter words are not credentials, bytes.
const MIN_LENGTH: usize = 16;

/// Prefixes of well-known credentials: OpenAI and Anthropic, GitHub, Slack, AWS, Google, Hugging Face, Groq,
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

/// Keys that end in `token` hold a credential, except for token counts and times: `llm.time_to_first_token`.
const COUNTED_TOKENS: [&str; 5] = ["first_token", "firsttoken", "per_token", "pertoken", "last_token"];

/// Authentication schemes that precede a credential in a header (RFC 9110, section 11).
const SCHEMES: [&str; 2] = ["bearer", "basic"];

/// Masks all of `value` if the key names a credential, else the words in it that look like one.
pub fn mask<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() || matches!(value, "true" | "false") {
        return Cow::Borrowed(value);
    }
    if is_credential_key(key) {
        return Cow::Borrowed(MASK);
    }
    mask_text(value)
}

fn mask_text(value: &str) -> Cow<'_, str> {
    match mask_passwords(value) {
        Cow::Borrowed(value) => mask_words(value),
        Cow::Owned(value) => Cow::Owned(mask_words(&value).into_owned()),
    }
}

/// Masks the passwords in URLs: `postgres://user:password@host` (RFC 3986, section 3.2.1).
fn mask_passwords(value: &str) -> Cow<'_, str> {
    const AUTHORITY: &str = "://";
    const CUT: char = '…';
    if !(value.contains(AUTHORITY) && value.contains(['@', CUT])) {
        return Cow::Borrowed(value);
    }
    let mut masked = String::new();
    let mut rest = value;
    while let Some(found) = rest.find(AUTHORITY) {
        let (before, authority) = rest.split_at(found + AUTHORITY.len());
        let is_end =
            |char: char| char.is_whitespace() || matches!(char, '/' | '?' | '#' | '"' | '\'' | '<' | '>' | '\\');
        let end = authority.find(is_end).unwrap_or(authority.len());
        masked.push_str(before);
        rest = authority;
        let password = authority.get(..end).and_then(|authority| {
            // Truncated text may end within the password.
            let (user, _) = authority.rsplit_once('@').or_else(|| authority.split_once(CUT))?;
            Some(user.find(':')? + 1..user.len())
        });
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            masked.push_str(authority.get(..password.start).unwrap_or_default());
            masked.push_str(MASK);
            rest = authority.get(password.end..).unwrap_or_default();
        }
    }
    masked.push_str(rest);
    if masked == value { Cow::Borrowed(value) } else { Cow::Owned(masked) }
}

fn is_credential_key(key: &str) -> bool {
    let last = key.rsplit(['.', '/', ':']).next().unwrap_or_default();
    let ends_in = |end: &str| {
        last.len().checked_sub(end.len()).is_some_and(|at| spells(last.as_bytes().get(at..).unwrap_or_default(), end))
    };
    let holds_token = ends_in("token") && !COUNTED_TOKENS.iter().any(|counted| ends_in(counted));
    holds_token || (0..key.len()).any(|at| KEY_PARTS.iter().any(|part| begins(key.as_bytes().get(at..), part)))
}

/// Whether text begins with `part`, ignoring case and treating `-` and `_` alike.
fn begins(text: Option<&[u8]>, part: &str) -> bool {
    text.and_then(|text| text.get(..part.len())).is_some_and(|text| spells(text, part))
}

fn spells(text: &[u8], part: &str) -> bool {
    let folded = |byte: &u8| if *byte == b'-' { b'_' } else { byte.to_ascii_lowercase() };
    text.iter().map(folded).eq(part.bytes())
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

/// The range to mask for the word at `start..end`: the value it names, or most of the word.
fn secret(value: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let word = value.get(start..end)?;
    if is_scheme(word) {
        let given = given(value, end)?;
        // Skips values that are masked already.
        let is_masked = value.get(given.clone()).is_some_and(|given| given.contains(MASK));
        return (given.len() >= MIN_LENGTH && !is_masked).then_some(given);
    }
    if is_credential_key(word) {
        return assigned(value, end);
    }
    // The prefix stays, since it identifies the issuer.
    is_credential(word).then_some(start + 4..end)
}

fn is_scheme(word: &str) -> bool {
    SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme))
}

/// The value after a key that ends at `end`: `"key": "value"`, `key=value`, also in quoted JSON. An authentication scheme
/// before it stays.
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

/// The word after an authentication scheme that ends at `end`.
fn given(value: &str, end: usize) -> Option<Range<usize>> {
    let behind = value.get(end..)?.strip_prefix(' ')?;
    Some(end + 1..end + 1 + unquoted(behind))
}

/// Length of an unquoted value, bytes.
fn unquoted(behind: &str) -> usize {
    let is_end =
        |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '\\' | '&' | ',' | ';' | '}' | ']' | ')');
    behind.find(is_end).unwrap_or(behind.len())
}

/// Not a credential even after a key that names one.
fn is_plain_word(word: &str) -> bool {
    matches!(word, "" | "null" | "None" | "true" | "false" | "string" | "object" | "True" | "False" | "{" | "[")
}

/// Runs of characters that occur in credentials, as byte ranges.
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
    word.len() >= MIN_LENGTH
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
            ("db.url", "postgres://app:hunter2@db:5432/x?y", "postgres://app:••••••@db:5432/x?y"),
            ("db.url", "at postgres://app:hunt…#0123456789abcdef", "at postgres://app:••••••…#0123456789abcdef"),
            ("log", "tried redis://:p@ss:w0rd@h and http://u@h/a:b@c", "tried redis://:••••••@h and http://u@h/a:b@c"),
            ("log", "at http://h:80/x@y", "at http://h:80/x@y"),
            ("note", "AKIAIOSFODNN7EXAMPLE", "AKIA••••••"),
            ("aws_secret_access_key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", MASK),
            (
                "exception.message",
                "Incorrect API key provided: sk-proj-T3BlbkFJ0123456789abcd. See https://x/y",
                "Incorrect API key provided: sk-p•••••• See https://x/y",
            ),
            ("log", "curl -H 'x-api-key: sk-ant-api03-AbC_dEf-0123456789'", "curl -H 'x-api-key: ••••••'"),
            ("log", "GET /v1?api-key=hunter2&model=m", "GET /v1?api-key=••••••&model=m"),
            ("empty.secret", "", ""),
            ("text", "zażółć — gęślą", "zażółć — gęślą"),
        ];
        for (key, value, shown) in cases {
            assert_eq!(mask(key, value), shown, "{key}");
        }
    }

    #[test]
    fn only_who_asks_for_secrets_sees_them() {
        let text = "use sk-proj-0123456789abcdef";
        assert_eq!(Secrets::from(true).in_text(text), text);
        assert_eq!(Secrets::default().in_text(text), "use sk-p••••••");
        assert_eq!(Secrets::Shown.in_value("api_key", "x"), "x");
        assert_eq!(Secrets::from(false).in_value("api_key", "x"), MASK);
    }

    proptest! {
        #[test]
        fn masking_twice_changes_nothing(text in "([a-z:/@= \"]|sk-|Bearer |api_key|AKIA|[A-Z0-9]{16}){0,12}") {
            let once = Secrets::Masked.in_text(&text);
            prop_assert_eq!(Secrets::Masked.in_text(&once), once.as_ref());
        }

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

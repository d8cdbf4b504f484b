//! Detects credentials in span attributes and masks them wherever attributes are shown.

mod issuers;
mod labels;
mod scan;
mod shapes;

use std::borrow::Cow;

use self::scan::is_credential_key;

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

/// Masks all of `value` if the key names a credential, else the parts of it that are one.
pub fn mask<'a>(key: &str, value: &'a str) -> Cow<'a, str> {
    if value.is_empty() || matches!(value, "true" | "false") {
        return Cow::Borrowed(value);
    }
    if is_credential_key(key) {
        return Cow::Borrowed(MASK);
    }
    mask_text(value)
}

fn mask_text(text: &str) -> Cow<'_, str> {
    let mut masked: Option<String> = None;
    let mut done = 0;
    for secret in scan::secrets(text) {
        let start = secret.start.max(done);
        if secret.end <= start || text.get(start..secret.end).is_none_or(|secret| secret == MASK) {
            continue;
        }
        let out = masked.get_or_insert_default();
        let between = text.get(done..start).unwrap_or_default();
        out.push_str(between);
        if !(between.is_empty() && out.ends_with(MASK)) {
            out.push_str(MASK);
        }
        done = secret.end;
    }
    match masked {
        None => Cow::Borrowed(text),
        Some(out) => Cow::Owned(out + text.get(done..).unwrap_or_default()),
    }
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

    /// A run of cases: texts with a secret in `«»`, which is literal or has a length to be made up, and texts without any.
    #[derive(serde::Deserialize)]
    struct Cases {
        about: String,
        leaks: Vec<String>,
        false_alarms: Vec<String>,
    }

    fn cases() -> Vec<Cases> {
        serde_json::from_str(include_str!("secrets/cases.json")).unwrap()
    }

    /// As many characters as `kind` says: of all kinds, hexadecimal (`h8`) or upper-case (`A8`).
    fn made_up(kind: &str, nth: usize) -> String {
        const MIXED: &[u8] = b"q7RwZ2kT9xBv4LmP8sJdY6hNfC3gXt5WzKe1";
        let (alphabet, length): (&[u8], _) = match kind.split_at(1) {
            ("h", length) => (b"7f3a9c05e8d2b614", length),
            ("A", length) => (b"Q7RWZ2KT9XBV4LMP8SJDY6HNFC3G", length),
            _ => (MIXED, kind),
        };
        let Ok(length) = length.parse() else { return kind.to_owned() };
        alphabet.iter().cycle().skip(nth).take(length).map(|byte| char::from(*byte)).collect()
    }

    /// The text of a case, and its secrets.
    fn spelt_out(case: &str) -> (String, Vec<String>) {
        let (mut text, mut secrets) = (String::new(), Vec::new());
        for (nth, part) in case.split(['«', '»']).enumerate() {
            if nth % 2 == 1 {
                secrets.push(made_up(part, nth));
                text += secrets.last().unwrap();
            } else {
                text += part;
            }
        }
        (text, secrets)
    }

    #[test]
    fn each_case_of_the_table_is_masked_or_left_alone() {
        let mut wrong = Vec::new();
        for Cases { about, leaks, false_alarms } in cases() {
            for case in &leaks {
                let (text, secrets) = spelt_out(case);
                for text in [text.clone(), format!("before {text} after"), format!("{text}\n")] {
                    let shown = mask("body", &text);
                    let is_seen = |secret: &String| {
                        secret.as_bytes().windows(5).any(|part| shown.as_bytes().windows(5).any(|shown| shown == part))
                    };
                    if secrets.iter().any(is_seen) || !shown.contains(MASK) {
                        wrong.push(format!("{about}: {text:?} leaks: {shown:?}"));
                    }
                    if mask("body", &shown) != shown {
                        wrong.push(format!("{about}: {shown:?} changes: {:?}", mask("body", &shown)));
                    }
                }
            }
            for text in &false_alarms {
                let shown = mask("body", text);
                if shown != text.as_str() {
                    wrong.push(format!("{about}: {text:?} has no secret: {shown:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
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

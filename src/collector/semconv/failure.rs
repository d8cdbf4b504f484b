//! Why and with which HTTP status a call failed: attributes first, then the words of the status message or of
//! the recorded exception (`Error code: 429`, `status_code: 429`).

use super::keys::Key;
use super::scalar;
use super::span_view::SpanView;
use crate::call::{CallFacts, Text};
use crate::collector::wire::Event;

/// Attributes that carry an HTTP status; error codes may also be words.
const STATUS: [Key; 4] = [Key::HttpResponseStatusCode, Key::HttpStatusCode, Key::ErrorCode, Key::LiteLlmErrorCode];

/// Words before a status code inside a message, lower case.
const BEFORE_A_CODE: [&str; 8] = [
    "error code",
    "status_code",
    "statuscode",
    "status code",
    "http status",
    "http error",
    "client error",
    "server error",
];

/// How far into a message a status code is looked for.
const SEARCHED: usize = 4096;

/// Longest error message kept with a call; the span itself keeps the rest.
const LONGEST_MESSAGE: usize = 1024;

/// Fills in status, error class and error message.
pub(super) fn fill<'a>(evidence: &SpanView<'a, '_>, draft: &mut CallFacts<'a>) {
    draft.error_type = evidence.text(&[Key::ErrorType]);
    draft.span_error |= evidence.failed() || draft.error_type.is_some();
    draft.status_code = STATUS.iter().find_map(|&key| evidence.value(key).and_then(status_code));
    if !draft.span_error {
        return;
    }
    let exception = evidence.exception();
    let said = [
        text_of(evidence.span.status_message),
        exception.as_ref().and_then(|event| attribute(event, "exception.message")),
        evidence.text(&[Key::ErrorMessage, Key::LangfuseStatusMessage]),
    ];
    draft.status_code = draft
        .status_code
        .or_else(|| draft.error_type.as_deref().and_then(bare_code))
        .or_else(|| said.iter().flatten().find_map(|message| code_in(message)));
    draft.error_type =
        draft.error_type.take().or_else(|| exception.as_ref().and_then(|event| attribute(event, "exception.type")));
    draft.error_message = said.into_iter().flatten().next().map(shortened);
}

/// A status attribute's value, where it is an HTTP status.
pub(super) fn status_code(value: &crate::collector::wire::Value<'_>) -> Option<u16> {
    scalar::count(value).and_then(|code| u16::try_from(code).ok()).filter(|code| (1..1000).contains(code))
}

fn text_of(message: &str) -> Option<Text<'_>> {
    (!scalar::is_blank(message)).then_some(Text::Borrowed(message))
}

fn attribute<'a>(event: &Event<'a>, key: &str) -> Option<Text<'a>> {
    scalar::text(&event.attribute(key)?)
}

fn shortened(message: Text<'_>) -> Text<'_> {
    if message.len() <= LONGEST_MESSAGE {
        return message;
    }
    let end = message.floor_char_boundary(LONGEST_MESSAGE);
    match message {
        Text::Borrowed(text) => Text::Borrowed(text.get(..end).unwrap_or_default()),
        Text::Owned(mut text) => {
            text.truncate(end);
            Text::Owned(text)
        }
    }
}

/// The HTTP error status that a message names.
fn code_in(message: &str) -> Option<u16> {
    let searched = message.get(..message.floor_char_boundary(SEARCHED)).unwrap_or_default();
    leading_code(searched).or_else(|| announced_code(&searched.to_ascii_lowercase()))
}

/// `429 Rate limit reached`, as the JavaScript clients put it.
fn leading_code(message: &str) -> Option<u16> {
    let (first, _) = message.split_once(' ')?;
    bare_code(first)
}

/// `Error code: 429`, `status_code=429`, `Client error '429 Too Many Requests'`.
fn announced_code(message: &str) -> Option<u16> {
    BEFORE_A_CODE.iter().find_map(|words| {
        message.match_indices(words).find_map(|(at, words)| {
            let after = message.get(at + words.len()..)?;
            let code = after.trim_start_matches([' ', ':', '=', '\'', '"', '(']);
            let digits = code.find(|next: char| !next.is_ascii_digit()).unwrap_or(code.len());
            bare_code(code.get(..digits)?)
        })
    })
}

/// Three digits that are an HTTP error status.
fn bare_code(word: &str) -> Option<u16> {
    let digits = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|code| digits && (400..600).contains(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_inside_messages() {
        let cases = [
            ("Error code: 429 - Rate limit reached for requests per minute.", Some(429)),
            ("AuthenticationError: Error code: 401 - Incorrect API key", Some(401)),
            ("status_code: 529, model_name: claude, body: {}", Some(529)),
            ("status_code=503", Some(503)),
            (r#"{"statusCode": 400, "x": 1}"#, Some(400)),
            ("429 Rate limit reached", Some(429)),
            ("Client error '429 Too Many Requests' for url", Some(429)),
            ("error code: none; status code 500", Some(500)),
            ("Connection error.", None),
            ("Error code: 42901", None),
            ("Error code: 42", None),
            ("Error code: 200", None),
            ("429", None),
            ("room 404 is closed", None),
            ("4290 tokens", None),
            ("", None),
            ("Error code: ", None),
            ("Error code: ４２９", None),
        ];
        for (message, expected) in cases {
            assert_eq!(code_in(message), expected, "{message}");
        }
    }

    #[test]
    fn a_huge_message_is_searched_and_kept_in_part() {
        let message = format!("{}Error code: 429", "ä".repeat(SEARCHED));
        assert_eq!(code_in(&message), None);
        let kept = shortened(Text::Owned(message.clone()));
        assert_eq!(kept.len(), LONGEST_MESSAGE);
        assert_eq!(shortened(Text::Borrowed(&message)), kept);
    }
}

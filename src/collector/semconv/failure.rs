//! HTTP status, error class and error message of a failed call: attributes first, then the text of the status message
//! or of the recorded exception (`Error code: 429`, `status_code: 429`).

use super::keys::Key;
use super::scalar;
use super::span_view::SpanView;
use crate::call::{CallFacts, RequestId, Text};
use crate::collector::wire::Event;

/// Attributes that may hold an HTTP status. Error codes may also be names, which are ignored here.
const STATUS: [Key; 4] = [Key::HttpResponseStatusCode, Key::HttpStatusCode, Key::ErrorCode, Key::LiteLlmErrorCode];

/// Phrases that precede a status code in a message, lower case.
const CODE_PREFIXES: [&str; 11] = [
    "status",
    "http",
    "error",
    "error code",
    "status_code",
    "statuscode",
    "status code",
    "http status",
    "http error",
    "client error",
    "server error",
];

/// Error classes that stand for one status, without the path before them.
const CLASSES: [(&str, u16); 8] = [
    ("RateLimitError", 429),
    ("ResourceExhaustedError", 429),
    ("_ResourceExhaustedError", 429),
    ("ResourceExhausted", 429),
    ("ThrottlingException", 429),
    ("TooManyRequests", 429),
    ("Overloaded", 529),
    ("OverloadedError", 529),
];

/// Attributes that hold an answer beside those of [`CallFacts`].
const ANSWERS: [Key; 8] = [
    Key::OutputValue,
    Key::GenAiCompletion,
    Key::AdkLlmResponse,
    Key::TrpcLlmResponse,
    Key::GenkitOutput,
    Key::MlflowOutputs,
    Key::BraintrustMetrics,
    Key::LangWatchMetrics,
];

/// How much of a message is searched for a status code, bytes.
const SEARCH_LIMIT: usize = 4096;

/// Longest error message stored with a call, bytes. The span keeps all of it.
const MAX_MESSAGE: usize = 1024;

/// Fills in status, error class and error message.
pub(super) fn fill<'a>(view: &SpanView<'a, '_>, facts: &mut CallFacts<'a>) {
    facts.error_type = view.text(&[Key::ErrorType]);
    facts.span_error |= view.failed()
        || facts.error_type.is_some()
        || facts.finish_reasons.as_deref().is_some_and(|reason| reason.eq_ignore_ascii_case("error"))
        || !has_answer(view, facts) && view.span.event("exception").is_some();
    facts.status_code = STATUS.iter().find_map(|&key| view.value(key).and_then(status_code));
    if !facts.span_error {
        return;
    }
    let exception = view.exception();
    let messages = [
        text_of(view.span.status_message),
        exception.as_ref().and_then(|event| attribute(event, "exception.message")),
        view.text(&[Key::ErrorMessage, Key::LangfuseStatusMessage]),
    ];
    facts.status_code = facts
        .status_code
        .or_else(|| facts.error_type.as_deref().and_then(bare_code))
        .or_else(|| messages.iter().flatten().find_map(|message| code_in(message)));
    let class = exception.as_ref().and_then(|event| attribute(event, "exception.type"));
    facts.status_code = facts
        .status_code
        .or_else(|| class.as_deref().and_then(bare_code))
        .or_else(|| [&facts.error_type, &class].into_iter().find_map(|class| class_code(class.as_deref()?)));
    facts.error_type = facts.error_type.take().or(class);
    facts.error_message = messages.into_iter().flatten().next().map(truncated);
}

/// Whether the model answered. An exception that the call survived is recorded, too.
fn has_answer(view: &SpanView<'_, '_>, facts: &CallFacts<'_>) -> bool {
    facts.usage.output.is_some()
        || facts.finish_reasons.is_some()
        || facts.model.is_some()
        || facts.request_id != RequestId::SpanId
        || ANSWERS.iter().any(|&key| view.has(key))
}

/// The status that a class of errors stands for.
fn class_code(class: &str) -> Option<u16> {
    let name = class.rsplit(['.', ':', '$']).next().unwrap_or(class);
    CLASSES.iter().find(|(known, _)| name == *known).map(|&(_, code)| code)
}

/// The value as an HTTP status, 1 to 999.
pub(super) fn status_code(value: &crate::collector::wire::Value<'_>) -> Option<u16> {
    scalar::count(value).and_then(|code| u16::try_from(code).ok()).filter(|code| (1..1000).contains(code))
}

fn text_of(message: &str) -> Option<Text<'_>> {
    (!scalar::is_blank(message)).then_some(Text::Borrowed(message))
}

fn attribute<'a>(event: &Event<'a>, key: &str) -> Option<Text<'a>> {
    scalar::text(&event.attribute(key)?)
}

fn truncated(message: Text<'_>) -> Text<'_> {
    if message.len() <= MAX_MESSAGE {
        return message;
    }
    let end = message.floor_char_boundary(MAX_MESSAGE);
    match message {
        Text::Borrowed(text) => Text::Borrowed(text.get(..end).unwrap_or_default()),
        Text::Owned(mut text) => {
            text.truncate(end);
            Text::Owned(text)
        }
    }
}

/// The HTTP error status in a message.
fn code_in(message: &str) -> Option<u16> {
    let start = message.get(..message.floor_char_boundary(SEARCH_LIMIT)).unwrap_or_default();
    leading_code(start).or_else(|| prefixed_code(&start.to_ascii_lowercase())).or_else(|| phrased_code(start))
}

/// A code that opens a phrase behind a colon or a parenthesis: `POST "URL": 429 Too Many Requests`,
/// `ClientError: 429 RESOURCE_EXHAUSTED`, `RateLimitError: 429: Rate limit`, `(429 POST URL)`.
fn phrased_code(message: &str) -> Option<u16> {
    let starts = memchr::memmem::find_iter(message.as_bytes(), ": ").map(|at| at + 2);
    let parentheses = memchr::memchr_iter(b'(', message.as_bytes()).map(|at| at + 1);
    starts.chain(parentheses).find_map(|at| {
        let rest = message.get(at..)?;
        let (code, phrase) = rest.split_at_checked(3)?;
        let opens = match phrase.as_bytes() {
            [b' ', next, ..] => next.is_ascii_uppercase() || *next == b'{',
            [b':', b' ', ..] => true,
            _ => false,
        };
        bare_code(code).filter(|_| opens)
    })
}

/// `429 Rate limit reached`, as the JavaScript clients write it, and `429: Rate limit reached`.
fn leading_code(message: &str) -> Option<u16> {
    let (first, _) = message.split_once(' ')?;
    bare_code(first.strip_suffix(':').unwrap_or(first))
}

/// `Error code: 429`, `status_code=429`, `Client error '429 Too Many Requests'`.
fn prefixed_code(message: &str) -> Option<u16> {
    CODE_PREFIXES.iter().find_map(|prefix| {
        message.match_indices(prefix).find_map(|(at, prefix)| {
            let after = message.get(at + prefix.len()..)?;
            let code = after.trim_start_matches([' ', ':', '=', '\'', '"', '(']);
            // A separator must stand before the code, and no word may go on behind it.
            let separated = code.len() < after.len();
            let digits = code.find(|next: char| !next.is_ascii_alphanumeric()).unwrap_or(code.len());
            bare_code(code.get(..digits)?).filter(|_| separated)
        })
    })
}

/// Three digits, 400 to 599.
fn bare_code(text: &str) -> Option<u16> {
    let digits = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|code| digits && (400..600).contains(code))
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
            ("API error occurred: Status 429 Content-Type \"application/json\"", Some(429)),
            ("HTTP 400 - Bad Request", Some(400)),
            ("Error: 429 rate limited", Some(429)),
            ("Error 429, Message: Rate limit, Status: RESOURCE_EXHAUSTED", Some(429)),
            (r#"failed: POST "http://host/v1/chat/completions": 429 Too Many Requests {"message": "x"}"#, Some(429)),
            ("openai.RateLimitError: 429: Rate limit reached", Some(429)),
            ("ClientError: 429 RESOURCE_EXHAUSTED. {'error': {}}", Some(429)),
            ("the upstream refused (429 POST http://host/v1/messages)", Some(429)),
            ("(512 tokens)", None),
            ("used: 500 of 4096 tokens", None),
            ("error429", None),
            ("HTTP/1.1 proxy", None),
            ("status: 429th try", None),
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
        let message = format!("{}Error code: 429", "ä".repeat(SEARCH_LIMIT));
        assert_eq!(code_in(&message), None);
        let kept = truncated(Text::Owned(message.clone()));
        assert_eq!(kept.len(), MAX_MESSAGE);
        assert_eq!(truncated(Text::Borrowed(&message)), kept);
    }
}

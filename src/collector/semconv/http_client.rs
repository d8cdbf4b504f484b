//! HTTP client spans of a request to a model's API: the status of the call above them, where that has none.

use super::keys::Key;
use super::span_view::SpanView;
use super::{Classification, SpanRole, failure};
use crate::call::{CallFacts, Convention};

/// `SpanKind` of the client side.
const CLIENT: i32 = 3;

/// Ends of the paths of model APIs.
const ROUTES: [&str; 7] =
    ["/chat/completions", "/messages", "/responses", "/embeddings", "/completions", "/converse", "/converse-stream"];

/// Ends of the paths of Google's API, behind the model's name.
const METHODS: [&str; 4] = [":generateContent", ":streamGenerateContent", ":embedContent", ":batchEmbedContents"];

/// Where a request went, most trusted first.
const ADDRESSES: [Key; 5] = [Key::UrlFull, Key::HttpUrl, Key::UrlPath, Key::HttpTarget, Key::HttpRoute];

/// Reads the HTTP client span of a request to a model's API.
pub(super) fn read<'a>(view: &SpanView<'a, '_>) -> Option<Classification<'a>> {
    (view.span.kind == CLIENT && addresses_model(view)).then_some(())?;
    let status = view.value(Key::HttpResponseStatusCode).or_else(|| view.value(Key::HttpStatusCode));
    // Micrometer writes `status` as text.
    let micrometer = || view.span.attribute("status").and_then(|value| failure::status_code(&value));
    let status_code = status.and_then(failure::status_code).or_else(micrometer)?;
    let facts = CallFacts {
        status_code: Some(status_code),
        convention: Convention::GenAi,
        trace_id: view.span.trace_id,
        span_id: view.span.span_id,
        ..CallFacts::default()
    };
    let why = "an HTTP request to a model's API: completes the call above it";
    Some(Classification::new(SpanRole::Completes(Box::new(facts)), why))
}

/// Whether the span is of a request to the API of a model.
pub(super) fn addresses_model(view: &SpanView<'_, '_>) -> bool {
    ADDRESSES.iter().filter_map(|&key| view.str(key)).any(is_model_route)
}

fn is_model_route(address: &str) -> bool {
    let end = memchr::memchr2(b'?', b'#', address.as_bytes()).unwrap_or(address.len());
    let path = address.get(..end).unwrap_or_default().trim_end_matches('/');
    ROUTES.iter().any(|route| path.ends_with(route)) || METHODS.iter().any(|method| path.ends_with(method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_model_apis() {
        for (address, expected) in [
            ("https://api.openai.com/v1/chat/completions", true),
            ("http://127.0.0.1:8970/v1/messages?beta=true", true),
            ("/openai/deployments/x/chat/completions?api-version=1", true),
            ("/v1/embeddings/", true),
            ("https://host/v1beta/models/gemini-2.5-flash:generateContent", true),
            ("https://api.openai.com/v1/models", false),
            ("https://example.com/v1/messages/42", false),
            ("/toolstream", false),
            ("", false),
        ] {
            assert_eq!(is_model_route(address), expected, "{address}");
        }
    }
}

//! Cross-origin requests: allowed from pages of this machine only.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri, header},
};

/// How long a browser may cache a preflight response, in seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The request's origin, if it is a page of this machine.
pub(super) fn local_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    headers.get(header::ORIGIN).filter(|origin| origin.to_str().is_ok_and(is_local))
}

fn is_local(origin: &str) -> bool {
    let Ok(uri) = origin.parse::<Uri>() else { return false };
    let is_bare = uri.path_and_query().is_none_or(|path| path == "/") && !origin.ends_with('/');
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let host = uri.host().unwrap_or_default();
    let is_here = host.eq_ignore_ascii_case("localhost") || host == "127.0.0.1" || host == "[::1]";
    let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    is_bare && is_web && is_here && !has_user
}

/// Lets the page at `origin` read the response.
pub(super) fn allow(origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    // Even if no origin is allowed, so that no cache serves one page the response to another.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
}

/// The response to `OPTIONS`; it allows the request if it is from a page of this machine.
pub(super) fn preflight(request: &HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
    if local_origin(request).is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST, OPTIONS"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        copy(request, &header::ACCESS_CONTROL_REQUEST_HEADERS, headers, header::ACCESS_CONTROL_ALLOW_HEADERS);
    }
    response
}

fn copy(from: &HeaderMap, asked: &HeaderName, to: &mut HeaderMap, granted: HeaderName) {
    if let Some(value) = from.get(asked) {
        to.insert(granted, value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_local() {
        let cases = [
            ("http://localhost", true),
            ("http://localhost:3000", true),
            ("https://LOCALHOST:3000", true),
            ("http://127.0.0.1:8080", true),
            ("https://[::1]:8080", true),
            ("http://[::1]", true),
            ("http://localhost.evil.example", false),
            ("http://evil.example", false),
            ("http://localhost@evil.example", false),
            ("http://evil.example@localhost", false),
            ("http://127.0.0.1.evil.example", false),
            ("http://127.0.0.2", false),
            ("ftp://localhost", false),
            ("http://localhost/path", false),
            ("http://localhost:3000/", false),
            ("localhost:3000", false),
            ("null", false),
            ("", false),
        ];
        for (origin, expected) in cases {
            assert_eq!(is_local(origin), expected, "{origin}");
        }
    }
}

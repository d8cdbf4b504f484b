//! Responses as the OTLP specification requires: success and `google.rpc.Status` bodies in the request's encoding.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Response, StatusCode, header},
};
use prost::Message;

use crate::collector::sink::Refusal;

/// The two encodings of OTLP/HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

impl Encoding {
    /// The encoding that a `content-type` names, parameters aside and in any case.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/x-protobuf") || is("application/protobuf") {
            Some(Self::Protobuf)
        } else if is("application/json") {
            Some(Self::Json)
        } else {
            None
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        }
    }
}

/// `google.rpc.Status`, without the details that OTLP leaves unused.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Status {
    /// A `google.rpc.Code`.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// For the developer who reads the client's log.
    #[prost(string, tag = "2")]
    pub message: String,
}

/// The compressions of a body that are read.
const ACCEPTED_ENCODINGS: &str = "gzip, zstd, deflate, snappy, lz4";

/// Why the response is not a 200.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rejection {
    /// No such path: 404.
    NotFound,
    /// The path exists, the method does not: 405.
    MethodNotAllowed,
    /// Neither protobuf nor JSON: 415.
    ContentType,
    /// Compressed otherwise than `ACCEPTED_ENCODINGS`: 415.
    ContentEncoding,
    /// The body stopped arriving: 408.
    Stalled,
    /// The body broke off, or is not what its headers say: 400.
    Broken(String),
    /// Refused by the sink, or for lack of authentication.
    Refused(Refusal),
}

impl Rejection {
    /// What to count it as.
    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::Refused(refusal) => refusal.clone(),
            Self::Broken(why) => Refusal::Malformed(why.clone()),
            other => Refusal::Protocol(other.message()),
        }
    }

    /// HTTP status and `google.rpc.Code`.
    const fn codes(&self) -> (StatusCode, i32) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, 5),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, 12),
            Self::ContentType | Self::ContentEncoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, 3),
            Self::Stalled => (StatusCode::REQUEST_TIMEOUT, 4),
            Self::Broken(_) | Self::Refused(Refusal::Malformed(_) | Refusal::Protocol(_)) => {
                (StatusCode::BAD_REQUEST, 3)
            }
            Self::Refused(Refusal::TooLarge { .. } | Refusal::TooManySpans { .. }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, 8)
            }
            Self::Refused(Refusal::Unavailable) => (StatusCode::SERVICE_UNAVAILABLE, 14),
            Self::Refused(Refusal::Unauthorised) => (StatusCode::UNAUTHORIZED, 16),
            Self::Refused(Refusal::Internal) => (StatusCode::INTERNAL_SERVER_ERROR, 13),
        }
    }

    fn message(&self) -> String {
        match self {
            Self::NotFound => "not found: post traces to /v1/traces".to_owned(),
            Self::MethodNotAllowed => "method not allowed: use POST".to_owned(),
            Self::ContentType => "content-type must be application/x-protobuf or application/json".to_owned(),
            Self::ContentEncoding => format!("content-encoding must be one of {ACCEPTED_ENCODINGS}, or absent"),
            Self::Stalled => "the body stopped arriving".to_owned(),
            Self::Broken(why) => format!("malformed request: {why}"),
            Self::Refused(refusal) => refusal.to_string(),
        }
    }

    /// A header that goes with the status.
    const fn header(&self) -> Option<(header::HeaderName, HeaderValue)> {
        match self {
            Self::MethodNotAllowed => Some((header::ALLOW, HeaderValue::from_static("POST, OPTIONS"))),
            Self::ContentEncoding => Some((header::ACCEPT_ENCODING, HeaderValue::from_static(ACCEPTED_ENCODINGS))),
            Self::Refused(Refusal::Unavailable) => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::Refused(Refusal::Unauthorised) => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")))
            }
            _ => None,
        }
    }
}

/// The empty export response of any signal.
pub(super) fn success(encoding: Encoding) -> Response<Body> {
    let body = match encoding {
        Encoding::Protobuf => Body::empty(),
        Encoding::Json => Body::from("{}"),
    };
    response(StatusCode::OK, encoding, body)
}

/// The response to a request that was not accepted.
pub(super) fn rejection(rejection: &Rejection, encoding: Encoding) -> Response<Body> {
    let (status, code) = rejection.codes();
    let message = rejection.message();
    let body = match encoding {
        Encoding::Protobuf => Status { code, message }.encode_to_vec(),
        Encoding::Json => serde_json::json!({ "code": code, "message": message }).to_string().into_bytes(),
    };
    let mut response = response(status, encoding, Body::from(body));
    if let Some((name, value)) = rejection.header() {
        response.headers_mut().insert(name, value);
    }
    response
}

fn response(status: StatusCode, encoding: Encoding, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(encoding.content_type()));
    response
}

//! What a target answered, in the terms of OTLP: taken, to be tried again, or refused for good.

use std::time::Duration;

use http::StatusCode;
use prost::Message;
use tonic::{Code, Status};

/// The most characters of an answer that are kept to be shown.
const SHOWN: usize = 200;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Taken, but for so many spans that the target rejected.
    Taken {
        /// Rejected spans, as reported by the target.
        rejected_spans: u64,
    },
    Retry {
        /// The least delay before a retry, if the target gives one.
        after: Option<Duration>,
        why: String,
    },
    Refused {
        why: String,
    },
}

/// `ExportTraceServiceResponse`, as far as it is looked at.
#[derive(Clone, PartialEq, Message)]
struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected_spans: i64,
}

/// `google.rpc.Status` with its details.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<Delay>,
}

/// `google.protobuf.Duration`
#[derive(Clone, PartialEq, Message)]
struct Delay {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

impl Answer {
    /// A success, whose body is an `ExportTraceServiceResponse`. An unreadable body is a success all the same.
    pub(super) fn taken(body: &[u8]) -> Self {
        let partial = ExportResponse::decode(body).ok().and_then(|response| response.partial_success);
        let rejected = partial.map_or(0, |partial| partial.rejected_spans);
        Self::Taken { rejected_spans: u64::try_from(rejected).unwrap_or(0) }
    }

    /// A gRPC status other than OK (OTLP specification, "OTLP/gRPC response").
    pub(super) fn from_grpc(status: &Status) -> Self {
        let why = shown(&format!("{:?}: {}", status.code(), status.message()));
        let after = retry_delay(status.details());
        match status.code() {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Self::Retry { after, why },
            // Retryable only if the server gives a delay.
            Code::ResourceExhausted if after.is_some() => Self::Retry { after, why },
            _ => Self::Refused { why },
        }
    }

    /// An HTTP status other than 2xx (OTLP specification, "OTLP/HTTP response").
    pub(super) fn from_http(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let why = shown(&status.to_string());
        match status.as_u16() {
            429 | 502 | 503 | 504 => Self::Retry { after: retry_after, why },
            _ => Self::Refused { why },
        }
    }

    /// The target could not be reached, or broke off.
    pub(super) fn unreachable(why: &dyn std::error::Error) -> Self {
        // The innermost reason is the one that helps: `connection refused` rather than `transport error`.
        let mut innermost = why;
        while let Some(source) = innermost.source() {
            innermost = source;
        }
        Self::Retry { after: None, why: shown(&innermost.to_string()) }
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

fn retry_delay(details: &[u8]) -> Option<Duration> {
    let details = RpcStatus::decode(details).ok()?.details;
    let info = details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&info.value[..]).ok()?.retry_delay.unwrap_or_default();
    Some(Duration::new(
        u64::try_from(delay.seconds).unwrap_or(0),
        u32::try_from(delay.nanos).unwrap_or(0).min(999_999_999),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_statuses() {
        let info = RetryInfo { retry_delay: Some(Delay { seconds: 2, nanos: 500_000_000 }) };
        let detail =
            Detail { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() };
        let details = RpcStatus { details: vec![detail] }.encode_to_vec();
        let soon = Some(Duration::from_millis(2500));
        for code in [Code::Unavailable, Code::Aborted, Code::Cancelled, Code::DeadlineExceeded, Code::DataLoss] {
            let answer = Answer::from_grpc(&Status::new(code, "later"));
            assert!(matches!(answer, Answer::Retry { after: None, .. }), "{code:?}");
        }
        let with_delay = Status::with_details(Code::Unavailable, "later", details.clone().into());
        assert!(matches!(Answer::from_grpc(&with_delay), Answer::Retry { after, .. } if after == soon));
        let exhausted = Status::with_details(Code::ResourceExhausted, "later", details.into());
        assert!(matches!(Answer::from_grpc(&exhausted), Answer::Retry { after, .. } if after == soon));
        for code in [Code::ResourceExhausted, Code::InvalidArgument, Code::Unauthenticated, Code::Unimplemented] {
            let answer = Answer::from_grpc(&Status::with_details(code, "no", b"\xff".as_slice().into()));
            assert!(matches!(answer, Answer::Refused { .. }), "{code:?}");
        }
    }

    #[test]
    fn http_statuses() {
        let soon = Some(Duration::from_secs(3));
        for status in [429, 502, 503, 504] {
            let answer = Answer::from_http(StatusCode::from_u16(status).unwrap(), soon);
            assert!(matches!(answer, Answer::Retry { after, .. } if after == soon), "{status}");
        }
        for status in [301, 400, 401, 404, 413, 500, 501] {
            let answer = Answer::from_http(StatusCode::from_u16(status).unwrap(), soon);
            assert!(matches!(answer, Answer::Refused { .. }), "{status}");
        }
    }

    #[test]
    fn partial_success_is_counted() {
        let partial = ExportResponse { partial_success: Some(PartialSuccess { rejected_spans: 7 }) };
        assert_eq!(Answer::taken(&partial.encode_to_vec()), Answer::Taken { rejected_spans: 7 });
        assert_eq!(Answer::taken(b""), Answer::Taken { rejected_spans: 0 });
        assert_eq!(Answer::taken(b"<html>"), Answer::Taken { rejected_spans: 0 });
    }
}

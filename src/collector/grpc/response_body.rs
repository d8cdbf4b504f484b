//! The response to an accepted export: an empty message, and trailers with status OK.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};
use tonic::Status;

use super::message::PREFIX;

/// An empty message behind its prefix: `Export…ServiceResponse` without a partial success.
const EMPTY_MESSAGE: &[u8] = &[0; PREFIX];

/// What is left to send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ResponseBody {
    /// The message, then the trailers.
    Message,
    Trailers,
    /// Nothing: the status of a refused request is in the headers.
    #[default]
    Nothing,
}

impl ResponseBody {
    /// For an accepted export of any signal.
    pub(super) fn accepted() -> Response<Self> {
        let mut response = Response::new(Self::Message);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        response
    }

    /// For what is no request of gRPC.
    pub(super) fn not_grpc(status: StatusCode) -> Response<Self> {
        let mut response = Response::new(Self::Nothing);
        *response.status_mut() = status;
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
        }
        response
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (frame, rest) = match *self {
            Self::Message => (Frame::data(Bytes::from_static(EMPTY_MESSAGE)), Self::Trailers),
            Self::Trailers => {
                let ok = (Status::GRPC_STATUS, HeaderValue::from_static("0"));
                (Frame::trailers(HeaderMap::from_iter([ok])), Self::Nothing)
            }
            Self::Nothing => return Poll::Ready(None),
        };
        *self = rest;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        *self == Self::Nothing
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if *self == Self::Message { EMPTY_MESSAGE.len() as u64 } else { 0 })
    }
}

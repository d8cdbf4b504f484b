//! Reading a request's body: chunk by chunk, unpacked as it arrives, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::reply::Rejection;
use crate::collector::byte_budget::ByteBudget;
use crate::collector::sink::Refusal;
use crate::collector::unpack::{Packing, UnpackError, Unpacker};

/// Limits of request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes of one body, unpacked.
    pub body: usize,
    /// The most bytes of all bodies being read at once; beyond it clients are told to retry.
    pub all_bodies: usize,
    /// The longest pause within a body.
    pub pause: Duration,
    /// The longest time for a whole body.
    pub whole: Duration,
}

/// Reads bodies within their limits.
#[derive(Clone, Debug)]
pub(super) struct BodyReader {
    limits: BodyLimits,
    budget: ByteBudget,
}

impl BodyReader {
    pub(super) fn new(limits: BodyLimits) -> Self {
        Self { limits, budget: ByteBudget::new(limits.all_bodies) }
    }

    /// Reads and unpacks a whole body.
    ///
    /// # Errors
    /// The [`Rejection`] to answer with.
    pub(super) async fn read(&self, body: Body, headers: &HeaderMap, packing: Packing) -> Result<Bytes, Rejection> {
        if content_length(headers).is_some_and(|length| length > self.limits.body as u64) {
            return Err(self.too_large());
        }
        timeout(self.limits.whole, self.collect(body, packing)).await.unwrap_or(Err(Rejection::Stalled))
    }

    async fn collect(&self, mut body: Body, packing: Packing) -> Result<Bytes, Rejection> {
        let mut unpacker = Unpacker::new(packing, self.limits.body, &self.budget);
        let mut arrived = 0_usize;
        while let Some(frame) = timeout(self.limits.pause, body.frame()).await.map_err(|_| Rejection::Stalled)? {
            let frame = frame.map_err(|error| Rejection::Broken(error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            arrived = arrived.saturating_add(data.len());
            if arrived > self.limits.body {
                return Err(self.too_large());
            }
            unpacker.take(&data).await.map_err(|error| self.rejection(&error))?;
        }
        unpacker.finish().map_err(|error| self.rejection(&error))
    }

    const fn too_large(&self) -> Rejection {
        Rejection::Refused(Refusal::TooLarge { limit: self.limits.body })
    }

    fn rejection(&self, error: &UnpackError) -> Rejection {
        match error {
            UnpackError::TooLarge => self.too_large(),
            UnpackError::NoMemory => Rejection::Refused(Refusal::Unavailable),
            UnpackError::Broken(_) => Rejection::Broken(error.to_string()),
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

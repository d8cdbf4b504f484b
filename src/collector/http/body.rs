//! Reads and decompresses a request's body as it arrives, within limits of size and time.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::time::timeout;

use super::reply::Rejection;
use crate::collector::byte_budget::ByteBudget;
use crate::collector::decompress::{Compression, DecompressError, Decompressor};
use crate::collector::sink::Refusal;

/// Limits of request bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The most bytes of one body, decompressed.
    pub body: usize,
    /// The most bytes of all bodies being read at once; one more is refused as retryable.
    pub all_bodies: usize,
    /// The longest wait for the next part of a body.
    pub read_timeout: Duration,
    /// The longest time for a whole body.
    pub body_timeout: Duration,
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

    /// Reads and decompresses a whole body.
    ///
    /// # Errors
    /// The [`Rejection`] to answer with.
    pub(super) async fn read(
        &self,
        body: Body,
        headers: &HeaderMap,
        compression: Compression,
    ) -> Result<Bytes, Rejection> {
        if content_length(headers).is_some_and(|length| length > self.limits.body as u64) {
            return Err(self.too_large());
        }
        timeout(self.limits.body_timeout, self.collect(body, compression)).await.unwrap_or(Err(Rejection::Stalled))
    }

    async fn collect(&self, mut body: Body, compression: Compression) -> Result<Bytes, Rejection> {
        let mut decompressor = Decompressor::new(compression, self.limits.body, &self.budget);
        let mut arrived = 0_usize;
        while let Some(frame) = timeout(self.limits.read_timeout, body.frame()).await.map_err(|_| Rejection::Stalled)? {
            let frame = frame.map_err(|error| Rejection::Broken(error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            arrived = arrived.saturating_add(data.len());
            if arrived > self.limits.body {
                return Err(self.too_large());
            }
            decompressor.push(&data).await.map_err(|error| self.rejection(&error))?;
        }
        decompressor.finish().await.map_err(|error| self.rejection(&error))
    }

    const fn too_large(&self) -> Rejection {
        Rejection::Refused(Refusal::TooLarge { limit: self.limits.body })
    }

    fn rejection(&self, error: &DecompressError) -> Rejection {
        match error {
            DecompressError::TooLarge => self.too_large(),
            DecompressError::OverBudget => Rejection::Refused(Refusal::Unavailable),
            DecompressError::Broken(..) => Rejection::Broken(error.to_string()),
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

//! Reading a request's body: chunk by chunk, unpacked as it arrives, within limits that no client can talk us out of.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http_body_util::BodyExt;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::reply::Rejection;
use crate::collector::sink::Refusal;

/// Compressed bytes that are unpacked without a pause: other connections go on even while a bomb goes off.
const STEP: usize = 4 * 1024;
/// The unit in which the budget is kept.
const PAGE: usize = 16 * 1024;

/// What bodies may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of one body, unpacked.
    pub body: usize,
    /// The most bytes of all bodies being read at once; beyond it clients are told to retry.
    pub all_bodies: usize,
    /// The longest pause within a body.
    pub pause: Duration,
    /// The longest time for a whole body.
    pub whole: Duration,
}

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Identity,
    /// `gzip`
    Gzip,
}

impl Packing {
    /// The packing that `content-encoding` names; `None` for one that is not understood.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(encoding) = encodings.next() else { return Some(Self::Identity) };
        if encodings.next().is_some() {
            return None;
        }
        let name = encoding.to_str().ok()?.trim();
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            Some(Self::Identity)
        } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Some(Self::Gzip)
        } else {
            None
        }
    }
}

/// The memory that bodies being read share.
#[derive(Clone, Debug)]
pub struct Budget {
    limits: Limits,
    pages: Arc<Semaphore>,
}

impl Budget {
    /// Nothing spent yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, pages: Arc::new(Semaphore::new(limits.all_bodies.div_ceil(PAGE))) }
    }

    /// Reads and unpacks a whole body.
    ///
    /// # Errors
    /// The [`Rejection`] to answer with.
    pub async fn read(&self, body: Body, headers: &HeaderMap, packing: Packing) -> Result<Bytes, Rejection> {
        if content_length(headers).is_some_and(|length| length > self.limits.body as u64) {
            return Err(self.too_large());
        }
        timeout(self.limits.whole, self.collect(body, packing)).await.unwrap_or(Err(Rejection::Stalled))
    }

    async fn collect(&self, mut body: Body, packing: Packing) -> Result<Bytes, Rejection> {
        let mut unpacker = Unpacker::new(self, packing);
        let mut arrived = 0_usize;
        while let Some(frame) = timeout(self.limits.pause, body.frame()).await.map_err(|_| Rejection::Stalled)? {
            let frame = frame.map_err(|error| Rejection::Broken(error.to_string()))?;
            let Ok(data) = frame.into_data() else { continue };
            arrived = arrived.saturating_add(data.len());
            if arrived > self.limits.body {
                return Err(self.too_large());
            }
            for step in data.chunks(STEP) {
                unpacker.write(step).map_err(|error| self.rejection(&error))?;
                tokio::task::consume_budget().await;
            }
        }
        unpacker.finish().map_err(|error| self.rejection(&error))
    }

    const fn too_large(&self) -> Rejection {
        Rejection::Refused(Refusal::TooLarge { limit: self.limits.body })
    }

    fn rejection(&self, error: &io::Error) -> Rejection {
        match error.kind() {
            io::ErrorKind::FileTooLarge => self.too_large(),
            io::ErrorKind::OutOfMemory => Rejection::Refused(Refusal::Unavailable),
            _ => Rejection::Broken(format!("gzip: {error}")),
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

enum Unpacker {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Unpacker {
    fn new(budget: &Budget, packing: Packing) -> Self {
        let bounded = Bounded {
            bytes: BytesMut::new(),
            limit: budget.limits.body,
            pages: Arc::clone(&budget.pages),
            held: Vec::new(),
        };
        match packing {
            Packing::Identity => Self::Identity(bounded),
            Packing::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(bounded))),
        }
    }

    fn write(&mut self, step: &[u8]) -> io::Result<()> {
        match self {
            Self::Identity(bounded) => bounded.write_all(step),
            Self::Gzip(decoder) => decoder.write_all(step),
        }
    }

    fn finish(self) -> io::Result<Bytes> {
        match self {
            Self::Identity(bounded) => Ok(bounded.bytes.freeze()),
            Self::Gzip(decoder) => decoder.finish().map(|bounded| bounded.bytes.freeze()),
        }
    }
}

/// Memory that grows page by page, within a limit of its own and one that it shares.
struct Bounded {
    bytes: BytesMut,
    limit: usize,
    pages: Arc<Semaphore>,
    held: Vec<OwnedSemaphorePermit>,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len().saturating_add(data.len());
        if length > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        while self.held.len() < length.div_ceil(PAGE) {
            let page = Arc::clone(&self.pages).try_acquire_owned().map_err(|_| io::ErrorKind::OutOfMemory)?;
            self.held.push(page);
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

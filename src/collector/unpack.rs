//! Memory for what is being received, and unpacking as it arrives, within limits that no client can talk us out of.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, HeaderName};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Compressed bytes that are unpacked without a pause: other connections go on even while a bomb goes off.
const STEP: usize = 4 * 1024;
/// The unit in which memory is kept.
const PAGE: usize = 1024;

/// How something is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Identity,
    /// `gzip`
    Gzip,
}

impl Packing {
    /// The packing that this header names; `None` for one that is not understood.
    pub(crate) fn of(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut encodings = headers.get_all(name).iter();
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

/// Why something cannot be unpacked.
#[derive(Debug, Error)]
pub(crate) enum UnpackError {
    /// It is larger than its limit.
    #[error("too large")]
    TooLarge,
    /// There is no memory for it now.
    #[error("no memory")]
    NoMemory,
    /// It is not what it should be.
    #[error("gzip: {0}")]
    Broken(io::Error),
}

impl From<io::Error> for UnpackError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            io::ErrorKind::OutOfMemory => Self::NoMemory,
            _ => Self::Broken(error),
        }
    }
}

/// What all that is being received at once may take.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Semaphore>);

impl Memory {
    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.div_ceil(PAGE))))
    }

    /// A share of it, empty for now.
    pub(crate) fn share(&self) -> Share {
        Share { memory: self.clone(), held: None }
    }
}

/// A part of [`Memory`] that grows, and is given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Memory,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Makes it hold so many bytes at least; false where they are not to be had.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> bool {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacking = bytes.div_ceil(PAGE).saturating_sub(held);
        if lacking == 0 {
            return true;
        }
        let Ok(lacking) = u32::try_from(lacking) else { return false };
        let Ok(taken) = Arc::clone(&self.memory.0).try_acquire_many_owned(lacking) else { return false };
        match &mut self.held {
            Some(held) => held.merge(taken),
            None => self.held = Some(taken),
        }
        true
    }
}

/// Collects and unpacks what comes in pieces.
pub(crate) struct Unpacker(Packed);

enum Packed {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Unpacker {
    /// Unpacks at most `limit` bytes, which take from `memory` as they come.
    pub(crate) fn new(packing: Packing, limit: usize, memory: &Memory) -> Self {
        let bounded = Bounded { bytes: BytesMut::new(), limit, share: memory.share() };
        Self(match packing {
            Packing::Identity => Packed::Identity(bounded),
            Packing::Gzip => Packed::Gzip(Box::new(MultiGzDecoder::new(bounded))),
        })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When it is broken or too much.
    pub(crate) async fn take(&mut self, piece: &[u8]) -> Result<(), UnpackError> {
        for step in piece.chunks(STEP) {
            match &mut self.0 {
                Packed::Identity(bounded) => bounded.write_all(step)?,
                Packed::Gzip(decoder) => decoder.write_all(step)?,
            }
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// All of it.
    ///
    /// # Errors
    /// When it ends too early, or is too much in the end.
    pub(crate) fn finish(self) -> Result<Bytes, UnpackError> {
        let bounded = match self.0 {
            Packed::Identity(bounded) => bounded,
            Packed::Gzip(decoder) => decoder.finish()?,
        };
        Ok(fitting(bounded.bytes))
    }
}

/// The bytes in memory that is not much more than they need: they may be kept for long.
fn fitting(bytes: BytesMut) -> Bytes {
    if bytes.capacity() - bytes.len() > bytes.len() / 4 { Bytes::copy_from_slice(&bytes) } else { bytes.freeze() }
}

/// Bytes within a limit of their own and one that is shared.
struct Bounded {
    bytes: BytesMut,
    limit: usize,
    share: Share,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len().saturating_add(data.len());
        if length > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if !self.share.grow_to(length) {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.bytes.extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_takes_not_much_more_than_it_needs() {
        let mut roomy = BytesMut::with_capacity(1000);
        roomy.extend_from_slice(&[7; 100]);
        let place = roomy.as_ptr();
        let kept = fitting(roomy);
        assert_eq!(kept, [7; 100].as_slice());
        assert_ne!(kept.as_ptr(), place, "moved");
        let mut full = BytesMut::with_capacity(100);
        full.extend_from_slice(&[7; 90]);
        let place = full.as_ptr();
        assert_eq!(fitting(full).as_ptr(), place, "not moved");
    }

    #[test]
    fn shares_grow_as_long_as_there_is_memory_and_give_it_back() {
        let memory = Memory::new(3 * 1024);
        let (mut one, mut other) = (memory.share(), memory.share());
        assert!(one.grow_to(2048));
        assert!(!other.grow_to(2048), "not yet filled, but promised");
        assert!(one.grow_to(2048) && one.grow_to(100), "within what it holds");
        assert!(other.grow_to(1) && !one.grow_to(2049), "the last page is taken");
        drop(one);
        assert!(other.grow_to(3 * 1024), "given back");
        assert!(!other.grow_to(usize::MAX));
    }
}

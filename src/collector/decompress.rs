//! Decompresses bodies and messages as they arrive, within a limit for each and a budget for all.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, HeaderName};
use thiserror::Error;

use super::byte_budget::{ByteBudget, Reservation};

/// Compressed bytes between two yields to the runtime, so that a decompression bomb does not hold up other connections.
const STEP: usize = 4 * 1024;

/// The compression of a body or message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compression {
    Identity,
    /// `gzip`
    Gzip,
}

impl Compression {
    /// From the header called `name`, absent meaning none; `None` for an unsupported one.
    pub(crate) fn from_header(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
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

/// Why a body or message cannot be decompressed.
#[derive(Debug, Error)]
pub(crate) enum DecompressError {
    /// Decompressed, it exceeds its own limit.
    #[error("too large")]
    TooLarge,
    /// The budget of all is used up.
    #[error("no memory")]
    OverBudget,
    /// Not valid gzip.
    #[error("gzip: {0}")]
    Broken(io::Error),
}

impl From<io::Error> for DecompressError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            io::ErrorKind::OutOfMemory => Self::OverBudget,
            _ => Self::Broken(error),
        }
    }
}

/// Collects the pieces of a body or message, decompressed.
pub(crate) struct Decompressor(Inner);

enum Inner {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Decompressor {
    /// For at most `limit` decompressed bytes, which it reserves in `budget` as they arrive.
    pub(crate) fn new(compression: Compression, limit: usize, budget: &ByteBudget) -> Self {
        let bounded = Bounded { bytes: BytesMut::new(), limit, reservation: budget.reserve_none() };
        Self(match compression {
            Compression::Identity => Inner::Identity(bounded),
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(bounded))),
        })
    }

    /// Decompresses the next piece.
    pub(crate) async fn push(&mut self, piece: &[u8]) -> Result<(), DecompressError> {
        for step in piece.chunks(STEP) {
            match &mut self.0 {
                Inner::Identity(bounded) => bounded.write_all(step)?,
                Inner::Gzip(decoder) => decoder.write_all(step)?,
            }
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// All decompressed bytes; [`DecompressError::Broken`] if the end is missing.
    pub(crate) fn finish(self) -> Result<Bytes, DecompressError> {
        let bounded = match self.0 {
            Inner::Identity(bounded) => bounded,
            Inner::Gzip(decoder) => decoder.finish()?,
        };
        Ok(shrunk(bounded.bytes))
    }
}

/// Copies bytes whose allocation is much larger than they are: the span log may keep them for long.
fn shrunk(bytes: BytesMut) -> Bytes {
    if bytes.capacity() - bytes.len() > bytes.len() / 4 { Bytes::copy_from_slice(&bytes) } else { bytes.freeze() }
}

/// Fails to write beyond a limit of its own or a shared budget.
struct Bounded {
    bytes: BytesMut,
    limit: usize,
    reservation: Reservation,
}

impl Write for Bounded {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let length = self.bytes.len().saturating_add(data.len());
        if length > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if !self.reservation.try_grow_to(length) {
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
        let kept = shrunk(roomy);
        assert_eq!(kept, [7; 100].as_slice());
        assert_ne!(kept.as_ptr(), place, "moved");
        let mut full = BytesMut::with_capacity(100);
        full.extend_from_slice(&[7; 90]);
        let place = full.as_ptr();
        assert_eq!(shrunk(full).as_ptr(), place, "not moved");
    }
}

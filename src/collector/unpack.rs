//! Decompresses bodies and messages as they arrive, within a limit for each and a budget for all.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use http::{HeaderMap, HeaderName};
use thiserror::Error;

use super::byte_budget::{ByteBudget, Reservation};

/// Compressed bytes that are unpacked without a pause: other connections go on even while a bomb goes off.
const STEP: usize = 4 * 1024;

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

/// Collects and unpacks what comes in pieces.
pub(crate) struct Unpacker(Packed);

enum Packed {
    Identity(Bounded),
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Unpacker {
    /// Unpacks at most `limit` bytes, which it reserves in `budget` as they arrive.
    pub(crate) fn new(packing: Packing, limit: usize, budget: &ByteBudget) -> Self {
        let bounded = Bounded { bytes: BytesMut::new(), limit, reservation: budget.reserve_none() };
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
        let kept = fitting(roomy);
        assert_eq!(kept, [7; 100].as_slice());
        assert_ne!(kept.as_ptr(), place, "moved");
        let mut full = BytesMut::with_capacity(100);
        full.extend_from_slice(&[7; 90]);
        let place = full.as_ptr();
        assert_eq!(fitting(full).as_ptr(), place, "not moved");
    }
}

//! Decompresses bodies and messages within a limit for each and a budget for all.

mod frames;
#[cfg(test)]
mod tests;

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
pub enum Compression {
    /// None.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// RFC 1950, which HTTP calls `deflate`.
    Deflate,
    /// A block, or a stream in its framing format.
    Snappy,
    /// The LZ4 frame format.
    Lz4,
}

/// The names of compressions, the usual one of each first.
const NAMES: [(&str, Compression); 9] = [
    ("identity", Compression::Identity),
    ("gzip", Compression::Gzip),
    ("x-gzip", Compression::Gzip),
    ("zstd", Compression::Zstd),
    ("deflate", Compression::Deflate),
    ("zlib", Compression::Deflate),
    ("snappy", Compression::Snappy),
    ("x-snappy-framed", Compression::Snappy),
    ("lz4", Compression::Lz4),
];

impl Compression {
    /// Its usual name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, compression)| *compression == self).map_or("identity", |(name, _)| name)
    }

    /// The compression of this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let known = NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
        known.map(|(_, compression)| *compression)
    }

    /// From the header called `name`, absent meaning none; `None` for an unsupported one.
    pub(crate) fn from_header(headers: &HeaderMap, name: &HeaderName) -> Option<Self> {
        let mut encodings = headers.get_all(name).iter();
        let Some(encoding) = encodings.next() else { return Some(Self::Identity) };
        if encodings.next().is_some() {
            return None;
        }
        let name = encoding.to_str().ok()?.trim();
        if name.is_empty() { Some(Self::Identity) } else { Self::from_name(name) }
    }

    /// Compresses a whole body, quickly rather than well.
    ///
    /// # Errors
    /// Those of the encoders, which do not fail in memory.
    pub(crate) fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        const ZSTD_LEVEL: i32 = 1;
        let fast = flate2::Compression::fast();
        let out = Vec::with_capacity(bytes.len() / 4);
        match self {
            Self::Identity => Ok(bytes.to_vec()),
            Self::Gzip => written(flate2::write::GzEncoder::new(out, fast), bytes)?.finish(),
            Self::Deflate => written(flate2::write::ZlibEncoder::new(out, fast), bytes)?.finish(),
            Self::Zstd => zstd::encode_all(bytes, ZSTD_LEVEL),
            Self::Snappy => {
                let stream = written(snap::write::FrameEncoder::new(out), bytes)?;
                stream.into_inner().map_err(snap::write::IntoInnerError::into_error)
            }
            Self::Lz4 => written(lz4_flex::frame::FrameEncoder::new(out), bytes)?.finish().map_err(io::Error::other),
        }
    }
}

fn written<W: Write>(mut encoder: W, bytes: &[u8]) -> io::Result<W> {
    encoder.write_all(bytes)?;
    Ok(encoder)
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
    /// Not valid.
    #[error("{name}: {error}", name = .0.name(), error = .1)]
    Broken(Compression, io::Error),
}

impl DecompressError {
    fn of(compression: Compression, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::FileTooLarge => Self::TooLarge,
            io::ErrorKind::OutOfMemory => Self::OverBudget,
            _ => Self::Broken(compression, error),
        }
    }
}

/// Collects the pieces of a body or message, decompressed.
pub(crate) struct Decompressor {
    compression: Compression,
    inner: Inner,
    limit: usize,
    budget: ByteBudget,
}

enum Inner {
    /// Uncompressed, or compressed in a format that is read as a whole once all of it is there.
    Collected(Bounded),
    /// As it arrives.
    Gzip(Box<MultiGzDecoder<Bounded>>),
}

impl Decompressor {
    /// For at most `limit` decompressed bytes, which it reserves in `budget` as they arrive.
    pub(crate) fn new(compression: Compression, limit: usize, budget: &ByteBudget) -> Self {
        let bounded = Bounded::new(limit, budget);
        let inner = match compression {
            Compression::Gzip => Inner::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            _ => Inner::Collected(bounded),
        };
        Self { compression, inner, limit, budget: budget.clone() }
    }

    /// Takes the next piece.
    pub(crate) async fn push(&mut self, piece: &[u8]) -> Result<(), DecompressError> {
        for step in piece.chunks(STEP) {
            let pushed = match &mut self.inner {
                Inner::Collected(bounded) => bounded.write_all(step),
                Inner::Gzip(decoder) => decoder.write_all(step),
            };
            pushed.map_err(|error| DecompressError::of(self.compression, error))?;
            tokio::task::consume_budget().await;
        }
        Ok(())
    }

    /// All decompressed bytes; [`DecompressError::Broken`] if the end is missing.
    pub(crate) async fn finish(self) -> Result<Bytes, DecompressError> {
        let Self { compression, inner, limit, budget } = self;
        let bounded = match (inner, compression) {
            (Inner::Collected(bounded), Compression::Identity) => Ok(bounded),
            (Inner::Collected(compressed), _) => {
                frames::decompress(compression, &compressed.bytes, limit, &budget).await
            }
            (Inner::Gzip(decoder), _) => decoder.finish(),
        };
        bounded.map(|bounded| shrunk(bounded.bytes)).map_err(|error| DecompressError::of(compression, error))
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

impl Bounded {
    fn new(limit: usize, budget: &ByteBudget) -> Self {
        Self { bytes: BytesMut::new(), limit, reservation: budget.reserve_none() }
    }
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

//! Reads whole compressed bodies, in steps. What a frame announces, be it its length or its window, reserves nothing beyond the
//! limits.

use std::io::{self, Cursor, Read, Write as _};

use tokio::sync::Semaphore;

use super::{Bounded, Compression};
use crate::collector::byte_budget::ByteBudget;

/// Decompressed bytes between two yields to the runtime.
const STEP: usize = 64 * 1024;

/// Decoders at work; one more waits. Each takes up to 16 MiB beside what it has decompressed: blocks of LZ4 and their history, or
/// a window.
static DECODERS: Semaphore = Semaphore::const_new(8);

/// The largest window of zstd: 8 MiB, which RFC 8878 asks every decoder to support and the Collector's encoder stays within.
const WINDOW_LOG: u32 = 23;

/// The first chunk of snappy's framing format.
const SNAPPY_STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Decompresses all of `compressed`, which may be several frames.
pub(super) async fn decompress(
    compression: Compression,
    compressed: &[u8],
    limit: usize,
    budget: &ByteBudget,
) -> io::Result<Bounded> {
    let mut out = Bounded::new(limit, budget);
    if compression == Compression::Snappy && !compressed.starts_with(SNAPPY_STREAM) {
        return snappy_block(compressed, out);
    }
    let _turn = DECODERS.acquire().await.map_err(io::Error::other)?;
    let mut frames = Frames::open(compression, compressed)?;
    let mut step = vec![0; STEP];
    loop {
        let length = frames.read(&mut step)?;
        if length == 0 && frames.is_done()? {
            return Ok(out);
        }
        out.write_all(step.get(..length).unwrap_or_default())?;
        tokio::task::consume_budget().await;
    }
}

/// A block announces its length, which is checked before any memory is taken for it.
fn snappy_block(compressed: &[u8], mut out: Bounded) -> io::Result<Bounded> {
    let length = snap::raw::decompress_len(compressed)?;
    if length > out.limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    if !out.reservation.try_grow_to(length) {
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    out.bytes.resize(length, 0);
    let written = snap::raw::Decoder::new().decompress(compressed, &mut out.bytes)?;
    out.bytes.truncate(written);
    Ok(out)
}

/// A reader of each format.
enum Frames<'a> {
    Zstd(Box<zstd::Decoder<'static, Cursor<&'a [u8]>>>),
    Deflate(Box<flate2::bufread::ZlibDecoder<&'a [u8]>>),
    Snappy(Box<snap::read::FrameDecoder<&'a [u8]>>),
    Lz4(Box<lz4_flex::frame::FrameDecoder<Exhaustible<'a>>>),
}

impl<'a> Frames<'a> {
    fn open(compression: Compression, compressed: &'a [u8]) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(Cursor::new(compressed))?;
                decoder.window_log_max(WINDOW_LOG)?;
                Self::Zstd(Box::new(decoder))
            }
            Compression::Deflate => Self::Deflate(Box::new(flate2::bufread::ZlibDecoder::new(compressed))),
            Compression::Snappy => Self::Snappy(Box::new(snap::read::FrameDecoder::new(compressed))),
            Compression::Lz4 => {
                let reader = Exhaustible { rest: compressed, is_exhausted: false };
                Self::Lz4(Box::new(lz4_flex::frame::FrameDecoder::new(reader)))
            }
            // Read as they arrive.
            Compression::Identity | Compression::Gzip => return Err(io::ErrorKind::Unsupported.into()),
        })
    }

    fn read(&mut self, step: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(decoder) => decoder.read(step),
            Self::Deflate(decoder) => decoder.read(step),
            Self::Snappy(decoder) => decoder.read(step),
            Self::Lz4(decoder) => decoder.read(step),
        }
    }

    /// Whether nothing follows after a read of nothing: LZ4's reader stops after each frame.
    fn is_done(&mut self) -> io::Result<bool> {
        match self {
            Self::Zstd(_) | Self::Snappy(_) => Ok(true),
            Self::Deflate(decoder) if decoder.get_ref().is_empty() => Ok(true),
            Self::Deflate(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "more after the end")),
            // It takes the end of the input for that of a frame.
            Self::Lz4(decoder) if decoder.get_ref().is_exhausted => Err(io::ErrorKind::UnexpectedEof.into()),
            Self::Lz4(decoder) => {
                let rest = decoder.get_ref().rest;
                // Each frame has a decoder of its own: one would expect the blocks of the first to be those of all.
                **decoder = lz4_flex::frame::FrameDecoder::new(Exhaustible { rest, is_exhausted: false });
                Ok(rest.is_empty())
            }
        }
    }
}

/// Bytes that remember whether more of them were read than there are.
struct Exhaustible<'a> {
    rest: &'a [u8],
    is_exhausted: bool,
}

impl Read for Exhaustible<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.is_exhausted |= self.rest.is_empty() && !out.is_empty();
        self.rest.read(out)
    }
}

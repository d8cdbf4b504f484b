//! Opens a recording: counts the bytes read, and detects compression by the first bytes.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use flate2::read::MultiGzDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
pub(super) const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The largest window that a zstd file may ask memory for, as a power of two: 128 MiB, zstd's own default.
const ZSTD_WINDOW_LOG: u32 = 27;
const BUFFER: usize = 256 * 1024;

/// A recording to replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, read again for a seek backwards.
    File(PathBuf),
    /// Standard input, read once.
    Stdin,
}

impl Input {
    /// `-` is standard input, anything else a file.
    pub fn from_argument(argument: PathBuf) -> Self {
        if argument.as_os_str() == "-" { Self::Stdin } else { Self::File(argument) }
    }

    /// Its path, or `standard input`.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
        }
    }

    /// Its size in bytes, if it has one.
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::File(path) => std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|file| file.len()),
            Self::Stdin => None,
        }
    }

    /// Whether it can be read from its beginning again. A pipe, also one that has a name, cannot.
    pub fn can_rewind(&self) -> bool {
        self.size().is_some()
    }

    /// Whether it can be opened. A pipe with a name is only looked up: its writer would take the end of an attempt for the
    /// end of the reader.
    ///
    /// # Errors
    /// When it cannot.
    pub fn check(&self) -> io::Result<()> {
        match self {
            Self::File(path) if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Self::File(path) if self.can_rewind() => File::open(path).map(drop),
            Self::File(path) => std::fs::metadata(path).map(drop),
            Self::Stdin => Ok(()),
        }
    }

    /// Opens it. What is read of it, packed, is added to `position`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(&self, position: Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::File(path) => unpacked(Counted { inner: File::open(path)?, position }),
            Self::Stdin => unpacked(Counted { inner: io::stdin(), position }),
        }
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    position: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

/// What is packed with gzip or zstd unpacked, anything else as it is.
///
/// # Errors
/// When its beginning cannot be read.
pub fn unpacked(mut packed: impl Read + Send + 'static) -> io::Result<Box<dyn Read + Send>> {
    let first = up_to(&mut packed, ZSTD.len())?;
    let (is_gzip, is_zstd) = (first.starts_with(&GZIP), first.starts_with(&ZSTD));
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(first).chain(packed));
    if is_gzip {
        Ok(Box::new(MultiGzDecoder::new(whole)))
    } else if is_zstd {
        let mut decoder = zstd::Decoder::with_buffer(whole)?;
        decoder.window_log_max(ZSTD_WINDOW_LOG)?;
        Ok(Box::new(decoder))
    } else {
        Ok(Box::new(whole))
    }
}

/// The first `count` bytes, or all if there are fewer.
pub(super) fn up_to(source: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(count);
    source.take(count as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

//! The file of a recording: whole requests only, rotated by size, compressed according to its name.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

use super::format::{Format, Framing, Packing, rotated};

/// zstd's own default, a good trade of speed for size.
const ZSTD_LEVEL: i32 = 3;

/// When a file is full and what becomes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes on disk after which the next request goes into a new file.
    pub max_bytes: u64,
    /// How many full files are kept beside the current one.
    pub keep: u32,
}

/// The current file of a recording.
pub(super) struct RecordFile {
    path: PathBuf,
    format: Format,
    rotation: Option<Rotation>,
    /// `None` after an error, until the next write begins anew.
    output: Option<Output>,
    /// Bytes on disk that hold whole requests.
    whole: u64,
}

enum Output {
    Plain(File),
    Gzip(GzEncoder<File>),
    Zstd(zstd::Encoder<'static, File>),
}

impl RecordFile {
    /// Opens the file. JSON lines that are there are continued; anything else that is there is rotated away, because a
    /// packed or delimited file that broke off cannot be continued.
    ///
    /// # Errors
    /// When the file cannot be made or written.
    pub(super) fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<Self> {
        let format = Format::of(path);
        let mut file = Self { path: path.to_owned(), format, rotation, output: None, whole: 0 };
        file.begin()?;
        Ok(file)
    }

    /// How requests are to be framed for this file.
    pub(super) const fn framing(&self) -> Framing {
        self.format.framing
    }

    /// Whether what was written may still be in a packer until it is flushed.
    pub(super) fn is_packed(&self) -> bool {
        self.format.packing != Packing::Plain
    }

    /// Writes one framed request; into a new file if this one is full.
    ///
    /// # Errors
    /// When the disk refuses. The file is then cut back to whole requests, and the next write begins anew.
    pub(super) fn write(&mut self, framed: &[u8]) -> io::Result<()> {
        if self.output.is_some() && self.is_full(framed.len() as u64) {
            self.finish()?;
            make_way(&self.path, self.rotation)?;
        }
        if self.output.is_none() {
            self.begin()?;
        }
        self.put(framed).inspect_err(|_| self.give_up())
    }

    /// Makes what was written readable for others, even should the program die now.
    ///
    /// # Errors
    /// As [`RecordFile::write`].
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.try_flush().inspect_err(|_| self.give_up())
    }

    /// Ends the file properly.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match self.output.take() {
            None | Some(Output::Plain(_)) => Ok(()),
            Some(Output::Gzip(encoder)) => encoder.finish().map(drop),
            Some(Output::Zstd(encoder)) => encoder.finish().map(drop),
        }
    }

    fn begin(&mut self) -> io::Result<()> {
        let old = fs::metadata(&self.path).ok().filter(|old| old.is_file() && old.len() > 0);
        let is_continued = self.format == Format { framing: Framing::JsonLines, packing: Packing::Plain };
        if old.is_some() && !is_continued {
            make_way(&self.path, self.rotation)?;
        }
        let mut file = private(OpenOptions::new().create(true).append(true)).open(&self.path)?;
        if old.is_some() && is_continued && !ends_in_line_break(&self.path)? {
            file.write_all(b"\n")?;
        }
        self.whole = file.metadata()?.len();
        self.output = Some(match self.format.packing {
            Packing::Plain => Output::Plain(file),
            Packing::Gzip => Output::Gzip(GzEncoder::new(file, Compression::fast())),
            Packing::Zstd => Output::Zstd(zstd::Encoder::new(file, ZSTD_LEVEL)?),
        });
        Ok(())
    }

    fn put(&mut self, framed: &[u8]) -> io::Result<()> {
        match &mut self.output {
            None => Err(io::ErrorKind::NotConnected.into()),
            Some(Output::Plain(file)) => {
                // In one call, so that a killed program leaves whole requests but for the last.
                file.write_all(framed)?;
                self.whole += framed.len() as u64;
                Ok(())
            }
            Some(Output::Gzip(encoder)) => encoder.write_all(framed),
            Some(Output::Zstd(encoder)) => encoder.write_all(framed),
        }
    }

    fn try_flush(&mut self) -> io::Result<()> {
        let file = match &mut self.output {
            None | Some(Output::Plain(_)) => return Ok(()),
            Some(Output::Gzip(encoder)) => {
                encoder.flush()?;
                encoder.get_ref()
            }
            Some(Output::Zstd(encoder)) => {
                encoder.flush()?;
                encoder.get_ref()
            }
        };
        self.whole = file.metadata()?.len();
        Ok(())
    }

    /// Packed files count what is on disk already, so that they become full a little late rather than early.
    fn is_full(&self, more: u64) -> bool {
        let more = if self.is_packed() { 0 } else { more };
        self.rotation.is_some_and(|rotation| self.whole > 0 && self.whole.saturating_add(more) > rotation.max_bytes)
    }

    fn give_up(&mut self) {
        // A packer that is dropped may still write; what it writes is cut off after it.
        self.output = None;
        let _ = cut(&self.path, self.whole);
    }
}

/// Shortens a regular file that is longer than `whole`.
fn cut(path: &Path, whole: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > whole { file.set_len(whole) } else { Ok(()) }
}

/// Recordings hold what people said to models: others on the machine have no business in them.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn ends_in_line_break(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// Moves the file at `path` aside, and older ones further, the oldest one out.
fn make_way(path: &Path, rotation: Option<Rotation>) -> io::Result<()> {
    let keep = rotation.map_or(u32::MAX, |rotation| rotation.keep);
    if keep == 0 {
        return fs::remove_file(path);
    }
    let free = (1..keep).find(|number| !rotated(path, *number).exists()).unwrap_or(keep);
    for number in (1..free).rev() {
        fs::rename(rotated(path, number), rotated(path, number + 1))?;
    }
    fs::rename(path, rotated(path, 1))
}

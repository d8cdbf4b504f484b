//! The file of a recording: whole requests only, rotated by size, compressed according to its name.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
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
    /// The file that was opened last, whatever its name is by now.
    own: Option<File>,
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
        let mut file = Self { path: path.to_owned(), format, rotation, output: None, own: None, whole: 0 };
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
            self.check_name()?;
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

    /// Fails if another file has taken the name of ours: it is not for us to continue, move or shorten.
    fn check_name(&self) -> io::Result<()> {
        let (Some(own), Ok(named)) = (&self.own, fs::metadata(&self.path)) else { return Ok(()) };
        if is_same(&own.metadata()?, &named) {
            return Ok(());
        }
        Err(io::Error::other(format!("{} is another file now", self.path.display())))
    }

    fn begin(&mut self) -> io::Result<()> {
        self.check_name()?;
        let old = fs::metadata(&self.path).ok().filter(|old| old.is_file() && old.len() > 0);
        let is_continued = self.format == Format { framing: Framing::JsonLines, packing: Packing::Plain };
        if old.is_some() && !is_continued {
            make_way(&self.path, self.rotation)?;
        }
        let mut file = open_private(&self.path)?;
        if old.is_some() && is_continued && !ends_in_line_break(&self.path)? {
            file.write_all(b"\n")?;
        }
        self.whole = file.metadata()?.len();
        self.own = Some(file.try_clone()?);
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
        if let Some(own) = &self.own {
            let _ = cut(own, self.whole);
        }
    }
}

/// Shortens a regular file that is longer than `whole`.
fn cut(file: &File, whole: u64) -> io::Result<()> {
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.len() > whole { file.set_len(whole) } else { Ok(()) }
}

/// Recordings hold what people said to models: others on the machine have no business in them.
/// A new file is created, never through a link; one that is there is appended to, unless its name is a link to a file.
fn open_private(path: &Path) -> io::Result<File> {
    let created = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path);
    match created {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created,
    }
    let file = match OpenOptions::new().append(true).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(link_error()),
        opened => opened?,
    };
    let (named, opened) = (fs::symlink_metadata(path)?, file.metadata()?);
    // A device or a pipe may be reached by a link, as `/dev/stdout` is.
    if opened.is_file() && !is_same(&named, &opened) { Err(link_error()) } else { Ok(file) }
}

fn link_error() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "a symbolic link: name the file itself")
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
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

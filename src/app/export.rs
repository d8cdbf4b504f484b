//! Writing what is shown to a file: NDJSON, or CSV if the name ends in `.csv`. An existing file is overwritten only after a question.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::output::{OutputFormat, Record, RecordFormat};
use crate::pricing::Pricer;
use crate::query::analysis::{Picture, Rows};
use crate::text::secrets::Secrets;

/// Bytes gathered before they are written.
const CHUNK_BYTES: usize = 64 * 1024;

/// What to write, and where to.
#[derive(Clone, Debug)]
pub struct Export {
    pub picture: Arc<Picture>,
    /// Which of its calls.
    pub rows: fn(&Picture) -> &Rows,
    pub path: PathBuf,
    /// Replace a file that is there.
    pub overwrite: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exported {
    /// So many calls were written.
    Written(usize),
    /// There is a file of this name.
    Exists,
    /// It could not be written, and why.
    Failed(String),
}

/// A path as a person writes it: `~/` is the home folder.
pub(crate) fn path_of(text: &str) -> PathBuf {
    match (text.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

impl Export {
    /// Writes the calls in the order in which they are shown.
    pub fn write(&self, pricer: &Arc<Pricer>, secrets: Secrets) -> Exported {
        match self.try_write(pricer, secrets) {
            Ok(calls) => Exported::Written(calls),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Exported::Exists,
            Err(error) => Exported::Failed(error.to_string()),
        }
    }

    fn try_write(&self, pricer: &Arc<Pricer>, secrets: Secrets) -> io::Result<usize> {
        let mut options = OpenOptions::new();
        // An export holds prompts: other users of the machine must not read it.
        options.write(true).mode(0o600);
        if self.overwrite {
            let is_link = std::fs::symlink_metadata(&self.path).is_ok_and(|named| named.is_symlink());
            if is_link && std::fs::metadata(&self.path).is_ok_and(|file| file.is_file()) {
                return Err(io::Error::other("a symbolic link: name the file itself"));
            }
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let mut out = BufWriter::new(options.open(&self.path)?);
        let format = RecordFormat::new(shape(&self.path), Arc::clone(pricer)).with_secrets(secrets);
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        format.begin(&mut chunk)?;
        let mut calls = 0;
        for call in (self.rows)(&self.picture).from(0).filter_map(|id| self.picture.call(id)) {
            format.append(Record::Call(call), None, &mut chunk)?;
            calls += 1;
            if chunk.len() >= CHUNK_BYTES {
                out.write_all(&chunk)?;
                chunk.clear();
            }
        }
        out.write_all(&chunk)?;
        out.flush()?;
        Ok(calls)
    }
}

fn shape(path: &Path) -> OutputFormat {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("csv") => OutputFormat::Csv,
        Some(_) | None => OutputFormat::Ndjson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, LlmCall, Names};
    use crate::collector::Snapshot;
    use crate::collector::ring::Ring;
    use crate::query::analysis::{Analysis, ViewSpec};

    const ALL: fn(&Picture) -> &Rows = |picture| &picture.rows;
    const FAILED: fn(&Picture) -> &Rows = |picture| &picture.failed;

    fn picture() -> Arc<Picture> {
        let mut ring = Ring::new(10);
        for status in [200, 429, 200] {
            let draft = CallFacts { model: Some("gpt-5".into()), status_code: Some(status), ..CallFacts::default() };
            ring.push(LlmCall::from_facts(&draft, &mut Names::default(), 0));
        }
        let snapshot = Snapshot { version: 1, calls: ring.calls().clone(), ..Snapshot::default() };
        Analysis::default().update(&ViewSpec::default(), &Arc::new(snapshot), 1)
    }

    #[test]
    fn what_is_shown_is_written_and_nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().unwrap();
        let export = |name: &str, rows, overwrite| {
            let path = folder.path().join(name);
            let export = Export { picture: picture(), rows, path: path.clone(), overwrite };
            (export.write(&Arc::default(), Secrets::Masked), std::fs::read_to_string(path).unwrap_or_default())
        };
        let (ended, text) = export("calls.ndjson", ALL, false);
        assert_eq!((ended, text.lines().count()), (Exported::Written(3), 3));
        assert!(text.lines().all(|line| line.starts_with('{')));
        assert_eq!(export("calls.ndjson", FAILED, false), (Exported::Exists, text));
        let (ended, text) = export("calls.ndjson", FAILED, true);
        assert_eq!((ended, text.lines().count()), (Exported::Written(1), 1));
        let (ended, text) = export("calls.CSV", ALL, false);
        assert_eq!((ended, text.lines().count()), (Exported::Written(3), 4));
        let (ended, _) = export("no/such/folder.csv", ALL, false);
        assert!(matches!(ended, Exported::Failed(_)), "{ended:?}");
        let full = Export { picture: picture(), rows: ALL, path: "/dev/full".into(), overwrite: true };
        let ended = full.write(&Arc::default(), Secrets::Masked);
        assert!(matches!(&ended, Exported::Failed(why) if why.contains("space")), "{ended:?}");
    }

    #[test]
    fn home_is_where_the_tilde_points() {
        let home = std::env::home_dir().unwrap();
        assert_eq!(path_of("~/calls.csv"), home.join("calls.csv"));
        assert_eq!(path_of("calls~/x"), PathBuf::from("calls~/x"));
    }
}

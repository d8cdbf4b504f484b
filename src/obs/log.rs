//! `--log FILE`: diagnostics as `tracing` events, one line each.
//!
//! Without the option no subscriber is installed, and a disabled event costs the comparison of one atomic integer.

use std::env::{self, VarError};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Mutex;

use planoai::cli::{LogLevel, ObsArgs};
use planoai::text::clean;
use planoai::text::secrets::Secrets;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

use crate::obs::exit::ExitError;

/// As `env_logger` and `tracing-subscriber` name it.
const RUST_LOG: &str = "RUST_LOG";

/// The target of our own events; those of libraries are written only where `RUST_LOG` asks for them.
const OWN_TARGET: &str = "planoai";

/// Opens the file and installs the subscriber, if `--log` is given.
pub(super) fn install(args: &ObsArgs) -> Result<(), ExitError> {
    let Some(path) = &args.log else { return Ok(()) };
    let filter = filter(args.log_level)?;
    let file = open(path).map_err(|error| ExitError::Usage(format!("--log: {}: {error}", path.display())))?;
    let layer = fmt::layer()
        .with_ansi(false)
        .with_thread_names(true)
        // A full disk must not print on the screen.
        .log_internal_errors(false)
        .with_writer(Mutex::new(SafeLines(file)));
    Ok(tracing::subscriber::set_global_default(registry().with(layer.with_filter(filter)))?)
}

/// `--log-level`, else `RUST_LOG`, else `info`.
fn filter(level: Option<LogLevel>) -> Result<Targets, ExitError> {
    let own = |level| Targets::new().with_target(OWN_TARGET, level);
    match (level, env::var(RUST_LOG)) {
        (Some(level), _) => Ok(own(level.into())),
        (None, Err(VarError::NotPresent)) => Ok(own(LevelFilter::INFO)),
        (None, Ok(directives)) => directives.parse().map_err(|error| ExitError::Usage(format!("{RUST_LOG}: {error}"))),
        (None, Err(error)) => Err(ExitError::Usage(format!("{RUST_LOG}: {error}"))),
    }
}

/// Creates the file for its owner only, or appends to one that exists. A link, a device or a pipe is not opened.
fn open(path: &Path) -> io::Result<File> {
    match OpenOptions::new().append(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => open_existing(path),
        created => created,
    }
}

fn open_existing(path: &Path) -> io::Result<File> {
    let refused = || io::Error::other("exists and is not a regular file");
    let named = fs::symlink_metadata(path)?;
    if !named.is_file() {
        return Err(refused());
    }
    let file = OpenOptions::new().append(true).open(path)?;
    let opened = file.metadata()?;
    // A link may have taken the name in between.
    let is_same = (opened.dev(), opened.ino()) == (named.dev(), named.ino());
    if is_same { Ok(file) } else { Err(refused()) }
}

/// Masks credentials and escapes control and bidirectional characters. Each write is one event.
struct SafeLines<W>(W);

impl<W: Write> Write for SafeLines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let masked = Secrets::Masked.in_text(text.strip_suffix('\n').unwrap_or(&text));
        let mut line = clean(&masked).into_owned();
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_from_outside_is_harmless_and_stays_in_its_line() {
        let mut out = Vec::new();
        let event = "WARN refused: \u{1b}[31m\u{202e}evo\nnext sk-proj-abcdefghijklmnopqrstuvwxyz0123456789\n";
        SafeLines(&mut out).write_all(event.as_bytes()).unwrap();
        let line = String::from_utf8(out).unwrap();
        assert_eq!(line, "WARN refused: ␛[31m⟨U+202E⟩evo␊next sk-p••••••\n");
    }
}

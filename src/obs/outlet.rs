//! Outputs that may stop taking: whoever writes waits for them, but not beyond the end of the run.

use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long an output may take what is due once the run has been asked to end.
pub(crate) const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// How often a blocked write looks whether the run ends.
const POLL: Duration = Duration::from_millis(20);

/// Until when outputs are waited for; unset until a signal or a limit ends the run.
static DEADLINE: OnceLock<Instant> = OnceLock::new();

/// From now on, an output that takes nothing for [`OUTPUT_GRACE`] is given up.
pub(crate) fn begin_to_end() {
    let _ = DEADLINE.set(Instant::now() + OUTPUT_GRACE);
}

fn is_over() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() >= *deadline)
}

/// Writes on a thread of its own, which may block for good.
#[derive(Debug)]
pub(crate) struct Outlet {
    chunks: SyncSender<Vec<u8>>,
    written: Receiver<io::Result<()>>,
    is_stuck: bool,
}

impl Outlet {
    /// To `out`, on a thread of this name.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(crate) fn new(name: &str, mut out: impl Write + Send + 'static) -> io::Result<Self> {
        let (chunks, due) = sync_channel::<Vec<u8>>(1);
        let (done, written) = channel();
        let write = move || {
            while let Ok(chunk) = due.recv() {
                let result = out.write_all(&chunk).and_then(|()| out.flush());
                if done.send(result).is_err() {
                    return;
                }
            }
        };
        thread::Builder::new().name(name.to_owned()).spawn(write)?;
        Ok(Self { chunks, written, is_stuck: false })
    }

    fn stuck(&mut self) -> io::Error {
        self.is_stuck = true;
        io::Error::new(io::ErrorKind::TimedOut, "nobody reads it")
    }
}

impl Write for Outlet {
    /// Returns when the bytes are written, or with [`io::ErrorKind::TimedOut`] when the run ends before.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_stuck || self.chunks.send(bytes.to_vec()).is_err() {
            return Err(self.stuck());
        }
        loop {
            match self.written.recv_timeout(POLL) {
                Ok(result) => return result.map(|()| bytes.len()),
                Err(RecvTimeoutError::Timeout) if !is_over() => {}
                Err(_) => return Err(self.stuck()),
            }
        }
    }

    /// Nothing is held back.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

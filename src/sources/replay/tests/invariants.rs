//! What holds of a recording whatever is in the file.
//!
//! Includers bring `planoai::sources::replay` into scope as `replay`: the unit tests and the fuzz target share this.

use std::io::{Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::replay::{Reader, unpacked};

/// The most bytes of one request.
const LIMIT: usize = 64 * 1024 * 1024;
/// Bytes that are unpacked of a bomb before it counts as read.
const ENOUGH: u64 = 8 * 1024 * 1024;

/// Asserts that reading a recording ends, that every entry has a number of its own and is a request within the limit or
/// gives the reason, and that there are no more entries than bytes. How many were whole and how many broken.
pub(super) fn check_invariants(recording: &[u8]) -> (usize, usize) {
    let read = Arc::<AtomicU64>::default();
    let source = match unpacked(Cursor::new(recording.to_vec())) {
        Ok(source) => source.take(ENOUGH),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return (0, 0);
        }
    };
    let source = Counted { source, read: Arc::clone(&read) };
    let (mut whole, mut broken, mut last) = (0, 0, 0);
    for entry in Reader::new(Box::new(source)) {
        assert!(entry.number > last, "{} after {last}", entry.number);
        last = entry.number;
        match entry.request {
            Ok(request) => {
                assert!(!request.is_empty() && request.len() <= LIMIT);
                whole += 1;
            }
            Err(why) => {
                assert!(!why.is_empty() && why.len() <= 300, "{why:?}");
                broken += 1;
            }
        }
    }
    let bytes = read.load(Relaxed);
    assert!(last <= bytes + 1, "{last} entries in {bytes} bytes");
    (whole, broken)
}

/// Counts what was unpacked.
struct Counted<R> {
    source: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }
}

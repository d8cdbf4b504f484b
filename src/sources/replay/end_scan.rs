//! The end of a recording, found by reading all of it on a separate thread while its first minutes are played.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use super::request_time::newest_end;
use super::{Input, Message, Reader};

/// A running search. Dropping it cancels it without waiting for its thread.
pub(super) struct Search {
    is_cancelled: Arc<AtomicBool>,
}

impl Search {
    /// Reads through `inputs` and sends [`Message::Ends`] with the time of the latest request. `None` if no thread can be
    /// spawned.
    pub(super) fn start(inputs: Vec<Input>, answer: mpsc::Sender<Message>) -> Option<Self> {
        let is_cancelled = Arc::<AtomicBool>::default();
        let flag = Arc::clone(&is_cancelled);
        let search = move || {
            if let Some(time) = latest(&inputs, &flag) {
                // Fails if the replay has ended.
                let _ = answer.send(Message::Ends(time));
            }
        };
        thread::Builder::new().name("replay-end".to_owned()).spawn(search).ok().map(|_| Self { is_cancelled })
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Relaxed);
    }
}

/// The time of the latest request; `None` if no request has one, or if cancelled.
fn latest(inputs: &[Input], is_cancelled: &AtomicBool) -> Option<u64> {
    let mut latest = None;
    for input in inputs {
        // The player reports files that cannot be read.
        let Ok(opened) = input.open(Arc::<AtomicU64>::default()) else { continue };
        for entry in Reader::new(opened) {
            if is_cancelled.load(Relaxed) {
                return None;
            }
            latest = latest.max(entry.request.ok().and_then(|request| newest_end(&request)));
        }
    }
    latest
}

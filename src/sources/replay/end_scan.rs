//! When a recording ends, found out by reading all of it on a thread of its own.
//!
//! Nothing waits for the answer: a recording of hours is read through while its first minutes are played.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use super::player::newest_end;
use super::{Input, Message, Reader};

/// A search under way. Given up when dropped; nobody waits for that.
pub(super) struct Search {
    is_over: Arc<AtomicBool>,
}

impl Search {
    /// Begins to read through `inputs`; tells the time of the latest request. Without a thread to be had nothing is told.
    pub(super) fn start(inputs: Vec<Input>, answer: mpsc::Sender<Message>) -> Option<Self> {
        let is_over = Arc::<AtomicBool>::default();
        let given_up = Arc::clone(&is_over);
        let search = move || {
            if let Some(time) = latest(&inputs, &given_up) {
                // A replay that has ended wants to know nothing more.
                let _ = answer.send(Message::Ends(time));
            }
        };
        thread::Builder::new().name("replay-end".to_owned()).spawn(search).ok().map(|_| Self { is_over })
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.is_over.store(true, Relaxed);
    }
}

/// The time of the latest request; `None` when no request has one, or when given up.
fn latest(inputs: &[Input], given_up: &AtomicBool) -> Option<u64> {
    let mut latest = None;
    for input in inputs {
        // What cannot be read is told when it is played.
        let Ok(opened) = input.open(Arc::<AtomicU64>::default()) else { continue };
        for entry in Reader::new(opened) {
            if given_up.load(Relaxed) {
                return None;
            }
            latest = latest.max(entry.request.ok().and_then(|request| newest_end(&request)));
        }
    }
    latest
}

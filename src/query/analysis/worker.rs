//! The analysis thread: takes the newest request, publishes the newest picture.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use super::{Analysis, Picture, ViewSpec};
use crate::collector::Snapshot;

/// When the clock is set back by more than this, in ns, the analysis starts anew with the new time.
const SET_BACK: i64 = 60_000_000_000;

/// A request for a picture.
#[derive(Clone, Debug, Default)]
pub struct PictureRequest {
    /// What the picture shows.
    pub spec: ViewSpec,
    /// The calls it is made from.
    pub snapshot: Arc<Snapshot>,
    /// The tick's time, ns since the epoch.
    pub now_unix_nano: i64,
}

#[derive(Debug, Default)]
struct Inbox {
    request: Option<PictureRequest>,
    is_closed: bool,
}

/// A slot for one request: a newer one replaces one that was not taken yet, so that requests do not queue up.
#[derive(Debug, Default)]
struct Mailbox {
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

impl Mailbox {
    fn change(&self, change: impl FnOnce(&mut Inbox)) {
        change(&mut self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Waits for the next request; `None` once the mailbox is closed.
    fn wait(&self) -> Option<PictureRequest> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let mut inbox = self
            .changed
            .wait_while(inbox, |inbox| inbox.request.is_none() && !inbox.is_closed)
            .unwrap_or_else(PoisonError::into_inner);
        if inbox.is_closed { None } else { inbox.request.take() }
    }
}

/// A running analysis thread. Dropping it stops the thread after the current update and waits for that.
#[derive(Debug)]
pub struct Worker {
    mailbox: Arc<Mailbox>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread, which calls `publish` with every picture that differs from the previous one.
    ///
    /// # Errors
    /// When the thread cannot be spawned.
    pub fn spawn(publish: impl FnMut(Arc<Picture>) + Send + 'static) -> io::Result<Self> {
        let mailbox = Arc::<Mailbox>::default();
        let theirs = Arc::clone(&mailbox);
        let thread = thread::Builder::new().name("analysis".into()).spawn(move || run(&theirs, publish))?;
        Ok(Self { mailbox, thread: Some(thread) })
    }

    /// Requests a picture, replacing a request that was not taken yet. Does not wait for the analysis.
    pub fn ask(&self, request: PictureRequest) {
        self.mailbox.change(|inbox| inbox.request = Some(request));
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.mailbox.change(|inbox| inbox.is_closed = true);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

fn run(mailbox: &Mailbox, mut publish: impl FnMut(Arc<Picture>)) {
    let mut analysis = Analysis::default();
    let mut published: Vec<Arc<Picture>> = Vec::new();
    while let Some(request) = mailbox.wait() {
        if analysis.picture.now_unix_nano.saturating_sub(request.now_unix_nano) > SET_BACK {
            analysis = Analysis::default();
        }
        let picture = analysis.update(&request.spec, &request.snapshot, request.now_unix_nano);
        if !published.last().is_some_and(|last| Arc::ptr_eq(last, &picture)) {
            publish(Arc::clone(&picture));
            published.push(picture);
        }
        // Dropping a picture may free many evicted calls, which should not happen on the drawing thread.
        published.retain(|picture| Arc::strong_count(picture) > 1);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::call::{CallFacts, LlmCall, Names};
    use crate::collector::ring::Ring;
    use crate::query::analysis::Window;

    fn snapshot(version: u64) -> Arc<Snapshot> {
        let mut ring = Ring::new(10);
        for _ in 0..version {
            ring.push(LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 0));
        }
        Arc::new(Snapshot { version, calls: ring.calls().clone(), ..Snapshot::default() })
    }

    #[test]
    fn the_newest_request_is_answered_and_the_same_one_only_once() {
        let (sender, pictures) = mpsc::sync_channel(0);
        let worker = Worker::spawn(move |picture| sender.send(picture).unwrap()).unwrap();
        let request =
            |version| PictureRequest { snapshot: snapshot(version), spec: ViewSpec::default(), now_unix_nano: 1 };
        let first = request(1);
        worker.ask(first.clone());
        // While the first picture waits to be taken, requests replace one another.
        let hour = ViewSpec { window: Window::Hour, ..ViewSpec::default() };
        assert_eq!(pictures.recv().unwrap().snapshot.version, 1);
        worker.ask(first);
        worker.ask(request(2));
        worker.ask(PictureRequest { spec: hour, ..request(3) });
        let last = pictures.iter().find(|picture| picture.snapshot.version == 3).unwrap();
        assert_eq!((last.rows.len(), last.spec.window), (3, Window::Hour));
        drop(worker);
        assert!(pictures.recv().is_err(), "nothing was left to show");
    }

    #[test]
    fn a_clock_that_was_far_ahead_and_is_set_right_empties_no_window() {
        let (sender, pictures) = mpsc::channel();
        let worker = Worker::spawn(move |picture| sender.send(picture).unwrap()).unwrap();
        let spec = ViewSpec { window: Window::Hour, ..ViewSpec::default() };
        let year_2200 = 7_258_118_400_000_000_000;
        for (now_unix_nano, rows) in [(1, 3), (year_2200, 0), (2, 3)] {
            worker.ask(PictureRequest { snapshot: snapshot(3), spec: spec.clone(), now_unix_nano });
            assert_eq!(pictures.recv().unwrap().rows.len(), rows, "at {now_unix_nano}");
        }
    }
}

//! The threads that wake the run loop, each for what it waits for.

use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use ratatui::crossterm::event;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use super::{Question, Source, Wake, clock};
use crate::app::Event;
use crate::app::guard::{self, Guard};
use crate::app::terminal;
use crate::collector::Snapshot;
use crate::collector::replay::Progress;

/// A loop that has ended reads no letters.
pub(super) fn send(wake: &Sender<Wake>, message: Wake) {
    let _ = wake.send(message);
}

/// Reads the terminal.
pub(super) fn input(wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || {
        while let Ok(input) = event::read() {
            send(&wake, Wake::Event(Event::Input(input)));
        }
        send(&wake, Wake::InputGone);
    };
    thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}

/// Passes on what others have to say.
pub(super) fn told(told: impl Iterator<Item = Event> + Send + 'static, wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || told.for_each(|event| send(&wake, Wake::Event(event)));
    thread::Builder::new().name("told".into()).spawn(watch).map(drop)
}

/// Answers questions in turn; of several calls that wait to be looked into only the last one matters.
pub(super) fn questions(source: impl Source, wake: Sender<Wake>) -> io::Result<Sender<Question>> {
    let (sender, questions) = channel::<Question>();
    let answer = move || {
        while let Ok(first) = questions.recv() {
            let mut waiting: Vec<_> = std::iter::once(first).chain(questions.try_iter()).collect();
            let last = waiting.iter().rposition(|question| matches!(question, Question::LookInto(_)));
            let mut at = 0;
            waiting.retain(|question| {
                at += 1;
                !matches!(question, Question::LookInto(_)) || Some(at - 1) == last
            });
            for question in waiting {
                send(&wake, Wake::Event(answered(&source, question)));
            }
        }
    };
    thread::Builder::new().name("questions".into()).spawn(answer)?;
    Ok(sender)
}

fn answered(source: &impl Source, question: Question) -> Event {
    match question {
        Question::LookInto(call) => Event::Detail(Box::new(source.look_into(&call))),
        Question::LookUp(lookup) => Event::Attributes(source.look_up(&lookup)),
        Question::Export(path, export) => Event::Exported(path, source.export(&export)),
    }
}

/// Waits for signals.
pub(super) fn signals(wake: Sender<Wake>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT])?;
    let watch = move || signals.forever().for_each(|signal| send(&wake, Wake::Signal(signal)));
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

/// Waits for snapshots.
pub(super) fn snapshots(mut snapshots: watch::Receiver<Arc<Snapshot>>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let watch = move || {
        runtime.block_on(async {
            while snapshots.changed().await.is_ok() {
                let snapshot = Arc::clone(&snapshots.borrow_and_update());
                send(&wake, Wake::Event(Event::Snapshot(snapshot)));
            }
        });
        send(&wake, Wake::CollectorGone);
    };
    thread::Builder::new().name("snapshots".into()).spawn(watch).map(drop)
}

/// Waits for news of the replay.
pub(super) fn replay(mut progress: watch::Receiver<Progress>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let watch = move || {
        runtime.block_on(async {
            while progress.changed().await.is_ok() {
                let now = progress.borrow_and_update().clone();
                send(&wake, Wake::Event(Event::Replay(Box::new(now))));
            }
        });
    };
    thread::Builder::new().name("replayed".into()).spawn(watch).map(drop)
}

/// Looks at the limits on a thread of its own: each look counts calls.
pub(super) fn limits(guard: Guard, snapshots: watch::Receiver<Arc<Snapshot>>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let tell = move |breaches| send(&wake, Wake::Event(Event::Breaches(breaches)));
    let watch = move || runtime.block_on(guard::watch(guard, snapshots, || clock().unix_nano, tell));
    thread::Builder::new().name("limits".into()).spawn(watch).map(drop)
}

/// A panic hands the terminal back before it is printed, whichever thread it is in; a contained one becomes a note.
pub(super) fn panics(wake: Sender<Wake>, contained: &'static [&'static str]) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let thread = thread::current().name().unwrap_or("unnamed").to_owned();
        if contained.contains(&thread.as_str()) {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            send(&wake, Wake::Event(Event::Note(format!("a fault in `{thread}` at {place} was contained"))));
            return;
        }
        terminal::leave();
        print(panic);
        send(&wake, Wake::Died(thread));
    }));
}

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
use crate::app::{Event, terminal};
use crate::collector::Snapshot;
use crate::query::limits;
use crate::query::limits::LimitMonitor;
use crate::sources::replay::Progress;

/// A loop that has ended reads no letters.
pub(super) fn send(wake: &Sender<Wake>, message: Wake) {
    let _ = wake.send(message);
}

fn spawn(name: &str, watch: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(watch).map(drop)
}

pub(super) fn input(wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || {
        while let Ok(input) = event::read() {
            send(&wake, Wake::Event(Event::Input(input)));
        }
        send(&wake, Wake::InputGone);
    };
    spawn("input", watch)
}

/// Passes on what others have to say.
pub(super) fn told(told: impl Iterator<Item = Event> + Send + 'static, wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || told.for_each(|event| send(&wake, Wake::Event(event)));
    spawn("told", watch)
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
                let (source, to) = (source.clone(), wake.clone());
                let answer = move |question| send(&to, Wake::Event(answered(&source, question)));
                match question {
                    // A file may take its time; nobody waits for it to see a call.
                    Question::Export(..) => {
                        if let Err(error) = spawn("export", move || answer(question)) {
                            send(&wake, Wake::Event(Event::Note(format!("could not write: {error}"))));
                        }
                    }
                    Question::LookInto(_) | Question::LookUp(_) => answer(question),
                }
            }
        }
    };
    spawn("questions", answer)?;
    Ok(sender)
}

fn answered(source: &impl Source, question: Question) -> Event {
    match question {
        Question::LookInto(call) => Event::Detail(Box::new(source.look_into(&call))),
        Question::LookUp(lookup) => Event::Attributes(source.look_up(&lookup)),
        Question::Export(path, export) => Event::Exported(path, source.export(&export)),
    }
}

pub(super) fn signals(wake: Sender<Wake>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT])?;
    let watch = move || signals.forever().for_each(|signal| send(&wake, Wake::Signal(signal)));
    spawn("signals", watch)
}

pub(super) fn snapshots(snapshots: watch::Receiver<Arc<Snapshot>>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let watch = move || {
        runtime.block_on(each(snapshots, |snapshot| send(&wake, Wake::Event(Event::Snapshot(snapshot)))));
        send(&wake, Wake::CollectorGone);
    };
    spawn("snapshots", watch)
}

/// Waits for news of the replay.
pub(super) fn replay(progress: watch::Receiver<Progress>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let tell = move |progress| send(&wake, Wake::Event(Event::Replay(Box::new(progress))));
    spawn("replayed", move || runtime.block_on(each(progress, tell)))
}

/// Tells what is new, each time, until there will be nothing more.
async fn each<T: Clone>(mut news: watch::Receiver<T>, tell: impl Fn(T)) {
    while news.changed().await.is_ok() {
        let now = news.borrow_and_update().clone();
        tell(now);
    }
}

/// Looks at the limits on a thread of its own: each look counts calls.
pub(super) fn limits(
    guard: LimitMonitor,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    wake: Sender<Wake>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let tell = move |breaches| send(&wake, Wake::Event(Event::Breaches(breaches)));
    let watch = move || runtime.block_on(limits::watch(guard, snapshots, || clock().unix_nano, tell));
    spawn("limits", watch)
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

//! The threads that wake the run loop, each for what it waits for.

use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread;

use ratatui::crossterm::event;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use super::{Question, Source, Wake, clock};
use crate::app::{Event, terminal};
use crate::collector::{Notice, Snapshot};
use crate::query::limits;
use crate::query::limits::LimitMonitor;
use crate::sources::attach::Link;
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

/// Serves requests in turn; of several queued detail requests only the last is served.
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
                    // Writing a file may be slow: it must not delay other answers.
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

/// The channels that the run loop is woken by.
pub(super) struct Watched {
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    pub replay: Option<watch::Receiver<Progress>>,
    pub link: Option<watch::Receiver<Link>>,
    pub notices: Option<UnboundedReceiver<Notice>>,
}

/// Awaits all channels on one thread. The end of the snapshots ends the run.
pub(super) fn watch(watched: Watched, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let Watched { snapshots, replay, link, notices } = watched;
    let watch = move || {
        let event = |event| send(&wake, Wake::Event(event));
        let snapshots = async {
            each(Some(snapshots), |snapshot| event(Event::Snapshot(snapshot))).await;
            send(&wake, Wake::CollectorGone);
        };
        let replay = each(replay, |progress| event(Event::Replay(Box::new(progress))));
        let link = each(link, |link| event(Event::Link(link)));
        let notices = async {
            let Some(mut notices) = notices else { return };
            while let Some(notice) = notices.recv().await {
                event(Event::Notice(notice));
            }
        };
        runtime.block_on(async { tokio::join!(snapshots, replay, link, notices) });
    };
    spawn("watch", watch)
}

/// Calls `on_change` with each new value until the sender is gone.
async fn each<T: Clone>(receiver: Option<watch::Receiver<T>>, on_change: impl Fn(T)) {
    let Some(mut receiver) = receiver else { return };
    while receiver.changed().await.is_ok() {
        let now = receiver.borrow_and_update().clone();
        on_change(now);
    }
}

/// Checks the limits on a thread of its own: each check runs the analysis.
pub(super) fn limits(
    guard: LimitMonitor,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    wake: Sender<Wake>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let report = move |breaches| send(&wake, Wake::Event(Event::Breaches(breaches)));
    let watch = move || runtime.block_on(limits::watch(guard, snapshots, || clock().unix_nano, report));
    spawn("limits", watch)
}

/// A panic in any thread restores the terminal before it is printed; a contained one becomes a note.
pub(super) fn panics(wake: Sender<Wake>, contained: &'static [&'static str]) {
    let print = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        let thread = thread::current().name().unwrap_or("unnamed").to_owned();
        if contained.contains(&thread.as_str()) {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            send(&wake, Wake::Event(Event::Note(format!("caught a panic in `{thread}` at {place}"))));
            return;
        }
        terminal::leave();
        print(panic);
        send(&wake, Wake::Died(thread));
    }));
}

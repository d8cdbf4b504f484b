//! The run loop: waits for a key, a snapshot, a picture, a signal or the next second, lets [`App`] take it in, and draws
//! when [`Pace`] says so.

use std::io;
use std::panic;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::Local;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use thiserror::Error;
use tokio::sync::watch;

use super::analysis::Worker;
use super::attributes::{Lookup, Read};
use super::detail::Detail;
use super::export::{Export, Exported, path_of};
use super::guard::{self, Guard};
use super::pace::{Draw, Pace};
use super::terminal::{self, Screen};
use super::{App, Clock, Effect, Event, Seen};
use crate::call::LlmCall;
use crate::collector::Snapshot;
use crate::collector::replay::{Command, Progress};
use crate::output::StreamCounters;

/// The collector, as the screen needs it. Clones ask the same one.
pub trait Source: Clone + Send + 'static {
    /// The newest snapshot, and the means to wait for the next.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Forgets all calls.
    fn clear(&self);

    /// Gathers what is known of a call beyond its row. May take its time: it is asked on a thread of its own.
    fn look_into(&self, call: &LlmCall) -> Detail;

    /// Reads attributes of the spans of calls, on the same thread.
    fn look_up(&self, lookup: &Lookup) -> Vec<Read> {
        let _ = lookup;
        Vec::new()
    }

    /// How far the replay is, if there is one, and the means to wait for news.
    fn replay(&self) -> Option<watch::Receiver<Progress>> {
        None
    }

    /// Tells the replay something.
    fn steer_replay(&self, command: Command) {
        let _ = command;
    }

    /// How recording and forwarding go. Asked every second on the thread that draws: must not wait.
    fn streams(&self) -> StreamCounters {
        StreamCounters::default()
    }

    /// Writes calls to a file, on the same thread.
    fn export(&self, export: &Export) -> Exported {
        let _ = export;
        Exported::Failed("there is nothing to write".to_owned())
    }
}

/// What is asked of the source on a thread of its own.
#[derive(Debug)]
enum Question {
    LookInto(Box<LlmCall>),
    LookUp(Lookup),
    Export(String, Export),
}

/// How the loop treats its surroundings.
#[derive(Debug, Default)]
pub struct Options {
    /// Take the mouse.
    pub mouse: bool,
    /// Names of threads that catch their own panics: one there is told on the screen and does not end the program.
    pub contained_threads: &'static [&'static str],
    /// Watches over limits; the banner tells what it finds.
    pub guard: Option<Guard>,
}

/// Why the loop ended without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The user quit.
    Quit,
    /// A signal asked for it.
    Signal(i32),
    /// The terminal is gone.
    TerminalGone,
}

/// Why the loop had to end.
#[derive(Debug, Error)]
pub enum RunError {
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[source] io::Error),
    /// No thread or signal handler could be had.
    #[error("could not start: {0}")]
    Start(#[source] io::Error),
    /// A thread that everything depends on died; its panic was printed.
    #[error("the thread `{0}` died")]
    Thread(String),
    /// Nothing can arrive any more.
    #[error("the collector has stopped")]
    Collector,
}

/// What ends the wait.
#[derive(Debug)]
enum Wake {
    Event(Event),
    Signal(i32),
    InputGone,
    CollectorGone,
    Died(String),
}

/// Runs until the user quits, a signal comes, or something fails. `told` is what others have to say as it goes on;
/// `paint` draws the state into a blank buffer and tells how much of it was seen. The terminal is handed back before this returns.
///
/// # Errors
/// [`RunError`]
pub fn run(
    mut app: App,
    source: impl Source,
    told: impl Iterator<Item = Event> + Send + 'static,
    paint: impl Fn(&App, &mut Buffer) -> Seen,
    options: Options,
) -> Result<Exit, RunError> {
    let (wake, inbox) = channel();
    let screen = Screen::take(options.mouse).map_err(RunError::Terminal)?;
    report_panics(wake.clone(), options.contained_threads);
    let pictures = wake.clone();
    let worker = Worker::spawn(move |picture| send(&pictures, Wake::Event(Event::Picture(picture))));
    let worker = worker.map_err(RunError::Start)?;
    app.update(Event::Tick(clock()));
    let mut snapshots = source.snapshots();
    app.update(Event::Snapshot(Arc::clone(&snapshots.borrow_and_update())));
    if let Some(guard) = options.guard {
        watch_limits(guard, snapshots.clone(), wake.clone()).map_err(RunError::Start)?;
    }
    watch_snapshots(snapshots, wake.clone()).map_err(RunError::Start)?;
    if let Some(mut progress) = source.replay() {
        app.update(Event::Replay(Box::new(progress.borrow_and_update().clone())));
        watch_replay(progress, wake.clone()).map_err(RunError::Start)?;
    }
    app.update(Event::Streams(source.streams()));
    watch_signals(wake.clone()).map_err(RunError::Start)?;
    watch_told(told, wake.clone()).map_err(RunError::Start)?;
    let questions = answer_questions(source.clone(), wake.clone()).map_err(RunError::Start)?;
    watch_input(wake).map_err(RunError::Start)?;
    match (Loop { app, worker, questions, screen, pace: Pace::default(), source, paint }).run(&inbox) {
        Err(RunError::Terminal(error)) if is_gone(&error) => Ok(Exit::TerminalGone),
        ended => ended,
    }
}

struct Loop<S, P> {
    app: App,
    worker: Worker,
    questions: Sender<Question>,
    screen: Screen,
    pace: Pace,
    source: S,
    paint: P,
}

impl<S: Source, P: Fn(&App, &mut Buffer) -> Seen> Loop<S, P> {
    fn run(&mut self, inbox: &Receiver<Wake>) -> Result<Exit, RunError> {
        self.draw()?;
        let mut tick = next_tick();
        loop {
            let until = self.pace.due().map_or(tick, |due| due.min(tick));
            let mut wake = match inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(wake) => Some(wake),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Err(RunError::Collector),
            };
            // Whatever waits is taken in before one frame shows it all.
            while let Some(next) = wake {
                if let Some(exit) = self.take_in(next)? {
                    return Ok(exit);
                }
                wake = inbox.try_recv().ok();
            }
            if Instant::now() >= tick {
                self.update(Event::Tick(clock()))?;
                self.update(Event::Streams(self.source.streams()))?;
                tick = next_tick();
            }
            if self.pace.is_due(Instant::now()) {
                self.draw()?;
            }
        }
    }

    fn take_in(&mut self, wake: Wake) -> Result<Option<Exit>, RunError> {
        match wake {
            Wake::Event(event) => self.update(event),
            Wake::Signal(SIGTSTP) => self.carry_out(Effect::Suspend),
            Wake::Signal(SIGCONT) => self.retake().map(|()| None),
            Wake::Signal(signal) => Ok(Some(Exit::Signal(signal))),
            Wake::InputGone => Ok(Some(Exit::TerminalGone)),
            Wake::CollectorGone => Err(RunError::Collector),
            Wake::Died(thread) => Err(RunError::Thread(thread)),
        }
    }

    fn update(&mut self, event: Event) -> Result<Option<Exit>, RunError> {
        let outcome = self.app.update(event);
        self.pace.want(outcome.draw, Instant::now(), self.app.refresh);
        self.ask();
        for effect in outcome.effects {
            if let Some(exit) = self.carry_out(effect)? {
                return Ok(Some(exit));
            }
        }
        Ok(None)
    }

    /// Asks for what the state needs to know.
    fn ask(&mut self) {
        if let Some(request) = self.app.request() {
            self.worker.ask(request);
        }
        let look_into = self.app.look_into().map(|call| Question::LookInto(Box::new(call)));
        let look_up = self.app.look_up().map(Question::LookUp);
        for question in look_into.into_iter().chain(look_up) {
            // The thread ends with the program only.
            let _ = self.questions.send(question);
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Result<Option<Exit>, RunError> {
        match effect {
            Effect::Quit => return Ok(Some(Exit::Quit)),
            Effect::Suspend => {
                self.screen.suspend().map_err(RunError::Terminal)?;
                self.pace.want(Draw::Now, Instant::now(), self.app.refresh);
            }
            Effect::Redraw => self.screen.forget(),
            Effect::Clear => self.source.clear(),
            Effect::Replay(command) => self.source.steer_replay(command),
            Effect::Bell => self.screen.ring().map_err(RunError::Terminal)?,
            Effect::Export { path, overwrite } => {
                let (picture, view) = (Arc::clone(&self.app.picture), self.app.view);
                let export = Export { picture, view, path: path_of(&path), overwrite };
                let _ = self.questions.send(Question::Export(path, export));
            }
            Effect::Copy(text) => self.screen.copy(&[text]).map_err(RunError::Terminal)?,
            Effect::CopyLines(lines) => self.screen.copy(&lines).map_err(RunError::Terminal)?,
        }
        Ok(None)
    }

    fn retake(&mut self) -> Result<(), RunError> {
        self.screen.retake().map_err(RunError::Terminal)?;
        self.pace.want(Draw::Now, Instant::now(), self.app.refresh);
        Ok(())
    }

    fn draw(&mut self) -> Result<(), RunError> {
        let Self { app, screen, paint, .. } = self;
        let mut seen = Seen::default();
        let drawn = screen.frame(|buf| {
            seen = paint(app, buf);
            seen.cursor
        });
        drawn.map_err(RunError::Terminal)?;
        app.see(seen);
        self.pace.drawn(Instant::now());
        // A pane may have come into view.
        self.ask();
        Ok(())
    }
}

/// The one place where the clock is read.
fn clock() -> Clock {
    let now = Local::now();
    Clock { unix_nano: now.timestamp_nanos_opt().unwrap_or(i64::MAX), offset: *now.offset() }
}

/// Shortly after the wall clock's next whole second.
fn next_tick() -> Instant {
    let nanos = Local::now().timestamp_subsec_nanos() % 1_000_000_000;
    Instant::now() + Duration::from_nanos(u64::from(1_000_000_000 - nanos)) + Duration::from_millis(1)
}

/// A loop that has ended reads no letters.
fn send(wake: &Sender<Wake>, message: Wake) {
    let _ = wake.send(message);
}

fn watch_input(wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || {
        while let Ok(input) = event::read() {
            send(&wake, Wake::Event(Event::Input(input)));
        }
        send(&wake, Wake::InputGone);
    };
    thread::Builder::new().name("input".into()).spawn(watch).map(drop)
}

fn watch_told(told: impl Iterator<Item = Event> + Send + 'static, wake: Sender<Wake>) -> io::Result<()> {
    let watch = move || told.for_each(|event| send(&wake, Wake::Event(event)));
    thread::Builder::new().name("told".into()).spawn(watch).map(drop)
}

/// Answers questions in turn; of several calls that wait to be looked into only the last one matters.
fn answer_questions(source: impl Source, wake: Sender<Wake>) -> io::Result<Sender<Question>> {
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

fn watch_signals(wake: Sender<Wake>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT])?;
    let watch = move || signals.forever().for_each(|signal| send(&wake, Wake::Signal(signal)));
    thread::Builder::new().name("signals".into()).spawn(watch).map(drop)
}

fn watch_snapshots(mut snapshots: watch::Receiver<Arc<Snapshot>>, wake: Sender<Wake>) -> io::Result<()> {
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

fn watch_replay(mut progress: watch::Receiver<Progress>, wake: Sender<Wake>) -> io::Result<()> {
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
fn watch_limits(guard: Guard, snapshots: watch::Receiver<Arc<Snapshot>>, wake: Sender<Wake>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let tell = move |breaches| send(&wake, Wake::Event(Event::Breaches(breaches)));
    let watch = move || runtime.block_on(guard::watch(guard, snapshots, || clock().unix_nano, tell));
    thread::Builder::new().name("limits".into()).spawn(watch).map(drop)
}

/// A panic hands the terminal back before it is printed, whichever thread it is in; a contained one becomes a note.
fn report_panics(wake: Sender<Wake>, contained: &'static [&'static str]) {
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

/// Whether an error means that nobody looks any more: EIO, ENXIO, EBADF, EPIPE.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe || matches!(error.raw_os_error(), Some(5 | 6 | 9))
}

//! The run loop: waits for a key, a snapshot, a picture, a signal or the next second, lets [`App`] take it in, and draws
//! when [`Pace`] is due.

mod event_sources;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use chrono::Utc;
use ratatui::buffer::Buffer;
use signal_hook::consts::{SIGCONT, SIGTSTP};
use thiserror::Error;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use self::event_sources::Watched;
use super::attributes::{Lookup, Read};
use super::detail::Detail;
use super::export::{Export, Exported, path_of};
use super::pace::{Draw, Pace};
use super::terminal::Screen;
use super::{App, Clock, Effect, Event, LayoutInfo};
use crate::call::LlmCall;
use crate::collector::taps::PipelineCounters;
use crate::collector::{Notice, Snapshot};
use crate::query::analysis::Worker;
use crate::query::limits::LimitMonitor;
use crate::sources::attach::Link;
use crate::sources::replay::{Command, Progress};
use crate::text::Zone;

/// The collector, as the screen needs it. Clones ask the same one.
pub trait Source: Clone + Send + 'static {
    /// The newest snapshot, and the means to wait for the next.
    fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>>;

    /// Clears the ring of the collector.
    fn clear(&self);

    /// Reads the spans and the pricing of a call. May block: it runs on a thread of its own.
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

    /// The connection to a remote collector, if there is one.
    fn link(&self) -> Option<watch::Receiver<Link>> {
        None
    }

    /// Sends a command to the replay.
    fn steer_replay(&self, command: Command) {
        let _ = command;
    }

    /// Counters of recording and forwarding. Asked every second on the thread that draws: must not wait.
    fn streams(&self) -> PipelineCounters {
        PipelineCounters::default()
    }

    /// Writes calls to a file, on the same thread.
    fn export(&self, export: &Export) -> Exported {
        let _ = export;
        Exported::Failed("nothing to export".to_owned())
    }
}

/// A request to the source, served on a thread of its own.
#[derive(Debug)]
enum Question {
    LookInto(Box<LlmCall>),
    LookUp(Lookup),
    Export(String, Export),
}

/// How the loop treats its surroundings.
#[derive(Debug, Default)]
pub struct Options {
    /// Capture mouse events.
    pub mouse: bool,
    /// Names of threads that catch their own panics: such a panic becomes a note and does not end the program.
    pub contained_threads: &'static [&'static str],
    /// Watches the limits; breaches are shown in the banner.
    pub guard: Option<LimitMonitor>,
    /// Reports of background work.
    pub notices: Option<UnboundedReceiver<Notice>>,
}

/// Why the loop ended without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Quit by a key or the interrupt key.
    Quit,
    /// A signal asked for it.
    Signal(i32),
    /// The terminal is gone.
    TerminalGone,
}

/// Why the loop had to end.
#[derive(Debug, Error)]
pub enum RunError {
    /// Reading from or writing to the terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[source] io::Error),
    /// A thread or signal handler could not be created.
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

/// Runs until the user quits, a signal comes, or something fails. `paint` draws the state into a blank buffer and returns its layout. The terminal is restored before this returns.
///
/// # Errors
/// [`RunError`]
pub fn run(
    mut app: App,
    source: impl Source,
    paint: impl Fn(&App, &mut Buffer) -> LayoutInfo,
    options: Options,
) -> Result<Exit, RunError> {
    let (wake, inbox) = channel();
    let screen = Screen::take(options.mouse).map_err(RunError::Terminal)?;
    event_sources::panics(wake.clone(), options.contained_threads);
    let pictures = wake.clone();
    let worker = Worker::spawn(move |picture| event_sources::send(&pictures, Wake::Event(Event::Picture(picture))));
    let worker = worker.map_err(RunError::Start)?;
    app.update(Event::Tick(clock()));
    let mut snapshots = source.snapshots();
    app.update(Event::Snapshot(Arc::clone(&snapshots.borrow_and_update())));
    if let Some(guard) = options.guard {
        event_sources::limits(guard, snapshots.clone(), wake.clone()).map_err(RunError::Start)?;
    }
    let mut replay = source.replay();
    if let Some(progress) = &mut replay {
        app.update(Event::Replay(Box::new(progress.borrow_and_update().clone())));
    }
    let mut link = source.link();
    if let Some(link) = &mut link {
        app.update(Event::Link(link.borrow_and_update().clone()));
    }
    let watched = Watched { snapshots, replay, link, notices: options.notices };
    event_sources::watch(watched, wake.clone()).map_err(RunError::Start)?;
    app.update(Event::ExportPipelines(source.streams()));
    event_sources::signals(wake.clone()).map_err(RunError::Start)?;
    let questions = event_sources::questions(source.clone(), wake.clone()).map_err(RunError::Start)?;
    event_sources::input(wake).map_err(RunError::Start)?;
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

impl<S: Source, P: Fn(&App, &mut Buffer) -> LayoutInfo> Loop<S, P> {
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
                if let Some(exit) = self.handle(next)? {
                    return Ok(exit);
                }
                wake = inbox.try_recv().ok();
            }
            if Instant::now() >= tick {
                self.update(Event::Tick(clock()))?;
                self.update(Event::ExportPipelines(self.source.streams()))?;
                tick = next_tick();
            }
            if self.pace.is_due(Instant::now()) {
                self.draw()?;
            }
        }
    }

    fn handle(&mut self, wake: Wake) -> Result<Option<Exit>, RunError> {
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
            Effect::Bell => Screen::ring().map_err(RunError::Terminal)?,
            Effect::Export { path, overwrite } => {
                let (picture, rows) = (Arc::clone(&self.app.picture), self.app.views.tab().exported());
                let export = Export { picture, rows, path: path_of(&path), overwrite };
                let _ = self.questions.send(Question::Export(path, export));
            }
            Effect::Copy(text) => Screen::copy(&[text]).map_err(RunError::Terminal)?,
            Effect::CopyLines(lines) => Screen::copy(&lines).map_err(RunError::Terminal)?,
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
        let mut seen = LayoutInfo::default();
        let drawn = screen.frame(|buf| {
            seen = paint(app, buf);
            seen.cursor
        });
        drawn.map_err(RunError::Terminal)?;
        app.set_layout(seen);
        self.pace.drawn(Instant::now());
        // A pane may have come into view.
        self.ask();
        Ok(())
    }
}

/// The current time, for [`Event::Tick`].
fn clock() -> Clock {
    Clock { unix_nano: Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX), zone: Zone::Local }
}

/// Shortly after the wall clock's next whole second.
fn next_tick() -> Instant {
    let nanos = Utc::now().timestamp_subsec_nanos() % 1_000_000_000;
    Instant::now() + Duration::from_nanos(u64::from(1_000_000_000 - nanos)) + Duration::from_millis(1)
}

/// Whether an error means that the terminal is gone: EIO, ENXIO, EBADF, EPIPE.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe || matches!(error.raw_os_error(), Some(5 | 6 | 9))
}

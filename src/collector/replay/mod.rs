//! `--replay FILE…`: recordings through the same ingest as live traffic, at their own pace or another.
//!
//! A thread reads, waits and hands in; it can be paused, stepped, sought in and told another speed. What cannot be read
//! is told with its line and skipped. When the recording ends is found out by another thread, and only once there is time
//! to wait.

mod clock;
mod extent;
mod open;
mod reader;
mod shift;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    fmt, io,
    path::PathBuf,
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{self, Receiver, RecvTimeoutError, TryRecvError},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::watch;

pub use open::{Input, unpacked};
pub use reader::{Entry, Reader};

use self::clock::Clock;
use super::{
    sink::{Refusal, Sink},
    wire,
};

/// How many broken entries are remembered word for word.
const REMEMBERED: usize = 20;
/// At full speed, progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(50);
/// While it waits for the next request, the time is told this often.
const TICK: Duration = Duration::from_millis(500);

/// How fast time passes in a replay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// So many times as fast as it was.
    Times(f64),
    /// Without waiting.
    Max,
}

/// A text that is no speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("expected `max` or a factor such as 1, 10 or 0.5")]
pub struct NotASpeed;

impl FromStr for Speed {
    type Err = NotASpeed;

    fn from_str(text: &str) -> Result<Self, NotASpeed> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let factor: f64 = text.trim_end_matches(['x', '×']).parse().map_err(|_| NotASpeed)?;
        if factor.is_finite() && factor > 0.0 { Ok(Self::Times(factor)) } else { Err(NotASpeed) }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Times(factor) => write!(formatter, "{factor}x"),
            Self::Max => formatter.write_str("max"),
        }
    }
}

/// What is replayed and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayConfig {
    /// One after the other.
    pub inputs: Vec<Input>,
    /// How fast.
    pub speed: Speed,
    /// Times are moved so that every request happens as it is handed in, instead of being kept.
    pub now: bool,
}

impl ReplayConfig {
    /// Replays these files (`-` is standard input) at their own pace.
    pub fn new(files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { inputs: files.into_iter().map(Input::from_argument).collect(), speed: Speed::Times(1.0), now: false }
    }
}

/// What a replay can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Command {
    /// Pauses, or goes on.
    TogglePause,
    /// Hands in the next request, and pauses.
    Step,
    /// Goes to this time of the recording, ns since the epoch. What lies between is handed in without waiting. Going
    /// back begins anew: what was handed in must be forgotten, see [`Progress::beginnings`].
    SeekTo(u64),
    /// Goes on at another speed.
    Speed(Speed),
}

/// What reaches the player.
#[derive(Clone, Copy, Debug)]
enum Told {
    Command(Command),
    /// The time of the last request of all files, ns since the epoch.
    Ends(u64),
    /// Hand in nothing more.
    Stop,
}

/// An entry that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The file.
    pub input: String,
    /// The line, or for binary formats the message, counted from 1; 0 for the file as a whole.
    pub number: u64,
    /// Why.
    pub why: String,
}

/// In a line. What is in it is as it came.
impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { input, number, why } = self;
        match number {
            0 => write!(formatter, "{input}: {why}"),
            number => write!(formatter, "{input}: entry {number} skipped: {why}"),
        }
    }
}

/// What a replay is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum State {
    /// Handing in requests as their time comes.
    #[default]
    Playing,
    /// Waiting to be told to go on.
    Paused,
    /// Everything was handed in.
    Done,
}

/// How far a replay is.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Progress {
    /// What it is doing.
    pub state: State,
    /// How fast; `None` before it began.
    pub speed: Option<Speed>,
    /// The file being read.
    pub input: String,
    /// Bytes read of all files, as they are on disk.
    pub position: u64,
    /// Bytes of all files; `None` if one of them has no size.
    pub size: Option<u64>,
    /// Requests handed in since the beginning.
    pub requests: u64,
    /// Requests that ingest refused since the beginning.
    pub refused: u64,
    /// Where in the time of the recording it stands, ns since the epoch: never before the newest request handed in.
    pub clock_unix_nano: Option<u64>,
    /// The time of the newest request handed in; only a seek to later than that goes forward.
    pub newest_unix_nano: Option<u64>,
    /// The time of the first request.
    pub begins_unix_nano: Option<u64>,
    /// The time of the last request; `None` until that was found out.
    pub ends_unix_nano: Option<u64>,
    /// Where a seek under way leads, ns since the epoch.
    pub seeking_unix_nano: Option<u64>,
    /// Whether it can begin anew. What comes through a pipe is gone.
    pub can_rewind: bool,
    /// The time of the request that is waited for.
    pub next_unix_nano: Option<u64>,
    /// How often it began; a seek backwards begins once more.
    pub beginnings: u64,
    /// How many commands it has obeyed. Whoever gave more than that knows better than what is told here.
    pub obeyed: u64,
    /// Entries that could not be read since the beginning.
    pub broken: u64,
    /// The last of them.
    pub last_broken: VecDeque<Broken>,
}

impl Progress {
    /// How much is done, from 0 to 1: of the time where its end is known, else of the bytes.
    pub fn fraction(&self) -> Option<f64> {
        self.fraction_of_time().or_else(|| {
            let size = self.size.filter(|size| *size > 0)?;
            Some((self.position as f64 / size as f64).min(1.0))
        })
    }

    fn fraction_of_time(&self) -> Option<f64> {
        let total = self.total_nanos().filter(|total| *total > 0)?;
        Some((self.elapsed_nanos()? as f64 / total as f64).min(1.0))
    }

    /// How far in the time of the recording it stands, ns.
    pub fn elapsed_nanos(&self) -> Option<u64> {
        Some(self.clock_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// How far a seek under way leads, ns.
    pub fn seeking_nanos(&self) -> Option<u64> {
        Some(self.seeking_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// How much time the recording spans, ns.
    pub fn total_nanos(&self) -> Option<u64> {
        Some(self.ends_unix_nano?.saturating_sub(self.begins_unix_nano?))
    }

    /// The entries that broke since there were `told` of them, as far as they are remembered, the oldest first.
    pub fn broken_since(&self, told: u64) -> impl Iterator<Item = &Broken> {
        let fresh = usize::try_from(self.broken.saturating_sub(told)).unwrap_or(usize::MAX);
        self.last_broken.iter().skip(self.last_broken.len().saturating_sub(fresh))
    }
}

/// Why a replay cannot begin.
#[derive(Debug, Error)]
#[error("cannot replay {input}: {error}")]
pub struct ReplayError {
    /// The file.
    pub input: String,
    /// What the system said.
    pub error: io::Error,
}

/// A replay under way. Ends when dropped.
#[derive(Debug)]
pub struct Replay {
    remote: Remote,
    /// `None` where it reads a pipe, which may keep silent for ever: nobody can wait for that.
    thread: Option<JoinHandle<()>>,
}

/// Watches a replay and tells it what to do, from anywhere. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct Remote {
    told: mpsc::Sender<Told>,
    progress: watch::Receiver<Progress>,
}

impl Remote {
    /// How far it is, and the means to wait for news.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Tells it something. A replay that is done can still be sought in.
    pub fn tell(&self, command: Command) {
        // One that ended because ingest is gone needs no telling.
        let _ = self.told.send(Told::Command(command));
    }
}

impl Replay {
    /// Begins to replay into `sink`. `on_rewind` is called when a seek backwards begins anew, before anything is handed
    /// in again.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub fn start<S: Sink>(
        config: ReplayConfig,
        sink: S,
        on_rewind: impl Fn() + Send + 'static,
    ) -> Result<Self, ReplayError> {
        for input in &config.inputs {
            input.check().map_err(|error| ReplayError { input: input.name(), error })?;
        }
        let (remote, told) = mpsc::channel();
        let (publish, progress) = watch::channel(Progress::default());
        let can_rewind = config.inputs.iter().all(Input::can_rewind);
        let player = Player::new(config, sink, told, publish, remote.clone());
        let thread = thread::Builder::new()
            .name("replay".to_owned())
            .spawn(move || player.run(&on_rewind))
            .map_err(|error| ReplayError { input: "anything".to_owned(), error })?;
        Ok(Self { remote: Remote { told: remote, progress }, thread: can_rewind.then_some(thread) })
    }

    /// How far it is, and the means to wait for news.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.remote.progress()
    }

    /// Tells it something. A replay that is done can still be sought in.
    pub fn tell(&self, command: Command) {
        self.remote.tell(command);
    }

    /// Watches it and tells it what to do, from anywhere.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.remote.told.send(Told::Stop);
        // One that panicked is gone as well.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What is to happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Rewind,
    Stop,
}

struct Player<S> {
    config: ReplayConfig,
    sink: S,
    told: Receiver<Told>,
    /// To the player itself, for whoever finds something out for it.
    mailbox: mpsc::Sender<Told>,
    publish: watch::Sender<Progress>,
    progress: Progress,
    position: Arc<AtomicU64>,
    /// The search for the recording's end, once there is one.
    search: Option<extent::Search>,
    clock: Clock,
    /// Hand in without waiting up to this time.
    seeking: Option<u64>,
    /// Hand in one request although paused.
    stepping: bool,
    told_at: Instant,
}

impl<S: Sink> Player<S> {
    fn new(
        config: ReplayConfig,
        sink: S,
        told: Receiver<Told>,
        publish: watch::Sender<Progress>,
        mailbox: mpsc::Sender<Told>,
    ) -> Self {
        let size = config.inputs.iter().map(Input::size).sum();
        let can_rewind = config.inputs.iter().all(Input::can_rewind);
        let input = config.inputs.first().map(Input::name).unwrap_or_default();
        let progress = Progress { speed: Some(config.speed), size, can_rewind, input, ..Progress::default() };
        publish.send_replace(progress.clone());
        Self {
            clock: Clock::new(config.speed),
            config,
            sink,
            told,
            mailbox,
            publish,
            progress,
            position: Arc::default(),
            search: None,
            seeking: None,
            stepping: false,
            told_at: Instant::now(),
        }
    }

    fn run(mut self, on_rewind: &impl Fn()) {
        loop {
            self.progress.beginnings += 1;
            let mut flow = self.play_through();
            if flow == Flow::Continue {
                flow = self.rest();
            }
            match flow {
                Flow::Continue | Flow::Stop => break,
                Flow::Rewind => on_rewind(),
            }
            self.rewind();
        }
    }

    fn rewind(&mut self) {
        self.position.store(0, Relaxed);
        self.clock.forget();
        let state = if self.progress.state == State::Paused { State::Paused } else { State::Playing };
        let Progress { speed, size, beginnings, obeyed, begins_unix_nano, ends_unix_nano, can_rewind, .. } =
            self.progress;
        let known = Progress { speed, size, begins_unix_nano, ends_unix_nano, can_rewind, ..Progress::default() };
        self.progress = Progress { state, beginnings, obeyed, ..known };
    }

    fn play_through(&mut self) -> Flow {
        for input in self.config.inputs.clone() {
            self.progress.input = input.name();
            match input.open(Arc::clone(&self.position)).map(Reader::new) {
                Err(error) => self.broken(0, error.to_string()),
                Ok(reader) => match self.play(reader) {
                    Flow::Continue => {}
                    flow => return flow,
                },
            }
        }
        Flow::Continue
    }

    fn play(&mut self, reader: Reader) -> Flow {
        for Entry { number, request } in reader {
            let flow = match request {
                Err(why) => {
                    self.broken(number, why);
                    self.obey()
                }
                Ok(request) => {
                    let time = newest_end(&request);
                    match self.wait_for(time) {
                        Flow::Continue => self.hand_in(number, request, time),
                        flow => flow,
                    }
                }
            };
            if flow != Flow::Continue {
                return flow;
            }
        }
        Flow::Continue
    }

    /// Waits until the time of the recording is `time`, obeying meanwhile. A request without a time waits for nothing
    /// but the end of a pause.
    fn wait_for(&mut self, time: Option<u64>) -> Flow {
        loop {
            match self.obey() {
                Flow::Continue => {}
                flow => return flow,
            }
            if self.arrived(time) {
                return Flow::Continue;
            }
            let pause = if self.progress.state == State::Paused {
                if self.stepping {
                    return Flow::Continue;
                }
                None
            } else {
                match time.and_then(|time| self.clock.until(time, Instant::now())) {
                    None => return Flow::Continue,
                    pause => pause.map(|pause| pause.min(TICK)),
                }
            };
            self.progress.next_unix_nano = time;
            self.find_end();
            self.tell();
            match self.hear(pause) {
                Flow::Continue => {}
                flow => return flow,
            }
        }
    }

    /// Whether a seek is under way that has not come to `time` yet. Ends one that has.
    fn arrived(&mut self, time: Option<u64>) -> bool {
        let Some(target) = self.seeking else { return false };
        if time.is_none_or(|time| time < target) {
            return true;
        }
        self.seeking = None;
        self.clock.set(target, Instant::now());
        false
    }

    /// Begins to search for the recording's end, unless it is known or searched for already.
    fn find_end(&mut self) {
        if self.search.is_none() && self.progress.can_rewind && self.progress.ends_unix_nano.is_none() {
            self.search = extent::Search::start(self.config.inputs.clone(), self.mailbox.clone());
        }
    }

    /// Obeys what was told so far.
    fn obey(&mut self) -> Flow {
        loop {
            match self.told.try_recv() {
                Ok(told) => match self.take_in(told) {
                    Flow::Continue => {}
                    flow => return flow,
                },
                Err(TryRecvError::Empty) => return Flow::Continue,
                Err(TryRecvError::Disconnected) => return Flow::Stop,
            }
        }
    }

    /// Waits for a command, no longer than `pause`, and obeys it.
    fn hear(&mut self, pause: Option<Duration>) -> Flow {
        let heard = match pause {
            Some(pause) => self.told.recv_timeout(pause),
            None => self.told.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match heard {
            Ok(told) => self.take_in(told),
            Err(RecvTimeoutError::Timeout) => Flow::Continue,
            Err(RecvTimeoutError::Disconnected) => Flow::Stop,
        }
    }

    fn take_in(&mut self, told: Told) -> Flow {
        match told {
            Told::Command(command) => self.command(command),
            Told::Ends(time) => {
                self.progress.ends_unix_nano = Some(time);
                Flow::Continue
            }
            Told::Stop => Flow::Stop,
        }
    }

    fn command(&mut self, command: Command) -> Flow {
        self.progress.obeyed += 1;
        match command {
            Command::TogglePause => match self.progress.state {
                State::Playing => {
                    self.clock.stop(Instant::now());
                    self.progress.state = State::Paused;
                }
                State::Paused => {
                    self.clock.go_on(Instant::now());
                    self.progress.state = State::Playing;
                }
                State::Done => {}
            },
            Command::Step => {
                if self.progress.state != State::Done {
                    self.clock.stop(Instant::now());
                    // Where the steps lead is where it goes on.
                    self.clock.forget();
                    self.progress.state = State::Paused;
                    self.stepping = true;
                }
            }
            Command::Speed(speed) => {
                self.clock.set_speed(speed, Instant::now());
                self.progress.speed = Some(speed);
            }
            Command::SeekTo(target) => return self.seek(target),
        }
        Flow::Continue
    }

    fn seek(&mut self, target: u64) -> Flow {
        // Before the first request there is nothing to wait for.
        let target = target.max(self.progress.begins_unix_nano.unwrap_or(0));
        let is_back = self.progress.newest_unix_nano.is_some_and(|newest| target <= newest);
        if is_back && !self.progress.can_rewind {
            return Flow::Continue;
        }
        self.seeking = Some(target);
        if is_back { Flow::Rewind } else { Flow::Continue }
    }

    fn hand_in(&mut self, number: u64, request: Bytes, time: Option<u64>) -> Flow {
        self.stepping = false;
        self.progress.next_unix_nano = None;
        let moved = time.filter(|_| self.config.now).and_then(|time| shift::shift(&request, since(time)));
        match self.sink.traces_waiting(moved.map_or(request, Bytes::from)) {
            Ok(()) => self.progress.requests += 1,
            // Nobody takes anything any more.
            Err(Refusal::Unavailable) => return Flow::Stop,
            Err(refusal) => {
                self.progress.refused += 1;
                self.broken(number, refusal.to_string());
            }
        }
        self.progress.newest_unix_nano = self.progress.newest_unix_nano.max(time);
        self.progress.begins_unix_nano = self.progress.begins_unix_nano.or(time);
        if self.told_at.elapsed() > TELL_EVERY {
            self.tell();
        }
        Flow::Continue
    }

    /// Everything was handed in: waits for a seek backwards.
    fn rest(&mut self) -> Flow {
        self.seeking = None;
        let before = std::mem::replace(&mut self.progress.state, State::Done);
        self.clock.forget();
        self.progress.ends_unix_nano = self.progress.newest_unix_nano.max(self.progress.ends_unix_nano);
        self.tell();
        loop {
            match self.hear(None) {
                Flow::Continue => self.seeking = None,
                flow => {
                    self.progress.state = before;
                    return flow;
                }
            }
        }
    }

    fn broken(&mut self, number: u64, why: String) {
        self.progress.broken += 1;
        self.progress.last_broken.push_back(Broken { input: self.progress.input.clone(), number, why });
        if self.progress.last_broken.len() > REMEMBERED {
            self.progress.last_broken.pop_front();
        }
    }

    fn tell(&mut self) {
        self.told_at = Instant::now();
        self.progress.position = self.position.load(Relaxed);
        self.progress.seeking_unix_nano = self.seeking;
        self.progress.clock_unix_nano = self.clock.time(self.told_at).max(self.progress.newest_unix_nano);
        self.publish.send_replace(self.progress.clone());
    }
}

/// The newest end of a span, ns since the epoch: when the request was about to be exported.
fn newest_end(request: &[u8]) -> Option<u64> {
    let mut newest = 0;
    // What is wrong with a request is for ingest to say.
    let _ = wire::walk(request, |_, span| newest = newest.max(span.end_unix_nano));
    Some(newest).filter(|newest| *newest > 0)
}

/// From `unix_nano` to now, ns.
fn since(unix_nano: u64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    i64::try_from(now.cast_signed() - i128::from(unix_nano)).unwrap_or(0)
}

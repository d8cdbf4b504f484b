//! The thread that reads, waits and hands in, and meanwhile obeys.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tracing::info;

use super::clock::Clock;
use super::progress::{Progress, State};
use super::{Command, Entry, Input, Message, Reader, ReplayConfig, end_scan, shift};
use crate::collector::ingest::unix_nano_now;
use crate::collector::signal::Signal;
use crate::collector::sink::{Refusal, Sink};
use crate::collector::wire;

/// At full speed, progress is told at most this often.
const TELL_EVERY: Duration = Duration::from_millis(50);
/// While it waits for the next request, the time is told this often.
const TICK: Duration = Duration::from_millis(500);

/// A clock may be so far ahead of ours, ns.
const CLOCKS_DIFFER_NANOS: i64 = 3_600_000_000_000;

/// What is to happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Rewind,
    Stop,
}

/// What the thread of a replay holds.
pub(super) struct Player<S> {
    config: ReplayConfig,
    sink: S,
    told: Receiver<Message>,
    /// To the player itself, for whoever finds something out for it.
    mailbox: Sender<Message>,
    publish: watch::Sender<Progress>,
    progress: Progress,
    position: Arc<AtomicU64>,
    /// The search for the recording's end, once there is one.
    search: Option<end_scan::Search>,
    clock: Clock,
    /// Hand in without waiting up to this time.
    seeking: Option<u64>,
    /// Hand in one request although paused.
    stepping: bool,
    told_at: Instant,
}

impl<S: Sink> Player<S> {
    /// A player of what `config` names, obeying what is `told` through the other end of `mailbox`.
    pub(super) fn new(
        config: ReplayConfig,
        sink: S,
        told: Receiver<Message>,
        publish: watch::Sender<Progress>,
        mailbox: Sender<Message>,
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

    /// Plays until it is told to stop, or nobody takes anything any more.
    pub(super) fn run(mut self, on_rewind: &impl Fn()) {
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
        info!("replay starts again");
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
            info!(input = self.progress.input, "replay of a recording started");
            match input.open(Arc::clone(&self.position)).map(Reader::new) {
                Err(error) => self.progress.note_broken(0, error.to_string()),
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
                    self.progress.note_broken(number, why);
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
            self.search = end_scan::Search::start(self.config.inputs.clone(), self.mailbox.clone());
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

    fn take_in(&mut self, told: Message) -> Flow {
        match told {
            Message::Command(command) => self.command(command),
            Message::Ends(time) => {
                self.progress.ends_unix_nano = Some(time);
                Flow::Continue
            }
            Message::Stop => Flow::Stop,
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
        match self.sink.blocking_send(Signal::Traces, moved.map_or(request, Bytes::from)) {
            Ok(()) => self.progress.requests += 1,
            // Nobody takes anything any more.
            Err(Refusal::Unavailable) => return Flow::Stop,
            Err(refusal) => {
                self.progress.refused += 1;
                self.progress.note_broken(number, refusal.to_string());
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
        info!(requests = self.progress.requests, refused = self.progress.refused, "replay done");
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

    fn tell(&mut self) {
        self.told_at = Instant::now();
        self.progress.position = self.position.load(Relaxed);
        self.progress.seeking_unix_nano = self.seeking;
        self.progress.clock_unix_nano = self.clock.time(self.told_at).max(self.progress.newest_unix_nano);
        self.publish.send_replace(self.progress.clone());
    }
}

/// The newest end of a span, ns since the epoch: when the request was about to be exported. An end that is still to come
/// was told by a wrong clock, and nobody waits for it.
pub(super) fn newest_end(request: &[u8]) -> Option<u64> {
    let (mut newest, latest) = (0, unix_nano_now().saturating_add(CLOCKS_DIFFER_NANOS).unsigned_abs());
    // What is wrong with a request is for ingest to say.
    let _ = wire::walk(request, |_, span| {
        if span.end_unix_nano <= latest {
            newest = newest.max(span.end_unix_nano);
        }
    });
    Some(newest).filter(|newest| *newest > 0)
}

/// From `unix_nano` to now, ns.
fn since(unix_nano: u64) -> i64 {
    i64::try_from(i128::from(unix_nano_now()) - i128::from(unix_nano)).unwrap_or(0)
}

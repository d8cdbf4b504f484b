//! The thread that reads a recording, sends its requests when they are due, and executes commands meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::watch;
use tracing::info;

use super::clock::Clock;
use super::progress::{Progress, State};
use super::request_time::newest_end;
use super::{Command, Entry, Input, Message, Reader, ReplayConfig, end_scan, shift};
use crate::collector::ingest::unix_nano_now;
use crate::collector::signal::Signal;
use crate::collector::sink::{Refusal, Sink};

/// At full speed, progress is published at most this often.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(50);
/// While waiting for the next request, progress is published this often.
const TICK: Duration = Duration::from_millis(500);

/// How playback goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Rewind,
    Stop,
}

/// The state of the replay thread.
pub(super) struct Player<S> {
    config: ReplayConfig,
    sink: S,
    messages: Receiver<Message>,
    /// Sends to `messages`; for the end scan.
    mailbox: Sender<Message>,
    publisher: watch::Sender<Progress>,
    progress: Progress,
    position: Arc<AtomicU64>,
    /// The search for the recording's end, once started.
    search: Option<end_scan::Search>,
    clock: Clock,
    /// Requests before this time are sent without waiting.
    seeking: Option<u64>,
    /// One request is sent although paused.
    stepping: bool,
    published_at: Instant,
}

impl<S: Sink> Player<S> {
    /// A player of the recordings in `config`; `mailbox` is the sender of `messages`.
    pub(super) fn new(
        config: ReplayConfig,
        sink: S,
        messages: Receiver<Message>,
        publisher: watch::Sender<Progress>,
        mailbox: Sender<Message>,
    ) -> Self {
        let size = config.inputs.iter().map(Input::size).sum();
        let can_rewind = config.inputs.iter().all(Input::can_rewind);
        let input = config.inputs.first().map(Input::name).unwrap_or_default();
        let progress = Progress { speed: Some(config.speed), size, can_rewind, input, ..Progress::default() };
        publisher.send_replace(progress.clone());
        Self {
            clock: Clock::new(config.speed),
            config,
            sink,
            messages,
            mailbox,
            publisher,
            progress,
            position: Arc::default(),
            search: None,
            seeking: None,
            stepping: false,
            published_at: Instant::now(),
        }
    }

    /// Plays until it is stopped or the sink is closed.
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
        let Progress { speed, size, beginnings, commands_done, begins_unix_nano, ends_unix_nano, can_rewind, .. } =
            self.progress;
        let known = Progress { speed, size, begins_unix_nano, ends_unix_nano, can_rewind, ..Progress::default() };
        self.progress = Progress { state, beginnings, commands_done, ..known };
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
                    self.handle_pending()
                }
                Ok(request) => {
                    let time = newest_end(&request);
                    match self.wait_for(time) {
                        Flow::Continue => self.send(number, request, time),
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

    /// Waits until the time of the recording is `time` and executes commands meanwhile. A request without a time waits
    /// only for the end of a pause.
    fn wait_for(&mut self, time: Option<u64>) -> Flow {
        loop {
            match self.handle_pending() {
                Flow::Continue => {}
                flow => return flow,
            }
            if self.is_seeking_past(time) {
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
            self.publish();
            match self.wait_for_message(pause) {
                Flow::Continue => {}
                flow => return flow,
            }
        }
    }

    /// Whether a seek leads beyond `time`. Ends a seek that has reached its target.
    fn is_seeking_past(&mut self, time: Option<u64>) -> bool {
        let Some(target) = self.seeking else { return false };
        if time.is_none_or(|time| time < target) {
            return true;
        }
        self.seeking = None;
        self.clock.set(target, Instant::now());
        false
    }

    /// Starts the search for the recording's end, unless it is known or already started.
    fn find_end(&mut self) {
        if self.search.is_none() && self.progress.can_rewind && self.progress.ends_unix_nano.is_none() {
            self.search = end_scan::Search::start(self.config.inputs.clone(), self.mailbox.clone());
        }
    }

    /// Handles the pending messages.
    fn handle_pending(&mut self) -> Flow {
        loop {
            match self.messages.try_recv() {
                Ok(message) => match self.handle(message) {
                    Flow::Continue => {}
                    flow => return flow,
                },
                Err(TryRecvError::Empty) => return Flow::Continue,
                Err(TryRecvError::Disconnected) => return Flow::Stop,
            }
        }
    }

    /// Waits for a message, at most `pause`, and handles it.
    fn wait_for_message(&mut self, pause: Option<Duration>) -> Flow {
        let received = match pause {
            Some(pause) => self.messages.recv_timeout(pause),
            None => self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(message) => self.handle(message),
            Err(RecvTimeoutError::Timeout) => Flow::Continue,
            Err(RecvTimeoutError::Disconnected) => Flow::Stop,
        }
    }

    fn handle(&mut self, message: Message) -> Flow {
        match message {
            Message::Command(command) => self.command(command),
            Message::Ends(time) => {
                self.progress.ends_unix_nano = Some(time);
                Flow::Continue
            }
            Message::Stop => Flow::Stop,
        }
    }

    fn command(&mut self, command: Command) -> Flow {
        self.progress.commands_done += 1;
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
                    // Playback continues from the request the steps lead to.
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

    fn send(&mut self, number: u64, request: Bytes, time: Option<u64>) -> Flow {
        self.stepping = false;
        self.progress.next_unix_nano = None;
        let moved = time.filter(|_| self.config.now).and_then(|time| shift::shift(&request, since(time)));
        match self.sink.blocking_send(Signal::Traces, moved.map_or(request, Bytes::from)) {
            Ok(()) => self.progress.requests += 1,
            // The collector has stopped.
            Err(Refusal::Unavailable) => return Flow::Stop,
            Err(refusal) => {
                self.progress.refused += 1;
                self.progress.note_broken(number, refusal.to_string());
            }
        }
        self.progress.newest_unix_nano = self.progress.newest_unix_nano.max(time);
        self.progress.begins_unix_nano = self.progress.begins_unix_nano.or(time);
        if self.published_at.elapsed() > PUBLISH_INTERVAL {
            self.publish();
        }
        Flow::Continue
    }

    /// Every request was sent: waits for a seek backwards.
    fn rest(&mut self) -> Flow {
        info!(requests = self.progress.requests, refused = self.progress.refused, "replay done");
        self.seeking = None;
        let before = std::mem::replace(&mut self.progress.state, State::Done);
        self.clock.forget();
        self.progress.ends_unix_nano = self.progress.newest_unix_nano.max(self.progress.ends_unix_nano);
        self.publish();
        loop {
            match self.wait_for_message(None) {
                Flow::Continue => self.seeking = None,
                flow => {
                    self.progress.state = before;
                    return flow;
                }
            }
        }
    }

    fn publish(&mut self) {
        self.published_at = Instant::now();
        self.progress.position = self.position.load(Relaxed);
        self.progress.seeking_unix_nano = self.seeking;
        self.progress.clock_unix_nano = self.clock.time(self.published_at).max(self.progress.newest_unix_nano);
        self.publisher.send_replace(self.progress.clone());
    }
}

/// From `unix_nano` to now, ns.
fn since(unix_nano: u64) -> i64 {
    i64::try_from(i128::from(unix_nano_now()) - i128::from(unix_nano)).unwrap_or(0)
}

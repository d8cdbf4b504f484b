//! Replays against a sink that keeps what it is given.

use std::{
    io::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::*;
use crate::collector::sink::Refusal;
use crate::collector::testing::Kept;
use crate::sources::replay::request_time::newest_end;
use crate::sources::replay::{Broken, Command, Progress, Replay, ReplayConfig, Speed, State};

struct Playing {
    replay: Replay,
    sink: Kept,
    rewinds: Arc<AtomicU32>,
}

fn play(config: ReplayConfig) -> Playing {
    let (sink, rewinds) = (Kept::default(), Arc::new(AtomicU32::new(0)));
    let (kept, counted) = (sink.clone(), Arc::clone(&rewinds));
    let on_rewind = move || {
        kept.0.requests.lock().unwrap().clear();
        counted.fetch_add(1, SeqCst);
    };
    Playing { replay: Replay::start(config, sink.clone(), on_rewind).unwrap(), sink, rewinds }
}

impl Playing {
    fn wait(&self, until: impl FnMut(&Progress) -> bool) -> Progress {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut progress = self.replay.handle().progress();
        runtime.block_on(async {
            let found = tokio::time::timeout(Duration::from_mins(1), progress.wait_for(until)).await;
            found.expect("it never came to that").unwrap().clone()
        })
    }

    fn done(&self) -> Progress {
        self.wait(|progress| progress.state == State::Done)
    }

    fn taken(&self) -> Vec<Bytes> {
        self.sink.0.requests.lock().unwrap().clone()
    }
}

fn at(speed: Speed, path: PathBuf) -> ReplayConfig {
    ReplayConfig { speed, ..ReplayConfig::new([path]) }
}

/// Two hours apart each: too long for a test to wait.
fn hours_apart(count: u64) -> Vec<Bytes> {
    let request = &requests(1)[0];
    let hour = 3_600_000_000_000;
    (0..count)
        .map(|number| super::super::shift::shift(request, number.cast_signed() * 2 * hour).unwrap().into())
        .collect()
}

fn time(request: &Bytes) -> u64 {
    newest_end(request).unwrap()
}

/// Guarantees: the end of a span that a wrong clock put into the future is not waited for.
#[test]
fn times_that_are_still_to_come_are_none() {
    let request = &requests(1)[0];
    let ahead = super::super::shift::shift(request, i64::MAX / 4).unwrap();
    assert!(newest_end(request).is_some());
    assert_eq!(newest_end(&ahead), None);
    assert_eq!(newest_end(&[&ahead[..], request].concat()), newest_end(request));
}

#[test]
fn at_full_speed_all_is_handed_in() {
    let directory = TempDir::new().unwrap();
    let requests = requests(50);
    let bytes = gzip(&json_lines(&requests));
    let (one, two) = (file(&directory, "1.gz", &bytes), file(&directory, "2.gz", &bytes));
    let playing = play(ReplayConfig { speed: Speed::Max, ..ReplayConfig::new([one, two]) });
    let progress = playing.done();
    assert_eq!(playing.taken().len(), 100);
    assert_eq!((progress.requests, progress.broken, progress.fraction()), (100, 0, Some(1.0)));
    assert_eq!(progress.position, 2 * bytes.len() as u64);
    assert_eq!(progress.clock_unix_nano, requests.iter().map(time).max());
    assert!(progress.input.ends_with("2.gz"));
}

/// Guarantees: between requests it waits as long as it was, and can be stepped, paused and hurried.
#[test]
fn at_its_own_pace_it_waits_and_obeys() {
    let directory = TempDir::new().unwrap();
    let requests = hours_apart(5);
    let playing = play(at(Speed::Times(1.0), file(&directory, "r", &json_lines(&requests))));
    let waiting_for = |index: usize, state: State| {
        let next = time(&requests[index]);
        let progress = playing.wait(|progress| progress.next_unix_nano == Some(next) && progress.state == state);
        assert_eq!((progress.requests, playing.taken().len()), (index as u64, index));
    };
    waiting_for(1, State::Playing);
    playing.replay.handle().send(Command::TogglePause);
    waiting_for(1, State::Paused);
    playing.replay.handle().send(Command::Step);
    waiting_for(2, State::Paused);
    playing.replay.handle().send(Command::Speed(Speed::Max));
    playing.replay.handle().send(Command::Step);
    waiting_for(3, State::Paused);
    playing.replay.handle().send(Command::Speed(Speed::Times(2.0)));
    playing.replay.handle().send(Command::TogglePause);
    // Where the steps led is where it goes on, so the next request is not waited for.
    waiting_for(4, State::Playing);
    playing.replay.handle().send(Command::Speed(Speed::Max));
    assert_eq!(playing.done().requests, 5);
}

#[test]
fn seeks_go_forth_and_back() {
    let directory = TempDir::new().unwrap();
    let requests = hours_apart(6);
    let playing = play(at(Speed::Times(1.0), file(&directory, "r", &json_lines(&requests))));
    let waiting_for = |index: usize, beginnings: u64| {
        let next = time(&requests[index]);
        playing.wait(|progress| progress.next_unix_nano == Some(next) && progress.beginnings == beginnings);
        assert_eq!(playing.taken().len(), index);
    };
    waiting_for(1, 1);
    playing.replay.handle().send(Command::SeekTo(time(&requests[3])));
    waiting_for(4, 1);
    playing.replay.handle().send(Command::SeekTo(time(&requests[1]) - 1));
    waiting_for(2, 2);
    assert_eq!(playing.rewinds.load(SeqCst), 1);
    playing.replay.handle().send(Command::SeekTo(u64::MAX));
    assert_eq!(playing.done().requests, 6);
    playing.replay.handle().send(Command::SeekTo(0));
    waiting_for(1, 3);
    assert_eq!((playing.rewinds.load(SeqCst), playing.taken().len()), (2, 1));
}

/// Guarantees: a seek into a gap stays there and waits for what comes next; the time goes on meanwhile.
#[test]
fn a_seek_between_two_requests_waits_for_the_second() {
    let directory = TempDir::new().unwrap();
    let requests = hours_apart(3);
    let playing = play(at(Speed::Times(1.0), file(&directory, "r", &json_lines(&requests))));
    let hour = 3_600_000_000_000;
    let between = time(&requests[1]) + hour;
    playing.wait(|progress| progress.next_unix_nano == Some(time(&requests[1])));
    for target in [between, between - hour / 2, between - hour / 4] {
        playing.replay.handle().send(Command::SeekTo(target));
        let stands = |progress: &Progress| {
            progress.clock_unix_nano.is_some_and(|clock| clock >= target && clock < target + hour / 10)
        };
        let progress = playing.wait(|progress| progress.next_unix_nano == Some(time(&requests[2])) && stands(progress));
        assert_eq!((progress.requests, progress.beginnings, playing.taken().len()), (2, 1, 2));
    }
    let stood = playing.replay.handle().progress().borrow().clock_unix_nano;
    playing.wait(|progress| progress.clock_unix_nano > stood);
}

/// Guarantees: the end is found out by looking ahead once there is time to wait, and stays known.
#[test]
fn the_end_is_known_before_it_is_reached() {
    let directory = TempDir::new().unwrap();
    let requests = hours_apart(5);
    let (begin, end) = (time(&requests[0]), time(&requests[4]));
    let files =
        [file(&directory, "1", &json_lines(&requests[2..])), file(&directory, "2", &json_lines(&requests[..2]))];
    let playing =
        play(ReplayConfig { speed: Speed::Times(1.0), ..ReplayConfig::new([files[1].clone(), files[0].clone()]) });
    let progress = playing.wait(|progress| progress.ends_unix_nano.is_some());
    assert_eq!((progress.begins_unix_nano, progress.ends_unix_nano), (Some(begin), Some(end)));
    assert_eq!((progress.total_nanos(), progress.requests), (Some(end - begin), 1));
    assert!(progress.fraction().is_some_and(|fraction| fraction < 0.01), "of the time, not of the bytes");
    playing.replay.handle().send(Command::SeekTo(begin + (end - begin) / 2));
    let half = playing.wait(|progress| progress.requests == 3 && progress.next_unix_nano.is_some());
    assert!(half.fraction().is_some_and(|fraction| (0.5..0.51).contains(&fraction)), "{half:?}");
    playing.replay.handle().send(Command::SeekTo(0));
    assert_eq!(playing.wait(|progress| progress.beginnings == 2).ends_unix_nano, Some(end));
}

/// Guarantees: what comes through a pipe is read as it comes, is not looked through ahead, and is not begun anew.
#[cfg(unix)]
#[test]
fn a_pipe_is_played_but_not_rewound() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let requests = hours_apart(3);
    let playing = play(at(Speed::Times(1.0), path.clone()));
    let mut writer = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    writer.write_all(&json_lines(&requests)).unwrap();
    let progress = playing.wait(|progress| progress.next_unix_nano == Some(time(&requests[1])));
    assert_eq!((progress.can_rewind, progress.size, progress.ends_unix_nano), (false, None, None));
    playing.replay.handle().send(Command::SeekTo(0));
    playing.replay.handle().send(Command::Step);
    playing.replay.handle().send(Command::SeekTo(u64::MAX));
    drop(writer);
    let progress = playing.done();
    assert_eq!((progress.requests, progress.beginnings, playing.rewinds.load(SeqCst)), (3, 1, 0));
    assert_eq!(progress.ends_unix_nano, Some(time(&requests[2])));
}

#[test]
fn times_may_become_now() {
    let directory = TempDir::new().unwrap();
    let requests = hours_apart(3);
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    let before = now();
    let config = at(Speed::Max, file(&directory, "r", &json_lines(&requests)));
    let playing = play(ReplayConfig { now: true, ..config });
    playing.done();
    let taken: Vec<u64> = playing.taken().iter().map(time).collect();
    assert_eq!(taken.len(), 3);
    assert!(taken.iter().all(|time| (before..=now()).contains(time)));
}

#[test]
fn broken_and_refused_entries_are_reported() {
    let directory = TempDir::new().unwrap();
    let request = requests(1).remove(0);
    let path = file(&directory, "r", &[json_line(&request), b"{\n".to_vec(), json_line(&request)].concat());
    let name = path.display().to_string();
    let playing = play(at(Speed::Max, path.clone()));
    let progress = playing.done();
    assert_eq!((progress.requests, progress.broken), (2, 1));
    let Some(Broken { input, number: 2, why }) = progress.last_broken.front() else { panic!("{progress:?}") };
    assert!(*input == name && why.contains("EOF"), "{input} {why}");
    let lines: Vec<String> = progress.broken_since(0).map(ToString::to_string).collect();
    assert!(lines.len() == 1 && lines[0].starts_with(&format!("{name}: entry 2 skipped: ")), "{lines:?}");
    assert_eq!((progress.broken_since(1).count(), progress.broken_since(7).count()), (0, 0));

    let sink = Kept::default();
    *sink.0.answer.lock().unwrap() = Some(Refusal::Malformed("no".to_owned()));
    let replay = Replay::start(at(Speed::Max, path.clone()), sink, || {}).unwrap();
    let playing = Playing { replay, sink: Kept::default(), rewinds: Arc::default() };
    let progress = playing.done();
    assert_eq!((progress.requests, progress.refused, progress.broken), (0, 2, 3));

    let missing = Replay::start(at(Speed::Max, "no/such/file".into()), Kept::default(), || {}).unwrap_err();
    assert!(missing.to_string().contains("no/such/file"));
    assert!(Replay::start(at(Speed::Max, directory.path().into()), Kept::default(), || {}).is_err());
}

/// Guarantees: dropping a replay ends it, however long it would wait; one whose ingest is gone ends by itself.
#[test]
fn ends_when_dropped_or_when_the_sink_is_closed() {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "r", &json_lines(&hours_apart(3)));
    let playing = play(at(Speed::Times(1.0), path.clone()));
    playing.wait(|progress| progress.next_unix_nano.is_some());
    drop(playing.replay);

    let sink = Kept::default();
    *sink.0.answer.lock().unwrap() = Some(Refusal::Unavailable);
    let replay = Replay::start(at(Speed::Times(1.0), path), sink.clone(), || {}).unwrap();
    let mut progress = replay.handle().progress();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    while runtime.block_on(progress.changed()).is_ok() {}
    assert_eq!(sink.0.requests.lock().unwrap().len(), 1);
}

#[test]
fn speeds_as_people_write_them() {
    let cases = [
        ("max", Some(Speed::Max)),
        ("MAX", Some(Speed::Max)),
        ("1", Some(Speed::Times(1.0))),
        ("10x", Some(Speed::Times(10.0))),
        ("0.5", Some(Speed::Times(0.5))),
    ];
    for (text, speed) in cases {
        assert_eq!(text.parse().ok(), speed, "{text}");
    }
    for text in ["", "0", "-1", "NaN", "inf", "fast", "x"] {
        assert!(text.parse::<Speed>().is_err(), "{text}");
    }
    assert_eq!((Speed::Times(10.0).to_string(), Speed::Max.to_string()), ("10x".to_owned(), "max".to_owned()));
}

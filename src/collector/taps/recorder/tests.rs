//! Real files in a temporary directory.

use std::{fs, io::Read, path::Path};

use prost::Message;
use tempfile::TempDir;

use super::*;
use crate::collector::testing::eventually;
use crate::sources::demo::Traffic;

fn requests(count: usize) -> Vec<Bytes> {
    let mut traffic = Traffic::new(1, 1_795_000_000_000_000_000);
    let requests = (0..count).flat_map(|_| traffic.batch(3)).take(count);
    requests.map(|request| request.encode_to_vec().into()).collect()
}

fn config(directory: &TempDir, name: &str, rotation: Option<Rotation>) -> RecordConfig {
    RecordConfig { path: directory.path().join(name), rotation, queue_bytes: 64 * 1024 * 1024 }
}

fn record(config: &RecordConfig, requests: &[Bytes]) -> RecordCounters {
    let recorder = Recorder::start(config).unwrap();
    for request in requests {
        recorder.offer(Signal::Traces, request);
    }
    recorder.finish(crate::collector::testing::PATIENCE)
}

fn unpacked(path: &Path) -> Vec<u8> {
    let file = fs::File::open(path).unwrap();
    let mut bytes = Vec::new();
    let name = path.to_string_lossy();
    if name.ends_with(".gz") {
        flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    } else if name.ends_with(".zst") {
        zstd::Decoder::new(file).unwrap().read_to_end(&mut bytes).unwrap();
    } else {
        { file }.read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// The requests of a recording, as protobuf.
fn read(path: &Path) -> Vec<Bytes> {
    let mut bytes = Bytes::from(unpacked(path));
    let mut requests = Vec::new();
    if path.to_string_lossy().contains(".binpb") {
        while !bytes.is_empty() {
            let length = prost::decode_length_delimiter(&mut bytes).unwrap();
            requests.push(bytes.split_to(length));
        }
    } else {
        assert!(bytes.is_empty() || bytes.ends_with(b"\n"));
        for line in std::str::from_utf8(&bytes).unwrap().lines() {
            requests.push(json::traces_to_protobuf(line.as_bytes()).unwrap().into());
        }
    }
    requests
}

/// Guarantees: every format holds every request, whole and in order; delimited protobuf holds the very bytes.
#[test]
fn every_format_holds_what_was_offered() {
    let directory = TempDir::new().unwrap();
    let requests = requests(40);
    for name in ["t.jsonl", "t.jsonl.gz", "t.json.zst", "t.binpb", "t.binpb.gz", "t.binpb.zst"] {
        let config = config(&directory, name, None);
        let counters = record(&config, &requests);
        assert_eq!((counters.written, counters.dropped, counters.failed, &counters.error), (40, 0, 0, &None), "{name}");
        assert_eq!(counters.bytes, unpacked(&config.path).len() as u64, "{name}");
        let read = read(&config.path);
        if name.contains("binpb") {
            assert_eq!(read, requests, "{name}");
        } else {
            let decoded =
                |bytes: &Bytes| opentelemetry_proto::tonic::trace::v1::TracesData::decode(&bytes[..]).unwrap();
            assert!(read.iter().map(decoded).eq(requests.iter().map(decoded)), "{name}");
        }
    }
}

#[test]
fn rotation_keeps_the_newest_files_within_the_size() {
    let directory = TempDir::new().unwrap();
    let requests = requests(60);
    let largest = requests.iter().map(Bytes::len).max().unwrap() as u64;
    let rotation = Rotation { max_bytes: 2 * largest, keep: 2 };
    let config = config(&directory, "t.binpb", Some(rotation));
    assert_eq!(record(&config, &requests).written, 60);
    let names = ["t.2.binpb", "t.1.binpb", "t.binpb"].map(|name| directory.path().join(name));
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    assert!(names.iter().all(|name| fs::metadata(name).unwrap().len() <= rotation.max_bytes));
    let kept: Vec<Bytes> = names.iter().flat_map(|name| read(name)).collect();
    assert!(kept.len() >= 3 && requests.ends_with(&kept));
}

#[test]
fn packed_files_rotate_too() {
    let directory = TempDir::new().unwrap();
    let requests = requests(60);
    let config = config(&directory, "t.jsonl.gz", Some(Rotation { max_bytes: 1, keep: 100 }));
    let recorder = Recorder::start(&config).unwrap();
    for request in &requests {
        recorder.offer(Signal::Traces, request);
        // Until it is on disk, so that the next request finds the file full.
        eventually(|| (recorder.queue.held() == 0).then_some(()));
    }
    assert_eq!(recorder.finish(crate::collector::testing::PATIENCE).written, 60);
    let files = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
    let counts: Vec<usize> = files.map(|path| read(&path).len()).collect();
    assert!(counts.len() > 10, "{} files", counts.len());
    assert_eq!(counts.iter().sum::<usize>(), 60);
}

/// Guarantees: a file that was renamed away and replaced is neither removed, moved nor written to.
#[test]
fn a_file_that_took_the_name_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let config = config(&directory, "t.jsonl", Some(Rotation { max_bytes: 1, keep: 0 }));
    let recorder = Recorder::start(&config).unwrap();
    let offer = || {
        recorder.offer(Signal::Traces, &requests(1)[0]);
        eventually(|| (recorder.queue.held() == 0).then_some(()));
    };
    offer();
    fs::rename(&config.path, directory.path().join("moved.jsonl")).unwrap();
    fs::write(&config.path, "theirs").unwrap();
    offer();
    let counters = recorder.finish(crate::collector::testing::PATIENCE);
    assert_eq!(fs::read_to_string(&config.path).unwrap(), "theirs");
    assert_eq!((counters.written, counters.failed, counters.waiting), (1, 1, 0));
    assert!(recorder.loss_reason().unwrap().contains("is another file now"));
}

/// Guarantees: what is in the file is never lost to the next recording.
#[test]
fn recordings_continue_or_move_aside() {
    let directory = TempDir::new().unwrap();
    let requests = requests(3);
    let lines = config(&directory, "t.jsonl", None);
    fs::write(&lines.path, "{\"resourceSpans\":[]}\n{\"cut").unwrap();
    record(&lines, &requests);
    record(&lines, &requests);
    let text = fs::read_to_string(&lines.path).unwrap();
    assert!(text.starts_with("{\"resourceSpans\":[]}\n{\"cut\n{\"resourceSpans\":[{"), "{text}");
    assert_eq!(text.lines().count(), 2 + 6);

    let packed = config(&directory, "t.jsonl.gz", None);
    for _ in 0..3 {
        record(&packed, &requests);
    }
    for name in ["t.jsonl.gz", "t.1.jsonl.gz", "t.2.jsonl.gz"] {
        assert_eq!(read(&directory.path().join(name)).len(), 3, "{name}");
    }
}

#[test]
fn a_full_queue_drops_and_counts() {
    let directory = TempDir::new().unwrap();
    let config = RecordConfig { queue_bytes: 10, ..config(&directory, "t.jsonl", None) };
    let counters = record(&config, &requests(5));
    assert_eq!((counters.written, counters.dropped), (0, 5));
}

/// Scenario: the disk refuses every write. Guarantees: nothing is half written, the error is reported, and offers do not block.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let config = RecordConfig { path: "/dev/full".into(), rotation: None, queue_bytes: 1 << 20 };
    let counters = record(&config, &requests(5));
    assert_eq!((counters.written, counters.failed), (0, 5));
    assert!(counters.error.is_some_and(|error| error.to_lowercase().contains("space")));
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_at_once() {
    let directory = TempDir::new().unwrap();
    assert!(Recorder::start(&config(&directory, "missing/t.jsonl", None)).is_err());
    assert!(Recorder::start(&RecordConfig { path: directory.path().into(), rotation: None, queue_bytes: 1 }).is_err());
}

#[cfg(unix)]
#[test]
fn recordings_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let config = config(&directory, "t.jsonl", None);
    record(&config, &requests(1));
    assert_eq!(fs::metadata(&config.path).unwrap().permissions().mode() & 0o777, 0o600);
}

/// Guarantees: what was offered is readable on disk without the recording being ended, as after `kill -9`.
#[test]
fn whole_requests_are_on_disk_before_the_end() {
    let directory = TempDir::new().unwrap();
    let requests = requests(20);
    for name in ["k.jsonl", "k.jsonl.gz", "k.binpb.zst"] {
        let config = config(&directory, name, None);
        let recorder = Recorder::start(&config).unwrap();
        for request in &requests {
            recorder.offer(Signal::Traces, request);
        }
        let framed = |request: &Bytes| request.len() + prost::length_delimiter_len(request.len());
        let total: usize = requests.iter().map(framed).sum();
        eventually(|| {
            let bytes = broken_off(&config.path);
            let lines = bytes.split(|byte| *byte == b'\n').count() - 1;
            ((name.contains("jsonl") && lines == 20) || bytes.len() == total).then_some(())
        });
        drop(recorder);
    }
}

/// What can be unpacked of a file that has no end yet.
fn broken_off(path: &Path) -> Vec<u8> {
    let packed = fs::read(path).unwrap();
    let mut bytes = Vec::new();
    let name = path.to_string_lossy();
    // The missing end is an error, after all that was there.
    let _ = if name.ends_with(".gz") {
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes)
    } else if name.ends_with(".zst") {
        zstd::Decoder::new(&packed[..]).unwrap().read_to_end(&mut bytes)
    } else {
        (&packed[..]).read_to_end(&mut bytes)
    };
    bytes
}

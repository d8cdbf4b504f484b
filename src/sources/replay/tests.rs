//! Recordings in temporary files, read and replayed.

mod invariants;
mod player;
mod reading;

use std::path::PathBuf;

use bytes::Bytes;
use prost::Message;
use tempfile::TempDir;

use crate::collector::json;
use crate::collector::testing::gzip;
use crate::sources::demo::Traffic;
use crate::sources::replay;

/// Requests of a demo, a second or more apart.
fn requests(count: usize) -> Vec<Bytes> {
    let mut traffic = Traffic::new(1, 1_795_000_000_000_000_000);
    let requests = (0..count).flat_map(|_| traffic.batch(2)).take(count);
    requests.map(|request| request.encode_to_vec().into()).collect()
}

fn json_line(request: &[u8]) -> Vec<u8> {
    let mut line = Vec::new();
    json::traces_to_json(request, &mut line).unwrap();
    line.push(b'\n');
    line
}

fn json_lines(requests: &[Bytes]) -> Vec<u8> {
    requests.iter().flat_map(|request| json_line(request)).collect()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A file with this content.
fn file(directory: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

//! What is read from recordings of every kind, whole and damaged.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use proptest::prelude::*;

use super::invariants::check_invariants;
use super::*;
use crate::sources::replay::{Entry, Input, Reader};

fn entries(bytes: &[u8]) -> Vec<Entry> {
    let directory = TempDir::new().unwrap();
    let path = file(&directory, "recording", bytes);
    let input = Input::File(path).open(std::sync::Arc::default()).unwrap();
    Reader::new(input).collect()
}

/// All requests of a recording without faults, decoded.
fn read(bytes: &[u8]) -> Vec<TracesData> {
    entries(bytes).into_iter().map(|entry| decoded(&entry.request.unwrap())).collect()
}

fn decoded(request: &[u8]) -> TracesData {
    TracesData::decode(request).unwrap()
}

fn delimited(requests: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for request in requests {
        prost::encoding::encode_varint(request.len() as u64, &mut bytes);
        bytes.extend_from_slice(request);
    }
    bytes
}

/// As the Collector's file exporter frames messages.
fn four_bytes(messages: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let framed = |message: Vec<u8>| [u32::try_from(message.len()).unwrap().to_be_bytes().to_vec(), message].concat();
    messages.into_iter().flat_map(framed).collect()
}

/// Guarantees: recordings of ours and the Collector's are distinguished by their content, compressed or not.
#[test]
fn every_kind_is_read() {
    let requests = requests(12);
    let expected: Vec<_> = requests.iter().map(|request| decoded(request)).collect();
    let lines = json_lines(&requests);
    let crlf: Vec<u8> = String::from_utf8(lines.clone()).unwrap().replace('\n', "\r\n").into();
    let bytes = || requests.iter().map(|request| request.to_vec());
    let kinds = [
        ("JSON lines", lines.clone()),
        ("JSON lines of Windows", crlf),
        ("JSON lines, the last one unended", lines[..lines.len() - 1].to_vec()),
        ("JSON lines after blank ones", [b"\n\n".to_vec(), lines.clone()].concat()),
        ("JSON lines after a byte order mark", [b"\xef\xbb\xbf".to_vec(), lines.clone()].concat()),
        ("our protobuf", delimited(&requests)),
        ("the Collector's protobuf", four_bytes(bytes())),
        ("the Collector's protobuf with zstd", four_bytes(bytes().map(|message| zstd(&message)))),
        ("the Collector's JSON with zstd", four_bytes(requests.iter().map(|request| zstd(&json_line(request))))),
    ];
    for (kind, bytes) in kinds {
        assert_eq!(read(&bytes), expected, "{kind}");
        assert_eq!(read(&gzip(&bytes)), expected, "{kind}, gzip");
        assert_eq!(read(&zstd(&bytes)), expected, "{kind}, zstd");
        let (left, right) = bytes.split_at(bytes.len() / 3);
        assert_eq!(read(&[gzip(left), gzip(right)].concat()), expected, "{kind}, gzip in two members");
        assert_eq!(read(&[zstd(left), zstd(right)].concat()), expected, "{kind}, zstd in two frames");
    }
}

#[test]
fn single_requests_are_recordings_too() {
    let request = &requests(1)[0];
    let expected = decoded(request);
    let spans = |read: Vec<TracesData>| read.into_iter().flat_map(|data| data.resource_spans).collect::<Vec<_>>();
    assert_eq!(spans(read(request)), expected.resource_spans, "as it came over the wire");
    let value: serde_json::Value = serde_json::from_slice(&json_line(request)).unwrap();
    let indented = serde_json::to_vec_pretty(&value).unwrap();
    assert!(indented.starts_with(b"{\n"));
    assert_eq!(read(&indented), [expected]);
}

#[test]
fn short_messages_are_not_taken_for_text() {
    // Messages whose length is a brace, a line break or a space.
    for length in [b'{', b'\n' + 1, b' ', b'['] {
        let inner = length - 2;
        let message = [&[0x0a, inner, 0x1a, inner - 2][..], &vec![b'x'; usize::from(inner) - 2]].concat();
        let recording = delimited(&[Bytes::from(message.clone()), Bytes::from(message.clone())]);
        assert_eq!(read(&recording), [decoded(&message), decoded(&message)], "{length}");
    }
}

#[test]
fn broken_lines_are_reported_and_skipped() {
    let line = String::from_utf8(json_line(&requests(1)[0])).unwrap();
    let metrics = r#"{"resourceMetrics":[{"scopeMetrics":[]}]}"#;
    let cut = &line[..line.len() / 2];
    let text = format!("{line}{cut}\n\n{metrics}\n{line}not JSON\n{line}{cut}");
    let read: Vec<(u64, bool)> =
        entries(text.as_bytes()).iter().map(|entry| (entry.number, entry.request.is_ok())).collect();
    assert_eq!(read, [(1, true), (2, false), (5, true), (6, false), (7, true), (8, false)]);
}

/// Guarantees: a recording that breaks off, as after a crash, gives all that is whole.
#[test]
fn what_breaks_off_gives_what_is_whole() {
    let requests = requests(5);
    let recordings =
        [delimited(&requests), four_bytes(requests.iter().map(|request| request.to_vec())), json_lines(&requests)];
    for recording in recordings {
        let entries = entries(&recording[..recording.len() - 10]);
        assert_eq!(entries.len(), 5);
        assert!(entries[..4].iter().all(|entry| entry.request.is_ok()));
        assert!(entries[4].request.is_err());
    }
    for packed in [gzip(&json_lines(&requests)), zstd(&json_lines(&requests))] {
        let broken_off = entries(&packed[..packed.len() - 4]);
        assert!(broken_off.last().unwrap().request.as_ref().unwrap_err().contains("breaks off"), "{broken_off:?}");
    }
    let trailer = 8;
    let packed = gzip(&json_lines(&requests));
    let whole = entries(&packed[..packed.len() - trailer]);
    assert_eq!(whole.iter().filter(|entry| entry.request.is_ok()).count(), 5, "all but the checksum is there");
}

#[test]
fn endless_entries_are_refused_without_holding_them() {
    let line = json_line(&requests(1)[0]);
    let endless = vec![b' '; 64 * 1024 * 1024 + 7];
    let text = [&line[..], &endless, b"\n", &line].concat();
    let read: Vec<bool> = entries(&gzip(&text)).iter().map(|entry| entry.request.is_ok()).collect();
    assert_eq!(read, [true, false, true]);
    let lengths = [
        &[0xff, 0xff, 0xff, 0xff, 0x7f, 1][..],
        &[0, 0xff, 0xff, 0xff, 1],
        &[0xff; 32],
        &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f],
    ];
    for bytes in lengths {
        assert!(entries(bytes).iter().all(|entry| entry.request.is_err()), "{bytes:?}");
    }
}

#[test]
fn nothing_is_an_empty_recording() {
    for bytes in [&b""[..], b"\n\n", b"\n\n\n\r\n", &gzip(b""), &zstd(b"")] {
        assert_eq!(entries(bytes), []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is read, reading ends and never panics, and broken entries are reported.
    #[test]
    fn noise_is_survived(start in prop::sample::select(vec!["", "{", "{\n", "\n", "\0", "\u{7b}\n\u{79}"]), noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let bytes = [start.as_bytes(), &noise].concat();
        check_invariants(&bytes);
        check_invariants(&gzip(&bytes));
        check_invariants(&zstd(&bytes));
    }

    /// A recording with one byte changed: whatever is whole is read, and nothing is silently left out.
    #[test]
    fn damage_is_reported(at in any::<prop::sample::Index>(), byte in any::<u8>(), packing in 0..3) {
        let lines = json_lines(&requests(4));
        let mut recording = match packing { 0 => lines, 1 => gzip(&lines), _ => zstd(&lines) };
        let position = at.index(recording.len());
        let is_damaged = recording[position] != byte;
        recording[position] = byte;
        let (whole, broken) = check_invariants(&recording);
        prop_assert!(is_damaged || (whole, broken) == (4, 0));
        prop_assert!(whole <= 5);
    }
}

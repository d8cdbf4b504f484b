//! The walk against `opentelemetry-proto`: on captured requests, on generated ones, and on damaged ones.

pub(crate) mod generate;
mod oracle;

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;

use self::oracle::agree;
use super::{Value, WireError, walk, walk_at_once};
use crate::collector::wire;

pub(crate) fn fixtures() -> Vec<(PathBuf, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let folders = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path());
    let requests = files.filter(|file| file.extension().is_some_and(|extension| extension == "binpb"));
    requests.map(|file| (file.clone(), std::fs::read(file).unwrap())).collect()
}

#[test]
fn captured_requests_are_read_as_the_oracle_reads_them() {
    let fixtures = fixtures();
    assert!(fixtures.len() > 40, "only {} fixtures", fixtures.len());
    for (file, request) in fixtures {
        assert!(agree(&request), "{} was refused", file.display());
    }
}

#[test]
fn every_truncation_of_captured_requests_is_judged_as_the_oracle_judges_it() {
    for (_, request) in fixtures() {
        let step = if request.len() < 1000 { 1 } else { request.len() / 40 };
        for len in (0..request.len()).step_by(step) {
            agree(&request[..len]);
        }
    }
}

/// One change to a request.
#[derive(Clone, Debug)]
pub(crate) enum Edit {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Truncate(Index),
    Repeat(Index, Index),
}

impl Edit {
    fn apply(&self, request: &mut Vec<u8>) {
        if request.is_empty() {
            return;
        }
        let len = request.len();
        match self {
            Self::Set(at, byte) => request[at.index(len)] = *byte,
            Self::Flip(at, bit) => request[at.index(len)] ^= 1 << bit,
            Self::Insert(at, byte) => request.insert(at.index(len), *byte),
            Self::Remove(at) => drop(request.remove(at.index(len))),
            Self::Truncate(at) => request.truncate(at.index(len)),
            Self::Repeat(from, to) => request.extend_from_within(from.index(len).min(to.index(len))..to.index(len)),
        }
    }
}

pub(crate) fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let at = any::<Index>;
    let edit = prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (at(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        at().prop_map(Edit::Remove),
        at().prop_map(Edit::Truncate),
        (at(), at()).prop_map(|(from, to)| Edit::Repeat(from, to)),
    ];
    prop::collection::vec(edit, 1..4)
}

pub(crate) fn edited(mut request: Vec<u8>, edits: &[Edit]) -> Vec<u8> {
    for edit in edits {
        edit.apply(&mut request);
    }
    request
}

/// The fields of an `AnyValue`, with contents of few different lengths.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let number = |key: u8| {
        any::<u64>().prop_map(move |number| {
            let mut out = vec![key];
            prost::encoding::encode_varint(number >> (number % 64), &mut out);
            out
        })
    };
    prop_oneof![
        4 => prop::sample::select(vec!["", "a", "b", "é", "ü", "gpt-4o", "gpt-5o", "session-0000000000017", "session-0000000000018"])
            .prop_map(|text| field(1, text.as_bytes())),
        1 => any::<bool>().prop_map(|is| vec![2 << 3, u8::from(is)]),
        4 => number(3 << 3),
        2 => any::<[u8; 8]>().prop_map(|bits| [&[4 << 3 | 1], &bits[..]].concat()),
        1 => prop::sample::select(vec![Vec::new(), field(7, b"x"), field(5, &field(1, &field(1, b"x")))]),
    ]
}

/// A request with a span that has these values under the keys of their places, unless `oddity` changes it.
fn emitted(values: &[(Vec<u8>, u8)]) -> Vec<u8> {
    let attribute = |(nth, (value, oddity)): (usize, &(Vec<u8>, u8))| {
        let pair = field(9, &[field(1, format!("key.{nth}").as_bytes()), field(2, value)].concat());
        match oddity {
            0 => Vec::new(),
            1 => [&pair[..], b"\x50\x01"].concat(),
            _ => pair,
        }
    };
    request_with(&values.iter().enumerate().flat_map(attribute).collect::<Vec<u8>>())
}

pub(crate) fn seeds() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..1500)
}

proptest! {
    /// Guarantees: what is remembered of one span never shows in another that is nearly the same.
    #[test]
    fn spans_that_nearly_repeat_are_read_as_the_oracle_reads_them(
        pick in any::<Index>(), edits in edits(), more in edits()
    ) {
        let mut fixtures = fixtures();
        let at = pick.index(fixtures.len());
        let (_, request) = fixtures.swap_remove(at);
        let nearly = edited(request.clone(), &edits);
        agree(&[&request[..], &nearly[..], &edited(nearly.clone(), &more)[..], &request[..]].concat());
    }

    /// The same for an emitter's usual spans: the same keys, other values, now and then an attribute that is missing or
    /// stands behind something else.
    #[test]
    fn spans_of_one_emitter_are_read_as_the_oracle_reads_them(
        spans in prop::collection::vec(prop::collection::vec((value(), 0..12_u8), 1..8), 1..6)
    ) {
        let spans: Vec<Vec<u8>> = spans.iter().map(|values| emitted(values)).collect();
        prop_assert!(agree(&spans.concat()));
    }

    #[test]
    fn generated_requests_are_read_as_the_oracle_reads_them(mut seed in seeds()) {
        if let Some(first) = seed.first_mut() {
            *first = 0;
        }
        prop_assert!(agree(&generate::request(&seed)), "a faultless request was refused");
    }

    #[test]
    fn generated_faults_are_judged_as_the_oracle_judges_them(mut seed in seeds()) {
        if let Some(first) = seed.first_mut() {
            *first = 1;
        }
        agree(&generate::request(&seed));
    }

    #[test]
    fn edited_generated_requests_are_judged_as_the_oracle_judges_them(seed in seeds(), edits in edits()) {
        agree(&edited(generate::request(&seed), &edits));
    }

    #[test]
    fn every_truncation_of_generated_requests_is_judged_as_the_oracle_judges_it(
        seed in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let request = generate::request(&seed);
        for len in 0..request.len() {
            agree(&request[..len]);
        }
    }

    #[test]
    fn edited_captured_requests_are_judged_as_the_oracle_judges_them(at in any::<Index>(), edits in edits()) {
        let fixtures = small_fixtures();
        agree(&edited(fixtures[at.index(fixtures.len())].clone(), &edits));
    }
}

fn small_fixtures() -> &'static [Vec<u8>] {
    static SMALL: std::sync::LazyLock<Vec<Vec<u8>>> = std::sync::LazyLock::new(|| {
        fixtures().into_iter().map(|(_, request)| request).filter(|request| request.len() < 13_000).collect()
    });
    &SMALL
}

/// A message with one length-delimited field.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    prost::encoding::encode_varint(content.len() as u64, &mut out);
    out.extend(content);
    out
}

/// A request with one span whose encoded content is `span`.
fn request_with(span: &[u8]) -> Vec<u8> {
    field(1, &field(2, &field(2, span)))
}

/// A request with one span that has one attribute whose encoded content is `key_value`.
fn request_with_attribute(key_value: &[u8]) -> Vec<u8> {
    request_with(&field(9, key_value))
}

#[test]
fn every_change_of_one_byte_of_a_usual_attribute_is_judged_as_the_oracle_judges_it() {
    let values: [Vec<u8>; 8] = [
        field(1, "é".as_bytes()),
        field(1, b""),
        b"\x18\x05".to_vec(),
        b"\x18\xac\x02".to_vec(),
        b"\x18\x80\x80\x01".to_vec(),
        b"\x10\x01".to_vec(),
        b"\x21\0\0\0\0\0\0\xf0\x3f".to_vec(),
        Vec::new(),
    ];
    for value in values {
        let usual = [field(1, "kö".as_bytes()), field(2, &value)].concat();
        let usually = request_with_attribute(&usual);
        assert!(agree(&usually), "{usual:x?}");
        for at in 0..usual.len() {
            for byte in 0..=u8::MAX {
                let mut changed = usual.clone();
                changed[at] = byte;
                let changed = request_with_attribute(&changed);
                agree(&changed);
                agree(&[&usually[..], &changed[..], &usually[..]].concat());
            }
        }
    }
}

/// Guarantees: attributes repeated from the previous span are not read again, even after a value of another length. Checked
/// by where the text points.
#[test]
fn what_repeats_behind_a_value_of_another_length_is_taken_over() {
    let text = |key: &[u8], text: &[u8]| field(9, &[field(1, key), field(2, &field(1, text))].concat());
    let span = |first: &[u8]| field(2, &[text(b"first", first), text(b"second", b"the same")].concat());
    let spans = [span(b"short"), span(b"longer"), span(b"some"), span(b"none")].concat();
    let request = field(1, &field(2, &spans));
    let mut places = Vec::new();
    walk(&request, |_, span| {
        if let Some(Value::Str(text)) = span.attribute("second") {
            places.push(text.as_ptr());
        }
    })
    .unwrap();
    assert_eq!(places.len(), 4);
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

#[test]
fn a_length_with_more_bytes_than_it_needs_is_not_taken_for_a_short_one() {
    // The key's 65 bytes are announced as 0xc1 0x00. Were 0xc1 the whole length, the key would end where the value
    // begins, too.
    let announced = b"\x0a\xc1\x00".to_vec();
    let key_value = [announced, vec![b'k'; 65], field(4, &[b'x'; 125]), field(2, b"\x18\x05")].concat();
    assert!(agree(&request_with_attribute(&key_value)));
}

#[test]
fn nesting_is_limited_where_the_oracle_limits_it() {
    let ends: [&[u8]; 5] = [b"", b"\x18\x01", b"\x78\x01", b"\x7b\x7c", b"\x7b\x83\x01\x84\x01\x7c"];
    let mut verdicts = Vec::new();
    for (depth, end) in (40..52).flat_map(|depth| ends.map(|end| (depth, end))) {
        let nested = (0..depth).fold(end.to_vec(), |inner, _| field(5, &field(1, &inner)));
        verdicts.push(agree(&request_with_attribute(&field(2, &nested))));
    }
    assert!(verdicts.contains(&true) && verdicts.contains(&false), "the limit lies elsewhere: {verdicts:?}");
}

#[test]
fn nested_groups_are_limited_where_the_oracle_limits_them() {
    for depth in [1, 2, 50, 95, 96, 97, 98, 99, 100, 101, 5000] {
        let group = [[0x9b, 0x06].repeat(depth), [0x9c, 0x06].repeat(depth)].concat();
        assert_eq!(agree(&group), depth <= 100, "{depth} groups outermost");
        assert_eq!(agree(&request_with(&group)), depth <= 97, "{depth} groups in a span");
    }
}

#[test]
fn no_string_may_be_other_than_utf8() {
    // The numbers of the fields that lead to each string of a request.
    let strings: [&[u8]; 23] = [
        &[1, 3],
        &[1, 1, 1, 1],
        &[1, 1, 1, 2, 1],
        &[1, 1, 3, 1],
        &[1, 1, 3, 2],
        &[1, 1, 3, 3],
        &[1, 1, 3, 4],
        &[1, 2, 3],
        &[1, 2, 1, 1],
        &[1, 2, 1, 2],
        &[1, 2, 1, 3, 1],
        &[1, 2, 2, 3],
        &[1, 2, 2, 5],
        &[1, 2, 2, 9, 1],
        &[1, 2, 2, 9, 2, 1],
        &[1, 2, 2, 9, 2, 5, 1, 1],
        &[1, 2, 2, 9, 2, 6, 1, 1],
        &[1, 2, 2, 9, 2, 6, 1, 2, 1],
        &[1, 2, 2, 11, 2],
        &[1, 2, 2, 11, 3, 1],
        &[1, 2, 2, 13, 3],
        &[1, 2, 2, 13, 4, 1],
        &[1, 2, 2, 15, 2],
    ];
    for path in strings {
        let with = |text: &[u8]| path.iter().rev().fold(text.to_vec(), |inner, number| field(*number, &inner));
        assert!(agree(&with("é".as_bytes())), "{path:?}");
        assert!(!agree(&with(b"e\xff")), "{path:?}");
        assert_eq!(walk(&with(b"e\xff"), |_, _| ()), Err(WireError::Utf8), "{path:?}");
    }
}

#[test]
fn each_fault_has_its_name() {
    let faults: [(&[u8], WireError); 13] = [
        (b"\x0a", WireError::Truncated),
        (b"\x0a\x05\x00", WireError::Truncated),
        (b"\x0a\x80", WireError::Truncated),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", WireError::Varint),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", WireError::Varint),
        (b"\x02\x00", WireError::Key),
        (b"\x17", WireError::Key),
        (b"\x82\x80\x80\x80\x10\x00", WireError::Key),
        (b"\x08\x01", WireError::WireType),
        (b"\x14", WireError::Group),
        (b"\x13\x1c", WireError::Group),
        (b"\x13\x10", WireError::Truncated),
        (b"\x0a\x03\x1a\x01\xff", WireError::Utf8),
    ];
    for (request, fault) in faults {
        assert_eq!(walk(request, |_, _| ()), Err(fault), "{request:x?}");
        assert!(!agree(request));
    }
}

#[test]
fn the_last_of_several_attributes_with_one_key_is_found() {
    let pair = |value: &[u8]| field(9, &[field(1, b"k"), field(2, &field(1, value))].concat());
    let request = request_with(&[pair(b"first"), pair(b"last")].concat());
    walk(&request, |_, span| {
        assert_eq!(span.attribute("k"), Some(Value::Str("last")));
        assert_eq!(span.attribute("other"), None);
    })
    .unwrap();
}

#[test]
fn an_event_is_found_by_its_name() {
    let event = |name: &[u8], key: &[u8]| field(11, &[field(2, name), field(3, &field(1, key))].concat());
    let request = request_with(&[event(b"other", b"a"), event(b"exception", b"b"), event(b"exception", b"c")].concat());
    walk(&request, |_, span| {
        let found = span.event("exception").unwrap();
        assert_eq!((found.name, found.attributes[0].key), ("exception", "b"));
        assert_eq!(found.attribute("b"), Some(Value::Empty));
        assert_eq!(span.event("missing"), None);
    })
    .unwrap();
}

#[test]
fn a_resource_behind_its_spans_and_in_parts_applies_to_them() {
    let part = |key: &[u8]| field(1, &field(1, &field(1, key)));
    let request = field(1, &[part(b"a"), field(2, &field(2, b"")), part(b"b")].concat());
    let mut keys = Vec::new();
    walk(&request, |origin, _| keys.extend(origin.resource.iter().map(|attribute| attribute.key))).unwrap();
    assert_eq!(keys, ["a", "b"]);
    assert!(agree(&request));
    assert_eq!(walk_at_once(&request, |_, _| ()), Err(WireError::LateHead));
    let late_scope = field(1, &field(2, &[field(2, b""), field(1, b"")].concat()));
    assert_eq!(walk_at_once(&late_scope, |_, _| ()), Err(WireError::LateHead));
    let schema_url_behind = field(1, &[field(2, &[field(2, b""), field(3, b"s")].concat()), field(3, b"r")].concat());
    assert_eq!(walk_at_once(&schema_url_behind, |_, _| ()), Ok(()), "as everybody sends it");
}

#[test]
fn lists_that_come_in_parts_are_joined() {
    let array = |item: &[u8]| field(5, &field(1, &field(1, item)));
    let pairs = |key: &[u8]| field(6, &field(1, &field(1, key)));
    let value = |parts: &[Vec<u8>]| field(2, &parts.concat());
    let cases = [
        vec![value(&[array(b"a"), array(b"b")])],
        vec![value(&[array(b"a")]), value(&[array(b"b"), array(b"c")])],
        vec![value(&[array(b"a"), field(1, b"no")]), value(&[array(b"b")]), value(&[array(b"c")])],
        vec![value(&[array(b"a"), pairs(b"b")]), value(&[]), value(&[pairs(b"c")])],
        vec![value(&[array(b"a"), b"\x40\x01".to_vec(), array(b"b"), b"\x78\x01".to_vec(), array(b"c")])],
        vec![value(&[field(5, &field(1, &[array(b"a"), array(b"b")].concat()))])],
    ];
    for parts in cases {
        assert!(agree(&request_with_attribute(&parts.concat())), "{parts:x?}");
    }
}

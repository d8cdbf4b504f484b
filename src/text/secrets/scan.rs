//! Finds the places in a text where a credential may begin: one pass over its bytes, which clean text ends with.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use super::issuers::{ISSUED, Issued};
use super::labels::{self, LABEL_PARTS};
use super::shapes;

/// What a sequence of characters may be the beginning of.
#[derive(Clone, Copy, Debug)]
enum Clue {
    /// A name, whose value follows.
    Label,
    /// An authentication scheme, whose credential follows.
    Scheme,
    Issued(Issued),
    WebToken,
    UserInfo,
    EncodedUserInfo,
    CurlUser,
    PrivateKey,
    SlackHook,
    /// The middle of a secret of an Azure application.
    AzureSecret,
    /// The middle of a key of Azure OpenAI.
    AzureKey,
}

/// Schemes that are recognised without a label before them.
const SCHEMES: [&str; 6] = ["bearer", "basic", "digest", "dpop", "apikey", "negotiate"];

const OTHERS: [(&str, Clue); 8] = [
    ("eyj", Clue::WebToken),
    ("://", Clue::UserInfo),
    ("%3a%2f%2f", Clue::EncodedUserInfo),
    (" _u ", Clue::CurlUser),
    (" __user ", Clue::CurlUser),
    ("_____begin ", Clue::PrivateKey),
    ("hooks.slack.com/services/", Clue::SlackHook),
    ("jqqj99", Clue::AzureKey),
];

/// Bits of a hash of three folded bytes.
const HASH: u32 = 0x7fff;

fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
}

/// The hash of the last three bytes, of which `byte` is the newest: older ones are shifted out.
fn roll(hash: u32, byte: u8) -> u32 {
    ((hash << 5) ^ u32::from(byte)) & HASH
}

/// The clues by the hash of their first three bytes.
struct Clues {
    /// One bit per hash.
    known: Vec<u64>,
    by_hash: HashMap<u32, Vec<(String, Clue)>, foldhash::fast::FixedState>,
}

static CLUES: LazyLock<Clues> = LazyLock::new(|| {
    let mut clues = Clues { known: vec![0; 512], by_hash: HashMap::default() };
    for part in LABEL_PARTS {
        clues.add(part, Clue::Label);
    }
    for scheme in SCHEMES {
        clues.add(scheme, Clue::Scheme);
    }
    for issued in ISSUED {
        clues.add(issued.prefix, Clue::Issued(*issued));
    }
    for (text, clue) in OTHERS {
        clues.add(text, clue);
    }
    for digit in 0..10 {
        clues.add(&format!("{digit}q~"), Clue::AzureSecret);
    }
    clues
});

impl Clues {
    fn add(&mut self, text: &str, clue: Clue) {
        let folded: String = text.bytes().map(|byte| char::from(fold(byte))).collect();
        let hash = folded.bytes().take(3).fold(0, roll);
        if let Some(bits) = self.known.get_mut(hash as usize / 64) {
            *bits |= 1 << (hash % 64);
        }
        self.by_hash.entry(hash).or_default().push((folded, clue));
    }

    fn knows(&self, hash: u32) -> bool {
        self.known.get(hash as usize / 64).is_some_and(|bits| bits >> (hash % 64) & 1 == 1)
    }

    /// The clues that begin at the start of `text`.
    fn at(&self, hash: u32, text: &[u8]) -> impl Iterator<Item = (usize, Clue)> {
        let begins = |clue: &str| {
            text.get(..clue.len()).is_some_and(|text| text.iter().map(|byte| fold(*byte)).eq(clue.bytes()))
        };
        let clues = self.by_hash.get(&hash).map_or(&[][..], Vec::as_slice);
        clues.iter().filter(move |(clue, _)| begins(clue)).map(|(text, clue)| (text.len(), *clue))
    }
}

/// Whether the values under `key` are credentials.
pub(super) fn is_credential_key(key: &str) -> bool {
    label_parts(key).any(|at| labels::names_credential(key, at))
}

/// Where parts of labels occur in `key`, bytes from its start.
fn label_parts(key: &str) -> impl Iterator<Item = usize> {
    let clues = &*CLUES;
    let mut hash = 0;
    key.bytes().enumerate().filter_map(move |(at, byte)| {
        hash = roll(hash, fold(byte));
        let start = at.checked_sub(2)?;
        let is_label = clues.knows(hash)
            && clues.at(hash, key.as_bytes().get(start..)?).any(|(_, clue)| matches!(clue, Clue::Label));
        is_label.then_some(start)
    })
}

/// The ranges of the credentials in `text`, by their start. They may overlap.
pub(super) fn secrets(text: &str) -> Vec<Range<usize>> {
    let clues = &*CLUES;
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut hash = 0;
    // The end of the last value of a label: names within it are part of it.
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        hash = roll(hash, fold(byte));
        if at < 2 || !clues.knows(hash) {
            continue;
        }
        let start = at - 2;
        for (length, clue) in clues.at(hash, text.as_bytes().get(start..).unwrap_or_default()) {
            let is_named = matches!(clue, Clue::Label | Clue::Scheme);
            if is_named && start < done {
                continue;
            }
            if let Some(secret) = verify(text, start, start + length, clue) {
                if is_named {
                    done = secret.end;
                }
                found.push(secret);
            }
        }
    }
    found.sort_by_key(|secret| secret.start);
    found
}

/// The credential that the clue at `start..end` is about, if there is one.
fn verify(text: &str, start: usize, end: usize, clue: Clue) -> Option<Range<usize>> {
    match clue {
        Clue::Label => labels::value_of_label(text, start),
        Clue::Scheme => labels::value_of_scheme(text, start, end),
        Clue::Issued(issued) => shapes::issued(text, start, issued),
        Clue::WebToken => shapes::web_token(text, start),
        Clue::UserInfo => shapes::password_in_url(text, end),
        Clue::EncodedUserInfo => shapes::password_in_encoded_url(text, end),
        Clue::CurlUser => shapes::curl_user(text, end),
        Clue::PrivateKey => shapes::private_key(text, start),
        Clue::SlackHook => shapes::word_after(text, end),
        Clue::AzureSecret => shapes::azure_secret(text, start),
        Clue::AzureKey => shapes::azure_key(text, start),
    }
}

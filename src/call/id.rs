//! Ids as they are kept, and their text without an allocation.

use std::borrow::Cow;

/// Room for the longest id that is kept as bytes: a canonical UUID.
pub type IdBuffer = [u8; 36];

/// An id as a kept call holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptId<'a> {
    /// The text as emitted.
    Text(&'a str),
    /// A UUID in canonical spelling.
    Uuid(&'a [u8; 16]),
    /// Bytes that are shown as lower-case hex: trace and span ids.
    Hex(&'a [u8]),
}

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

impl<'a> KeptId<'a> {
    /// Whether the text can hold nothing but hex digits and hyphens.
    pub const fn is_hex(self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::Uuid(_) | Self::Hex(_) => true,
        }
    }

    /// The id's text, written into `buffer` where it is kept as bytes and fits there.
    pub fn text_in<'b>(self, buffer: &'b mut IdBuffer) -> Cow<'b, str>
    where
        'a: 'b,
    {
        let (bytes, hyphenated): (&[u8], bool) = match self {
            Self::Text(text) => return Cow::Borrowed(text),
            Self::Uuid(bytes) => (bytes, true),
            Self::Hex(bytes) if bytes.len() * 2 <= buffer.len() => (bytes, false),
            Self::Hex(bytes) => return Cow::Owned(super::hex(bytes)),
        };
        let written = write_hex(bytes, hyphenated, buffer);
        Cow::Borrowed(buffer.get(..written).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default())
    }
}

/// Writes `bytes` as hex, with a UUID's hyphens if so asked, and returns how many characters that took.
fn write_hex(bytes: &[u8], hyphenated: bool, buffer: &mut IdBuffer) -> usize {
    let mut slots = buffer.iter_mut();
    let mut written = 0;
    let mut put = |character: u8| {
        if let Some(slot) = slots.next() {
            *slot = character;
            written += 1;
        }
    };
    for (nth, byte) in bytes.iter().enumerate() {
        if hyphenated && matches!(nth, 4 | 6 | 8 | 10) {
            put(b'-');
        }
        for nibble in [byte >> 4, byte & 15] {
            put(HEX_DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0'));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use crate::call::{CallFacts, LlmCall, Names, RequestId};

    #[test]
    fn every_form_reads_as_the_request_id() {
        for (id, is_hex) in
            [("33fc87a5-b59f-4a18-bea1-9bbfcf806091", true), ("chatcmpl-1", false), ("33FC87A5", false), ("", false)]
        {
            let facts = CallFacts { request_id: RequestId::Emitted(id.into()), ..CallFacts::default() };
            let call = LlmCall::from_facts(&facts, &mut Names::default(), 0);
            assert_eq!(call.kept_id().text_in(&mut [0; 36]), id);
            assert_eq!(call.kept_id().is_hex(), is_hex, "{id}");
        }
        for length in [0, 1, 8, 18, 19, 100] {
            let span_id = vec![0xa7; length];
            let call =
                LlmCall::from_facts(&CallFacts { span_id: &span_id, ..CallFacts::default() }, &mut Names::default(), 0);
            assert_eq!(call.kept_id().text_in(&mut [0; 36]), call.request_id(), "{length} bytes");
        }
    }
}

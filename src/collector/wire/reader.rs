//! The protobuf wire format: keys, varints, lengths, and skipping unknown fields.
//!
//! Rules are those of <https://protobuf.dev/programming-guides/encoding/> as prost applies them: nesting is limited,
//! groups are stepped over, overlong varints are refused.

use std::ops::{Range, RangeInclusive};

use bstr::ByteSlice as _;

use super::WireError;

/// How deep messages may nest, counted as prost counts: the fields of the outermost message stand at this depth.
const DEPTH_LIMIT: u32 = 100;

/// Bytes in the longest varint.
const VARINT_BYTES: usize = 10;

/// The key of a varint field.
pub(crate) const fn varint(number: u32) -> u32 {
    number << 3
}

/// The key of a 64-bit field.
pub(crate) const fn fixed64(number: u32) -> u32 {
    number << 3 | 1
}

/// The key of a length-delimited field: a string, bytes or a message.
pub(crate) const fn len(number: u32) -> u32 {
    number << 3 | 2
}

/// The key of a 32-bit field.
pub(crate) const fn fixed32(number: u32) -> u32 {
    number << 3 | 5
}

/// Reads the fields of one message, front to back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where the message ends in the outermost message.
    end: usize,
    /// How many more levels may follow.
    depth: u32,
}

impl<'a> Reader<'a> {
    /// Reads `message` as an outermost message.
    pub(crate) const fn new(message: &'a [u8]) -> Self {
        Self { rest: message, end: message.len(), depth: DEPTH_LIMIT }
    }

    /// What is still unread.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Where the unread bytes begin in the outermost message.
    pub(crate) const fn offset(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Where the unread bytes stand in the outermost message.
    pub(crate) const fn range(&self) -> Range<usize> {
        self.offset()..self.end
    }

    /// The next field's key (number and wire type), `None` at the end of the message.
    ///
    /// A key that no field has (number 0, wire types 6 and 7) is refused by [`Reader::skip`].
    #[inline]
    pub(crate) fn key(&mut self) -> Result<Option<u32>, WireError> {
        match self.rest.split_first() {
            None => Ok(None),
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(Some(u32::from(byte)))
            }
            Some(_) => u32::try_from(self.long_varint()?).map(Some).map_err(|_| WireError::Key),
        }
    }

    /// Steps over the next field's key if it is this one, which takes a single byte.
    #[inline]
    pub(crate) fn skip_key(&mut self, key: u32) -> bool {
        match self.rest.split_first() {
            Some((&byte, rest)) if u32::from(byte) == key => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Steps over so many bytes that were read otherwise. False where there are fewer.
    #[inline]
    pub(crate) fn advance(&mut self, len: usize) -> bool {
        self.take(len).is_ok()
    }

    #[inline]
    pub(crate) fn varint(&mut self) -> Result<u64, WireError> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            Some(_) => self.long_varint(),
            None => Err(WireError::Truncated),
        }
    }

    /// Kept out of the callers, which are faster for being small.
    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (nth, &byte) in self.rest.iter().enumerate().take(VARINT_BYTES) {
            value |= u64::from(byte & 0x7f) << (7 * nth);
            if byte < 0x80 {
                let overflows = nth + 1 == VARINT_BYTES && byte > 1;
                self.take(nth + 1)?;
                return if overflows { Err(WireError::Varint) } else { Ok(value) };
            }
        }
        Err(if self.rest.len() < VARINT_BYTES { WireError::Truncated } else { WireError::Varint })
    }

    /// A varint as an `int32` or an enum: excess bits are dropped.
    #[inline]
    pub(crate) fn int32(&mut self) -> Result<i32, WireError> {
        #[expect(clippy::cast_possible_truncation, reason = "negative values are sent sign-extended to 64 bits")]
        self.varint().map(|value| value as i32)
    }

    /// A 64-bit field's value.
    #[inline]
    pub(crate) fn fixed64(&mut self) -> Result<u64, WireError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(u64::from_le_bytes(*bytes))
    }

    /// Steps over a 32-bit field's value.
    #[inline]
    pub(crate) fn fixed32(&mut self) -> Result<(), WireError> {
        self.take(4).map(drop)
    }

    /// The content of a length-delimited field.
    #[inline]
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], WireError> {
        let len = self.varint()?;
        self.take(usize::try_from(len).map_err(|_| WireError::Truncated)?)
    }

    /// A string field's value.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'a str, WireError> {
        self.bytes()?.to_str().map_err(|_| WireError::Utf8)
    }

    /// A reader for the message in a length-delimited field.
    #[inline]
    pub(crate) fn message(&mut self) -> Result<Self, WireError> {
        let depth = self.depth.checked_sub(1).ok_or(WireError::Depth)?;
        let rest = self.bytes()?;
        Ok(Self { rest, end: self.offset(), depth })
    }

    /// Steps over the value of the unknown field with `key`. The numbers in `known` are those of the message's own
    /// fields; seeing one here means that its wire type was wrong.
    #[cold]
    pub(crate) fn skip(&mut self, key: u32, known: &RangeInclusive<u32>) -> Result<(), WireError> {
        if known.contains(&(key >> 3)) {
            return Err(WireError::WireType);
        }
        self.skip_value(key, self.depth)
    }

    fn skip_value(&mut self, key: u32, depth: u32) -> Result<(), WireError> {
        let below = depth.checked_sub(1).ok_or(WireError::Depth)?;
        match (key >> 3, key & 7) {
            (0, _) => Err(WireError::Key),
            (_, 0) => self.varint().map(drop),
            (_, 1) => self.take(8).map(drop),
            (_, 2) => self.bytes().map(drop),
            (number, 3) => self.skip_group(number, below),
            (_, 4) => Err(WireError::Group),
            (_, 5) => self.fixed32(),
            _ => Err(WireError::Key),
        }
    }

    fn skip_group(&mut self, number: u32, depth: u32) -> Result<(), WireError> {
        loop {
            let key = self.key()?.ok_or(WireError::Truncated)?;
            if key & 7 == 4 {
                return if key >> 3 == number { Ok(()) } else { Err(WireError::Group) };
            }
            self.skip_value(key, depth)?;
        }
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// The fields of a message whatever its type: numbers, and readers of what is length-delimited (of nothing, for other
/// fields). Ends at the first fault.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a>(Reader<'a>);

impl<'a> Fields<'a> {
    /// The fields of `message`.
    pub(crate) const fn new(message: Reader<'a>) -> Self {
        Self(message)
    }

    /// The contents of the fields with the length-delimited `key`.
    pub(crate) fn with_key(self, key: u32) -> impl Iterator<Item = Reader<'a>> + Clone {
        self.filter(move |field| len(field.0) == key).map(|field| field.1)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, Reader<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.key().ok()??;
        let number = key >> 3;
        if key == len(number) {
            return Some((number, self.0.message().ok()?));
        }
        self.0.skip_value(key, DEPTH_LIMIT).ok()?;
        Some((number, Reader::new(&[])))
    }
}

//! Spans of one emitter look alike: the same keys in the same places, and many of the same values.
//!
//! A [`Layout`] remembers the attributes of the last span of its kind. An attribute whose bytes are those of its
//! predecessor says the same and is not read again; and whoever has sorted the keys of one span need not sort those of the
//! next, as long as its [`Shape`] is the same.

use super::WireError;
use super::reader::Reader;
use super::span::MOST_KEPT;
use super::value::Attribute;

/// How many kinds of spans are told apart. Gateways send three or four by turns.
pub const KINDS: usize = 8;

/// Attributes that spans of LLM calls usually have at the most.
const USUAL: usize = 32;

/// The keys of a span in their places, and what kind of value each has. Equal shapes are of spans of one request that
/// are alike in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Which kind of span, below [`KINDS`].
    pub kind: usize,
    /// Which of the shapes that spans of this kind had; 0 is that of a span without attributes.
    pub version: u32,
}

/// The layouts of one request's spans.
#[derive(Debug, Default)]
pub struct Layouts<'a> {
    layouts: [Layout<'a>; KINDS],
    versions: u32,
}

/// What the last span of a kind looked like.
#[derive(Debug, Default)]
struct Layout<'a> {
    attributes: Vec<Attribute<'a>>,
    /// The bytes of each.
    messages: Vec<&'a [u8]>,
    version: u32,
}

/// The attributes of the span at hand.
#[derive(Debug)]
pub struct Filling {
    kind: usize,
    filled: usize,
    has_changed: bool,
}

impl Filling {
    /// Begins a span whose first attribute is this.
    pub fn begin(first: Reader<'_>) -> Self {
        // The key of the first attribute mostly tells what kind of span it is: its length and last letter do.
        let kind = match first.rest() {
            [_, key_len, rest @ ..] => {
                let last = usize::from(*key_len).checked_sub(1).and_then(|last| rest.get(last));
                (usize::from(*key_len) + usize::from(last.copied().unwrap_or(0))) % KINDS
            }
            _ => 0,
        };
        Self { kind, filled: 0, has_changed: false }
    }
}

impl<'a> Layouts<'a> {
    /// Reads and validates the span's next attribute.
    #[inline]
    pub fn read_next(&mut self, filling: &mut Filling, message: Reader<'a>) -> Result<(), WireError> {
        let Some(layout) = self.layouts.get_mut(filling.kind) else { return Ok(()) };
        let at = filling.filled;
        filling.filled += 1;
        match layout.messages.get(at) {
            Some(known) if same(known, message.rest()) => Ok(()),
            _ => layout.put(at, message, filling),
        }
    }

    /// The attributes of the span, and their shape.
    pub fn end(&mut self, filling: Option<Filling>) -> (&[Attribute<'a>], Shape) {
        let Some((filling, layout)) = filling.and_then(|filling| {
            let layout = self.layouts.get_mut(filling.kind)?;
            Some((filling, layout))
        }) else {
            return (&[], Shape::default());
        };
        let has_fewer = filling.filled < layout.attributes.len();
        layout.attributes.truncate(filling.filled);
        layout.messages.truncate(filling.filled);
        if filling.has_changed || has_fewer {
            self.versions += 1;
            layout.version = self.versions;
        }
        (&layout.attributes, Shape { kind: filling.kind, version: layout.version })
    }
}

/// Whether two messages are the same bytes, sixteen at a time: most are too short to call out for.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    // Values stand last and differ most often.
    if one.len() != other.len() || one.last_chunk::<16>() != other.last_chunk::<16>() {
        return false;
    }
    let (chunks, rest) = one.as_chunks::<16>();
    let (other_chunks, other_rest) = other.as_chunks::<16>();
    let is_short = chunks.is_empty();
    chunks.iter().zip(other_chunks).all(|(chunk, other)| chunk == other) && (!is_short || rest == other_rest)
}

impl<'a> Layout<'a> {
    /// Reads an attribute that differs from the one before in its place.
    fn put(&mut self, at: usize, message: Reader<'a>, filling: &mut Filling) -> Result<(), WireError> {
        let (Some(known), Some(bytes)) = (self.attributes.get_mut(at), self.messages.get_mut(at)) else {
            filling.has_changed = true;
            return self.push(at, message);
        };
        let (key, kind) = (known.key, std::mem::discriminant(&known.value));
        // What was read of a fault is thrown away with the request.
        known.read_into(message)?;
        *bytes = message.rest();
        filling.has_changed |= known.key != key || std::mem::discriminant(&known.value) != kind;
        Ok(())
    }

    fn push(&mut self, at: usize, message: Reader<'a>) -> Result<(), WireError> {
        let mut attribute = Attribute::EMPTY;
        attribute.read_into(message)?;
        if at == 0 {
            // Room for what spans usually have, at once.
            self.attributes.reserve(USUAL);
            self.messages.reserve(USUAL);
        }
        if at < MOST_KEPT {
            self.attributes.push(attribute);
            self.messages.push(message.rest());
        }
        Ok(())
    }
}

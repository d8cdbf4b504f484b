//! Spans of one instrumentation repeat each other: the same keys in the same places, and many of the same values.
//!
//! A [`Layout`] caches the attributes of the last span of its kind. Bytes equal to those of the predecessor are not parsed
//! again; if only the content of a value differs, only that is parsed; and an index of the keys of one span is valid for the
//! next, as long as its [`AttributeShape`] is the same.

use super::reader::{Reader, len};
use super::value::{Attribute, MOST_KEPT};
use super::{WireError, offset, short};

/// The key of `Span.attributes`, which takes one byte.
pub(super) const ATTRIBUTE: u32 = len(9);

/// How many kinds of spans are distinguished. Gateways send three or four in turns.
pub const KINDS: usize = 8;

/// The most attributes that spans of LLM calls usually have.
const USUAL: usize = 32;

/// The keys of a span in their places, and what kind of value each has. Equal shapes are of spans of one request that
/// are alike in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AttributeShape {
    /// Which kind of span, below [`KINDS`].
    pub kind: usize,
    /// Which of the shapes that spans of this kind had; 0 is that of a span without attributes.
    pub version: u32,
}

/// The layouts of one request's spans.
#[derive(Debug, Default)]
pub(super) struct Layouts<'a> {
    layouts: [Layout<'a>; KINDS],
    versions: u32,
}

/// The attributes of the last span of a kind.
#[derive(Debug, Default)]
struct Layout<'a> {
    attributes: Vec<Attribute<'a>>,
    /// The fields of the first of them, those that stood one behind the other.
    fields: Vec<RunField>,
    /// Their bytes, from the length of the first to the end of the last.
    run: &'a [u8],
    version: u32,
}

/// The field of an attribute in a run. It begins with its length; its key, a single byte, stands before.
#[derive(Clone, Copy, Debug)]
struct RunField {
    /// How many bytes it takes.
    len: u32,
    /// Where in it the content of its value begins, all else being before it; [`RunField::NOWHERE`] where it is not so.
    content: u32,
}

impl RunField {
    const NOWHERE: u32 = u32::MAX;
}

/// Progress within the current span.
#[derive(Debug)]
pub(super) struct Filling {
    kind: usize,
    filled: usize,
    has_changed: bool,
}

impl Filling {
    /// Begins a span whose first attribute, from its length on, this is.
    fn begin(first: Reader<'_>) -> Self {
        // The first attribute's key, by its length and last letter, mostly identifies the kind of span.
        let kind = match first.rest() {
            [_, _, key_len, rest @ ..] => {
                let last = usize::from(*key_len).checked_sub(1).and_then(|last| rest.get(last));
                (usize::from(*key_len) + usize::from(last.copied().unwrap_or(0))) % KINDS
            }
            _ => 0,
        };
        Self { kind, filled: 0, has_changed: false }
    }
}

impl<'a> Layouts<'a> {
    /// Reads and validates attributes of the span: the one whose field's key was just read, and those that stand right
    /// behind it.
    #[inline]
    pub(super) fn read_run(
        &mut self,
        filling: &mut Option<Filling>,
        message: &mut Reader<'a>,
    ) -> Result<(), WireError> {
        let is_first = filling.is_none();
        let filling = filling.get_or_insert_with(|| Filling::begin(*message));
        let Some(layout) = self.layouts.get_mut(filling.kind) else { return Ok(()) };
        if is_first { layout.read_first_run(filling, message) } else { layout.read_further_run(filling, message) }
    }

    /// The attributes of the span, and their shape.
    pub(super) fn end(&mut self, filling: Option<Filling>) -> (&[Attribute<'a>], AttributeShape) {
        let Some((filling, layout)) = filling.and_then(|filling| {
            let layout = self.layouts.get_mut(filling.kind)?;
            Some((filling, layout))
        }) else {
            return (&[], AttributeShape::default());
        };
        let has_fewer = filling.filled < layout.attributes.len();
        layout.attributes.truncate(filling.filled);
        if filling.has_changed || has_fewer {
            self.versions += 1;
            layout.version = self.versions;
        }
        (&layout.attributes, AttributeShape { kind: filling.kind, version: layout.version })
    }
}

impl<'a> Layout<'a> {
    /// Reads the attributes that a span begins with, comparing them with those that the one before began with.
    fn read_first_run(&mut self, filling: &mut Filling, message: &mut Reader<'a>) -> Result<(), WireError> {
        let run = message.rest();
        let mut known = self.run;
        loop {
            let (was, is) = match self.pass_over(filling, known, message.rest()) {
                Some(passed) => (passed, passed),
                None => self.read_field(filling, known, *message)?,
            };
            message.advance(is);
            if !message.skip_key(ATTRIBUTE) {
                break;
            }
            known = known.get(was + 1..).unwrap_or_default();
        }
        self.fields.truncate(filling.filled);
        self.run = run.get(..run.len() - message.rest().len()).unwrap_or_default();
        Ok(())
    }

    /// Reads attributes that stand behind something else.
    fn read_further_run(&mut self, filling: &mut Filling, message: &mut Reader<'a>) -> Result<(), WireError> {
        loop {
            self.put(filling, message.message()?)?;
            if !message.skip_key(ATTRIBUTE) {
                return Ok(());
            }
        }
    }

    /// Steps over all attributes from here on that are as they were, and over the one behind them if only the content of its
    /// value has to be read. Returns how many bytes they take; `None` where there is neither.
    #[inline]
    fn pass_over(&mut self, filling: &mut Filling, known: &[u8], rest: &'a [u8]) -> Option<usize> {
        let same = common_prefix(known, rest);
        let fields = self.fields.get(filling.filled..)?.iter();
        let (mut begin, mut passed) = (0, None);
        for (field, attribute) in fields.zip(self.attributes.get_mut(filling.filled..)?) {
            let (content, end) = (begin + field.content as usize, begin + field.len as usize);
            let is_same = end <= same;
            let read = |content: &'a [u8]| short::read_content(content, &mut attribute.value);
            let is_read = is_same || content <= same && rest.get(content..end).is_some_and(read);
            if !is_read {
                break;
            }
            filling.filled += 1;
            passed = Some(end);
            if !is_same {
                break;
            }
            begin = end + 1;
        }
        passed
    }

    /// Reads the attribute that a message begins with in full and notes its field. Returns how many bytes the field took that
    /// stood in its place, and how many it takes.
    fn read_field(
        &mut self,
        filling: &mut Filling,
        known: &[u8],
        mut message: Reader<'a>,
    ) -> Result<(usize, usize), WireError> {
        let (at, rest) = (filling.filled, message.rest().len());
        let content_len = self.put(filling, message.message()?)?;
        let is = rest - message.rest().len();
        let field =
            RunField { len: offset(is), content: content_len.map_or(RunField::NOWHERE, |len| offset(is - len)) };
        let before = self.fields.get_mut(at).map(|known| std::mem::replace(known, field));
        if before.is_none() && at < MOST_KEPT {
            self.fields.push(field);
        }
        Ok((before.map_or(known.len(), |before| before.len as usize), is))
    }

    /// Reads the span's next attribute over the one that stood in its place. Returns how long the content of its value is
    /// where that stands last.
    fn put(&mut self, filling: &mut Filling, message: Reader<'a>) -> Result<Option<usize>, WireError> {
        let at = filling.filled;
        filling.filled += 1;
        let Some(known) = self.attributes.get_mut(at) else {
            filling.has_changed = true;
            return self.push(at, message);
        };
        let (key, kind) = (known.key, std::mem::discriminant(&known.value));
        // After an error the whole request is discarded.
        let content_len = short::read_or_merge(known, message)?;
        filling.has_changed |= known.key != key || std::mem::discriminant(&known.value) != kind;
        Ok(content_len)
    }

    fn push(&mut self, at: usize, message: Reader<'a>) -> Result<Option<usize>, WireError> {
        let mut attribute = Attribute::EMPTY;
        let content_len = short::read_or_merge(&mut attribute, message)?;
        if at == 0 {
            // One allocation for what spans usually have.
            self.attributes.reserve(USUAL);
            self.fields.reserve(USUAL);
        }
        if at < MOST_KEPT {
            self.attributes.push(attribute);
        }
        Ok(content_len)
    }
}

/// The length of the common prefix.
#[inline]
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let ((chunks, _), (others, _)) = (one.as_chunks::<16>(), other.as_chunks::<16>());
    for (nth, (chunk, other)) in chunks.iter().zip(others).enumerate() {
        if chunk != other {
            let differing = u128::from_le_bytes(*chunk) ^ u128::from_le_bytes(*other);
            return nth * 16 + differing.trailing_zeros() as usize / 8;
        }
    }
    let within = chunks.len().min(others.len()) * 16;
    let rest = one.iter().zip(other).skip(within);
    within + rest.take_while(|(byte, other)| byte == other).count()
}

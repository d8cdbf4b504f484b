//! Spans of one emitter look alike: the same keys in the same places, and many of the same values.
//!
//! A [`Layout`] remembers the attributes of the last span of its kind. Bytes that are those of its predecessor say the same
//! and are not read again; where only the content of a value differs, only that is read; and whoever has sorted the keys of
//! one span need not sort those of the next, as long as its [`Shape`] is the same.

use super::reader::Reader;
use super::short;
use super::span::{ATTRIBUTE, MOST_KEPT};
use super::value::Attribute;
use super::{WireError, offset};

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
    /// Where the first of them stand in `run`, those that stood one behind the other.
    fields: Vec<Field>,
    /// Their bytes, from the length of the first to the end of the last.
    run: &'a [u8],
    version: u32,
}

/// Where an attribute's field stands, its key apart.
#[derive(Clone, Copy, Debug)]
struct Field {
    /// Where its length begins in the run.
    start: u32,
    /// How far behind that the content of its value begins, all else being before it; 0 where it is not so.
    content: u32,
}

/// The attributes of the span at hand.
#[derive(Debug)]
pub struct Filling {
    kind: usize,
    filled: usize,
    has_changed: bool,
}

impl Filling {
    /// Begins a span whose first attribute, from its length on, this is.
    fn begin(first: Reader<'_>) -> Self {
        // The key of the first attribute mostly tells what kind of span it is: its length and last letter do.
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
    pub fn read_run(&mut self, filling: &mut Option<Filling>, message: &mut Reader<'a>) -> Result<(), WireError> {
        let is_first = filling.is_none();
        let filling = filling.get_or_insert_with(|| Filling::begin(*message));
        let Some(layout) = self.layouts.get_mut(filling.kind) else { return Ok(()) };
        if is_first { layout.read_first_run(filling, message) } else { layout.read_further_run(filling, message) }
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
        if filling.has_changed || has_fewer {
            self.versions += 1;
            layout.version = self.versions;
        }
        (&layout.attributes, Shape { kind: filling.kind, version: layout.version })
    }
}

impl<'a> Layout<'a> {
    /// Reads the attributes that a span begins with, comparing them with those that the one before began with.
    fn read_first_run(&mut self, filling: &mut Filling, message: &mut Reader<'a>) -> Result<(), WireError> {
        let run = message.rest();
        let read = |rest: &[u8]| run.len() - rest.len();
        loop {
            let start = read(message.rest());
            if !self.pass_over(filling, start, message) {
                self.read_field(filling, start, message)?;
            }
            if !message.skip_key(ATTRIBUTE) {
                break;
            }
        }
        self.fields.truncate(filling.filled);
        self.run = run.get(..read(message.rest())).unwrap_or_default();
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
    /// value has to be read. False where there is neither.
    #[inline]
    fn pass_over(&mut self, filling: &mut Filling, start: usize, message: &mut Reader<'a>) -> bool {
        let at = filling.filled;
        let Some(&field) = self.fields.get(at) else { return false };
        let Some((passed, len)) = self.repeated(at, field.start, message.rest()) else { return false };
        let start = offset(start);
        if start != field.start {
            for moved in self.fields.iter_mut().skip(at).take(passed) {
                moved.start = moved.start - field.start + start;
            }
        }
        filling.filled += passed;
        message.advance(len)
    }

    /// How many attributes from the one at `at` on are known once this returns, and the bytes they take. `start` is where
    /// it stood in the run.
    #[inline]
    fn repeated(&mut self, at: usize, start: u32, rest: &'a [u8]) -> Option<(usize, usize)> {
        let same = common_prefix(self.run.get(start as usize..)?, rest);
        let ends = (at..).map_while(|at| self.stop(at, start)).take_while(|&end| end <= same);
        let (passed, len) = ends.zip(1..).last().map_or((0, 0), |(len, passed)| (passed, len));
        match self.read_content(at + passed, start, same, rest) {
            Some(len) => Some((passed + 1, len)),
            None => (passed > 0).then_some((passed, len)),
        }
    }

    /// Reads the content of the value at `at`, if all that stands before it is as it was. Returns where it ends, counted from
    /// `start` of the run.
    #[inline]
    fn read_content(&mut self, at: usize, start: u32, same: usize, rest: &'a [u8]) -> Option<usize> {
        let field = self.fields.get(at).filter(|field| field.content != 0)?;
        let content = (field.start - start + field.content) as usize;
        let end = self.stop(at, start).filter(|_| content <= same)?;
        let attribute = self.attributes.get_mut(at)?;
        short::read_content(rest.get(content..end)?, &mut attribute.value).then_some(end)
    }

    /// Where the attribute at `at` ends, counted from `start` of the run.
    #[inline]
    fn stop(&self, at: usize, start: u32) -> Option<usize> {
        self.fields.get(at)?;
        // Between two attributes stands the key of the second, which is one byte.
        let end = self.fields.get(at + 1).map_or(self.run.len(), |next| next.start as usize - 1);
        end.checked_sub(start as usize)
    }

    /// Reads an attribute in full and notes where it stands.
    fn read_field(&mut self, filling: &mut Filling, start: usize, message: &mut Reader<'a>) -> Result<(), WireError> {
        let (at, unread) = (filling.filled, message.rest().len());
        let content_len = self.put(filling, message.message()?)?;
        let len = unread - message.rest().len();
        let field = Field { start: offset(start), content: offset(content_len.map_or(0, |content| len - content)) };
        match self.fields.get_mut(at) {
            Some(known) => *known = field,
            None if at < MOST_KEPT => self.fields.push(field),
            None => {}
        }
        Ok(())
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
        // What was read of a fault is thrown away with the request.
        let content_len = known.read_into(message)?;
        filling.has_changed |= known.key != key || std::mem::discriminant(&known.value) != kind;
        Ok(content_len)
    }

    fn push(&mut self, at: usize, message: Reader<'a>) -> Result<Option<usize>, WireError> {
        let mut attribute = Attribute::EMPTY;
        let content_len = attribute.read_into(message)?;
        if at == 0 {
            // Room for what spans usually have, at once.
            self.attributes.reserve(USUAL);
            self.fields.reserve(USUAL);
        }
        if at < MOST_KEPT {
            self.attributes.push(attribute);
        }
        Ok(content_len)
    }
}

/// How many bytes the two begin with in common.
#[inline]
fn common_prefix(one: &[u8], other: &[u8]) -> usize {
    let (chunks, _) = one.as_chunks::<16>();
    let (others, _) = other.as_chunks::<16>();
    let chunks = chunks.iter().zip(others);
    let same = chunks.clone().take_while(|(chunk, other)| chunk == other).count();
    let differing = chunks.map(|(chunk, other)| u128::from_le_bytes(*chunk) ^ u128::from_le_bytes(*other)).nth(same);
    let within = differing.map_or_else(
        || {
            let rest = one.iter().zip(other).skip(same * 16);
            rest.take_while(|(byte, other)| byte == other).count()
        },
        |bits| bits.trailing_zeros() as usize / 8,
    );
    same * 16 + within
}

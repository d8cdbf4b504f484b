//! One span with an index over its known attributes: the input of every adapter.

use super::keys::{self, Key};
use super::scalar;
use crate::call::Text;
use crate::collector::wire::{Attribute, Event, Origin, Span, Value};

/// `status.code` of a failed span.
const STATUS_ERROR: i32 = 2;

/// The positions of the known attributes of a span.
#[derive(Clone, Debug)]
pub(super) struct KeyIndex {
    /// Per key, its position among the span's attributes plus one; 0 if absent. The last duplicate wins.
    at: [u16; keys::COUNT],
    /// Position of the first `llm.model` plus one: Plano emits the dispatched model before the answering one.
    first_model: u16,
    /// Whether any key [decides](Key::decides).
    pub(super) decides: bool,
    /// Whether any key [identifies the caller](Key::identifies_caller).
    pub(super) identifies_caller: bool,
    /// Whether any key [addresses](Key::addresses) an HTTP request.
    pub(super) addresses: bool,
}

impl KeyIndex {
    pub(super) const NONE: Self =
        Self { at: [0; keys::COUNT], first_model: 0, decides: false, identifies_caller: false, addresses: false };

    /// Indexes attributes in one pass. Values that no adapter reads count as absent.
    pub(super) fn of(attributes: &[Attribute<'_>]) -> Self {
        let mut index = Self::NONE;
        for (position, attribute) in (1..=u16::MAX).zip(attributes) {
            index.note(position, attribute);
        }
        index
    }

    fn note(&mut self, position: u16, attribute: &Attribute<'_>) {
        let Some(key) = Key::of(attribute.key) else { return self.note_variant(position, attribute) };
        let is_readable = match attribute.value {
            Value::Array(_) => key.allows_array(),
            Value::Bytes(_) => key.allows_bytes(),
            _ => scalar::is_scalar(&attribute.value),
        };
        if !is_readable {
            return;
        }
        if key == Key::LlmModel && self.first_model == 0 {
            self.first_model = position;
        }
        if let Some(slot) = self.at.get_mut(key as usize) {
            *slot = position;
            self.decides |= key.decides();
            self.identifies_caller |= key.identifies_caller();
            self.addresses |= key.addresses();
        }
    }

    /// A variant never replaces a key that is spelt as known.
    fn note_variant(&mut self, position: u16, attribute: &Attribute<'_>) {
        if let Some(key) = Key::of_variant(attribute.key)
            && scalar::is_scalar(&attribute.value)
            && let Some(slot @ 0) = self.at.get_mut(key as usize)
        {
            *slot = position;
        }
    }
}

/// A span with its resource, its scope and the index of its attributes.
pub(super) struct SpanView<'a, 's> {
    pub(super) origin: &'s Origin<'a, 's>,
    pub(super) span: &'s Span<'a, 's>,
    pub(super) index: &'s KeyIndex,
}

impl<'a, 's> SpanView<'a, 's> {
    fn value_at(&self, position: u16) -> Option<&'s Value<'a>> {
        let index = usize::from(position).checked_sub(1)?;
        self.span.attributes.get(index).map(|attribute| &attribute.value)
    }

    pub(super) fn value(&self, key: Key) -> Option<&'s Value<'a>> {
        self.value_at(*self.index.at.get(key as usize)?)
    }

    /// Whether the span has a readable value under `key`.
    pub(super) fn has(&self, key: Key) -> bool {
        self.index.at.get(key as usize).is_some_and(|&position| position != 0)
    }

    /// The string under `key`; blank strings count as absent.
    pub(super) fn str(&self, key: Key) -> Option<&'a str> {
        match self.value(key)? {
            Value::Str(text) => Some(*text).filter(|text| !scalar::is_blank(text)),
            _ => None,
        }
    }

    /// The text under `key`, be it a string or bytes.
    pub(super) fn recorded(&self, key: Key) -> Option<&'a str> {
        match self.value(key)? {
            Value::Str(text) => Some(*text),
            Value::Bytes(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Whether the string under `key` equals `word`, ignoring ASCII case and surrounding blanks.
    pub(super) fn is(&self, key: Key, word: &str) -> bool {
        self.str(key).is_some_and(|text| text.trim().eq_ignore_ascii_case(word))
    }

    fn first<T>(&self, keys: &[Key], read: impl Fn(&Value<'a>) -> Option<T>) -> Option<T> {
        keys.iter().find_map(|&key| self.value(key).and_then(&read))
    }

    /// The first non-blank text among `keys`.
    pub(super) fn text(&self, keys: &[Key]) -> Option<Text<'a>> {
        self.first(keys, scalar::text)
    }

    /// As [`Self::text`], without [placeholders](scalar::is_placeholder).
    pub(super) fn name(&self, keys: &[Key]) -> Option<Text<'a>> {
        self.first(keys, |value| scalar::text(value).filter(|text| !scalar::is_placeholder(text)))
    }

    /// The first non-negative integer among `keys`.
    pub(super) fn count(&self, keys: &[Key]) -> Option<u64> {
        self.first(keys, scalar::count)
    }

    /// The first finite number among `keys`.
    pub(super) fn number(&self, keys: &[Key]) -> Option<f64> {
        self.first(keys, scalar::number)
    }

    /// The first finite number >= 0 among `keys`.
    pub(super) fn amount(&self, keys: &[Key]) -> Option<f64> {
        self.first(keys, |value| scalar::number(value).filter(|&number| number >= 0.0))
    }

    /// The first boolean among `keys`.
    pub(super) fn flag(&self, keys: &[Key]) -> Option<bool> {
        self.first(keys, scalar::flag)
    }

    /// The first `llm.model`, if the span has several with different values.
    pub(super) fn first_of_several_models(&self) -> Option<Text<'a>> {
        if self.index.at.get(Key::LlmModel as usize) == Some(&self.index.first_model) {
            return None;
        }
        let first = scalar::text(self.value_at(self.index.first_model)?)?;
        let last = self.text(&[Key::LlmModel])?;
        (first != last).then_some(first)
    }

    /// The text of a resource attribute; the last duplicate wins.
    pub(super) fn resource(&self, key: &str) -> Option<Text<'a>> {
        scalar::text(&self.origin.resource_attribute(key)?)
    }

    pub(super) fn failed(&self) -> bool {
        self.span.status_code == STATUS_ERROR
    }

    /// End minus start, ms; `None` if a time is missing or the end precedes the start.
    pub(super) fn duration_ms(&self) -> Option<f64> {
        let span = self.span;
        (span.start_unix_nano != 0).then_some(())?;
        span.end_unix_nano.checked_sub(span.start_unix_nano).map(ms)
    }

    /// Time from the span's start to `unix_nano`, ms; `None` if that precedes the start.
    pub(super) fn ms_until(&self, unix_nano: u64) -> Option<f64> {
        (self.span.start_unix_nano != 0).then_some(())?;
        unix_nano.checked_sub(self.span.start_unix_nano).map(ms)
    }

    /// The last `exception` event, the one that ended the call.
    pub(super) fn exception(&self) -> Option<Event<'a>> {
        self.span.events().filter(|event| event.name == "exception").last()
    }
}

fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

//! One span with its known attributes sorted out: what every adapter reads from.

use super::keys::{self, Key};
use super::{fields, scalar};
use crate::call::Text;
use crate::collector::wire::{Attribute, Event, Origin, Span, Value};

/// `status.code` of a failed span.
const STATUS_ERROR: i32 = 2;

/// Where the known attributes of a span stand.
#[derive(Clone, Debug)]
pub(super) struct KeyIndex {
    /// Key -> position in the span's attributes plus one; 0 where the span lacks it. The last one wins.
    at: [u16; keys::COUNT],
    /// Position of the first `llm.model` plus one: Plano emits the dispatched model before the one that answered.
    first_model: u16,
    /// Whether a key was met that [decides](Key::decides).
    pub(super) decides: bool,
    /// Whether a key was met that tells whose the calls are.
    pub(super) tells_whose: bool,
}

impl KeyIndex {
    pub(super) const NONE: Self = Self { at: [0; keys::COUNT], first_model: 0, decides: false, tells_whose: false };

    /// Sorts out attributes in one pass. What is no scalar is ignored, as if it were not there.
    pub(super) fn of(attributes: &[Attribute<'_>]) -> Self {
        let mut places = Self::NONE;
        for (position, attribute) in (1..=u16::MAX).zip(attributes) {
            places.note(position, attribute);
        }
        places
    }

    fn note(&mut self, position: u16, attribute: &Attribute<'_>) {
        let Some(key) = Key::of(attribute.key) else { return };
        let wanted =
            scalar::is_scalar(&attribute.value) || (key.takes_a_list() && matches!(attribute.value, Value::Array(_)));
        if !wanted {
            return;
        }
        if key == Key::LlmModel && self.first_model == 0 {
            self.first_model = position;
        }
        if let Some(slot) = self.at.get_mut(key as usize) {
            *slot = position;
            self.decides |= key.decides();
            self.tells_whose |= fields::tells_whose(key);
        }
    }
}

/// A span and where its known attributes stand.
pub(super) struct SpanView<'a, 's> {
    pub(super) origin: &'s Origin<'a, 's>,
    pub(super) span: &'s Span<'a, 's>,
    pub(super) places: &'s KeyIndex,
}

impl<'a, 's> SpanView<'a, 's> {
    fn value_at(&self, position: u16) -> Option<&'s Value<'a>> {
        let index = usize::from(position).checked_sub(1)?;
        self.span.attributes.get(index).map(|attribute| &attribute.value)
    }

    /// The value under `key`.
    pub(super) fn value(&self, key: Key) -> Option<&'s Value<'a>> {
        self.value_at(*self.places.at.get(key as usize)?)
    }

    /// Whether the span has a readable value under `key`.
    pub(super) fn has(&self, key: Key) -> bool {
        self.places.at.get(key as usize).is_some_and(|&position| position != 0)
    }

    /// The string under `key`; blank is absent.
    pub(super) fn str(&self, key: Key) -> Option<&'a str> {
        match self.value(key)? {
            Value::Str(text) => Some(*text).filter(|text| !scalar::is_blank(text)),
            _ => None,
        }
    }

    /// Whether the string under `key` is this word, in any case.
    pub(super) fn is(&self, key: Key, word: &str) -> bool {
        self.str(key).is_some_and(|text| text.trim().eq_ignore_ascii_case(word))
    }

    fn first<T>(&self, keys: &[Key], read: impl Fn(&Value<'a>) -> Option<T>) -> Option<T> {
        keys.iter().find_map(|&key| self.value(key).and_then(&read))
    }

    /// The first of `keys` that has text.
    pub(super) fn text(&self, keys: &[Key]) -> Option<Text<'a>> {
        self.first(keys, scalar::text)
    }

    /// The first of `keys` that has text which names something.
    pub(super) fn name(&self, keys: &[Key]) -> Option<Text<'a>> {
        self.first(keys, |value| scalar::text(value).filter(|text| !scalar::names_nothing(text)))
    }

    /// The first of `keys` that has a count.
    pub(super) fn count(&self, keys: &[Key]) -> Option<u64> {
        self.first(keys, scalar::count)
    }

    /// The first of `keys` that has a number.
    pub(super) fn number(&self, keys: &[Key]) -> Option<f64> {
        self.first(keys, scalar::number)
    }

    /// The first of `keys` that has a number that is not negative.
    pub(super) fn amount(&self, keys: &[Key]) -> Option<f64> {
        self.first(keys, |value| scalar::number(value).filter(|&number| number >= 0.0))
    }

    /// The first of `keys` that has a flag.
    pub(super) fn flag(&self, keys: &[Key]) -> Option<bool> {
        self.first(keys, scalar::flag)
    }

    /// The first `llm.model` of a span that has several with different values.
    pub(super) fn first_of_several_models(&self) -> Option<Text<'a>> {
        if self.places.at.get(Key::LlmModel as usize) == Some(&self.places.first_model) {
            return None;
        }
        let first = scalar::text(self.value_at(self.places.first_model)?)?;
        let last = self.text(&[Key::LlmModel])?;
        (first != last).then_some(first)
    }

    /// Text of a resource attribute; the last one wins.
    pub(super) fn resource(&self, key: &str) -> Option<Text<'a>> {
        scalar::text(&self.origin.resource_attribute(key)?)
    }

    /// Whether the span's own status is ERROR.
    pub(super) fn failed(&self) -> bool {
        self.span.status_code == STATUS_ERROR
    }

    /// End minus start, ms; `None` when the clock went backwards or a time is missing.
    pub(super) fn lasted_ms(&self) -> Option<f64> {
        let span = self.span;
        (span.start_unix_nano != 0).then_some(())?;
        span.end_unix_nano.checked_sub(span.start_unix_nano).map(ms)
    }

    /// From the span's start to this moment, ms; `None` for a moment before the start.
    pub(super) fn ms_until(&self, unix_nano: u64) -> Option<f64> {
        (self.span.start_unix_nano != 0).then_some(())?;
        unix_nano.checked_sub(self.span.start_unix_nano).map(ms)
    }

    /// The exception that ended the call: the last one recorded.
    pub(super) fn exception(&self) -> Option<Event<'a>> {
        self.span.events().filter(|event| event.name == "exception").last()
    }
}

/// Nanoseconds as milliseconds.
fn ms(nanos: u64) -> f64 {
    nanos as f64 / 1e6
}

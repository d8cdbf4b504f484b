//! The resource and scope of spans: `Resource` and `EntityRef` of `resource.proto` and `common.proto`, `InstrumentationScope`.

use super::WireError;
use super::reader::{Reader, len, varint};
use super::value::{Attribute, MOST_KEPT, Value, last_value};

/// The resource and scope of a span.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a, 's> {
    /// Attributes of the resource.
    pub resource: &'s [Attribute<'a>],
    /// `scope.name`
    pub scope_name: &'a str,
    /// `scope.version`
    pub scope_version: &'a str,
}

impl<'a> Origin<'a, '_> {
    /// The value of the resource attribute with this key, the last one if there are several.
    pub fn resource_attribute(&self, key: &str) -> Option<Value<'a>> {
        last_value(self.resource, key)
    }
}

mod resource_field {
    use super::{len, varint};
    use std::ops::RangeInclusive;

    pub(super) const ATTRIBUTE: u32 = len(1);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint(2);
    pub(super) const ENTITY_REF: u32 = len(3);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=3;
}

/// Reads and validates one `Resource`, adding its attributes to those of earlier occurrences.
pub(super) fn resource<'a>(mut message: Reader<'a>, attributes: &mut Vec<Attribute<'a>>) -> Result<(), WireError> {
    while let Some(key) = message.key()? {
        match key {
            resource_field::ATTRIBUTE => {
                attributes.push(Attribute::read(message.message()?)?);
                attributes.truncate(MOST_KEPT);
            }
            resource_field::DROPPED_ATTRIBUTES => drop(message.varint()?),
            resource_field::ENTITY_REF => check_entity_ref(message.message()?)?,
            key => message.skip(key, &resource_field::NUMBERS)?,
        }
    }
    Ok(())
}

mod entity_ref_field {
    use super::len;
    use std::ops::RangeInclusive;

    pub(super) const SCHEMA_URL: u32 = len(1);
    pub(super) const TYPE: u32 = len(2);
    pub(super) const ID_KEY: u32 = len(3);
    pub(super) const DESCRIPTION_KEY: u32 = len(4);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=4;
}

fn check_entity_ref(mut message: Reader<'_>) -> Result<(), WireError> {
    use entity_ref_field::{DESCRIPTION_KEY, ID_KEY, NUMBERS, SCHEMA_URL, TYPE};
    while let Some(key) = message.key()? {
        match key {
            SCHEMA_URL | TYPE | ID_KEY | DESCRIPTION_KEY => drop(message.string()?),
            key => message.skip(key, &NUMBERS)?,
        }
    }
    Ok(())
}

mod scope_field {
    use super::{len, varint};
    use std::ops::RangeInclusive;

    pub(super) const NAME: u32 = len(1);
    pub(super) const VERSION: u32 = len(2);
    pub(super) const ATTRIBUTE: u32 = len(3);
    pub(super) const DROPPED_ATTRIBUTES: u32 = varint(4);
    pub(super) const NUMBERS: RangeInclusive<u32> = 1..=4;
}

/// Reads and validates one `InstrumentationScope` into `origin`.
pub(super) fn scope<'a>(mut message: Reader<'a>, origin: &mut Origin<'a, '_>) -> Result<(), WireError> {
    while let Some(key) = message.key()? {
        match key {
            scope_field::NAME => origin.scope_name = message.string()?,
            scope_field::VERSION => origin.scope_version = message.string()?,
            scope_field::ATTRIBUTE => drop(Attribute::read(message.message()?)?),
            scope_field::DROPPED_ATTRIBUTES => drop(message.varint()?),
            key => message.skip(key, &scope_field::NUMBERS)?,
        }
    }
    Ok(())
}

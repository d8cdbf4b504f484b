//! Span attributes that are shown as columns: read for the rows that are seen, remembered for when they are seen again.

use std::collections::HashMap;

use crate::call::{CallId, LlmCall, Name};

/// Most cached values; beyond it the cache is cleared, and visible ones are read again.
const MOST_VALUES: usize = 20_000;

/// What was read of a call's attribute; `None` where its span has none or is gone.
pub(crate) type Read = (CallId, Name, Option<String>);

#[derive(Clone, Debug)]
pub struct Lookup {
    pub calls: Vec<LlmCall>,
    pub keys: Vec<Name>,
}

/// What is known of one attribute of a call.
#[derive(Clone, Debug)]
struct Value {
    /// The call's revision when it was requested: another span may lead the row since.
    revision: u16,
    read: Option<String>,
}

/// Attribute values by call and key.
#[derive(Clone, Debug, Default)]
pub struct Attributes(HashMap<(CallId, Name), Value>);

impl Attributes {
    /// The value, where it was read and there is one.
    pub fn get(&self, call: CallId, key: &Name) -> Option<&str> {
        self.0.get(&(call, key.clone()))?.read.as_deref()
    }

    /// The missing values of these calls, which count as requested from now on.
    pub fn ask<'a>(&mut self, calls: impl Iterator<Item = &'a LlmCall>, keys: &[Name]) -> Option<Lookup> {
        if self.0.len() > MOST_VALUES {
            self.forget();
        }
        let mut is_news = |call: &&LlmCall| {
            let revision = call.revision();
            let mut is_news = false;
            for key in keys {
                self.0
                    .entry((call.id(), key.clone()))
                    .and_modify(|value| is_news |= std::mem::replace(&mut value.revision, revision) != revision)
                    .or_insert_with(|| {
                        is_news = true;
                        Value { revision, read: None }
                    });
            }
            is_news
        };
        let calls: Vec<_> = calls.filter(&mut is_news).cloned().collect();
        (!calls.is_empty()).then(|| Lookup { calls, keys: keys.to_vec() })
    }

    /// Takes in what was read.
    pub fn learn(&mut self, read: Vec<Read>) {
        for (call, key, read) in read {
            if let Some(value) = self.0.get_mut(&(call, key)) {
                value.read = read;
            }
        }
    }

    /// Clears the cache, so that every value is read again.
    pub fn forget(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names};

    #[test]
    fn each_value_is_asked_for_once() {
        let mut call = LlmCall::from_facts(&CallFacts::default(), &mut Names::default(), 0);
        call.place(CallId(7), 1);
        let key = Name::from("team");
        let mut attributes = Attributes::default();
        let lookup = attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).expect("something to read");
        assert_eq!((lookup.calls.len(), lookup.keys.as_slice()), (1, [key.clone()].as_slice()));
        assert!(attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).is_none());
        assert_eq!(attributes.get(CallId(7), &key), None);
        attributes.learn(vec![(CallId(7), key.clone(), Some("core".into()))]);
        assert_eq!(attributes.get(CallId(7), &key), Some("core"));
        assert!(
            attributes.ask([&call].into_iter(), &[key.clone(), Name::from("env")]).is_some(),
            "another key is news"
        );
        call.place(CallId(7), 2);
        assert!(attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).is_some(), "another span may lead now");
        assert_eq!(attributes.get(CallId(7), &key), Some("core"), "shown until the new one is read");
        assert!(attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).is_none());
    }
}

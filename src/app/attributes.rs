//! Span attributes that are shown as columns: read for the rows that are seen, remembered for when they are seen again.

use std::collections::HashMap;

use crate::call::{CallId, LlmCall, Name};

/// Values remembered; all are forgotten at once beyond it, those that are seen are read anew.
const MOST_VALUES: usize = 20_000;

/// What was read of a call's attribute; `None` where its span has none or is gone.
pub type Read = (CallId, Name, Option<String>);

/// What to read.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Of which calls.
    pub calls: Vec<LlmCall>,
    /// Which attributes.
    pub keys: Vec<Name>,
}

#[derive(Clone, Debug)]
enum Value {
    Asked,
    Known(Option<String>),
}

/// Attribute values by call and key.
#[derive(Clone, Debug, Default)]
pub struct Attributes(HashMap<(CallId, Name), Value>);

impl Attributes {
    /// The value, where it was read and there is one.
    pub fn get(&self, call: CallId, key: &Name) -> Option<&str> {
        match self.0.get(&(call, key.clone()))? {
            Value::Known(value) => value.as_deref(),
            Value::Asked => None,
        }
    }

    /// What is still to be read of these calls; it counts as asked from now on.
    pub fn ask<'a>(&mut self, calls: impl Iterator<Item = &'a LlmCall>, keys: &[Name]) -> Option<Lookup> {
        if self.0.len() > MOST_VALUES {
            self.0.clear();
        }
        let mut is_news = |call: &&LlmCall| {
            let mut is_news = false;
            for key in keys {
                is_news |= !self.0.contains_key(&(call.id(), key.clone()));
                self.0.entry((call.id(), key.clone())).or_insert(Value::Asked);
            }
            is_news
        };
        let calls: Vec<_> = calls.filter(&mut is_news).cloned().collect();
        (!calls.is_empty()).then(|| Lookup { calls, keys: keys.to_vec() })
    }

    /// Takes in what was read.
    pub fn learn(&mut self, read: Vec<Read>) {
        self.0.extend(read.into_iter().map(|(call, key, value)| ((call, key), Value::Known(value))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Draft, Names};

    #[test]
    fn each_value_is_asked_for_once() {
        let mut call = LlmCall::keep(&Draft::default(), &mut Names::default(), 0);
        call.place(CallId(7), 1);
        let key = Name::from("team");
        let mut attributes = Attributes::default();
        let lookup = attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).expect("something to read");
        assert_eq!((lookup.calls.len(), lookup.keys.as_slice()), (1, [key.clone()].as_slice()));
        assert!(attributes.ask([&call].into_iter(), std::slice::from_ref(&key)).is_none());
        assert_eq!(attributes.get(CallId(7), &key), None);
        attributes.learn(vec![(CallId(7), key.clone(), Some("core".into()))]);
        assert_eq!(attributes.get(CallId(7), &key), Some("core"));
        assert!(attributes.ask([&call].into_iter(), &[key, Name::from("env")]).is_some(), "another key is news");
    }
}

//! Compares observed calls with the `expected.json` of a captured fixture: values, and absence where it has `null`.
//!
//! Deviations that are right, or known, are listed in `expected-exceptions.json` of the same fixture.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde_json::{Map, Value};

/// Calls in the form in which they were observed.
pub(crate) trait Observed {
    /// What exceptions call this form: `spans` are read one by one, `rows` are joined from all spans of a call.
    const FORM: Form;

    /// How many calls there are.
    fn count(&self) -> usize;

    /// A field of the call of this span, by its name in `expected.json`, `null` if absent. `None` if the span is no call.
    fn field(&self, call: &ExpectedCall<'_>, field: &str) -> Option<Value>;

    /// The same field of other spans of this call, for a form that does not join them.
    fn inner_fields(&self, _call: &ExpectedCall<'_>, _field: &str) -> Vec<Value> {
        Vec::new()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Spans,
    Rows,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Rows => "rows",
        }
    }
}

/// A call that must be visible, or an attempt that never reached a provider.
pub(crate) struct ExpectedCall<'a> {
    json: &'a Value,
}

impl ExpectedCall<'_> {
    /// The span that stands for the call: its ids and its name.
    pub(crate) fn span(&self) -> &Value {
        self.json.get("span").unwrap_or(self.json)
    }

    /// Spans of the same call below its own.
    pub(crate) fn children(&self) -> impl Iterator<Item = &Value> {
        let others = self.json["do_not_count_again"].as_array().into_iter().flatten();
        others.filter(|other| other["relation"] == "child")
    }

    /// How exceptions name the call: its number, or its span id where it has none.
    fn key(&self) -> &Value {
        self.json.get("seq").unwrap_or_else(|| &self.span()["span_id"])
    }

    /// What must be observed in this form.
    fn expectations(&self, form: Form) -> Map<String, Value> {
        let mut fields = self.json["expect"].as_object().unwrap().clone();
        let excludes_cached = fields.remove("input_excludes_cached") == Some(Value::Bool(true));
        if let Some(input) = fields.get("input_tokens").filter(|_| excludes_cached).cloned() {
            fields.remove("input_tokens");
            fields.insert("input_fresh_tokens".to_owned(), input);
        }
        // `null` means that the capture does not show whether the call failed.
        if fields.get("status") == Some(&Value::Null) {
            fields.remove("status");
        }
        // `true` means that `session_id` stands on an ancestor; a text is the id there.
        match (form, fields.remove("session_id_on_ancestor")) {
            (Form::Spans, Some(Value::Bool(true))) => {
                fields.remove("session_id");
            }
            (Form::Rows, Some(id @ Value::String(_))) if fields.get("session_id").is_none_or(Value::is_null) => {
                fields.insert("session_id".to_owned(), id);
            }
            _ => {}
        }
        fields
    }
}

pub(crate) struct Difference {
    fixture: String,
    call: String,
    field: String,
    found: Value,
    expected: Value,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { fixture, call, field, found, expected } = self;
        write!(f, "{fixture}: {field} of {call} is {found}, expected {expected}")
    }
}

/// How differences name the capture itself, and what is compared of it.
const CAPTURE: &str = "the capture";
const NUMBER: &str = "number of calls";

/// A known deviation. `field` and `reason` are required.
struct Exception<'a> {
    json: &'a Value,
}

impl Exception<'_> {
    /// `None` stands for the capture as a whole.
    fn applies(&self, form: Form, call: Option<&ExpectedCall<'_>>, field: &str) -> bool {
        let calls = self.json["calls"].as_array();
        let is_for_call = |calls: &Vec<Value>| call.is_some_and(|call| calls.contains(call.key()));
        self.json["field"] == field && self.is_for(form) && calls.is_none_or(is_for_call)
    }

    /// Without `form` it applies to both.
    fn is_for(&self, form: Form) -> bool {
        self.json.get("form").is_none_or(|name| name == form.name())
    }

    /// What is observed instead; without `found` that may be anything.
    fn allows(&self, field: &str, found: &Value) -> bool {
        self.json.get("found").is_none_or(|allowed| agrees(field, allowed, found))
    }

    /// The calls for which it must be needed; without `calls` it must be needed for one.
    fn unneeded(&self, needed_for: &BTreeSet<String>) -> Vec<String> {
        match self.json["calls"].as_array() {
            Some(calls) => calls.iter().map(Value::to_string).filter(|call| !needed_for.contains(call)).collect(),
            None if needed_for.is_empty() => vec!["any call".to_owned()],
            None => Vec::new(),
        }
    }
}

fn read(file: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

/// All that differs between a fixture's expectations and what was observed of its requests.
pub(crate) fn compare<T: Observed>(fixture: &Path, observed: &T) -> Vec<Difference> {
    let name = fixture.file_name().unwrap().to_string_lossy().into_owned();
    let expected = read(&fixture.join("expected.json"));
    let exceptions = fixture.join("expected-exceptions.json");
    let exceptions = if exceptions.exists() { read(&exceptions) } else { Value::Array(Vec::new()) };
    let exceptions: Vec<_> = exceptions.as_array().unwrap().iter().map(|json| Exception { json }).collect();
    let mut needed = vec![BTreeSet::new(); exceptions.len()];
    let difference = |call: &str, field: &str, found: Value, expected: Value| Difference {
        fixture: name.clone(),
        call: call.to_owned(),
        field: field.to_owned(),
        found,
        expected,
    };
    let mut is_allowed = |call: Option<&ExpectedCall<'_>>, field: &str, found: &Value| {
        let mut allowed = false;
        for (exception, needed) in exceptions.iter().zip(&mut needed) {
            if exception.applies(T::FORM, call, field) && exception.allows(field, found) {
                needed.insert(call.map_or_else(|| CAPTURE.to_owned(), |call| call.key().to_string()));
                allowed = true;
            }
        }
        allowed
    };
    let mut found = Vec::new();
    let rows = if name.ends_with("norows") { Value::from(0) } else { expected["viewer_rows"].clone() };
    let count = Value::from(observed.count());
    let is_counted = T::FORM == Form::Rows || name.ends_with("norows");
    if is_counted && rows != count && !is_allowed(None, NUMBER, &count) {
        found.push(difference(CAPTURE, NUMBER, count, rows));
    }
    let calls = expected["calls"].as_array().unwrap().iter().filter(|call| call["visible"] == true);
    let unanswered = expected["spans_without_upstream_call"].as_array().into_iter().flatten();
    for call in calls.chain(unanswered).map(|json| ExpectedCall { json }) {
        let title = format!("{} {}", call.key(), call.span()["name"]);
        for (field, value) in call.expectations(T::FORM) {
            let Some(own) = observed.field(&call, &field) else {
                if !is_allowed(Some(&call), "call", &Value::Null) {
                    found.push(difference(&title, "call", Value::Null, call.span()["span_id"].clone()));
                }
                break;
            };
            let by_inner = || observed.inner_fields(&call, &field).iter().any(|inner| agrees(&field, &value, inner));
            let is_right = agrees(&field, &value, &own) || (own.is_null() && by_inner());
            if !is_right && !is_allowed(Some(&call), &field, &own) {
                found.push(difference(&title, &field, own, value));
            }
        }
    }
    for (exception, needed) in exceptions.iter().zip(&needed).filter(|(exception, _)| exception.is_for(T::FORM)) {
        let field = exception.json["field"].as_str().unwrap();
        assert!(exception.json["reason"].is_string(), "{name}: the exception for {field} has no reason");
        let unneeded = exception.unneeded(needed).into_iter();
        found.extend(unneeded.map(|call| difference(&call, field, "no exception needed".into(), Value::Null)));
    }
    found
}

/// Times agree within a microsecond, to which the captures round them; reasons may stand in a list or in text.
fn agrees(field: &str, expected: &Value, found: &Value) -> bool {
    match (field, expected, found) {
        ("finish_reasons", Value::Null, _) => found.is_null(),
        ("finish_reasons", _, _) => reasons(expected) == reasons(found),
        ("ttft_s" | "duration_s", Value::Number(expected), Value::Number(found)) => {
            (expected.as_f64().unwrap() - found.as_f64().unwrap()).abs() <= 1e-6
        }
        ("cost", Value::Number(expected), Value::Number(found)) => {
            (expected.as_f64().unwrap() - found.as_f64().unwrap()).abs() <= 1e-12
        }
        (_, Value::Number(expected), Value::Number(found)) => expected.as_f64() == found.as_f64(),
        _ => expected == found,
    }
}

fn reasons(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('[') => serde_json::from_str(text).unwrap(),
        Value::String(text) => text.split(',').collect(),
        other => other.clone(),
    }
}

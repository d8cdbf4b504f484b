//! NDJSON: one JSON object per line.
//!
//! Besides the C0 controls, which JSON requires, DEL, C1 controls and bidirectional and invisible characters are escaped,
//! so that the output is safe on a terminal.

use std::io;

use serde::{Serialize, Serializer as _};
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::record::{FieldList, Record, RecordContext};
use crate::text::is_hidden;

/// Appends the record and a line break.
///
/// # Errors
/// Fails if `out` does.
pub(super) fn append<'a>(
    record: Record<'a>,
    columns: &FieldList,
    sources: RecordContext<'a>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let mut json = Serializer::with_formatter(&mut *out, TerminalSafe);
    match record.retraction() {
        Some(values) => json.collect_map(values)?,
        None => json.collect_map(record.values(columns, sources))?,
    }
    out.push(b'\n');
    Ok(())
}

/// Compact JSON that is safe on a terminal.
struct TerminalSafe;

impl Formatter for TerminalSafe {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, wild)) = rest.char_indices().find(|(_, character)| is_hidden(*character)) {
            let (escape, from_wild) = rest.split_at(at);
            writer.write_all(escape.as_bytes())?;
            for unit in wild.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = from_wild.get(wild.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// A value as one line of terminal-safe JSON, without the line break.
///
/// # Errors
/// Fails if the value does not serialize.
pub(super) fn escape(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut json = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut json, TerminalSafe))?;
    Ok(json)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, CallId, LlmCall, Names};
    use crate::pricing::Pricer;
    use crate::text::secrets::Secrets;
    use proptest::prelude::*;

    fn line(record: Record<'_>, columns: &FieldList) -> String {
        let mut out = Vec::new();
        let sources = RecordContext { pricer: &Pricer::default(), spans: None, secrets: Secrets::Masked };
        append(record, columns, sources, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn model(model: &str) -> LlmCall {
        LlmCall::from_facts(&CallFacts { model: Some(model.into()), ..CallFacts::default() }, &mut Names::default(), 0)
    }

    #[test]
    fn an_object_a_line() {
        let call = model("gpt-5");
        let columns = FieldList::parse("model,prompt_tokens,ttft_ms,is_error").unwrap();
        let expected = "{\"model\":\"gpt-5\",\"prompt_tokens\":null,\"ttft_ms\":null,\"is_error\":true}\n";
        assert_eq!(line(Record::Call(&call), &columns), expected);
        let expected = "{\"call_id\":7,\"revision\":3,\"merged\":true}\n";
        assert_eq!(line(Record::MergedAway(CallId(7), 3), &columns), expected);
    }

    #[test]
    fn whole_milliseconds_stay_floats_and_counts_integers() {
        let mut draft = CallFacts { ttft_ms: Some(111.0), ..CallFacts::default() };
        draft.usage.input = Some(u64::MAX);
        let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        let columns = FieldList::parse("ttft_ms,prompt_tokens").unwrap();
        assert_eq!(line(Record::Call(&call), &columns), "{\"ttft_ms\":111.0,\"prompt_tokens\":18446744073709551615}\n");
    }

    #[test]
    fn what_acts_on_a_terminal_is_escaped() {
        let call = model("a\u{1b}[2J\u{9b}2J\u{7f}\u{202e}\u{e0041}\n\u{85}\u{3164}\u{fe0f}z");
        let shown = line(Record::Call(&call), &FieldList::parse("model").unwrap());
        assert_eq!(
            shown,
            "{\"model\":\"a\\u001b[2J\\u009b2J\\u007f\\u202e\\udb40\\udc41\\n\\u0085\\u3164\\ufe0fz\"}\n"
        );
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in any::<String>()) {
            let call = model(&text);
            let shown = line(Record::Call(&call), &FieldList::parse("model").unwrap());
            prop_assert_eq!(shown.matches('\n').count(), 1);
            let controls = shown.trim_end().chars().filter(|character| character.is_control()).count();
            prop_assert_eq!(controls, 0);
            let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
            prop_assert_eq!(read.get("model").and_then(serde_json::Value::as_str), Some(text.as_str()).filter(|text| !text.is_empty()));
        }
    }
}

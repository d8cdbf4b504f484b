//! CSV: a header line, then one line per record. Text is escaped for terminals, and text that a spreadsheet would parse
//! as a formula is prefixed with `'`.

use std::borrow::Cow;
use std::io;

use serde::Serialize;

use super::record::{FieldList, FieldValue, Record, RecordContext};
use crate::text::clean;

/// Buffer capacity for a typical line, bytes.
const LINE_CAPACITY: usize = 1024;

/// Appends the header line.
///
/// # Errors
/// Fails if `out` does.
pub(super) fn append_header(columns: &FieldList, out: &mut Vec<u8>) -> io::Result<()> {
    append_line(columns.names(), out)
}

/// Appends the record as one line.
///
/// # Errors
/// Fails if `out` does.
pub(super) fn append<'a>(
    record: Record<'a>,
    columns: &FieldList,
    sources: RecordContext<'a>,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    append_line(record.values(columns, sources).map(|(_, value)| cell(&value)), out)
}

fn append_line(cells: impl Iterator<Item = impl AsRef<[u8]>>, out: &mut Vec<u8>) -> io::Result<()> {
    let mut line = csv::WriterBuilder::new().buffer_capacity(LINE_CAPACITY).from_writer(out);
    line.write_record(cells)?;
    line.flush()
}

/// The value as a cell; empty if unknown.
fn cell(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Null => String::new(),
        FieldValue::Bool(yes) => yes.to_string(),
        FieldValue::Count(count) => count.to_string(),
        FieldValue::Figure(figure) => {
            Some(figure).filter(|figure| figure.is_finite()).map(f64::to_string).unwrap_or_default()
        }
        FieldValue::Text(text) => escape_formula(clean(text)),
        FieldValue::Texts(texts) => escape_formula(clean(&texts.join(","))),
        FieldValue::Cost(cost) if cost.usd.is_none() && cost.row.is_none() => String::new(),
        FieldValue::Cost(cost) => json(cost),
        FieldValue::Spans(spans) => json(spans),
    }
}

/// A nested value as JSON in one cell.
fn json(parts: &impl Serialize) -> String {
    escape_formula(clean(&serde_json::to_string(parts).unwrap_or_default()))
}

/// Prefixes text that a spreadsheet would parse as a formula with `'` (OWASP, "CSV Injection"), including full-width signs.
/// Numbers are unchanged.
fn escape_formula(text: Cow<'_, str>) -> String {
    let begins_formula = text.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    if begins_formula && !is_number(&text) { format!("'{text}") } else { text.into_owned() }
}

fn is_number(text: &str) -> bool {
    text.ends_with(|last: char| last.is_ascii_digit()) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, CallId, LlmCall, Names};
    use crate::pricing::Pricer;
    use crate::text::secrets::Secrets;
    use proptest::prelude::*;

    const fn sources(pricer: &Pricer) -> RecordContext<'_> {
        RecordContext { pricer, spans: None, secrets: Secrets::Masked }
    }

    fn line(call: &LlmCall, columns: &str) -> String {
        let mut out = Vec::new();
        let columns = FieldList::parse(columns).unwrap();
        append(Record::Call(call), &columns, sources(&Pricer::default()), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn model(model: &str) -> LlmCall {
        LlmCall::from_facts(&CallFacts { model: Some(model.into()), ..CallFacts::default() }, &mut Names::default(), 0)
    }

    #[test]
    fn cells_by_example() {
        for (text, shown) in [
            ("gpt-5", "gpt-5"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "'=1+1"),
            ("+SUM(A1)", "'+SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("@cmd", "'@cmd"),
            (" =1", "' =1"),
            ("＝1", "'＝1"),
            ("-5", "-5"),
            ("+1.5e3", "+1.5e3"),
            ("-inf", "'-inf"),
            ("\t=1", "␉=1"),
            ("a\r\nb", "a␍␊b"),
            ("\u{1b}[0m", "␛[0m"),
        ] {
            assert_eq!(line(&model(text), "model"), format!("{shown}\n"), "{text:?}");
        }
    }

    #[test]
    fn figures_flags_and_lists() {
        let draft = CallFacts {
            ttft_ms: Some(1e-7),
            duration_ms: Some(111.0),
            is_streaming: Some(false),
            finish_reasons: Some("stop,length".into()),
            ..CallFacts::default()
        };
        let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
        let columns = "ttft_ms,duration_ms,is_streaming,finish_reasons,cost_usd,cost,call_id";
        assert_eq!(line(&call, columns), "0.0000001,111,false,\"stop,length\",,,0\n");
    }

    #[test]
    fn header_first_and_retractions() {
        let columns = FieldList::parse("model,call_id,revision,merged").unwrap();
        let mut out = Vec::new();
        append_header(&columns, &mut out).unwrap();
        let record = Record::MergedAway(CallId(7), 2);
        append(record, &columns, sources(&Pricer::default()), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "model,call_id,revision,merged\n,7,2,true\n");
    }

    proptest! {
        #[test]
        fn no_text_begins_a_formula_or_breaks_the_line(text in "[=+@\\-\t\r\n \"',a1\u{9b}\u{202e}]{0,8}") {
            let shown = line(&model(&text), "model,call_id");
            prop_assert_eq!(shown.matches('\n').count(), 1);
            prop_assert!(!shown.trim_end_matches('\n').chars().any(char::is_control));
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(shown.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.len(), 2);
            prop_assert!(!record[0].trim_start().starts_with(['=', '+', '-', '@']) || record[0].parse::<f64>().is_ok());
        }
    }
}

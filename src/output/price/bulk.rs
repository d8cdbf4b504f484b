//! Many prices at once: one call per line of NDJSON in, one JSON object per line out.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::{PriceObject, input_count, json, near, unix_secs};
use crate::call::Usage;
use crate::pricing::{PriceQuery, Pricer, PricingFacts};

/// Longest line that is read, bytes.
const LONGEST_LINE: usize = 1 << 20;

/// One call to price. Unknown keys are an error, so that a misspelt count is not taken for none.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Option<serde_json::Value>,
    model: String,
    provider: Option<String>,
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    reasoning: Option<u64>,
    input_audio: Option<u64>,
    output_audio: Option<u64>,
    cache_read_audio: Option<u64>,
    path: Option<String>,
    at: Option<String>,
    service_tier: Option<String>,
    search_context: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<serde_json::Value>,
    #[serde(flatten)]
    price: PriceObject,
}

#[derive(Serialize)]
struct Failure {
    line: usize,
    error: String,
}

/// Prices every line of `input`; whether a row was found for each. Blank lines are skipped, a line that is no call is
/// answered with an `error`.
///
/// # Errors
/// Fails if `input` cannot be read or `out` cannot be written.
pub fn price_lines(input: impl BufRead, mut out: impl Write, pricer: &Pricer, now_unix_secs: i64) -> io::Result<bool> {
    let mut are_found = true;
    let mut lines = input.split(b'\n');
    for at in 1.. {
        let Some(line) = lines.next() else { break };
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let answer = parse(&line).and_then(|line| answer(line, pricer, now_unix_secs));
        let text = match answer {
            Ok(answer) => {
                are_found &= answer.price.is_found();
                json(&answer)
            }
            Err(error) => {
                are_found = false;
                json(&Failure { line: at, error })
            }
        };
        out.write_all(text.as_bytes())?;
    }
    out.flush()?;
    Ok(are_found)
}

fn parse(line: &[u8]) -> Result<Line, String> {
    if line.len() > LONGEST_LINE {
        return Err(format!("longer than {LONGEST_LINE} bytes"));
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

fn answer(line: Line, pricer: &Pricer, now_unix_secs: i64) -> Result<Answer, String> {
    let at_unix_secs = line.at.as_deref().map_or(Ok(now_unix_secs), unix_secs)?;
    let model = line.model.trim();
    let facts = PricingFacts {
        usage: Usage {
            input: line.input,
            output: line.output,
            cache_read: line.cache_read,
            cache_write: line.cache_write,
            cache_write_1h: line.cache_write_1h,
            reasoning: line.reasoning,
            input_audio: line.input_audio,
            output_audio: line.output_audio,
            cache_read_audio: line.cache_read_audio,
            input_count: input_count(line.path.as_deref()),
            ..Usage::default()
        },
        at_unix_secs,
        service_tier: line.service_tier.as_deref(),
        search_context: line.search_context.as_deref(),
        ..PricingFacts::default()
    };
    let query = PriceQuery { model, provider: line.provider.as_deref(), is_requested: false };
    let mut price = PriceObject::of(pricer.explain_query(Some(query), &facts));
    if !price.is_found() {
        price.near_names = near::names(&pricer.catalog(), model, line.provider.as_deref());
    }
    Ok(Answer { id: line.id, price })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn priced(text: &str) -> (Vec<Value>, bool) {
        let mut out = Vec::new();
        let are_found = price_lines(text.as_bytes(), &mut out, &Pricer::default(), 1_795_435_200).unwrap();
        let lines = String::from_utf8(out).unwrap();
        (lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), are_found)
    }

    #[test]
    fn every_line_is_answered_in_order() {
        let (answers, are_found) = priced(
            "{\"id\":7,\"model\":\"gpt-4o\",\"provider\":\"openai\",\"input\":1000,\"output\":500}\n\n\
             {\"model\":\"gpt-99\",\"provider\":\"openai\"}\n{\"modle\":1}\nnot json\n",
        );
        assert!(!are_found);
        assert_eq!((&answers[0]["id"], &answers[0]["usd"]), (&Value::from(7), &Value::from(0.0075)));
        assert_eq!((&answers[1]["usd"], answers[1]["near_names"].is_array()), (&Value::Null, true));
        assert_eq!((&answers[2]["line"], &answers[3]["line"]), (&Value::from(4), &Value::from(5)));
        assert!(answers[2]["error"].as_str().unwrap().contains("modle"));
    }

    #[test]
    fn a_time_and_a_service_tier_are_those_of_the_line() {
        let (answers, are_found) = priced(
            r#"{"model":"gpt-5.6-sol","provider":"openai","input":10000,"output":1000,"at":"2026-08-01"}
{"model":"gpt-5.6-sol","provider":"openai","input":10000,"output":1000,"service_tier":"batch"}"#,
        );
        assert!(are_found);
        assert_eq!((&answers[0]["usd"], &answers[1]["usd"]), (&Value::from(0.08), &Value::from(0.03)));
    }
}

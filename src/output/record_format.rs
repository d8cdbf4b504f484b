//! The format of written records: encoding, fields, and the prices that explain costs.

use std::io;
use std::sync::Arc;

use super::record::{FieldList, Record, RecordContext};
use super::span_explainer::SpanExplanation;
use super::{csv, ndjson};
use crate::pricing::Pricer;
use crate::text::secrets::Secrets;

/// The encoding of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values with a header line.
    Csv,
}

/// Encoding, fields and prices of written records.
#[derive(Debug)]
pub struct RecordFormat {
    shape: OutputFormat,
    columns: FieldList,
    pricer: Arc<Pricer>,
    secrets: Secrets,
}

impl RecordFormat {
    /// All fields that the encoding supports: CSV leaves out nested ones.
    pub fn new(shape: OutputFormat, pricer: Arc<Pricer>) -> Self {
        let columns = match shape {
            OutputFormat::Ndjson => FieldList::all(),
            OutputFormat::Csv => FieldList::flat(),
        };
        Self { shape, columns, pricer, secrets: Secrets::Masked }
    }

    /// Sets whether credentials are masked; they are by default.
    #[must_use]
    pub fn with_secrets(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// Writes these fields, in their order.
    #[must_use]
    pub fn with_columns(self, columns: FieldList) -> Self {
        Self { columns, ..self }
    }

    /// Appends the CSV header line.
    ///
    /// # Errors
    /// Never fails when writing to memory.
    pub fn begin(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self.shape {
            OutputFormat::Ndjson => Ok(()),
            OutputFormat::Csv => csv::append_header(&self.columns, out),
        }
    }

    /// Appends one record. `spans` are those of the call's trace, if they are a field.
    ///
    /// # Errors
    /// Never fails when writing to memory.
    pub fn append(&self, record: Record<'_>, spans: Option<&[SpanExplanation]>, out: &mut Vec<u8>) -> io::Result<()> {
        let sources = RecordContext { pricer: &self.pricer, spans, secrets: self.secrets };
        match self.shape {
            OutputFormat::Ndjson => ndjson::append(record, &self.columns, sources, out),
            OutputFormat::Csv => csv::append(record, &self.columns, sources, out),
        }
    }

    /// The fields that are written, in order.
    pub const fn columns(&self) -> &FieldList {
        &self.columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Cost, CostBasis, LlmCall, Names, Usage};
    use crate::pricing::{PriceQuery, PricingFacts, shown_cost};
    use serde_json::{Value, json};

    fn record(call: &LlmCall) -> Value {
        let columns = FieldList::parse("cost_usd,cost").unwrap();
        let mut out = Vec::new();
        let format = RecordFormat::new(OutputFormat::Ndjson, Arc::default()).with_columns(columns);
        format.append(Record::Call(call), None, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    }

    fn call(model: &'static str) -> LlmCall {
        call_at("anthropic", model)
    }

    /// The call as it is priced on arrival.
    fn priced(mut call: LlmCall) -> LlmCall {
        let found = PriceQuery::of(call.labels()).and_then(|sold| Pricer::default().find(sold));
        call.set_cost(shown_cost(found.as_ref(), &PricingFacts::of(&call)));
        call
    }

    fn call_at(provider: &'static str, model: &'static str) -> LlmCall {
        let draft = CallFacts {
            model: Some(model.into()),
            provider: Some(provider.into()),
            usage: Usage { input: Some(1_000), output: Some(100), ..Usage::default() },
            ..CallFacts::default()
        };
        LlmCall::from_facts(&draft, &mut Names::default(), 0)
    }

    #[test]
    fn a_priced_call_explains_its_cost() {
        let record = record(&priced(call("claude-sonnet-4-6")));
        assert_eq!(record["cost_usd"], json!(0.0045));
        assert_eq!(record["cost"]["usd"], record["cost_usd"]);
        assert_eq!(record["cost"]["basis"], json!("priced"));
        assert_eq!(record["cost"]["input_usd"], json!(0.003));
        assert_eq!(record["cost"]["row"], json!("claude-sonnet-4-6"));
        assert_eq!(record["cost"]["cache_read_usd"].to_string(), "0.0", "zero has no sign");
    }

    #[test]
    fn the_basis_is_that_of_the_call_even_where_other_prices_make_the_same_figure() {
        let mut call = call("claude-sonnet-4-6");
        call.set_cost(Some(Cost { usd: 0.0045, basis: CostBasis::Refreshed }));
        let record = record(&call);
        assert_eq!(record["cost"]["basis"], json!("refreshed"));
        assert_eq!(record["cost"]["input_usd"], json!(0.003));
    }

    #[test]
    fn the_parts_add_up_with_a_fee_per_request_too() {
        let record = record(&priced(call_at("perplexity", "sonar")));
        let cost = record["cost"].as_object().unwrap();
        let parts = cost.iter().filter(|(name, _)| name.ends_with("_usd")).map(|(_, usd)| usd.as_f64().unwrap());
        assert!(cost["request_usd"].as_f64() > Some(0.0), "{record}");
        assert!((parts.sum::<f64>() - cost["usd"].as_f64().unwrap()).abs() < 1e-12, "{record}");
    }

    #[test]
    fn a_cost_of_other_prices_keeps_its_figure_and_claims_no_parts() {
        let mut call = call("claude-sonnet-4-6");
        call.set_cost(Some(Cost { usd: 0.7, basis: CostBasis::Priced }));
        let record = record(&call);
        assert_eq!(record["cost"]["usd"], json!(0.7));
        assert_eq!(record["cost"]["input_usd"], Value::Null);
        assert_eq!(record["cost"]["row"], Value::Null);
    }

    #[test]
    fn an_unknown_cost_is_an_object_of_nulls() {
        let record = record(&call("no-such-model"));
        assert_eq!(record["cost_usd"], Value::Null);
        let parts = record["cost"].as_object().unwrap();
        assert!(
            parts.contains_key("usd") && parts.contains_key("basis") && parts.values().all(Value::is_null),
            "{parts:?}"
        );
    }
}

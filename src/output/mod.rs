//! Calls without a screen: NDJSON, CSV, one-shot summaries.

//! A summary as plain text: one line per figure, then tables of models, routes and sessions. The format suits `grep` and
//! `awk`: keys with units, numbers without separators, names in the last column, `-` for unknown.

use std::cmp::Reverse;
use std::fmt::{Display, Write as _};

use super::record::timestamp;
use crate::call::{LlmCall, Status};
use crate::query::analysis::{Picture, Rollup};
use crate::stats::{Figures, Quantiles, SessionRow, Tally, TokenSum};
use crate::text::clean;
use crate::text::secrets::Secrets;

/// Largest number of rows of a table.
const MAX_ROWS: usize = 20;

/// Columns of the model and route tables after the sums.
const ROLLUP: [&str; 3] = ["tokens_per_sec", "latency_p95_ms", "ttft_p95_ms"];

/// What is summed up.
#[derive(Debug)]
pub(super) struct Collected<'a> {
    /// The kept calls as of the newest one.
    pub(super) picture: &'a Picture,
    /// The figures of all calls, evicted ones included.
    pub(super) figures: Figures,
    /// How the failed calls ended, most frequent first.
    pub(super) failures: Vec<(String, u64)>,
    /// Calls that are kept: the tables are of these.
    pub(super) kept: u64,
    /// When the summary is made, ns since the epoch.
    pub(super) now_unix_nano: i64,
}

/// The whole summary. `secrets` applies to names from spans.
pub(super) fn text(collected: &Collected<'_>, secrets: Secrets) -> String {
    let picture = collected.picture;
    let mut out = String::new();
    for (key, value) in head(collected).into_iter().chain(figures(collected)).chain(span_accounting(picture)) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(out, "{key}: {value}");
    }
    let rollup = |rollup: &Rollup| {
        let figures = &rollup.figures;
        let mut cells = sums(&figures.tally);
        cells.extend([
            number(figures.tally.tokens_per_sec()),
            number(figures.latency_ms.p95),
            number(figures.ttft_ms.p95),
        ]);
        cells.push(name(&rollup.name, secrets));
        cells
    };
    table(&mut out, &ROLLUP, "model", picture.models.iter().map(rollup));
    table(&mut out, &ROLLUP, "route", picture.routes.iter().map(rollup));
    let session = |row: &SessionRow| {
        let mut cells = sums(&row.tally);
        cells.extend([row.models.len().to_string(), row.model_switches.to_string()]);
        cells.extend([number(Some(row.duration_nanos() as f64 / 1e6)), name(&row.session, secrets)]);
        cells
    };
    let mut sessions: Vec<_> = picture.sessions.iter().flatten().collect();
    sessions.sort_by(|one, other| {
        let key = |row: &SessionRow| Reverse((row.tally.cost_femto_usd, row.tally.calls));
        key(one).cmp(&key(other)).then_with(|| one.session.cmp(&other.session))
    });
    table(&mut out, &["models", "model_switches", "duration_ms"], "session", sessions.into_iter().map(session));
    out
}

type KeyValue = (String, String);

fn line(key: impl Into<String>, value: impl Display) -> KeyValue {
    (key.into(), format!("{value}"))
}

fn head(collected: &Collected<'_>) -> Vec<KeyValue> {
    let picture = collected.picture;
    let mut lines = vec![line("timestamp", timestamp(collected.now_unix_nano))];
    if !picture.spec.filter.is_empty() {
        lines.push(line("filter", clean(&picture.spec.filter.describe())));
    }
    lines
}

fn figures(collected: &Collected<'_>) -> Vec<KeyValue> {
    let Collected { picture, figures, .. } = collected;
    let summary = &picture.summary;
    let Tally { calls, errors, unpriced, tokens, .. } = figures.tally;
    let mut lines = vec![
        line("calls", calls),
        line("calls_evicted", calls.saturating_sub(collected.kept)),
        line("errors", errors),
        line("error_rate_percent", percent(figures.tally.error_rate())),
    ];
    lines.extend(collected.failures.iter().map(|(failure, count)| line(format!("errors_{failure}"), count)));
    lines.extend([
        line("cost_usd", money(figures.tally.cost_usd())),
        line("unpriced_calls", unpriced),
        line("burn_usd_per_hour", money(summary.burn.map(|burn| burn.usd_per_hour))),
        line("burn_over_secs", number(summary.burn.map(|burn| burn.over_secs))),
        line("input_tokens", token_sum(calls, tokens.input)),
        line("cached_input_tokens", token_sum(calls, tokens.cached)),
        line("cache_creation_tokens", token_sum(calls, tokens.written)),
        line("output_tokens", token_sum(calls, tokens.output)),
        line("reasoning_tokens", token_sum(calls, tokens.reasoning)),
        line("tokens_per_sec", number(figures.tally.tokens_per_sec())),
    ]);
    lines.extend(quantiles("tokens_per_sec", "", &figures.tokens_per_sec));
    lines.extend(quantiles("latency", "_ms", &figures.latency_ms));
    lines.extend(quantiles("ttft", "_ms", &figures.ttft_ms));
    let is_approximate =
        [figures.tokens_per_sec, figures.latency_ms, figures.ttft_ms].iter().any(|of| of.is_approximate);
    lines.push(line("percentiles", if is_approximate { "within 0.8%" } else { "exact" }));
    lines.push(line("sessions", picture.sessions.as_ref().map_or(0, Vec::len)));
    lines
}

/// Span accounting, independent of the filter.
fn span_accounting(picture: &Picture) -> [KeyValue; 8] {
    let counters = &picture.snapshot.counters;
    [
        line("requests", counters.requests),
        line("requests_refused", counters.requests_refused),
        line("spans_received", counters.spans_received),
        line("spans_llm_calls", counters.llm_calls),
        line("spans_merged", counters.merged),
        line("spans_not_llm", counters.not_llm),
        line("spans_rejected", counters.rejected),
        line("spans_refused", counters.spans_refused),
    ]
}

/// How a failed call ended: its code, or `error_span` where the span has the status error in spite of its code.
pub(super) fn failure(call: &LlmCall) -> String {
    match (call.status(), call.status_code()) {
        (Status::Code(code), _) => code.to_string(),
        (Status::NoResponse, _) => "no_response".to_owned(),
        (Status::Ok | Status::Error, Some(_)) => "error_span".to_owned(),
        (Status::Ok | Status::Error, None) => "without_code".to_owned(),
    }
}

fn quantiles(figure: &str, unit: &str, quantiles: &Quantiles) -> [KeyValue; 3] {
    let Quantiles { p50, p95, p99, .. } = *quantiles;
    [("p50", p50), ("p95", p95), ("p99", p99)]
        .map(|(rank, value)| line(format!("{figure}_{rank}{unit}"), number(value)))
}

/// `cost_usd` is a plain number; while `unpriced_calls` is not 0, it is a lower bound.
const SUMS: [&str; 6] = ["calls", "errors", "cost_usd", "unpriced_calls", "input_tokens", "output_tokens"];

fn sums(tally: &Tally) -> Vec<String> {
    vec![
        tally.calls.to_string(),
        tally.errors.to_string(),
        money(tally.cost_usd()),
        tally.unpriced.to_string(),
        token_sum(tally.calls, tally.tokens.input),
        token_sum(tally.calls, tally.tokens.output),
    ]
}

/// A sum of tokens; unknown if there are calls but none reports a count.
fn token_sum(calls: u64, sum: TokenSum) -> String {
    let sum = if calls == 0 { Some(sum.tokens) } else { sum.known() };
    sum.map_or_else(|| "-".to_owned(), |tokens| tokens.to_string())
}

/// A table with right-aligned numbers and the name in the last column.
fn table(out: &mut String, further: &[&str], last: &str, rows: impl ExactSizeIterator<Item = Vec<String>>) {
    let left_out = rows.len().saturating_sub(MAX_ROWS);
    if rows.len() == 0 {
        return;
    }
    let head = SUMS.iter().chain(further).chain([&last]).map(|name| (*name).to_owned()).collect();
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(rows.take(MAX_ROWS)).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..SUMS.len() + further.len()).map(width).collect();
    out.push('\n');
    for line in &lines {
        let (figures, name) = line.split_at(widths.len().min(line.len()));
        for (figure, width) in figures.iter().zip(&widths) {
            let _ = write!(out, "{figure:>width$}  ");
        }
        let _ = writeln!(out, "{}", name.concat());
    }
    if left_out > 0 {
        let _ = writeln!(out, "({left_out} more)");
    }
}

fn name(name: &str, secrets: Secrets) -> String {
    if name.is_empty() { "-".to_owned() } else { clean(&secrets.in_text(name)).into_owned() }
}

/// USD to a thousand-millionth, which no price list goes below.
fn money(usd: Option<f64>) -> String {
    decimal(usd, 9)
}

/// One decimal; three below 1.
fn number(figure: Option<f64>) -> String {
    decimal(figure, if figure.is_some_and(|figure| figure.abs() < 1.0) { 3 } else { 1 })
}

/// 0 and 100 only where they are exact.
fn percent(share: Option<f64>) -> String {
    let percent = share.map(|share| share * 100.0);
    match percent {
        Some(percent) if (99.995..100.0).contains(&percent) => "99.99".to_owned(),
        percent => decimal(percent, 2),
    }
}

/// So many digits after the point at the most, but two that are not zero where the figure is not.
fn decimal(figure: Option<f64>, digits: usize) -> String {
    let Some(figure) = figure.filter(|figure| figure.is_finite()) else { return "-".to_owned() };
    let text = format!("{figure:.digits$}");
    if figure != 0.0 && !text.contains(|digit: char| ('1'..='9').contains(&digit)) {
        return small(figure);
    }
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Two digits of a figure far below 1.
fn small(figure: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "an exponent of ten is within 324")]
    let digits = 1 - figure.abs().log10().floor().min(0.0) as i32;
    let text = format!("{figure:.*}", usize::try_from(digits).unwrap_or(0));
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_rounds_to_none_or_all() {
        let cases = [(1.0 / 25_000.0, "0.004"), (0.995, "99.5"), (0.999_999, "99.99"), (1.0, "100"), (0.0, "0")];
        for (share, shown) in cases {
            assert_eq!(percent(Some(share)), shown);
        }
        assert_eq!(percent(Some(1.0 / 1e7)), "0.00001");
        assert_eq!(money(Some(4e-10)), "0.0000000004");
        assert_eq!(money(Some(4.26e-12)), "0.0000000000043");
        assert_eq!(number(Some(0.000_4)), "0.0004");
        assert_eq!(number(Some(-0.000_4)), "-0.0004");
    }

    #[test]
    fn figures_are_plain_numbers() {
        let cases = [(1234.56, "1234.6"), (2.0, "2"), (0.1234, "0.123"), (0.0, "0"), (f64::NAN, "-"), (100.0, "100")];
        for (figure, shown) in cases {
            assert_eq!(number(Some(figure)), shown);
        }
        assert_eq!(money(Some(0.000_000_12)), "0.00000012");
        assert_eq!((money(None), percent(Some(0.069))), ("-".to_owned(), "6.9".to_owned()));
    }

    #[test]
    fn names_end_their_lines_and_are_tame() {
        let mut out = String::new();
        let row = |calls: &str, model: &str| {
            ["0", "-", "2", "0", "0"]
                .iter()
                .fold(vec![calls.to_owned()], |mut row, cell| {
                    row.push((*cell).to_owned());
                    row
                })
                .into_iter()
                .chain([name(model, Secrets::Masked)])
                .collect::<Vec<_>>()
        };
        table(&mut out, &[], "model", vec![row("12", "a \u{1b}[2J"), row("3", "")].into_iter());
        assert_eq!(
            out,
            "\ncalls  errors  cost_usd  unpriced_calls  input_tokens  output_tokens  model\n   12       0         -               2             0              0  a ␛[2J\n    3       0         -               2             0              0  -\n"
        );
    }

    #[test]
    fn long_tables_say_how_much_is_left_out() {
        let mut out = String::new();
        table(&mut out, &[], "model", (0..23).map(|nth| vec![nth.to_string(); 7]).collect::<Vec<_>>().into_iter());
        assert_eq!(out.lines().count(), 1 + 1 + MAX_ROWS + 1);
        assert!(out.ends_with("(3 more)\n"));
    }
}

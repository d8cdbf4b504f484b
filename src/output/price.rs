//! `planoai price`: prints the price row of a model, how it was found, and the arithmetic.

mod bulk;
mod near;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

pub use self::bulk::price_lines;

use self::near::Considered;
use super::ndjson::escape;
use crate::call::{InputCount, Usage};
use crate::pricing::cost::CostLine;
use crate::pricing::{CostObject, Explanation, PriceQuery, PriceSource, Pricer, PricingFacts, Rates};
use crate::text;

/// Options of `planoai price`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "Exit codes: 0 a price row was found, 1 there is none, 2 wrong usage.")]
pub struct PriceArgs {
    /// The model as a span names it, such as `gpt-4o-2024-08-06` or `digitalocean/openai-gpt-5.4`
    #[arg(required_unless_present_any = ["file", "sources"])]
    pub model: Option<String>,

    /// The provider as a span names it (`llm.provider`, `gen_ai.provider.name`)
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// Input tokens as reported
    #[arg(long, value_name = "N")]
    pub input: Option<u64>,

    /// Input tokens read from the prompt cache
    #[arg(long, value_name = "N")]
    pub cache_read: Option<u64>,

    /// Input tokens written to the prompt cache
    #[arg(long, value_name = "N")]
    pub cache_write: Option<u64>,

    /// Output tokens, reasoning included.
    #[arg(long, value_name = "N")]
    pub output: Option<u64>,

    /// The gateway's path: on `…/messages` the input count excludes cached tokens, elsewhere it includes them
    #[arg(long, value_name = "PATH")]
    pub path: Option<String>,

    /// When the call was made: `2026-11-23`, `2026-11-23T07:30:00` (UTC) or with an offset (default: now)
    #[arg(long, value_name = "TIME", value_parser = unix_secs)]
    pub at: Option<i64>,

    /// The service tier that was billed, such as `priority`, `flex` or `batch`
    #[arg(long, value_name = "TIER")]
    pub service_tier: Option<String>,

    /// The search context size of a model that searches: `low`, `medium` or `high`
    #[arg(long, value_name = "SIZE")]
    pub search_context: Option<String>,

    /// List the price rows of this name at every provider
    #[arg(long, conflicts_with = "file")]
    pub why: bool,

    /// List the sources of the price rows, with version, date and licence
    #[arg(long, conflicts_with_all = ["file", "model", "why"])]
    pub sources: bool,

    /// Price one call per line of this NDJSON file (`-`: stdin), and write one JSON object per line
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    pub file: Option<PathBuf>,

    /// Write one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// The output of `planoai price`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceAnswer {
    /// Text for stdout, with a final line break.
    pub text: String,
    /// Whether a row was found (exit code 0, else 1).
    pub is_found: bool,
}

/// Explains a price from `pricer`. `now_unix_secs` is the default of `--at`.
pub fn price(args: &PriceArgs, pricer: &Pricer, now_unix_secs: i64) -> PriceAnswer {
    if args.sources {
        return PriceAnswer { text: sources(pricer, args.json), is_found: true };
    }
    let model = args.model.as_deref().unwrap_or_default().trim();
    let sold = PriceQuery { model, provider: args.provider.as_deref(), is_requested: false };
    let facts = PricingFacts {
        usage: args.usage(),
        at_unix_secs: args.at.unwrap_or(now_unix_secs),
        service_tier: args.service_tier.as_deref(),
        search_context: args.search_context.as_deref(),
        ..PricingFacts::default()
    };
    let explanation = pricer.explain_query(Some(sold), &facts);
    let is_found = explanation.priced.is_some();
    let catalog = pricer.catalog();
    let near_names = if is_found { Vec::new() } else { near::names(&catalog, model, args.provider.as_deref()) };
    let considered = if args.why { near::considered(&catalog, model, explanation.priced.as_ref()) } else { Vec::new() };
    let text = if args.json {
        json(&PriceObject { near_names, considered, ..PriceObject::of(explanation) })
    } else {
        let near = near_names.iter().map(|name| format!("near name  {name}"));
        let lines = human(&explanation).chain(near).chain(considered.iter().map(Considered::line));
        lines.fold(String::new(), |all, line| all + &text::clean(&line) + "\n")
    };
    PriceAnswer { text, is_found }
}

/// The sources of the bundled rows: one line each, or one JSON object each.
fn sources(pricer: &Pricer, as_json: bool) -> String {
    let catalog = pricer.catalog();
    let line = |source: &PriceSource| {
        if as_json {
            return json(source);
        }
        let PriceSource { name, version, date, license } = source;
        format!("{name:<13} {date:<11} {version} ({license})\n")
    };
    catalog.sources().iter().map(line).collect()
}

impl PriceArgs {
    /// The token counts by Plano's convention (PRICING.md, section 2).
    fn usage(&self) -> Usage {
        Usage {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            input_count: input_count(self.path.as_deref()),
            ..Usage::default()
        }
    }
}

/// On `…/messages` the input count excludes cached tokens.
fn input_count(path: Option<&str>) -> InputCount {
    let is_messages = path.is_some_and(|path| {
        path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').ends_with("/messages")
    });
    if is_messages { InputCount::Exclusive } else { InputCount::Inclusive }
}

fn human(explanation: &Explanation) -> impl Iterator<Item = String> {
    let seller = explanation.provider_hint.as_ref().map_or_else(String::new, |provider| format!(" at {provider}"));
    let model = format!("model      {}{seller}", explanation.model.as_deref().unwrap_or_default());
    std::iter::once(model).chain(explanation.lines())
}

/// The JSON output: the `cost` object of `--json` with its explanation.
#[derive(Serialize)]
struct PriceObject {
    model: Option<String>,
    provider_hint: Option<String>,
    #[serde(flatten)]
    cost: CostObject,
    is_deprecated: Option<bool>,
    rates: Option<Rates>,
    conditions: Vec<String>,
    lines: Vec<CostLine>,
    unknown_because: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    near_names: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    considered: Vec<Considered>,
}

impl PriceObject {
    const fn is_found(&self) -> bool {
        self.cost.row.is_some()
    }

    fn of(explanation: Explanation) -> Self {
        let Explanation { model, provider_hint, cost, priced, unknown_because, .. } = explanation;
        let is_deprecated = priced.as_ref().map(|priced| priced.is_deprecated);
        let rates = priced.as_ref().map(|priced| priced.rates);
        let (conditions, sum) = priced.map(|priced| (priced.conditions, priced.sum)).unwrap_or_default();
        let lines = sum.map(|sum| sum.lines).unwrap_or_default();
        let (near_names, considered) = (Vec::new(), Vec::new());
        Self {
            model,
            provider_hint,
            cost,
            is_deprecated,
            rates,
            conditions,
            lines,
            unknown_because,
            near_names,
            considered,
        }
    }
}

fn json(object: &impl Serialize) -> String {
    // Serialization of plain numbers and text cannot fail.
    let json = escape(object).unwrap_or_default();
    String::from_utf8(json).unwrap_or_default() + "\n"
}

/// Parses a date, a UTC time, or a time with an offset into seconds since the epoch.
fn unix_secs(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let with_offset = || chrono::DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp());
    let utc = || {
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        formats.iter().find_map(|format| chrono::NaiveDateTime::parse_from_str(text, format).ok())
    };
    let date =
        || chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(chrono::NaiveTime::MIN));
    with_offset()
        .or_else(|| utc().or_else(date).map(|time| time.and_utc().timestamp()))
        .ok_or_else(|| "expected a time such as 2026-11-23 or 2026-11-23T07:30:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    const NOW: i64 = 1_795_435_200;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        price: PriceArgs,
    }

    fn answer(line: &str) -> PriceAnswer {
        let args = Cli::try_parse_from(std::iter::once("price").chain(line.split(' '))).unwrap().price;
        price(&args, &Pricer::default(), NOW)
    }

    #[test]
    fn the_arithmetic_is_shown_line_by_line() {
        let line =
            "anthropic/claude-sonnet-4-6 --input 100 --cache-read 30 --cache-write 20 --output 50 --path /v1/messages";
        insta::assert_snapshot!(answer(line).text, @r"
        model      anthropic/claude-sonnet-4-6
        cost       $0.001134 (priced)
        row        anthropic / claude-sonnet-4-6
        matched by provider: the provider is given
        source     bundled 2026-11-23, models.dev 2026-09-30
          input                     100 x       $3/M = $0.0003
          cache read                 30 x     $0.3/M = $0.000009
          cache write                20 x    $3.75/M = $0.000075
          output                     50 x      $15/M = $0.00075
                                                     = $0.001134
        ");
    }

    #[test]
    fn without_counts_the_rates_are_shown() {
        insta::assert_snapshot!(answer("gpt-5.4 --service-tier flex").text, @r"
        model      gpt-5.4
        cost       — (token counts are missing)
        row        openai / gpt-5.4
        matched by family: the name belongs to the model family of one provider
        source     bundled 2026-11-23, LiteLLM 2026-11
        applies    service tier flex
          input                 $1.25/M
          cache read            $0.13/M
          output                 $7.5/M
        ");
    }

    #[test]
    fn json_has_the_same_content() {
        insta::assert_snapshot!(answer("sonar --provider perplexity --input 1000 --output 500 --json").text, @r#"{"model":"sonar","provider_hint":"perplexity","usd":0.006500000000000001,"basis":"estimate","input_usd":0.001,"cache_read_usd":0.0,"cache_write_usd":0.0,"output_usd":0.0005,"request_usd":0.005,"provider":"perplexity","row":"sonar","matched_by":"provider","alias":null,"source":"bundled 2026-11-23, LiteLLM 2026-11","is_deprecated":false,"rates":{"input":1.0,"output":1.0,"request":0.005},"conditions":["search context size unknown: fee of the smallest"],"lines":[{"item":"input","tokens":1000,"rate":1.0,"usd":0.001},{"item":"output","tokens":500,"rate":1.0,"usd":0.0005},{"item":"request","tokens":1,"rate":0.005,"usd":0.005}],"unknown_because":null}"#);
    }

    #[test]
    fn no_row_is_reported() {
        let unknown = answer("gpt-99 --provider openai --input 1 --output 1");
        assert!(!unknown.is_found);
        insta::assert_snapshot!(unknown.text, @r"
        model      gpt-99 at openai
        cost       — (no price row for this model at this provider)
        near name  openai / gpt-4
        near name  openai / gpt-5
        near name  openai / gpt-4o
        ");
        assert!(answer("gpt-4o").is_found);
    }

    #[test]
    fn the_path_decides_what_the_input_count_includes() {
        let fresh = |path: &str| {
            let text = answer(&format!("gpt-4o --input 100 --cache-read 30 --output 1 --path {path} --json")).text;
            let object: serde_json::Value = serde_json::from_str(&text).unwrap();
            object["lines"][0]["tokens"].as_u64().unwrap()
        };
        assert_eq!(["/v1/messages", "/v1/messages?beta=true", "/v1/chat/completions"].map(fresh), [100, 100, 70]);
    }

    #[test]
    fn a_time_picks_the_schedule_and_the_window() {
        let usd = |at: &str| {
            let text = answer(&format!("deepseek/deepseek-v4-pro --input 1000000 --output 0 --at {at} --json")).text;
            serde_json::from_str::<serde_json::Value>(&text).unwrap()["usd"].to_string()
        };
        assert_eq!(
            ["2026-11-23T07:30:00", "2026-11-23T09:30:00+02:00", "2026-11-23"].map(usd),
            ["1.32", "1.32", "0.66"]
        );
        assert!(Cli::try_parse_from(["price", "m", "--at", "yesterday"]).is_err());
    }

    #[test]
    fn the_sources_have_a_date_and_a_licence() {
        let text = answer("--sources").text;
        assert!(text.lines().count() >= 4 && text.contains("LiteLLM") && text.contains("MIT"), "{text}");
        assert!(answer("--sources --json").text.lines().all(|line| line.contains("\"date\":\"20")));
    }

    #[test]
    fn the_rows_that_were_considered_are_listed() {
        let text = answer("gpt-4o --provider openai --why").text;
        assert!(text.contains("considered openai / gpt-4o: chosen"), "{text}");
        assert!(text.contains("considered azure / gpt-4o: another provider"), "{text}");
    }

    #[test]
    fn a_hostile_name_cannot_reach_the_terminal() {
        let mut args = Cli::try_parse_from(["price", "m"]).unwrap().price;
        args.model = Some("\u{1b}]0;x\u{7}\u{202e}gpt-4o".to_owned());
        for json in [false, true] {
            args.json = json;
            assert!(!price(&args, &Pricer::default(), NOW).text.contains(['\u{1b}', '\u{7}']));
        }
    }
}

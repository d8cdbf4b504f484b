//! The command line as data. The parser, `--help` and the option tables of `docs/REFERENCE.md` come from here.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::collector::taps::forward::Target;
use crate::output::price::PriceArgs;
use crate::output::{FieldList, OutputFormat};
use crate::pricing::Feed;
use crate::query::limits::{CallLimits, MaxErrorRate, UsdPerHour};
use crate::sources::attach::Address;
use crate::sources::replay::Speed;

/// Exit codes of the program.
pub mod exit {
    /// The program failed; one line on stderr gives the reason.
    pub const FAILURE: u8 = 1;
    /// The command line is invalid.
    pub const USAGE: u8 = 2;
    /// A limit was exceeded; one line on stderr names it and its top contributor.
    pub const BREACH: u8 = 3;

    /// Each exit code of `planoai obs` and its meaning, for `--help` and `docs/REFERENCE.md`.
    pub const CODES: [(&str, &str); 5] = [
        ("0", "done; without a screen also after a signal, or when the reader of stdout closed it"),
        ("1", "failure; one line on stderr gives the reason"),
        ("2", "wrong usage"),
        ("3", "a limit was exceeded without a screen; one line on stderr names it and its top contributor"),
        ("128+n", "signal n ended the screen: 130 SIGINT, 143 SIGTERM, 129 SIGHUP, 131 SIGQUIT"),
    ];

    pub(super) fn help() -> String {
        let lines = CODES.map(|(code, meaning)| format!("\n  {code:<5}  {meaning}"));
        format!("Exit codes:{}", lines.concat())
    }
}

/// A live terminal view of LLM traffic, fed by OpenTelemetry.
#[derive(Debug, Parser)]
#[command(name = "planoai", version, about, propagate_version = true)]
pub struct Cli {
    /// The command to run.
    #[command(subcommand)]
    pub command: Cmd,
}

/// The commands of `planoai`.
#[derive(Debug, Subcommand)]
pub enum Cmd {
    /// Watch LLM calls live: receives OTLP traces and shows each call with its speed, cost and routing
    Obs(Box<ObsArgs>),
    /// Print the price of a model: the price row, how it was matched, and the arithmetic
    Price(Box<PriceArgs>),
}

/// Options of `planoai obs`.
#[derive(Debug, Args)]
#[command(after_help = exit::help())]
#[command(group = ArgGroup::new("limits").multiple(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub struct ObsArgs {
    /// Address to listen on
    #[arg(long, default_value = "0.0.0.0", value_name = "HOST", help_heading = "Listening")]
    pub host: String,

    /// OTLP/gRPC port; 0 picks a free one
    #[arg(long, default_value_t = 4317, value_name = "PORT", help_heading = "Listening")]
    pub port: u16,

    /// OTLP/HTTP port; 0 picks a free one, `off` disables
    #[arg(long, default_value = "4318", value_name = "PORT|off", value_parser = port_or_off, help_heading = "Listening")]
    pub http_port: HttpPort,

    /// Require this bearer token from clients (`authorization: Bearer …`)
    #[arg(long, env = "PLANOAI_OBS_TOKEN", hide_env_values = true, value_name = "TOKEN", help_heading = "Listening")]
    pub token: Option<String>,

    /// Serve TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Listening")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Listening")]
    pub tls_key: Option<PathBuf>,

    /// Accept only clients whose certificate is signed by one of these authorities (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Listening")]
    pub tls_client_ca: Option<PathBuf>,

    /// Show the calls of a remote collector that runs with `--serve-viewers`, instead of listening. `--token`, `--tls-cert`
    /// and `--tls-key` then authenticate this viewer to it
    #[arg(
        long,
        value_name = "HOST:PORT",
        conflicts_with_all = ["host", "port", "http_port", "tls_client_ca", "serve_viewers", "demo", "record", "replay", "forward"],
        help_heading = "Viewers"
    )]
    pub attach: Option<Address>,

    /// Connect to the remote collector with TLS and trust these authorities (PEM) instead of the public ones
    #[arg(long, value_name = "FILE", requires = "attach", help_heading = "Viewers")]
    pub tls_ca: Option<PathBuf>,

    /// Serve viewers (`--attach`) on this port; 0 picks a free one. Binds to `--host` when authentication (`--token` or
    /// `--tls-client-ca`) is configured, otherwise to loopback; `HOST:PORT` overrides both
    #[arg(long, value_name = "[HOST:]PORT", help_heading = "Viewers")]
    pub serve_viewers: Option<ServeAt>,

    /// Number of calls to keep (default: 1000; without a screen 100000; with `--attach` as many as the collector keeps)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub capacity: Option<u32>,

    /// Shortest time between two redraws on new data, in milliseconds
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u32).range(20..=60_000), help_heading = "Screen")]
    pub refresh_ms: u32,

    /// Write calls to stdout as JSON lines, one object per call, instead of drawing a screen
    #[arg(long, groups = ["headless", "records"], help_heading = "Without a screen")]
    pub json: bool,

    /// Write calls to stdout as comma-separated values with a header line
    #[arg(long, groups = ["headless", "records"], help_heading = "Without a screen")]
    pub csv: bool,

    /// Collect for a while (`--for`, default 10s, or `--count` calls), print one plain summary and exit
    #[arg(long, group = "headless", help_heading = "Without a screen")]
    pub once: bool,

    /// Write only these fields, in this order
    #[arg(long, value_name = "A,B,C", value_parser = FieldList::parse, requires = "records", help_heading = "Without a screen")]
    pub fields: Option<FieldList>,

    /// Exit after this many calls
    #[arg(long, value_name = "N", requires = "headless", help_heading = "Without a screen")]
    pub count: Option<u64>,

    /// Exit after this time, such as `30s` or `5m`
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, requires = "headless", help_heading = "Without a screen")]
    pub duration: Option<Duration>,

    /// Write span accounting as the last line, and with `--stats=10s` at that interval, too: one JSON object with the key
    /// `stats`, on stdout after the calls, or with `--csv` on stderr
    #[arg(
        long,
        value_name = "EVERY",
        num_args = 0..=1,
        require_equals = true,
        value_parser = humantime::parse_duration,
        requires = "records",
        help_heading = "Without a screen"
    )]
    pub stats: Option<Option<Duration>>,

    /// Add to each call, as `spans`, the spans of its trace: which were merged into it, which were not counted, and why
    #[arg(long, requires = "records", help_heading = "Without a screen")]
    pub explain_spans: bool,

    /// Highest spend rate, such as `'$5/h'`. Exceeding a limit shows a banner on the screen; without a screen, the program
    /// exits with code 3. Measured over the last five minutes of calls, and over at least one minute
    #[arg(long, value_name = "USD/TIME", group = "limits", help_heading = "Limits")]
    pub budget: Option<UsdPerHour>,

    /// Highest share of failed calls, such as `5%`. Measured over the last five minutes of calls; fewer than 20 count as 20
    #[arg(long, value_name = "SHARE", group = "limits", help_heading = "Limits")]
    pub max_error_rate: Option<MaxErrorRate>,

    /// Longest 95th percentile of the calls' durations, such as `2s`. Measured like the error rate
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, group = "limits", help_heading = "Limits")]
    pub max_p95: Option<Duration>,

    /// Ring the terminal bell when a limit is newly exceeded
    #[arg(long, requires = "limits", conflicts_with = "headless", help_heading = "Limits")]
    pub bell: bool,

    /// Generate realistic gateway traffic and send it to the program's own listener
    #[arg(long, conflicts_with = "tls_cert")]
    pub demo: bool,

    /// Show only calls that match this filter expression
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// Plano configuration with cost sources and model aliases (default: `./config.yaml`, then `./plano_config.yaml`)
    #[arg(long, value_name = "FILE", help_heading = "Prices")]
    pub config: Option<PathBuf>,

    /// Refresh prices from this source in the background
    #[arg(long, value_name = "SOURCE", value_parser = feed(), help_heading = "Prices")]
    pub pricing_provider: Option<Feed>,

    /// Fetch prices from this URL instead of the one where the source publishes them
    #[arg(long, value_name = "URL", help_heading = "Prices")]
    pub pricing_url: Option<String>,

    /// Never fetch prices from the network
    #[arg(long, help_heading = "Prices")]
    pub offline: bool,

    /// Enable the mouse: the wheel scrolls, a click selects, a second click opens; views and lists are clickable
    #[arg(long, conflicts_with = "headless", help_heading = "Screen")]
    pub mouse: bool,

    /// Show credentials found in span attributes unmasked
    #[arg(long)]
    pub show_secrets: bool,

    /// Append diagnostics to FILE: listeners, refused requests with their reason, recording, forwarding, replay, attaching, price
    /// refreshes. Credentials are masked, control characters are escaped
    #[arg(long, value_name = "FILE", help_heading = "Diagnostics")]
    pub log: Option<PathBuf>,

    /// Least severe level written to `--log`; without it `RUST_LOG` applies, then `info`
    #[arg(long, value_name = "LEVEL", requires = "log", help_heading = "Diagnostics")]
    pub log_level: Option<LogLevel>,

    /// Record every accepted export request: OTLP JSON lines, or delimited protobuf for `.binpb`; `.gz` and `.zst` compress
    #[arg(long, value_name = "FILE", help_heading = "Record, replay, forward")]
    pub record: Option<PathBuf>,

    /// Start a new file when the recording reaches this size
    #[arg(long, value_name = "SIZE", value_parser = bytes_u64, requires = "record", help_heading = "Record, replay, forward")]
    pub record_max: Option<u64>,

    /// Number of full files to keep beside the current one
    #[arg(
        long,
        value_name = "N",
        default_value_t = 5,
        requires = "record_max",
        help_heading = "Record, replay, forward"
    )]
    pub record_keep: u32,

    /// Replay recordings of `--record` or of the OpenTelemetry Collector; `-` is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Record, replay, forward")]
    pub replay: Vec<PathBuf>,

    /// Replay speed: `1` as recorded, `10` ten times as fast, `max` without waiting
    #[arg(
        long,
        value_name = "SPEED",
        default_value = "1",
        requires = "replay",
        help_heading = "Record, replay, forward"
    )]
    pub speed: Speed,

    /// Shift the times of a replay so that its calls happen now
    #[arg(long, requires = "replay", help_heading = "Record, replay, forward")]
    pub now: bool,

    /// Forward every accepted export request unchanged: `grpc://HOST:PORT`, `http://HOST:PORT` or the TLS variants
    /// `grpcs://`, `https://` (repeatable)
    #[arg(long, value_name = "URL", help_heading = "Record, replay, forward")]
    pub forward: Vec<Target>,

    /// Memory for raw spans, which the detail and trace views read
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = bytes)]
    pub span_memory: usize,
}

impl ObsArgs {
    /// Whether the run writes calls or a summary instead of drawing a screen.
    pub const fn is_headless(&self) -> bool {
        self.json || self.csv || self.once
    }

    /// The limits of `--budget`, `--max-error-rate` and `--max-p95`.
    pub const fn limits(&self) -> CallLimits {
        CallLimits { budget: self.budget, max_error_rate: self.max_error_rate, max_p95: self.max_p95 }
    }

    /// The format of written calls.
    pub const fn shape(&self) -> OutputFormat {
        if self.csv { OutputFormat::Csv } else { OutputFormat::Ndjson }
    }
}

fn feed() -> impl TypedValueParser<Value = Feed> {
    const FEEDS: [Feed; 2] = [Feed::DigitalOcean, Feed::ModelsDev];
    PossibleValuesParser::new(FEEDS.map(Feed::name))
        .map(|name| FEEDS.into_iter().find(|feed| feed.name() == name).unwrap_or_default())
}

/// The listening address of `--serve-viewers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeAt {
    /// Host to bind to; `None` if only a port was given.
    pub host: Option<String>,
    /// Port; 0 picks a free one.
    pub port: u16,
}

impl FromStr for ServeAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            None => (None, text),
            Some((host, port)) => (Some(host.trim_start_matches('[').trim_end_matches(']')), port),
        };
        let port = port.parse().ok().filter(|_| host != Some(""));
        let port = port.ok_or("expected a port number from 0 to 65535, or HOST:PORT")?;
        Ok(Self { host: host.map(str::to_owned), port })
    }
}

/// The value of `--http-port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpPort {
    /// Port to listen on; 0 picks a free one.
    Port(u16),
    /// `off`: no OTLP/HTTP listener.
    Off,
}

fn port_or_off(text: &str) -> Result<HttpPort, String> {
    match text {
        "off" => Ok(HttpPort::Off),
        port => {
            port.parse().map(HttpPort::Port).map_err(|_| "expected a port number from 0 to 65535, or `off`".to_owned())
        }
    }
}

/// The levels of `--log-level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogLevel {
    /// Failures that end the run or lose requests.
    Error,
    /// Also refused requests and what is retried.
    Warn,
    /// Also starts, ends and changes of state.
    Info,
    /// Also requests to retry, refused connections and single attempts.
    Debug,
    /// As `debug`.
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

/// As [`bytes()`], for sizes of files.
fn bytes_u64(text: &str) -> Result<u64, String> {
    bytes(text).map(|size| size as u64)
}

/// Reads a size: bytes, or with a unit (`kB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`, in any case).
fn bytes(text: &str) -> Result<usize, String> {
    const UNITS: [(&str, usize); 7] = [
        ("kib", 1 << 10),
        ("mib", 1 << 20),
        ("gib", 1 << 30),
        ("kb", 1_000),
        ("mb", 1_000_000),
        ("gb", 1_000_000_000),
        ("b", 1),
    ];
    let lower = text.trim().to_ascii_lowercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|&(suffix, unit)| lower.strip_suffix(suffix).map(|number| (number, unit)))
        .unwrap_or((&lower, 1));
    number
        .trim()
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| "expected a size such as 500000, 64MiB or 1GB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn viewers_are_served_on_a_port_or_on_an_address() {
        let at = |host: Option<&str>, port| Ok(ServeAt { host: host.map(str::to_owned), port });
        let cases = [
            ("4319", at(None, 4319)),
            ("0", at(None, 0)),
            ("0.0.0.0:4319", at(Some("0.0.0.0"), 4319)),
            ("[::]:1", at(Some("::"), 1)),
            ("gateway:1", at(Some("gateway"), 1)),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<ServeAt>(), expected, "{text}");
        }
        for text in ["", ":1", "gateway", "gateway:", "65536", "gateway:x"] {
            assert!(text.parse::<ServeAt>().is_err(), "{text}");
        }
    }

    #[test]
    fn attached_nothing_is_listened_on_recorded_or_made_up() {
        let parsed = |extra: &[&str]| {
            let words = ["planoai", "obs", "--attach", "gateway:4319"].iter().chain(extra).copied();
            Cli::try_parse_from(words).map(drop).map_err(|error| error.kind())
        };
        assert_eq!(
            parsed(&["--json", "--filter", "status:error", "--stats", "--token", "t", "--capacity", "7"]),
            Ok(())
        );
        let senseless: [&[&str]; 8] = [
            &["--port", "1"],
            &["--http-port", "off"],
            &["--host", "::1"],
            &["--demo"],
            &["--record", "x"],
            &["--replay", "x"],
            &["--forward", "grpc://x"],
            &["--serve-viewers", "1"],
        ];
        for extra in senseless {
            assert_eq!(parsed(extra), Err(clap::error::ErrorKind::ArgumentConflict), "{extra:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        let cases = [("64MiB", 64 << 20), ("1kb", 1000), ("7", 7), (" 2 GiB ", 2 << 30), ("0", 0)];
        for (text, expected) in cases {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "x", "-1", "1.5MiB", "99999999999GiB"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}

//! The command line as data. Long help, the README's option table and the parser come from here.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand};

use crate::collector::taps::forward::Target;
use crate::output::price::PriceArgs;
use crate::output::{Columns, Shape};
use crate::pricing::Feed;
use crate::query::limits::{Limits, Share, UsdPerHour};
use crate::sources::attach::Address;
use crate::sources::replay::Speed;

/// Exit codes, as documented in the README and in `--help`.
pub mod exit {
    /// The program could not do its work; one line on stderr says why.
    pub const FAILURE: u8 = 1;
    /// The command line was wrong.
    pub const USAGE: u8 = 2;
    /// A limit was passed; one line on stderr names it and who is to blame.
    pub const BREACH: u8 = 3;
}

/// A live terminal view of LLM traffic, fed by OpenTelemetry.
#[derive(Debug, Parser)]
#[command(name = "planoai", version, about, propagate_version = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Cmd,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Cmd {
    /// Watch LLM calls live: listens for OTLP traces and shows each call with speed, cost and routing
    Obs(Box<ObsArgs>),
    /// Say what a model costs: the price row, how it was found, and the arithmetic
    Price(Box<PriceArgs>),
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failure (one line on stderr says why), 2 wrong usage, \
                          3 a limit was passed without a screen (one line on stderr says which, and by whom), \
                          128+n the signal n ended the screen.";

/// Options of `planoai obs`.
#[derive(Debug, Args)]
#[command(after_help = EXIT_CODES)]
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

    /// Ask clients for this bearer token (`authorization: Bearer …`)
    #[arg(long, env = "PLANOAI_OBS_TOKEN", hide_env_values = true, value_name = "TOKEN", help_heading = "Listening")]
    pub token: Option<String>,

    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "Listening")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Listening")]
    pub tls_key: Option<PathBuf>,

    /// Let only clients connect whose certificate one of these authorities signed (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "Listening")]
    pub tls_client_ca: Option<PathBuf>,

    /// Show the calls of a collector that runs elsewhere with `--serve-viewers`, instead of listening. `--token`, `--tls-cert`
    /// and `--tls-key` are then what it is shown
    #[arg(
        long,
        value_name = "HOST:PORT",
        conflicts_with_all = ["host", "port", "http_port", "tls_client_ca", "serve_viewers", "demo", "record", "replay", "forward"],
        help_heading = "Elsewhere"
    )]
    pub attach: Option<Address>,

    /// Speak TLS with that collector and trust these authorities (PEM) instead of the public ones
    #[arg(long, value_name = "FILE", requires = "attach", help_heading = "Elsewhere")]
    pub tls_ca: Option<PathBuf>,

    /// Let viewers elsewhere `--attach` to this port; 0 picks a free one. It is one of `--host` if `--token` or `--tls-client-ca`
    /// keeps strangers out, else of this machine only; `HOST:PORT` is what it says
    #[arg(long, value_name = "[HOST:]PORT", help_heading = "Elsewhere")]
    pub serve_viewers: Option<ServeAt>,

    /// How many calls to keep: 1000, without a screen 100000, or attached as many as the collector, unless told otherwise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub capacity: Option<u32>,

    /// Redraw at most this often on new data, in milliseconds
    #[arg(long, default_value_t = 500, value_name = "MS", value_parser = clap::value_parser!(u32).range(20..=60_000))]
    pub refresh_ms: u32,

    /// Write one JSON object per call and line to stdout instead of drawing a screen
    #[arg(long, groups = ["headless", "records"], help_heading = "Without a screen")]
    pub json: bool,

    /// Write calls as comma-separated values under a line of names
    #[arg(long, groups = ["headless", "records"], help_heading = "Without a screen")]
    pub csv: bool,

    /// Gather for a while (`--for`, else 10s, or `--count` calls), print one plain summary, and end
    #[arg(long, group = "headless", help_heading = "Without a screen")]
    pub once: bool,

    /// Write just these fields, in this order
    #[arg(long, value_name = "A,B,C", value_parser = Columns::parse, requires = "records", help_heading = "Without a screen")]
    pub fields: Option<Columns>,

    /// End after so many calls
    #[arg(long, value_name = "N", requires = "headless", help_heading = "Without a screen")]
    pub count: Option<u64>,

    /// End after this time, such as `30s` or `5m`
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration, requires = "headless", help_heading = "Without a screen")]
    pub duration: Option<Duration>,

    /// End with a line that counts where everything that arrived ended, and write it every so often, too: `--stats=10s`. A
    /// JSON object with the one key `stats`, on stdout after the calls; beside `--csv` on stderr
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

    /// Add to each call, as `spans`, the spans of its trace: which made it, which were not counted, and why
    #[arg(long, requires = "records", help_heading = "Without a screen")]
    pub explain_spans: bool,

    /// Most spending, such as `'$5/h'`. Passing a limit is a banner on the screen, and without a screen exit code 3. Measured
    /// over the last five minutes of calls, and at least over one
    #[arg(long, value_name = "USD/TIME", group = "limits", help_heading = "Limits")]
    pub budget: Option<UsdPerHour>,

    /// Most failed calls of all, such as `5%`. Measured over the last five minutes of calls; fewer than 20 count as 20
    #[arg(long, value_name = "SHARE", group = "limits", help_heading = "Limits")]
    pub max_error_rate: Option<Share>,

    /// Longest duration of 95% of the calls, such as `2s`. Measured like the error rate
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, group = "limits", help_heading = "Limits")]
    pub max_p95: Option<Duration>,

    /// Ring the terminal's bell when a limit is passed that was not before
    #[arg(long, requires = "limits", conflicts_with = "headless", help_heading = "Limits")]
    pub bell: bool,

    /// Generate lifelike gateway traffic and send it to the own listener
    #[arg(long, conflicts_with = "tls_cert")]
    pub demo: bool,

    /// Show only calls that pass this filter expression
    #[arg(long, value_name = "EXPR")]
    pub filter: Option<String>,

    /// Plano configuration to read cost sources and model aliases (default: `./config.yaml`, then `./plano_config.yaml`)
    #[arg(long, value_name = "FILE", help_heading = "Prices")]
    pub config: Option<PathBuf>,

    /// Fetch newer prices from this source in the background
    #[arg(long, value_name = "SOURCE", value_parser = feed(), help_heading = "Prices")]
    pub pricing_provider: Option<Feed>,

    /// Fetch them from here instead of where the source publishes them
    #[arg(long, value_name = "URL", help_heading = "Prices")]
    pub pricing_url: Option<String>,

    /// Never fetch prices from the network
    #[arg(long, help_heading = "Prices")]
    pub offline: bool,

    /// Take the mouse: the wheel moves, a click selects, another click opens; views and lists can be clicked
    #[arg(long, conflicts_with = "headless")]
    pub mouse: bool,

    /// Show credentials found in span attributes as they came, instead of masking them
    #[arg(long)]
    pub show_secrets: bool,

    /// Record every accepted export: OTLP JSON lines, or delimited protobuf for `.binpb`; `.gz` and `.zst` compress
    #[arg(long, value_name = "FILE", help_heading = "Recordings")]
    pub record: Option<PathBuf>,

    /// Begin a new file when the recording is this large
    #[arg(long, value_name = "SIZE", value_parser = bytes_u64, requires = "record", help_heading = "Recordings")]
    pub record_max: Option<u64>,

    /// How many full files to keep beside the current one
    #[arg(long, value_name = "N", default_value_t = 5, requires = "record_max", help_heading = "Recordings")]
    pub record_keep: u32,

    /// Replay recordings, ours or the OpenTelemetry Collector's; `-` is standard input
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Recordings")]
    pub replay: Vec<PathBuf>,

    /// How fast to replay: `1` as it was, `10` ten times as fast, `max` at once
    #[arg(long, value_name = "SPEED", default_value = "1", requires = "replay", help_heading = "Recordings")]
    pub speed: Speed,

    /// Move the times of a replay so that its calls happen now
    #[arg(long, requires = "replay", help_heading = "Recordings")]
    pub now: bool,

    /// Send every accepted export on, unchanged: `grpc://HOST:PORT`, `http://HOST:PORT` or their TLS kin (repeatable)
    #[arg(long, value_name = "URL", help_heading = "Recordings")]
    pub forward: Vec<Target>,

    /// Most memory for raw spans, which detail and trace views read
    #[arg(long, default_value = "64MiB", value_name = "SIZE", value_parser = bytes)]
    pub span_memory: usize,
}

impl ObsArgs {
    /// Whether it writes calls or a summary instead of drawing a screen.
    pub const fn is_headless(&self) -> bool {
        self.json || self.csv || self.once
    }

    /// What may not be passed.
    pub const fn limits(&self) -> Limits {
        Limits { budget: self.budget, max_error_rate: self.max_error_rate, max_p95: self.max_p95 }
    }

    /// The shape in which calls are written.
    pub const fn shape(&self) -> Shape {
        if self.csv { Shape::Csv } else { Shape::Ndjson }
    }
}

fn feed() -> impl TypedValueParser<Value = Feed> {
    const FEEDS: [Feed; 2] = [Feed::DigitalOcean, Feed::ModelsDev];
    PossibleValuesParser::new(FEEDS.map(Feed::name))
        .map(|name| FEEDS.into_iter().find(|feed| feed.name() == name).unwrap_or_default())
}

/// Where viewers are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServeAt {
    /// The address to listen on, where it was named.
    pub host: Option<String>,
    /// The port.
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

/// The OTLP/HTTP port or its absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpPort {
    /// Listen here.
    Port(u16),
    /// Do not listen.
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

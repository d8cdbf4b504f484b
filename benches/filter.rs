//! The promise: a filter over 1,000,000 kept calls applies in under 100 ms.

use divan::{Bencher, black_box};
use planoai::call::{CallFacts, LlmCall, Names, RequestId, Usage};
use planoai::collector::Calls;
use planoai::collector::ring::Ring;
use planoai::query::filter::{Filter, Known};
use planoai::text::secrets::Secrets;

const CALLS: u64 = 1_000_000;
const MODELS: [&str; 6] =
    ["gpt-5-mini", "gpt-5", "claude-opus-4-7", "claude-haiku-4-5", "gemini-3-flash", "openai/gpt-oss-120b"];
const ROUTES: [&str; 4] = ["code generation", "chat", "summaries", "translation"];

/// A million calls as a busy gateway makes them: few names, a session for every twenty calls, one error in sixteen.
fn traffic() -> Calls {
    let mut names = Names::default();
    let mut ring = Ring::new(usize::try_from(CALLS).unwrap_or(usize::MAX));
    for nth in 0..CALLS {
        ring.push(call(nth, &mut names));
    }
    ring.calls().clone()
}

fn pick<'a>(from: &[&'a str], nth: u64) -> &'a str {
    usize::try_from(nth).ok().and_then(|nth| from.get(nth % from.len())).copied().unwrap_or_default()
}

fn call(nth: u64, names: &mut Names) -> LlmCall {
    // A splitmix step, so that neighbours differ.
    let mut noise = nth.wrapping_add(0x9e37_79b9_7f4a_7c15);
    noise = (noise ^ (noise >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    noise = (noise ^ (noise >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    noise ^= noise >> 31;
    let failed = noise.is_multiple_of(16);
    let draft = CallFacts {
        request_id: RequestId::Emitted(format!("{nth:08x}-0000-4000-8000-{noise:012x}").into()),
        start_unix_nano: Some(nth * 1_000_000),
        model: Some(pick(&MODELS, noise >> 8).into()),
        provider: Some("openai".into()),
        route_name: Some(pick(&ROUTES, noise >> 16).into()),
        session_id: Some(format!("implicit:{:016x}", nth / 20).into()),
        status_code: Some(if failed { 429 } else { 200 }),
        error_message: failed.then(|| "Rate limit reached for requests per minute".into()),
        usage: Usage { input: Some(noise >> 48), output: Some(noise >> 54), ..Usage::default() },
        ttft_ms: Some((noise >> 53) as f64),
        duration_ms: Some((noise >> 51) as f64),
        ..CallFacts::default()
    };
    LlmCall::from_facts(&draft, names, 0)
}

#[divan::bench(args = [
    "status:error",
    "model:gpt-5*",
    "!model:claude-*,gemini-*",
    "ttft:>800ms",
    "tok/s:<20",
    "since:5m",
    "session:implicit:00000000000000a*",
    "id:000f*",
    "gpt",
    "rate",
    "abc",
    "zz*z",
    "model:gpt-5*,claude-* !provider:anthropic status:error ttft:>800ms limit",
])]
fn a_million_calls(bencher: Bencher<'_, '_>, expression: &str) {
    let calls = CALLS_ONCE.get_or_init(traffic);
    let Ok(filter) = Filter::parse(expression) else { return };
    let now = 1_000_000_000_000;
    bencher.bench_local(|| filter.select(black_box(calls).iter(), now).count());
}

/// What opening the filter line costs.
#[divan::bench]
fn known_values(bencher: Bencher<'_, '_>) {
    let calls = CALLS_ONCE.get_or_init(traffic);
    bencher.bench_local(|| Known::of(calls.iter().rev(), Secrets::Masked));
}

#[divan::bench]
fn parse() -> bool {
    Filter::parse(black_box("model:gpt-5*,claude-* !provider:anthropic status:error ttft:>800ms limit")).is_ok()
}

static CALLS_ONCE: std::sync::OnceLock<Calls> = std::sync::OnceLock::new();

fn main() {
    divan::main();
}

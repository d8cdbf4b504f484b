//! Headless output must be faster than ingest: records a second, NDJSON and CSV.

use std::io;
use std::sync::{Arc, OnceLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use planoai::call::{CallFacts, LlmCall, Names, RequestId, Usage};
use planoai::collector::Calls;
use planoai::collector::ring::Ring;
use planoai::output::{OutputFormat, RecordFormat, RecordWriter};
use planoai::pricing::{PriceQuery, Pricer, PricingFacts, shown_cost};
use planoai::query::filter::Filter;
use planoai::text::secrets::Secrets;

const CALLS: u64 = 20_000;
const MODELS: [&str; 3] = ["gpt-5-mini", "claude-sonnet-4-6", "gemini-2.5-flash"];

fn traffic(pricer: &Pricer) -> Calls {
    let mut names = Names::default();
    let mut ring = Ring::new(usize::MAX);
    for (nth, model) in (0..CALLS).zip(MODELS.iter().cycle()) {
        let draft = CallFacts {
            request_id: RequestId::Emitted(format!("{nth:08x}-0000-4000-8000-000000000000").into()),
            start_unix_nano: Some(nth * 1_000_000),
            model: Some((*model).into()),
            session_id: Some(format!("session-{}", nth / 20).into()),
            status_code: Some(200),
            usage: Usage { input: Some(nth), output: Some(nth / 3), ..Usage::default() },
            ttft_ms: Some(200.0),
            duration_ms: Some(1_000.0),
            ..CallFacts::default()
        };
        let mut call = LlmCall::from_facts(&draft, &mut names, 0);
        let found = PriceQuery::of(call.labels()).and_then(|sold| pricer.find(sold));
        call.set_cost(shown_cost(found.as_ref(), &PricingFacts::of(&call)));
        ring.push(call);
    }
    ring.calls().clone()
}

#[divan::bench(args = [OutputFormat::Ndjson, OutputFormat::Csv])]
fn records(bencher: Bencher<'_, '_>, shape: OutputFormat) {
    static TRAFFIC: OnceLock<(Arc<Pricer>, Calls)> = OnceLock::new();
    let (pricer, calls) = TRAFFIC.get_or_init(|| {
        let pricer = Arc::new(Pricer::default());
        let calls = traffic(&pricer);
        (pricer, calls)
    });
    bencher.counter(ItemsCount::new(CALLS)).bench_local(|| {
        let format = RecordFormat::new(shape, Arc::clone(pricer));
        RecordWriter::new(io::sink(), format, Filter::default(), None)
            .and_then(|mut writer| writer.write(calls, 0).map(|_| writer.counts()))
    });
}

/// Masking is paid for every text that is shown or written: prose, and prose with credentials in it, 4 KiB each.
#[divan::bench(args = ["prose", "credentials"])]
fn masked(bencher: Bencher<'_, '_>, kind: &str) {
    let sentence = match kind {
        "prose" => "The tokens of a second message pass the assistant, which signs off and is authored by nobody. ",
        _ => "It sent Authorization: Bearer q7RwZ2kT9xBv4LmP8sJd and {\"api_key\": \"hunter2plus\"} to the assistant. ",
    };
    let text: String = sentence.chars().cycle().take(4096).collect();
    let counter = divan::counter::BytesCount::of_str(&text);
    bencher.counter(counter).bench(|| Secrets::Masked.in_text(divan::black_box(&text)).len());
}

fn main() {
    divan::main();
}

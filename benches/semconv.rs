//! What reading spans costs on top of walking them: Plano's traffic, and traffic of other emitters.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use planoai::collector::{semconv, wire};

const CLIENTS: [&str; 4] = ["plano-brightstaff", "genai-openai", "litellm-sdk", "vercel-proto"];

/// Every request of a fixture.
fn requests(client: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(client);
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let exported = files.filter(|path| path.extension().is_some_and(|extension| extension == "binpb"));
    exported.filter_map(|path| std::fs::read(path).ok()).collect()
}

/// Walks all requests and hands each span to `look`; returns how many spans there were.
fn walk(requests: &[Vec<u8>], look: impl Fn(&wire::Origin<'_, '_>, &wire::Span<'_, '_>)) -> usize {
    let mut spans = 0;
    for request in requests {
        let walked = wire::walk(request, |origin, span| {
            look(origin, span);
            spans += 1;
        });
        assert!(walked.is_ok());
    }
    spans
}

#[divan::bench(args = CLIENTS)]
fn walk_alone(bencher: Bencher<'_, '_>, client: &str) {
    let requests = requests(client);
    let spans = walk(&requests, |_, _| ());
    bencher.counter(ItemsCount::new(spans)).bench(|| walk(black_box(&requests), |_, span| _ = black_box(span)));
}

#[divan::bench(args = CLIENTS)]
fn walk_and_read(bencher: Bencher<'_, '_>, client: &str) {
    let requests = requests(client);
    let spans = walk(&requests, |_, _| ());
    bencher
        .counter(ItemsCount::new(spans))
        .bench(|| walk(black_box(&requests), |origin, span| _ = black_box(semconv::read(origin, span))));
}

/// The same with Plano's adapter alone: the other adapters may cost Plano's traffic a tenth at most.
#[divan::bench(args = ["plano-brightstaff"])]
fn walk_and_read_by_plano_alone(bencher: Bencher<'_, '_>, client: &str) {
    let requests = requests(client);
    let spans = walk(&requests, |_, _| ());
    bencher
        .counter(ItemsCount::new(spans))
        .bench(|| walk(black_box(&requests), |origin, span| _ = black_box(semconv::read_by_plano_alone(origin, span))));
}

fn main() {
    divan::main();
}

//! What a picture costs, by how many calls are kept: following 1,000 new calls, changing the filter, the window, the order.

mod traffic;

use std::cell::RefCell;
use std::sync::Arc;

use divan::Bencher;
use planoai::query::analysis::{Analysis, ViewSpec, Window};
use planoai::query::column::{Column, Direction};
use planoai::query::filter::Filter;
use traffic::Traffic;

const KEPT: [usize; 3] = [1_000, 100_000, 1_000_000];
fn main() {
    divan::main();
}

/// Measures updates that follow 1,000 new calls each.
fn follow(bencher: Bencher<'_, '_>, kept: usize, spec: &ViewSpec) {
    let traffic = RefCell::new(Traffic::new(kept));
    let analysis = RefCell::new(Analysis::default());
    analysis.borrow_mut().update(spec, &traffic.borrow().snapshot(), traffic.borrow().now);
    bencher
        .with_inputs(|| {
            let mut traffic = traffic.borrow_mut();
            traffic.arrive(1000);
            (traffic.snapshot(), traffic.now)
        })
        .bench_local_refs(|(snapshot, now)| analysis.borrow_mut().update(spec, snapshot, *now));
}

/// Measures the change from one wish to another over the same calls; the way back is not measured.
fn change(bencher: Bencher<'_, '_>, kept: usize, from: &ViewSpec, to: &ViewSpec) {
    let traffic = Traffic::new(kept);
    let snapshot = traffic.snapshot();
    let analysis = RefCell::new(Analysis::default());
    bencher.with_inputs(|| analysis.borrow_mut().update(from, &snapshot, traffic.now)).bench_local_values(|former| {
        drop(former);
        analysis.borrow_mut().update(to, &snapshot, traffic.now)
    });
}

fn all() -> ViewSpec {
    ViewSpec::default()
}

fn filtered(expression: &str) -> ViewSpec {
    ViewSpec { filter: Arc::new(Filter::parse(expression).unwrap_or_default()), ..all() }
}

fn sorted(column: Column) -> ViewSpec {
    ViewSpec { sort: Some((column, Direction::Descending)), ..all() }
}

#[divan::bench(args = KEPT)]
fn first_look(bencher: Bencher<'_, '_>, kept: usize) {
    let traffic = Traffic::new(kept);
    let snapshot = traffic.snapshot();
    bencher.bench_local(|| Analysis::default().update(&all(), &snapshot, traffic.now));
}

#[divan::bench(args = KEPT)]
fn follow_1k_new_calls(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &all());
}

#[divan::bench(args = KEPT)]
fn follow_1k_filtered(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &filtered("model:*-1 status:200"));
}

#[divan::bench(args = KEPT)]
fn follow_1k_in_a_window(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &ViewSpec { window: Window::Minute, ..all() });
}

#[divan::bench(args = KEPT)]
fn follow_1k_sorted_by_latency(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &sorted(Column::Latency));
}

#[divan::bench(args = KEPT)]
fn follow_1k_sorted_by_session(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &sorted(Column::Session));
}

#[divan::bench(args = KEPT)]
fn follow_1k_with_sessions(bencher: Bencher<'_, '_>, kept: usize) {
    follow(bencher, kept, &ViewSpec { sessions: true, ..all() });
}

#[divan::bench(args = KEPT)]
fn filter_by_model(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("model:*-1*"));
}

#[divan::bench(args = KEPT)]
fn filter_by_word(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("session-42"));
}

#[divan::bench(args = KEPT)]
fn filter_that_all_pass(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &filtered("out:>0"));
}

#[divan::bench(args = KEPT)]
fn sort_by_latency(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &sorted(Column::Latency));
}

#[divan::bench(args = KEPT)]
fn sort_by_session(bencher: Bencher<'_, '_>, kept: usize) {
    change(bencher, kept, &all(), &sorted(Column::Session));
}

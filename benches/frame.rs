//! What a frame costs: building it and comparing it with the one before, all panels, by how many calls are kept.

mod traffic;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use divan::Bencher;
use planoai::app::{About, App, Clock, Event};
use planoai::query::analysis::{Analysis, ViewSpec};
use planoai::ui::{self, theme::Theme};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use traffic::Traffic;

const KEPT: [usize; 3] = [1_000, 100_000, 1_000_000];

fn main() {
    divan::main();
}

/// A usual terminal: 256 colours and UTF-8.
fn terminal(variable: &str) -> Option<String> {
    match variable {
        "TERM" => Some("xterm-256color".to_owned()),
        "LANG" => Some("C.UTF-8".to_owned()),
        _ => None,
    }
}

/// Draws frames of one size; 100 calls arrive between two of them, and their figures are made before the clock runs.
fn frames(bencher: Bencher<'_, '_>, kept: usize, width: u16, height: u16) {
    let area = Rect::new(0, 0, width, height);
    let traffic = RefCell::new(Traffic::new(kept));
    let analysis = RefCell::new(Analysis::default());
    let clock = Clock { unix_nano: traffic.borrow().now, ..Clock::default() };
    let app = RefCell::new(App::new(About::default(), ViewSpec::default(), Duration::from_millis(500), clock));
    let shown = RefCell::new(Buffer::empty(area));
    bencher
        .with_inputs(|| {
            let mut traffic = traffic.borrow_mut();
            traffic.arrive(100);
            let snapshot = traffic.snapshot();
            let picture = analysis.borrow_mut().update(&ViewSpec::default(), &snapshot, traffic.now);
            let mut app = app.borrow_mut();
            app.update(Event::Snapshot(Arc::clone(&snapshot)));
            app.update(Event::Picture(picture));
        })
        .bench_local_values(|()| {
            let mut next = Buffer::empty(area);
            ui::draw(&app.borrow(), Theme::detect(terminal), &mut next);
            let changed = shown.borrow().diff(&next).len();
            *shown.borrow_mut() = next;
            changed
        });
}

#[divan::bench(args = KEPT)]
fn all_panels_200x60(bencher: Bencher<'_, '_>, kept: usize) {
    frames(bencher, kept, 200, 60);
}

#[divan::bench(args = KEPT)]
fn calls_80x24(bencher: Bencher<'_, '_>, kept: usize) {
    frames(bencher, kept, 80, 24);
}

/// What the store does to publish: the cost of a snapshot.
#[divan::bench(args = KEPT)]
fn snapshot(bencher: Bencher<'_, '_>, kept: usize) {
    let traffic = Traffic::new(kept);
    bencher.bench_local(|| traffic.snapshot());
}

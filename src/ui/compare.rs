//! Two models or two routes side by side.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::frame::{Titles, popup};
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::app::Pair;
use crate::query::analysis::Rollup;
use crate::stats::{Comparison, compare};
use crate::text::format::{count, duration, known, money, percent, rate};

/// Which of two figures is the better one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Less,
    More,
    Neither,
}

type Figure = (&'static str, fn(&Comparison) -> Option<f64>, fn(f64) -> String, Better);

const FIGURES: [Figure; 9] = [
    ("calls", |side| Some(side.n as f64), |n| count(whole(n)), Better::Neither),
    ("latency p50", |side| side.latency_p50_ms, duration, Better::Less),
    ("latency p95", |side| side.latency_p95_ms, duration, Better::Less),
    ("TTFT p50", |side| side.ttft_p50_ms, duration, Better::Less),
    ("TTFT p95", |side| side.ttft_p95_ms, duration, Better::Less),
    ("tok/s", |side| side.tokens_per_sec, rate, Better::More),
    ("errors", |side| side.error_rate, percent, Better::Less),
    ("cost a call", |side| side.usd_per_call, money, Better::Less),
    ("cost per 1k out", |side| side.usd_per_1k_output, money, Better::Less),
];

/// Cells of the whole.
const WIDTH: u16 = 76;
/// Cells of a figure's name.
const LABEL: u16 = 18;

/// Draws it over the middle of the screen.
pub(super) fn draw(ctx: DrawContext<'_>, pair: &Pair, screen: Rect, buf: &mut Buffer) {
    let width = WIDTH.min(screen.width.saturating_sub(2));
    let height = 14.min(screen.height);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    let titles = Titles {
        left: SafeLine::of("compare", ctx.style(Role::Accent)),
        right: SafeLine::of("Esc close", ctx.style(Role::Dim)),
    };
    let inner = popup(ctx, titles, area, buf);
    let rows = ctx.app.views.get(pair.view).comparable(&ctx.app.picture).unwrap_or_default();
    let sides = [&pair.left, &pair.right].map(|name| figures(rows, name));
    let columns = columns(inner);
    for (name, column) in [&pair.left, &pair.right].into_iter().zip(columns) {
        let name = if name.is_empty() { "(unknown)" } else { name.as_str() };
        SafeLine::of(ctx.text(name, usize::from(column.width)), ctx.style(Role::Strong)).draw_right(column, buf);
    }
    for (nth, figure) in (2..inner.height).zip(FIGURES) {
        let (label, read, ..) = figure;
        SafeLine::of(label, ctx.style(Role::Dim)).draw(line_of(inner, nth), buf);
        let values = sides.map(|side| read(&side));
        for (at, column) in columns.into_iter().enumerate() {
            side(ctx, figure, values, at).draw_right(line_of(column, nth), buf);
        }
    }
}

/// The same name may be gone from the window: then nothing is known.
fn figures(rows: &[Rollup], name: &str) -> Comparison {
    rows.iter().find(|row| row.name == name).map_or_else(Comparison::default, |row| compare(&row.figures))
}

fn columns(inner: Rect) -> [Rect; 2] {
    let width = inner.width.saturating_sub(LABEL) / 2;
    [0, 1].map(|nth| Rect { x: inner.x + LABEL + nth * width + 2, width: width.saturating_sub(2), ..inner })
}

fn side(
    ctx: DrawContext<'_>,
    (_, _, format, better): Figure,
    values: [Option<f64>; 2],
    at: usize,
) -> SafeLine<'static> {
    let own = values.get(at).copied().flatten();
    let other = values.get(1 - at).copied().flatten();
    let wins = own.zip(other).is_some_and(|(own, other)| match better {
        Better::Less => own < other,
        Better::More => own > other,
        Better::Neither => false,
    });
    let role = if wins { Role::Good } else { Role::Text };
    let mark = if wins { "✓ " } else { "" };
    SafeLine::of(mark, ctx.style(role)).then(known(own, format), ctx.style(role))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of calls made a figure")]
fn whole(figure: f64) -> u64 {
    figure as u64
}

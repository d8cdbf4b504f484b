//! The waterfall of a trace: all its spans over time, those marked on which its end waited.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::super::detail_lines::{self, Sheet};
use super::super::draw_context::{DrawContext, take_bottom};
use super::super::frame::{Titles, panel};
use super::super::text::Safe;
use super::super::text_line::{SafeLine, line_of};
use super::super::theme::Role;
use crate::app::LayoutInfo;
use crate::app::cursor::RowKey;
use crate::app::detail::{TraceSpan, span_sections};
use crate::app::views::TraceView;
use crate::app::views::waterfall::Bar;
use crate::call::hex;
use crate::collector::join::Outcome;
use crate::text::format::{count, duration, plural};

/// Cells of a duration.
const TIME: u16 = 8;
/// Cells of an offset.
const OFFSET: u16 = 9;
/// A line at least so wide shows offsets, too.
const WIDE: u16 = 90;

/// Draws it in the place of the view.
pub(super) fn draw(ctx: DrawContext<'_>, trace: &TraceView, area: Rect, buf: &mut Buffer) -> LayoutInfo {
    let mut layout = LayoutInfo::default();
    let spans = ctx.app.detail_of(&trace.call).map_or(&[][..], |detail| &detail.spans);
    let open = trace.cursor.key().and_then(RowKey::span).and_then(|at| spans.get(at)).filter(|_| trace.is_open);
    let mut upper = area;
    if let Some(span) = open {
        let lower = take_bottom(&mut upper, area.height / 2);
        draw_span(ctx, trace, span, lower, &mut layout, buf);
    }
    let inner = panel(ctx, titles(ctx, trace, spans), upper, buf);
    if trace.waterfall.bars.is_empty() {
        SafeLine::of("the spans of this trace are no longer kept", ctx.style(Role::Dim)).draw(inner, buf);
    }
    layout.rows = usize::from(inner.height);
    let top = trace.cursor.top(trace.waterfall.bars.len(), layout.rows);
    for (nth, (row, bar)) in (0..inner.height).zip(trace.waterfall.bars.iter().enumerate().skip(top)) {
        let line = line_of(inner, nth);
        if let Some(span) = spans.get(bar.span) {
            draw_bar(ctx, *bar, span, trace.waterfall.duration, line, buf);
        }
        if row == trace.cursor.row() {
            buf.set_style(line, ctx.style(Role::Selected));
        }
    }
    layout
}

fn titles(ctx: DrawContext<'_>, trace: &TraceView, spans: &[TraceSpan]) -> Titles<'static> {
    let id = Safe::from(hex(trace.call.ids().0)).cut_middle(32);
    let services: HashSet<&str> =
        spans.iter().filter_map(|span| Some(span.span.as_ref()?.service())).filter(|name| !name.is_empty()).collect();
    let errors = spans.iter().filter(|span| span.span.as_ref().is_some_and(|span| span.is_error)).count();
    let failed = if errors == 0 { String::new() } else { format!("  {} failed", count(errors as u128)) };
    let facts = format!(
        "  {}  {}  {}{failed}",
        plural(spans.len(), "span"),
        plural(services.len(), "service"),
        nanos(trace.waterfall.duration)
    );
    let mut legend = vec!["█ critical path", "● LLM call"];
    legend.extend(trace.waterfall.bars.iter().any(|bar| bar.is_orphan).then_some("◇ parent unknown"));
    legend.extend(trace.waterfall.bars.iter().any(|bar| bar.is_moved).then_some("≈ clock corrected"));
    legend.push("Enter span");
    Titles {
        left: SafeLine::of("trace ", ctx.style(Role::Dim))
            .then(id, ctx.style(Role::Accent))
            .then(facts, ctx.style(Role::Text)),
        right: SafeLine::of(legend.join("  "), ctx.style(Role::Dim)),
    }
}

fn nanos(nanos: u64) -> String {
    duration(nanos as f64 / 1e6)
}

fn draw_bar(ctx: DrawContext<'_>, bar: Bar, span: &TraceSpan, whole: u64, line: Rect, buf: &mut Buffer) {
    let names = line.width * 2 / 5;
    let offset = if line.width < WIDE { 0 } else { OFFSET };
    let left = names + offset + 1;
    let chart = Rect { x: line.x + left, width: line.width.saturating_sub(left + TIME + 1), ..line };
    name(ctx, bar, span, usize::from(names)).draw(Rect { width: names, ..line }, buf);
    let Some(plain) = &span.span else { return };
    let cells = f64::from(chart.width);
    let place = |nanos: u64| (nanos as f64 / whole.max(1) as f64 * cells).min(cells);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the chart's width")]
    let (from, to) = (place(bar.offset).floor() as u16, place(bar.offset.saturating_add(bar.duration)).ceil() as u16);
    let from = from.min(chart.width.saturating_sub(1));
    let width = to.saturating_sub(from).max(1).min(chart.width.saturating_sub(from));
    let (glyph, role) = match (plain.is_error, bar.is_critical) {
        (true, true) => ("█", Role::Bad),
        (true, false) => ("━", Role::Bad),
        (false, true) => ("█", Role::Accent),
        (false, false) => ("━", Role::Dim),
    };
    let spot = Rect { x: chart.x + from, width, ..chart };
    SafeLine::of(glyph.repeat(usize::from(width)), ctx.style(role)).draw(spot, buf);
    if offset > 0 {
        let sign = if bar.is_moved { "≈" } else { "+" };
        let spot = Rect { x: line.x + names, width: offset, ..line };
        SafeLine::of(format!("{sign}{}", nanos(bar.offset)), ctx.style(Role::Dim)).draw_right(spot, buf);
    }
    SafeLine::of(nanos(bar.duration), ctx.style(Role::Text)).draw_right(line, buf);
}

fn name<'a>(ctx: DrawContext<'_>, bar: Bar, span: &'a TraceSpan, cells: usize) -> SafeLine<'a> {
    let indent = " ".repeat((bar.depth * 2).min(cells / 2));
    let (mark, role) = match span.outcome {
        Outcome::Row => ("● ", Role::Accent),
        Outcome::Merged | Outcome::Completed => ("· ", Role::Dim),
        Outcome::Context | Outcome::Rejected | Outcome::NotCounted => ("  ", Role::Dim),
    };
    let orphan = if bar.is_orphan { "◇ " } else { "" };
    let strip =
        SafeLine::of(indent, ctx.style(Role::Dim)).then(orphan, ctx.style(Role::Fair)).then(mark, ctx.style(role));
    match &span.span {
        None => strip.then("(no longer kept)", ctx.style(Role::Dim)),
        Some(plain) => {
            let role = if plain.is_error { Role::Bad } else { Role::Text };
            let failed = if plain.is_error { "✗ " } else { "" };
            let room = cells.saturating_sub(strip.width() + 2);
            let strip = strip.then(failed, ctx.style(Role::Bad)).then(Safe::fit(&plain.name, room), ctx.style(role));
            let service = Safe::from(plain.service());
            let has_room = strip.width() + service.width() + 2 <= cells;
            if has_room { strip.gap(2).then(service, ctx.style(Role::Dim)) } else { strip }
        }
    }
}

fn draw_span(
    ctx: DrawContext<'_>,
    trace: &TraceView,
    span: &TraceSpan,
    area: Rect,
    layout: &mut LayoutInfo,
    buf: &mut Buffer,
) {
    let titles = Titles {
        left: SafeLine::of("span ", ctx.style(Role::Dim)).then(format!("{:016x}", span.id), ctx.style(Role::Accent)),
        right: SafeLine::of("J K scroll  Esc close", ctx.style(Role::Dim)),
    };
    let inner = panel(ctx, titles, area, buf);
    let mut sheet = Sheet::new(ctx, inner.width, "");
    sheet.sections(&span_sections(span, ctx.app.clock.zone));
    detail_lines::draw(sheet.into_lines(), trace.scroll, inner, layout, buf);
}

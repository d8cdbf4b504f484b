//! The screen: a pure function from [`App`] to cells.
//!
//! [`draw`] lays the panels out for the size at hand, each panel draws itself with the [`text_line`] module, and [`sanitize`] has the
//! last look. No panel reads a clock, keeps state, or names a colour.

mod banner;
mod bars;
mod cells;
mod compare;
mod detail;
mod detail_lines;
mod dialogs;
mod draw_context;
mod empty_state;
mod frame;
mod header;
mod help;
mod lines;
mod replay;
mod rollup;
pub(crate) mod sanitize;
mod span_accounting;
mod spark;
mod status;
mod streams;
mod summary;
mod table;
mod tabs;
pub mod text;
pub mod text_line;
pub mod theme;
mod views;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::app::{App, Dialog, LayoutInfo};
use draw_context::{DrawContext, take_bottom, take_top};
use text_line::SafeLine;
use theme::{Role, Theme};

/// Below this nothing useful can be shown.
const SMALLEST: (u16, u16) = (40, 8);

/// Draws the whole screen into `buf` and returns where its parts lie.
pub fn draw(app: &App, theme: Theme, buf: &mut Buffer) -> LayoutInfo {
    let ctx = DrawContext { app, theme };
    let area = buf.area;
    let layout = if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(ctx, area, buf);
        LayoutInfo::default()
    } else {
        screen(ctx, area, buf)
    };
    sanitize::sweep(buf);
    if theme.ascii {
        sanitize::to_ascii(buf);
    }
    layout
}

fn too_small(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    let (width, height) = SMALLEST;
    let lines = [format!("{width}x{height} needed"), format!("this is {}x{}", area.width, area.height)];
    for (nth, line) in (0..).zip(lines) {
        SafeLine::of(line, ctx.style(Role::Text)).draw(text_line::line_of(area, nth), buf);
    }
}

fn screen(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) -> LayoutInfo {
    let mut left = area;
    header::draw(ctx, take_top(&mut left, 1), buf);
    banner::draw(ctx, take_top(&mut left, banner::height(ctx)), buf);
    let footer = take_bottom(&mut left, lines::height(ctx));
    replay::draw(ctx, take_bottom(&mut left, replay::height(ctx)), buf);
    summary::draw(ctx, take_top(&mut left, summary::height(area)), buf);
    if !views::is_reading(ctx) {
        bars::draw(ctx, take_top(&mut left, bars::height(ctx, area)), buf);
        if views::has_panels(ctx) {
            rollup::draw_panels(ctx, take_top(&mut left, rollup::panels_height(ctx, area)), buf);
        }
    }
    let mut layout = views::draw(ctx, left, buf);
    layout.cursor = lines::draw(ctx, footer, buf);
    match &ctx.app.dialog {
        Some(Dialog::Help(scroll)) => help::draw(ctx, *scroll, area, &mut layout, buf),
        Some(Dialog::Pick(picker)) => dialogs::draw_picker(ctx, picker, area, &mut layout, buf),
        Some(Dialog::Filter(line)) => dialogs::draw_candidates(ctx, line, footer, buf),
        Some(Dialog::Compare(pair)) => compare::draw(ctx, pair, area, buf),
        Some(Dialog::Accounting) => span_accounting::draw(ctx, area, buf),
        _ => {}
    }
    layout
}

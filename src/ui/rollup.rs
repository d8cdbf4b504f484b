//! Figures by model, route and session: as whole views, and the first two as panels above the calls.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::calls::tabs;
use super::cells::COST_CELLS;
use super::doctor;
use super::format::{UNKNOWN, age, compact, count, duration, known, money, percent, rate};
use super::frame::{Titles, is_roomy, panel};
use super::pen::{Strip, line_of};
use super::table::{self, Align, Cell, Gaps, Width};
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::app::analysis::Rollup;
use crate::app::cursor::Cursor;
use crate::app::view::View;
use crate::call::Name;
use crate::stats::{SessionRow, Tally, usd};

/// Rows of a panel above the calls.
const PANEL_ROWS: u16 = 6;

/// A column of a rollup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Model,
    Route,
    Session,
    Calls,
    CallShare,
    Errors,
    Input,
    Cached,
    Written,
    Output,
    Rate,
    Ttft95,
    Latency95,
    Cost,
    CostShare,
    Models,
    Duration,
    Switches,
    Overhead,
    LastSeen,
}

const MODELS: &[Column] = &[
    Column::Model,
    Column::Calls,
    Column::Errors,
    Column::Input,
    Column::Cached,
    Column::Written,
    Column::Output,
    Column::Rate,
    Column::Ttft95,
    Column::Latency95,
    Column::Cost,
    Column::CostShare,
];

const ROUTES: &[Column] = &[
    Column::Route,
    Column::Calls,
    Column::CallShare,
    Column::Errors,
    Column::Ttft95,
    Column::Latency95,
    Column::Output,
    Column::Cost,
    Column::CostShare,
];

const SESSIONS: &[Column] = &[
    Column::Session,
    Column::Calls,
    Column::Errors,
    Column::Models,
    Column::Input,
    Column::Cached,
    Column::Output,
    Column::Cost,
    Column::Duration,
    Column::Switches,
    Column::Overhead,
    Column::LastSeen,
];

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Route => "route",
            Self::Session => "session",
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::Input => "in",
            Self::Cached => "in·cache",
            Self::Written => "in·write",
            Self::Output => "out",
            Self::Rate => "tok/s",
            Self::Ttft95 => "TTFT p95",
            Self::Latency95 => "lat. p95",
            Self::Cost => "cost",
            Self::CallShare | Self::CostShare => "share",
            Self::Models => "models",
            Self::Duration => "lasted",
            Self::Switches => "switches",
            Self::Overhead => "overhead",
            Self::LastSeen => "last seen",
        }
    }

    const fn width(self) -> Width {
        match self {
            Self::Model => Width::Flexible { min: 20, want: 28, max: 36 },
            Self::Route => Width::Flexible { min: 12, want: 20, max: 28 },
            Self::Session => Width::Flexible { min: 12, want: 24, max: 40 },
            Self::Models => Width::Flexible { min: 12, want: 30, max: 50 },
            Self::Calls | Self::Duration => Width::Fixed(7),
            Self::Errors | Self::CallShare | Self::CostShare | Self::Rate => Width::Fixed(6),
            Self::Input | Self::Output => Width::Fixed(5),
            Self::Cached | Self::Written | Self::Ttft95 | Self::Latency95 | Self::Switches | Self::Overhead => {
                Width::Fixed(8)
            }
            Self::Cost => Width::Fixed(COST_CELLS),
            Self::LastSeen => Width::Fixed(9),
        }
    }

    const fn align(self) -> Align {
        match self {
            Self::Model | Self::Route | Self::Session => Align::Left,
            Self::Models => Align::Prose,
            _ => Align::Right,
        }
    }

    const fn priority(self) -> u8 {
        match self {
            Self::Model | Self::Route | Self::Session => 100,
            Self::Calls => 99,
            Self::Cost => 98,
            Self::Errors => 95,
            Self::LastSeen => 92,
            Self::Rate | Self::Overhead => 90,
            Self::Latency95 | Self::Switches => 85,
            Self::Ttft95 => 80,
            Self::CallShare | Self::Models => 75,
            Self::CostShare => 70,
            Self::Output | Self::Duration => 60,
            Self::Input => 58,
            Self::Cached => 40,
            Self::Written => 30,
        }
    }
}

/// What shares are shares of.
#[derive(Clone, Copy)]
struct Whole {
    calls: u64,
    cost_femto_usd: i128,
}

impl Whole {
    fn of(look: Look<'_>) -> Self {
        let tally = &look.app.picture.summary.figures.tally;
        Self { calls: tally.calls, cost_femto_usd: tally.cost_femto_usd }
    }
}

/// How many lines the panels take above the calls on a screen of this size.
pub fn panels_height(look: Look<'_>, screen: Rect) -> u16 {
    let picture = &look.app.picture;
    let rows = picture.models.len().max(picture.routes.len());
    if !is_roomy(screen) || screen.height < 36 || rows == 0 {
        return 0;
    }
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    rows.min(PANEL_ROWS + screen.height.saturating_sub(48) / 6) + 3
}

/// Draws the panels; without any route, models have all the room.
pub fn draw_panels(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let picture = &look.app.picture;
    let left = if picture.routes.is_empty() { area.width } else { area.width * 3 / 5 };
    draw_panel(look, "models", MODELS, &picture.models, Rect { width: left, ..area }, buf);
    if !picture.routes.is_empty() {
        let right = Rect { x: area.x + left, width: area.width - left, ..area };
        draw_panel(look, "routes", ROUTES, &picture.routes, right, buf);
    }
}

fn draw_panel(look: Look<'_>, title: &'static str, columns: &[Column], rows: &[Rollup], area: Rect, buf: &mut Buffer) {
    let fit = usize::from(area.height.saturating_sub(3));
    let more = rows.len().saturating_sub(fit);
    let titles = Titles {
        left: Strip::of(title, look.style(Role::Accent)),
        right: if more > 0 {
            Strip::of(format!("{} more", count(more as u128)), look.style(Role::Dim))
        } else {
            Strip::new()
        },
    };
    let inner = panel(look, titles, area, buf);
    let whole = Whole::of(look);
    draw_table(
        look,
        columns,
        rows.iter().map(|row| move |column| rollup_cell(look, column, row, whole)),
        None,
        inner,
        buf,
    );
}

/// Draws a rollup as the whole view and tells where its rows are.
pub fn draw_view(look: Look<'_>, area: Rect, buf: &mut Buffer) -> Rect {
    let app = look.app;
    let picture = &app.picture;
    let rows = match app.view {
        View::Models => picture.models.len(),
        View::Routes => picture.routes.len(),
        _ => picture.sessions.as_ref().map_or(0, Vec::len),
    };
    let keys = match app.view {
        View::Sessions => "Enter calls · t turns",
        _ => "Enter calls · = compare",
    };
    let right = Strip::of(format!("{} · {keys}", count(rows as u128)), look.style(Role::Dim));
    let inner = panel(look, Titles { left: tabs(look), right }, area, buf);
    if rows == 0 {
        draw_nothing(look, inner, buf);
        return Rect::default();
    }
    let body = table::body(inner);
    let page = usize::from(body.height);
    let whole = Whole::of(look);
    match app.view {
        View::Models => {
            let (top, selected) = window(&app.cursors.models, rows, page);
            let rows = picture.models.iter().skip(top);
            draw_table(
                look,
                MODELS,
                rows.map(|row| move |column| rollup_cell(look, column, row, whole)),
                selected,
                inner,
                buf,
            );
        }
        View::Routes => {
            let (top, selected) = window(&app.cursors.routes, rows, page);
            let rows = picture.routes.iter().skip(top);
            draw_table(
                look,
                ROUTES,
                rows.map(|row| move |column| rollup_cell(look, column, row, whole)),
                selected,
                inner,
                buf,
            );
        }
        View::Calls | View::Sessions | View::Errors => {
            let (top, selected) = window(&app.cursors.sessions, rows, page);
            let rows = picture.sessions.iter().flatten().skip(top);
            draw_table(
                look,
                SESSIONS,
                rows.map(|row| move |column| session_cell(look, column, row)),
                selected,
                inner,
                buf,
            );
        }
    }
    body
}

fn draw_nothing(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let calls = look.app.picture.rows.len();
    let nothing = match look.app.view {
        View::Routes => "none of these calls was routed",
        View::Sessions => "none of these calls names a session",
        View::Calls | View::Models | View::Errors => "",
    };
    if calls == 0 || nothing.is_empty() {
        doctor::draw(look, area, buf);
    } else {
        Strip::of(nothing, look.style(Role::Text)).draw_centred(line_of(area, area.height / 3), buf);
    }
}

/// The first visible row, and the visible line that is selected.
fn window(cursor: &Cursor<Name>, rows: usize, page: usize) -> (usize, Option<usize>) {
    let top = cursor.top(rows, page);
    (top, cursor.row().checked_sub(top))
}

fn draw_table<'a, F: FnMut(Column) -> Cell<'a>>(
    look: Look<'_>,
    columns: &[Column],
    rows: impl Iterator<Item = F>,
    selected: Option<usize>,
    area: Rect,
    buf: &mut Buffer,
) {
    let described: Vec<_> = columns
        .iter()
        .map(|column| table::Column {
            title: column.title().into(),
            width: column.width(),
            align: column.align(),
            priority: column.priority(),
            style: look.style(Role::Dim),
        })
        .collect();
    let places = table::lay_out(&described, area.width, Gaps::of(area.width));
    table::draw_titles(&described, &places, line_of(area, 0), buf);
    for (nth, mut row) in (1..area.height).zip(rows) {
        table::draw_row(&described, &places, area, nth, buf, |at| match columns.get(at) {
            Some(&column) => row(column),
            None => Cell::new("", look.style(Role::Text)),
        });
        if selected == Some(usize::from(nth) - 1) {
            buf.set_style(line_of(area, nth), look.style(Role::Selected));
        }
    }
}

fn text(look: Look<'_>, text: impl Into<String>) -> Cell<'static> {
    Cell::new(text.into(), look.style(Role::Text))
}

fn figure<T>(look: Look<'_>, figure: Option<T>, text: impl FnOnce(T) -> String) -> Cell<'static> {
    let role = if figure.is_some() { Role::Text } else { Role::Dim };
    Cell::new(known(figure, text), look.style(role))
}

fn timed(look: Look<'_>, ms: Option<f64>, role: impl Fn(f64) -> Role) -> Cell<'static> {
    Cell::new(known(ms, duration), look.style(ms.map_or(Role::Dim, role)))
}

fn name<'a>(look: Look<'_>, name: &'a Name) -> Cell<'a> {
    match name.as_str() {
        "" => Cell::new("(unknown)", look.style(Role::Dim)),
        name => Cell::new(Safe::fit(name, 60), look.style(Role::Text)),
    }
}

fn is_marked(look: Look<'_>, name: &Name) -> bool {
    look.app.marked.as_ref().is_some_and(|(view, marked)| *view == look.app.view && marked == name)
}

fn rollup_cell<'a>(look: Look<'_>, column: Column, row: &'a Rollup, whole: Whole) -> Cell<'a> {
    let figures = &row.figures;
    match column {
        Column::Model | Column::Route if is_marked(look, &row.name) => {
            Cell { style: look.style(Role::Accent), ..name(look, &row.name) }
        }
        Column::Model | Column::Route => name(look, &row.name),
        Column::Rate => figure(look, figures.tally.tokens_per_sec(), rate),
        Column::Ttft95 => timed(look, figures.ttft_ms.p95, ttft_role),
        Column::Latency95 => timed(look, figures.latency_ms.p95, latency_role),
        Column::CallShare => {
            figure(look, (whole.calls > 0).then(|| figures.tally.calls as f64 / whole.calls as f64), percent)
        }
        Column::CostShare => {
            let share = usd(figures.tally.cost_femto_usd) / usd(whole.cost_femto_usd);
            figure(look, (whole.cost_femto_usd > 0 && figures.tally.priced() > 0).then_some(share), percent)
        }
        other => tally_cell(look, other, &figures.tally),
    }
}

fn session_cell<'a>(look: Look<'_>, column: Column, row: &'a SessionRow) -> Cell<'a> {
    match column {
        Column::Session => name(look, &row.session),
        Column::Models => {
            let models: Vec<_> = row.models.iter().map(Name::as_str).collect();
            text(look, models.join(", "))
        }
        Column::Duration => text(look, duration(row.duration_nanos() as f64 / 1e6)),
        Column::Switches => text(look, count(row.reported_switches.map_or(row.model_switches, u64::from))),
        Column::Overhead => figure(look, row.overhead_pct, |overhead| percent(overhead / 100.0)),
        Column::LastSeen => text(look, age(look.app.clock.unix_nano.saturating_sub(row.last_unix_nano))),
        other => tally_cell(look, other, &row.tally),
    }
}

fn tally_cell(look: Look<'_>, column: Column, tally: &Tally) -> Cell<'static> {
    let tokens = &tally.tokens;
    match column {
        Column::Calls => text(look, narrow_count(tally.calls)),
        Column::Errors => {
            let role = if tally.errors > 0 { Role::Bad } else { Role::Dim };
            Cell::new(narrow_count(tally.errors), look.style(role))
        }
        Column::Input => text(look, compact(tokens.input)),
        Column::Cached => text(look, compact(tokens.cached)),
        Column::Written => text(look, compact(tokens.written)),
        Column::Output => text(look, compact(tokens.output)),
        Column::Cost => cost(look, tally),
        _ => Cell::new(UNKNOWN, look.style(Role::Dim)),
    }
}

/// Exact while it fits six cells.
fn narrow_count(figure: u64) -> String {
    if figure < 100_000 { count(figure) } else { compact(figure) }
}

fn cost(look: Look<'_>, tally: &Tally) -> Cell<'static> {
    let at_least = if tally.unpriced > 0 { "≥" } else { "" };
    figure(look, tally.cost_usd(), |usd| format!("{at_least}{}", money(usd)))
}

//! What to check while there is nothing to show: what listens, what arrived, and the settings that send spans here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::format::{age, count};
use super::pen::{Strip, line_of};
use super::theme::Role;
use crate::app::view::View;
use crate::collector::remote::Link;

/// Draws it.
pub fn draw(look: Look<'_>, area: Rect, buf: &mut Buffer) {
    let app = look.app;
    let lines = if app.picture.snapshot.calls.is_empty() {
        if app.newest.totals.calls == 0 {
            nothing_yet(look)
        } else {
            vec![plain(look, "cleared · calls show as they arrive")]
        }
    } else {
        nothing_passes(look)
    };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let widest = lines.iter().map(Strip::width).max().unwrap_or(0);
    let width = u16::try_from(widest).unwrap_or(u16::MAX).min(area.width);
    let room = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 3, width, height };
    for (nth, line) in (0..height).zip(lines) {
        line.draw(line_of(room, nth), buf);
    }
}

fn plain(look: Look<'_>, text: impl Into<super::text::Safe<'static>>) -> Strip<'static> {
    Strip::of(text, look.style(Role::Text))
}

fn nothing_passes(look: Look<'_>) -> Vec<Strip<'static>> {
    let app = look.app;
    let key = |key: &'static str, text: &'static str| {
        Strip::of(key, look.style(Role::Accent)).then(text, look.style(Role::Dim))
    };
    let mut lines = Vec::new();
    match (app.view, app.spec.filter.is_empty()) {
        (View::Errors, true) => lines.push(plain(look, "no failed calls")),
        (_, true) => lines.push(plain(look, format!("no calls in the last {}", app.spec.window.label()))),
        (_, false) => {
            let filter = app.spec.filter.describe();
            lines.push(plain(look, format!("no call passes {}", app.about.secrets.in_text(&filter))));
            if app.dialog.is_none() {
                lines.push(key("Backspace", " clears the filter"));
            }
        }
    }
    if app.spec.window.nanos().is_some() {
        lines.push(key("w", " changes the time window"));
    }
    lines
}

fn nothing_yet(look: Look<'_>) -> Vec<Strip<'static>> {
    let mut lines = vec![Strip::of("waiting for LLM calls", look.style(Role::Strong)), Strip::new()];
    if let Some(attached) = &look.app.about.attached {
        lines.extend(elsewhere(look, attached));
        return lines;
    }
    lines.extend(listening(look));
    lines.extend(arrived(look));
    lines.push(Strip::new());
    lines.extend(settings(look));
    lines
}

fn fact(look: Look<'_>, label: &'static str, text: String, role: Role) -> Strip<'static> {
    Strip::of(format!("{label:<12}"), look.style(Role::Dim)).then(text, look.style(role))
}

/// The collector elsewhere: whether it is heard of, and what arrived there.
fn elsewhere(look: Look<'_>, attached: &str) -> Vec<Strip<'static>> {
    match &look.app.link {
        Link::Lost { why } => vec![
            fact(look, "no answer", format!("{attached} is tried again and again"), Role::Fair),
            fact(look, "", why.clone(), Role::Bad),
            Strip::new(),
            Strip::of("There, the collector is started with:", look.style(Role::Dim)),
            Strip::of("  planoai obs --json --serve-viewers HOST:PORT", look.style(Role::Accent)),
        ],
        Link::Attaching => vec![fact(look, "attaching", format!("the calls of {attached} are on the way"), Role::Text)],
        Link::Attached => {
            let mut lines = vec![fact(look, "attached to", attached.to_owned(), Role::Good)];
            lines.extend(arrived(look));
            lines
        }
    }
}

fn listening(look: Look<'_>) -> Vec<Strip<'static>> {
    let about = &look.app.about;
    let mut lines = vec![fact(look, "OTLP/gRPC", format!("listening on {}", about.grpc), Role::Good)];
    match &about.http {
        Some(Ok(http)) => lines.push(fact(look, "OTLP/HTTP", format!("listening on {http}"), Role::Good)),
        Some(Err(reason)) => lines.push(fact(look, "OTLP/HTTP", format!("not listening: {reason}"), Role::Fair)),
        None => {}
    }
    lines.extend(about.viewers.iter().map(|at| fact(look, "viewers", format!("served on {at}"), Role::Good)));
    lines
}

/// What did come, and where it ended: the difference between a wrong address and a wrong setting.
fn arrived(look: Look<'_>) -> Vec<Strip<'static>> {
    let counters = &look.app.newest.counters;
    let line = |label, text, role| fact(look, label, text, role);
    if counters.connections == 0 && counters.listeners_failing == 0 {
        return vec![line("arrived", "no connection yet".to_owned(), Role::Fair)];
    }
    let mut lines = vec![line(
        "arrived",
        format!("{} connections, {} requests", count(counters.connections), count(counters.requests)),
        Role::Text,
    )];
    if counters.spans_received > 0 {
        let text =
            format!("{} spans, {} of them no LLM calls", count(counters.spans_received), count(counters.not_llm));
        lines.push(line("", text, Role::Text));
    }
    let alarms = [
        (counters.rejected, "calls rejected by the gateway before routing"),
        (counters.requests_malformed, "requests malformed"),
        (counters.requests_too_large, "requests too large"),
        (counters.connections_refused, "connections refused: too many at once"),
        (counters.listeners_failing, "listeners accept no connections now"),
        (counters.requests_failed, "requests failed by a fault of ours"),
        (counters.requests_unauthorised, "requests without the right token or certificate"),
        (counters.requests_unavailable, "requests told to retry"),
        (counters.other_signals, "requests with metrics or logs only"),
    ];
    let alarms = alarms.into_iter().filter(|(number, _)| *number > 0);
    lines.extend(alarms.map(|(number, what)| line("", format!("{} {what}", count(number)), Role::Bad)));
    if let Some(at) = counters.last_batch_unix_nano {
        lines.push(line("last", age(look.app.clock.unix_nano.saturating_sub(at)), Role::Text));
    }
    lines
}

fn settings(look: Look<'_>) -> Vec<Strip<'static>> {
    let about = &look.app.about;
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let (dim, code) = (look.style(Role::Dim), look.style(Role::Accent));
    let grpc = format!("http://localhost:{}", port(&about.grpc));
    let mut lines = vec![
        Strip::of("Plano, in config.yaml:", dim),
        Strip::of("  tracing:", code),
        Strip::of("    random_sampling: 100", code),
        Strip::of(format!("    opentracing_grpc_endpoint: {grpc}"), code),
        Strip::new(),
        Strip::of("Anything else with OpenTelemetry:", dim),
        Strip::of(format!("  OTEL_EXPORTER_OTLP_ENDPOINT={grpc}"), code),
    ];
    if let Some(Ok(http)) = &about.http {
        lines.push(Strip::of(format!("  or http://localhost:{} with http/protobuf or http/json", port(http)), dim));
    }
    lines
}

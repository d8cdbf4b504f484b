//! What to check while there is nothing to show: what listens, what arrived, and the settings that send spans here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw_context::DrawContext;
use super::text_line::{SafeLine, line_of};
use super::theme::Role;
use crate::collector::HttpListener;
use crate::sources::attach::Link;
use crate::text::format::{age, count, plural};

pub(super) fn draw(ctx: DrawContext<'_>, area: Rect, buf: &mut Buffer) {
    let app = ctx.app;
    let lines = if app.picture.snapshot.calls.is_empty() {
        if app.newest.totals.calls == 0 {
            nothing_yet(ctx)
        } else {
            vec![plain(ctx, "cleared · waiting for new calls")]
        }
    } else {
        nothing_passes(ctx)
    };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let widest = lines.iter().map(SafeLine::width).max().unwrap_or(0);
    let width = u16::try_from(widest).unwrap_or(u16::MAX).min(area.width);
    let room = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 3, width, height };
    for (nth, line) in (0..height).zip(lines) {
        line.draw(line_of(room, nth), buf);
    }
}

fn plain(ctx: DrawContext<'_>, text: impl Into<super::text::Safe<'static>>) -> SafeLine<'static> {
    SafeLine::of(text, ctx.style(Role::Text))
}

fn nothing_passes(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let app = ctx.app;
    let key = |key: &'static str, text: &'static str| {
        SafeLine::of(key, ctx.style(Role::Accent)).then(text, ctx.style(Role::Dim))
    };
    let mut lines = Vec::new();
    match (app.views.tab().nothing(), app.spec.filter.is_empty()) {
        (Some(nothing), true) => lines.push(plain(ctx, nothing)),
        (_, true) => lines.push(plain(ctx, format!("no calls in the last {}", app.spec.window.label()))),
        (_, false) => {
            let filter = app.spec.filter.describe();
            lines.push(plain(ctx, format!("no call passes {}", app.about.secrets.in_text(&filter))));
            if app.dialog.is_none() {
                lines.push(key("Backspace", " clear the filter"));
            }
        }
    }
    if app.spec.window.nanos().is_some() {
        lines.push(key("w", " change the time window"));
    }
    lines
}

fn nothing_yet(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let mut lines = vec![SafeLine::of("waiting for LLM calls", ctx.style(Role::Strong)), SafeLine::new()];
    if let Some(attached) = &ctx.app.about.attached {
        lines.extend(elsewhere(ctx, attached));
        return lines;
    }
    lines.extend(listening(ctx));
    lines.extend(arrived(ctx));
    lines.push(SafeLine::new());
    lines.extend(settings(ctx));
    lines
}

fn fact(ctx: DrawContext<'_>, label: &'static str, text: String, role: Role) -> SafeLine<'static> {
    SafeLine::of(format!("{label:<12}"), ctx.style(Role::Dim)).then(text, ctx.style(role))
}

/// The collector elsewhere: whether it is heard of, and what arrived there.
fn elsewhere(ctx: DrawContext<'_>, attached: &str) -> Vec<SafeLine<'static>> {
    match &ctx.app.link {
        Link::Lost { why } => vec![
            fact(ctx, "no answer", format!("retrying {attached}"), Role::Fair),
            fact(ctx, "", why.clone(), Role::Bad),
            SafeLine::new(),
            SafeLine::of("Start the remote collector with:", ctx.style(Role::Dim)),
            SafeLine::of("  planoai obs --json --serve-viewers HOST:PORT", ctx.style(Role::Accent)),
        ],
        Link::Attaching => vec![fact(ctx, "attaching", format!("receiving calls from {attached}"), Role::Text)],
        Link::Attached => {
            let mut lines = vec![fact(ctx, "attached to", attached.to_owned(), Role::Good)];
            lines.extend(arrived(ctx));
            lines
        }
    }
}

fn listening(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let about = &ctx.app.about;
    let mut lines = vec![fact(ctx, "OTLP/gRPC", format!("listening on {}", about.grpc), Role::Good)];
    match &about.http {
        HttpListener::Bound(http) => lines.push(fact(ctx, "OTLP/HTTP", format!("listening on {http}"), Role::Good)),
        HttpListener::Failed(reason) => {
            lines.push(fact(ctx, "OTLP/HTTP", format!("not listening: {reason}"), Role::Fair));
        }
        HttpListener::Off => {}
    }
    lines.extend(about.viewers.iter().map(|at| fact(ctx, "viewers", format!("served on {at}"), Role::Good)));
    lines
}

/// What did come, and where it ended: the difference between a wrong address and a wrong setting.
fn arrived(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let counters = &ctx.app.newest.counters;
    let line = |label, text, role| fact(ctx, label, text, role);
    if counters.connections == 0 && counters.listeners_failing == 0 {
        return vec![line("arrived", "no connection yet".to_owned(), Role::Fair)];
    }
    let mut lines = vec![line(
        "arrived",
        format!("{}, {}", plural(counters.connections, "connection"), plural(counters.requests, "request")),
        Role::Text,
    )];
    if counters.spans_received > 0 {
        let text = format!("{}, {} not LLM calls", plural(counters.spans_received, "span"), count(counters.not_llm));
        lines.push(line("", text, Role::Text));
    }
    let alarms = [
        (counters.rejected, "calls rejected by the gateway before routing"),
        (counters.requests_malformed, "requests malformed"),
        (counters.requests_too_large, "requests too large"),
        (counters.connections_refused, "connections refused: too many at once"),
        (counters.listeners_failing, "listeners accept no connections now"),
        (counters.requests_failed, "requests failed: internal error"),
        (counters.requests_protocol, "requests not OTLP: another protocol, method, path or type"),
        (counters.requests_unauthorised, "requests without the right token or certificate"),
        (counters.requests_unavailable, "requests answered UNAVAILABLE: the queue was full"),
        (counters.other_signals, "requests with metrics or logs only"),
    ];
    let alarms = alarms.into_iter().filter(|(number, _)| *number > 0);
    lines.extend(alarms.map(|(number, what)| line("", format!("{} {what}", count(number)), Role::Bad)));
    if let Some(at) = counters.last_batch_unix_nano {
        lines.push(line("last", age(ctx.app.clock.unix_nano.saturating_sub(at)), Role::Text));
    }
    lines
}

fn settings(ctx: DrawContext<'_>) -> Vec<SafeLine<'static>> {
    let about = &ctx.app.about;
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let (dim, code) = (ctx.style(Role::Dim), ctx.style(Role::Accent));
    let grpc = format!("http://localhost:{}", port(&about.grpc));
    let mut lines = vec![
        SafeLine::of("Plano, in config.yaml:", dim),
        SafeLine::of("  tracing:", code),
        SafeLine::of("    random_sampling: 100", code),
        SafeLine::of(format!("    opentracing_grpc_endpoint: {grpc}"), code),
        SafeLine::new(),
        SafeLine::of("Anything else with OpenTelemetry:", dim),
        SafeLine::of(format!("  OTEL_EXPORTER_OTLP_ENDPOINT={grpc}"), code),
    ];
    if let HttpListener::Bound(http) = &about.http {
        lines.push(SafeLine::of(format!("  or http://localhost:{} with http/protobuf or http/json", http.port()), dim));
    }
    lines
}

//! The selected call in full, beside the table where the screen is wide, below it otherwise.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::cells::{rate_text, status_role, yes_no};
use super::format::{count, duration, moment, money};
use super::frame::{Titles, panel};
use super::pen::{Strip, line_of};
use super::summary::status_word;
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::app::view::View;
use crate::app::{Pane, Seen};
use crate::call::{LlmCall, Name, hex};

/// Cells of a label.
const LABEL: usize = 14;
/// A body at least so wide has the pane beside the table.
const BESIDE: u16 = 150;

/// Room for the table and for the pane.
pub fn split(look: Look<'_>, body: Rect) -> (Option<Rect>, Option<Rect>) {
    let has_calls = matches!(look.app.view, View::Calls | View::Errors) && look.app.selected_call().is_some();
    let Some(pane) = look.app.pane.shown(body.width, body.height).filter(|_| has_calls) else {
        return (Some(body), None);
    };
    if pane.is_expanded || body.height < 14 && body.width < BESIDE {
        return (None, Some(body));
    }
    if body.width >= BESIDE {
        let width = (body.width / 3).clamp(60, 90);
        let table = Rect { width: body.width - width, ..body };
        return (Some(table), Some(Rect { x: body.x + table.width, width, ..body }));
    }
    let height = body.height / 2;
    let table = Rect { height: body.height - height, ..body };
    (Some(table), Some(Rect { y: body.y + table.height, height, ..body }))
}

/// Draws the pane.
pub fn draw(look: Look<'_>, area: Rect, seen: &mut Seen, buf: &mut Buffer) {
    let Some(call) = look.app.selected_call() else { return };
    let scroll = look.app.pane.shown(u16::MAX, u16::MAX).map_or(0, |Pane { scroll, .. }| scroll);
    let titles = Titles {
        left: Strip::of("call ", look.style(Role::Dim))
            .then(Safe::from(call.request_id()).cut_middle(40), look.style(Role::Accent)),
        right: Strip::of("J K scroll  e expand  Esc closes", look.style(Role::Dim)),
    };
    let inner = panel(look, titles, area, buf);
    let lines = Sheet::new(look, usize::from(inner.width)).of(call);
    seen.pane = usize::from(inner.height);
    seen.scroll = lines.len().saturating_sub(seen.pane);
    for (nth, line) in (0..inner.height).zip(lines.into_iter().skip(scroll.min(seen.scroll))) {
        line.draw(line_of(inner, nth), buf);
    }
}

/// The lines of a call.
struct Sheet<'a> {
    look: Look<'a>,
    width: usize,
    lines: Vec<Strip<'static>>,
}

impl<'a> Sheet<'a> {
    fn new(look: Look<'a>, width: usize) -> Self {
        Self { look, width, lines: Vec::new() }
    }

    fn of(mut self, call: &LlmCall) -> Vec<Strip<'static>> {
        self.outcome(call);
        self.error(call);
        self.timing(call);
        self.tokens(call);
        self.cost(call);
        self.routing(call);
        self.identity(call);
        self.lines
    }

    fn heading(&mut self, title: &'static str) {
        if !self.lines.is_empty() {
            self.lines.push(Strip::new());
        }
        self.lines.push(Strip::of(title, self.look.style(Role::Strong)));
    }

    /// A labelled value, wrapped to the width of the pane.
    fn row(&mut self, label: &'static str, value: &str, role: Role) {
        let value = Safe::from(value);
        let cells = self.width.saturating_sub(LABEL).max(8);
        let style = self.look.style(role);
        let mut from = 0;
        while from == 0 || from < value.width() {
            let label = if from == 0 { label } else { "" };
            let part = value.window(from, cells).into_owned();
            // A wide character that did not fit leaves a cell free.
            from += part.width().max(1);
            self.lines.push(Strip::of(format!("{label:<LABEL$}"), self.look.style(Role::Dim)).then(part, style));
        }
    }

    fn known(&mut self, label: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.row(label, &value, Role::Text);
        }
    }

    fn name(&mut self, label: &'static str, name: Option<&Name>) {
        self.known(label, name.map(ToString::to_string));
    }

    fn outcome(&mut self, call: &LlmCall) {
        let labels = call.labels();
        self.row("status", &status_word(call.status()), status_role(call.status()));
        self.known("model", Some(call.shown_model().to_owned()).filter(|model| !model.is_empty()));
        self.name("asked for", call.request_model().filter(|asked| asked.as_str() != call.shown_model()));
        self.name("upstream", call.upstream_model());
        self.row("provider", call.provider(), Role::Text);
        self.name("operation", labels.operation.as_ref());
        self.known("streamed", call.is_streaming().map(|streamed| yes_no(streamed).to_owned()));
        self.name("finished", labels.finish_reasons.as_ref());
        self.row("started", &moment(call.start_unix_nano(), self.look.app.clock.offset), Role::Text);
    }

    fn error(&mut self, call: &LlmCall) {
        let labels = call.labels();
        if call.error_message().is_none() && labels.error_type.is_none() {
            return;
        }
        self.heading("error");
        self.name("type", labels.error_type.as_ref());
        if let Some(message) = call.error_message() {
            self.row("message", message, Role::Bad);
        }
    }

    fn timing(&mut self, call: &LlmCall) {
        self.heading("timing");
        if let Some(ms) = call.duration_ms() {
            self.row("latency", &duration(ms), latency_role(ms));
        }
        if let Some(ms) = call.ttft_ms() {
            self.row("first token", &duration(ms), ttft_role(ms));
        }
        self.known("per token", call.tpt_ms().map(duration));
        let (rate, role) = rate_text(call);
        let note = if rate.starts_with('≈') { " tok/s end to end" } else { " tok/s" };
        self.row("speed", &(rate + note), role);
    }

    fn tokens(&mut self, call: &LlmCall) {
        let usage = call.usage();
        self.heading("tokens");
        let counts = [
            ("input", usage.input_total()),
            ("  fresh", usage.input_fresh().filter(|_| usage.cache_read.is_some() || usage.cache_write.is_some())),
            ("  cached", usage.cache_read),
            ("  written", usage.cache_write),
            ("    for 1h", usage.cache_write_1h),
            ("  audio", usage.input_audio),
            ("output", usage.output),
            ("  reasoning", usage.reasoning),
            ("  audio", usage.output_audio),
            ("total", usage.total),
        ];
        if counts.iter().all(|(_, figure)| figure.is_none()) {
            self.row("", "none reported", Role::Dim);
        }
        for (label, figure) in counts {
            self.known(label, figure.map(count));
        }
    }

    fn cost(&mut self, call: &LlmCall) {
        self.heading("cost");
        match call.cost() {
            Some(cost) => {
                self.row("cost", &money(cost.usd), Role::Text);
                self.row("basis", cost.basis.name(), Role::Text);
            }
            None => self.row("", "unknown: no price for this model at this provider", Role::Dim),
        }
        self.known("reported", call.reported_cost_usd().map(money));
        self.known("Plano billed", call.fallback_cost_usd().map(money));
        self.name("service tier", call.labels().service_tier.as_ref());
    }

    fn routing(&mut self, call: &LlmCall) {
        let labels = call.labels();
        let facts = call.plano_facts();
        self.heading("routing and session");
        self.name("route", call.route_name());
        self.name("strategy", labels.routing_strategy.as_ref());
        self.name("reason", labels.routing_reason.as_ref());
        self.name("session", call.session_id());
        self.name("user", call.user_id());
        self.known("switches", facts.session_switches.map(count));
        self.known("overhead", facts.session_overhead_pct.map(|overhead| format!("{overhead:.1}%")));
        self.known("behaviour", facts.quality.map(|quality| quality.name().to_owned()));
        if facts.flagged {
            self.row("", "⚑ a behaviour signal fired", Role::Fair);
        }
    }

    fn identity(&mut self, call: &LlmCall) {
        let (trace, span) = call.ids();
        self.heading("identity");
        self.row("request id", &call.request_id(), Role::Text);
        self.row("trace", &hex(trace), Role::Text);
        self.row("span", &hex(span), Role::Text);
        self.name("service", call.labels().service_name.as_ref());
        self.row("convention", call.labels().convention.name(), Role::Text);
        self.row("call", &format!("{} revision {}", call.id().0, call.revision()), Role::Dim);
    }
}

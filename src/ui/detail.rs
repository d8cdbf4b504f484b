//! The selected call in full, beside the table where the screen is wide, below it otherwise: what came of it, what it
//! cost and why, how it was routed, how the conversation goes, and everything its spans say.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Look;
use super::cells::{rate_text, status_role, yes_no};
use super::format::{count, duration, moment, money, percent};
use super::frame::{Titles, panel};
use super::pen::Strip;
use super::sheet::{self, Sheet};
use super::summary::status_word;
use super::text::Safe;
use super::theme::{Role, latency_role, ttft_role};
use crate::app::plano::{Behaviour, Ledger, Routing, Trigger};
use crate::app::view::View;
use crate::app::{Pane, Seen};
use crate::call::{LlmCall, Quality, hex};
use crate::collector::decode::PlainSpan;
use crate::pricing::{Explanation, Item, Priced, dollars};

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
    let pane = look.app.pane.shown(u16::MAX, u16::MAX).unwrap_or_default();
    let titles = Titles { left: title(look, call), right: Strip::of(hints(look, pane), look.style(Role::Dim)) };
    let inner = panel(look, titles, area, buf);
    let find = if pane.is_expanded { look.app.find.as_str() } else { "" };
    let mut sheet = Sheet::new(look, inner.width, find);
    write(&mut sheet, look, call);
    sheet::draw(sheet.into_lines(), pane.scroll, inner, seen, buf);
}

fn title<'a>(look: Look<'_>, call: &LlmCall) -> Strip<'a> {
    let id = Safe::from(call.request_id()).cut_middle(40);
    Strip::of("call ", look.style(Role::Dim)).then(id, look.style(Role::Accent))
}

fn hints(look: Look<'_>, pane: Pane) -> String {
    match (pane.is_expanded, look.app.find.as_str()) {
        (true, "") => "/ find  t trace  Esc closes".to_owned(),
        (true, find) => format!("with `{find}`  Esc shows all"),
        (false, _) => "J K scroll  e expand  Esc closes".to_owned(),
    }
}

fn write(sheet: &mut Sheet<'_>, look: Look<'_>, call: &LlmCall) {
    let detail = look.app.detail_of(call);
    let own = detail.and_then(|detail| detail.own(call));
    outcome(sheet, look, call);
    error(sheet, call, own);
    timing(sheet, call);
    tokens(sheet, call);
    cost(sheet, call, detail.map(|detail| &detail.cost));
    let router = detail.and_then(|detail| detail.parts(call).find(|span| is_router(span)));
    routing(sheet, call, own.map(|own| Routing::read(own, router)));
    ledger(sheet, call, own.and_then(Ledger::read));
    behaviour(sheet, call, own.and_then(Behaviour::read));
    if let Some(own) = own {
        previews(sheet, own);
    }
    identity(sheet, call);
    match (detail, own) {
        (None, _) => {}
        (Some(_), Some(own)) => sheet.span(own),
        (Some(_), None) => {
            sheet.heading("attributes");
            sheet.note("the spans of this call are no longer kept; --span-memory keeps more", Role::Dim);
        }
    }
    for part in detail.into_iter().flat_map(|detail| detail.parts(call)) {
        sheet.heading("span that is part of the call");
        sheet.row("name", &part.name, Role::Text);
        sheet.span(part);
    }
}

fn is_router(span: &PlainSpan) -> bool {
    span.attribute("model.requested").is_some() || span.attribute("route.selected_model").is_some()
}

fn outcome(sheet: &mut Sheet<'_>, look: Look<'_>, call: &LlmCall) {
    let labels = call.labels();
    sheet.row("status", status_word(call.status()), status_role(call.status()));
    sheet.known("model", Some(call.shown_model()).filter(|model| !model.is_empty()));
    sheet.known("asked for", call.request_model().filter(|asked| asked.as_str() != call.shown_model()));
    sheet.known("upstream", call.upstream_model());
    sheet.row("provider", call.provider(), Role::Text);
    sheet.known("operation", labels.operation.as_ref());
    sheet.known("streamed", call.is_streaming().map(yes_no));
    sheet.known("finished", labels.finish_reasons.as_ref());
    sheet.row("started", moment(call.start_unix_nano(), look.app.clock.offset), Role::Text);
}

fn error(sheet: &mut Sheet<'_>, call: &LlmCall, own: Option<&PlainSpan>) {
    sheet.heading("error");
    sheet.known("type", call.labels().error_type.as_ref());
    if let Some(message) = call.error_message() {
        sheet.row("message", message, Role::Bad);
    }
    let exceptions = own.into_iter().flat_map(|own| &own.events).filter(|event| event.name == "exception");
    for exception in exceptions {
        sheet.known("exception", exception.attribute("exception.type"));
        sheet.known("", exception.attribute("exception.message"));
        sheet.known("stack", exception.attribute("exception.stacktrace"));
    }
}

fn timing(sheet: &mut Sheet<'_>, call: &LlmCall) {
    sheet.heading("timing");
    if let Some(ms) = call.duration_ms() {
        sheet.row("latency", duration(ms), latency_role(ms));
    }
    if let Some(ms) = call.ttft_ms() {
        sheet.row("first token", duration(ms), ttft_role(ms));
    }
    sheet.known("per token", call.tpt_ms().map(duration));
    let (rate, role) = rate_text(call);
    let unit = if rate.starts_with('≈') { "tok/s end to end" } else { "tok/s" };
    sheet.row("speed", format!("{rate} {unit}"), role);
}

fn tokens(sheet: &mut Sheet<'_>, call: &LlmCall) {
    let usage = call.usage();
    let is_split = usage.cache_read.is_some() || usage.cache_write.is_some();
    let counts = [
        ("input", usage.input_total()),
        ("  fresh", usage.input_fresh().filter(|_| is_split)),
        ("  cached", usage.cache_read),
        ("  written", usage.cache_write),
        ("    for 1h", usage.cache_write_1h),
        ("  audio", usage.input_audio),
        ("output", usage.output),
        ("  reasoning", usage.reasoning),
        ("  audio", usage.output_audio),
        ("total", usage.total),
    ];
    sheet.heading("tokens");
    if counts.iter().all(|(_, figure)| figure.is_none()) {
        sheet.note("none reported", Role::Dim);
    }
    for (label, figure) in counts {
        sheet.known(label, figure.map(count));
    }
}

fn cost(sheet: &mut Sheet<'_>, call: &LlmCall, explanation: Option<&Explanation>) {
    sheet.heading("cost");
    match (call.cost(), explanation.and_then(|explanation| explanation.unknown_because)) {
        (Some(cost), _) => sheet.row("cost", format!("{} ({})", money(cost.usd), cost.basis.name()), Role::Text),
        (None, Some(reason)) => sheet.row("cost", format!("unknown: {reason}"), Role::Fair),
        (None, None) => sheet.row("cost", "unknown", Role::Fair),
    }
    sheet.known("service tier", call.labels().service_tier.as_ref());
    let Some(explanation) = explanation else { return };
    if let Some(priced) = &explanation.priced {
        arithmetic(sheet, priced);
    }
    for (who, usd) in explanation.differing() {
        sheet.row("differs", format!("{} {who}", dollars(usd)), Role::Fair);
    }
}

/// Tokens times rates, line by line, and where the rates come from.
fn arithmetic(sheet: &mut Sheet<'_>, priced: &Priced) {
    for line in priced.sum.iter().flat_map(|sum| &sum.lines) {
        let unit = if line.item == Item::Request { "" } else { "/M" };
        let factors = format!("{} × ${}{unit}", count(line.tokens), line.rate);
        sheet.row(&format!("  {}", line.item.label()), format!("{factors:<24} = {}", dollars(line.usd)), Role::Text);
    }
    let deprecated = if priced.is_deprecated { " (deprecated)" } else { "" };
    sheet.row("row", format!("{} / {}{deprecated}", priced.provider, priced.row), Role::Text);
    sheet.row("matched by", format!("{}: {}", priced.matched_by, priced.reason), Role::Dim);
    for condition in &priced.conditions {
        sheet.row("applies", condition, Role::Text);
    }
    sheet.row("source", &priced.source, Role::Dim);
}

/// From what was asked for to what answered.
fn routing(sheet: &mut Sheet<'_>, call: &LlmCall, routing: Option<Routing<'_>>) {
    let labels = call.labels();
    sheet.heading("routing");
    let Some(routing) = routing.filter(Routing::is_told) else {
        sheet.known("route", call.route_name());
        sheet.known("strategy", labels.routing_strategy.as_ref());
        sheet.known("why", labels.routing_reason.as_ref());
        return;
    };
    sheet.known("asked for", routing.asked);
    sheet.known("alias of", routing.alias.filter(|alias| Some(*alias) != routing.asked));
    let picked = match (routing.picked, routing.route) {
        (None | Some("none"), _) => "no route: the default model".to_owned(),
        (Some(model), Some(route)) => format!("{model} for `{route}`"),
        (Some(model), None) => model.to_owned(),
    };
    let took = routing.determination_ms.map_or_else(String::new, |ms| format!(", decided in {}", duration(ms)));
    sheet.row("router", picked + &took, Role::Text);
    sheet.known("sent to", routing.dispatched.filter(|sent| Some(*sent) != routing.served));
    sheet.known("answered by", routing.served);
    if let Some(warm) = routing.cache_warm {
        let idle = routing.cache_idle_ms.map_or_else(String::new, |ms| format!(", idle for {}", duration(ms)));
        sheet.row("cache", format!("{}{idle}", if warm { "warm" } else { "cold" }), Role::Text);
    }
    sheet.known("strategy", labels.routing_strategy.as_ref());
    sheet.known("reason", labels.routing_reason.as_ref());
    for why in routing.why {
        sheet.row("why", why, Role::Dim);
    }
}

/// The budget gate's decision, and what the session has spent on switching.
fn ledger(sheet: &mut Sheet<'_>, call: &LlmCall, ledger: Option<Ledger<'_>>) {
    sheet.heading("session and switches");
    sheet.known("session", call.session_id());
    sheet.known("user", call.user_id());
    let Some(ledger) = ledger else { return };
    if let Some(decision) = ledger.decision {
        let role = if decision == "retained" { Role::Fair } else { Role::Good };
        sheet.row("decision", decision, role);
    }
    if let Some(usd) = ledger.switch_usd {
        let ceiling = ledger.ceiling_usd.map_or_else(String::new, |ceiling| format!(", ceiling {}", money(ceiling)));
        let verb = if usd < 0.0 { "saves" } else { "costs" };
        sheet.row("switching", format!("{verb} {}{ceiling}", money(usd.abs())), Role::Text);
    }
    sheet.known("instead of", ledger.counterfactual_route);
    sheet.known("warm there", ledger.warm_tokens.map(|tokens| format!("{tokens} tokens")));
    sheet.known("switches", ledger.switches.map(|switches| format!("{switches} so far")));
    if let Some(overhead) = ledger.overhead_pct {
        let baseline = ledger.baseline_usd.map_or_else(String::new, |usd| format!(" of a baseline of {}", money(usd)));
        sheet.row("overhead", format!("{}{baseline}", percent(overhead / 100.0)), Role::Text);
    }
    sheet.known("spent on it", ledger.spent_usd.map(money));
    sheet.known("session cost", ledger.total_usd.map(money));
}

fn behaviour(sheet: &mut Sheet<'_>, call: &LlmCall, behaviour: Option<Behaviour<'_>>) {
    sheet.heading("behaviour");
    let Some(behaviour) = behaviour else {
        sheet.known("quality", call.plano_facts().quality.map(Quality::name));
        return;
    };
    if let Some(quality) = behaviour.quality {
        let role = match quality {
            "excellent" | "good" => Role::Good,
            "poor" | "severe" => Role::Bad,
            _ => Role::Text,
        };
        let score = behaviour.score.map_or_else(String::new, |score| format!(", score {score} of 100"));
        sheet.row("quality", format!("{quality}{score}"), role);
    }
    sheet.known("turns", behaviour.turns.map(|turns| turns.to_string()));
    sheet.known("efficiency", behaviour.efficiency.map(percent));
    for signal in &behaviour.signals {
        let times = signal.count.map_or_else(String::new, |count| format!(" ×{count}"));
        let severity = signal.severity.map_or_else(String::new, |severity| format!(", severity {severity}"));
        sheet.row("signal", format!("{}{times}{severity}", signal.name), Role::Fair);
        let of_signal = |trigger: &&Trigger<'_>| trigger.name.strip_prefix(signal.name).is_some();
        behaviour.triggers.iter().filter(of_signal).for_each(|found| trigger(sheet, found));
    }
}

fn trigger(sheet: &mut Sheet<'_>, trigger: &Trigger<'_>) {
    let leaf = trigger.name.rsplit('.').next().unwrap_or_default();
    let place = trigger.message.map_or_else(String::new, |message| format!(" in message {message}"));
    let sure = trigger.confidence.map_or_else(String::new, |share| format!(" ({} sure)", percent(share)));
    let snippet = trigger.snippet.map_or_else(String::new, |snippet| format!(": “{snippet}”"));
    sheet.row("", format!("{leaf}{place}{sure}{snippet}"), Role::Text);
}

/// What was said, where a span carries it, by the conventions' keys.
const PREVIEWS: [(&str, &str); 14] = [
    ("user", "llm.user_message_preview"),
    ("tools", "llm.tools"),
    ("system", "gen_ai.system_instructions"),
    ("input", "gen_ai.input.messages"),
    ("output", "gen_ai.output.messages"),
    ("tools", "gen_ai.tool.definitions"),
    ("input", "input.value"),
    ("output", "output.value"),
    ("prompt", "ai.prompt.messages"),
    ("prompt", "ai.prompt"),
    ("answer", "ai.response.text"),
    ("tool calls", "ai.response.toolCalls"),
    ("input", "traceloop.entity.input"),
    ("output", "traceloop.entity.output"),
];

fn previews(sheet: &mut Sheet<'_>, own: &PlainSpan) {
    sheet.heading("messages and tools");
    for (label, key) in PREVIEWS {
        sheet.known(label, own.attribute(key));
    }
}

fn identity(sheet: &mut Sheet<'_>, call: &LlmCall) {
    let (trace, span) = call.ids();
    sheet.heading("identity");
    sheet.row("request id", call.request_id(), Role::Text);
    sheet.row("trace", hex(trace), Role::Text);
    sheet.row("span", hex(span), Role::Text);
    sheet.known("service", call.labels().service_name.as_ref());
    sheet.row("convention", call.labels().convention.name(), Role::Text);
    sheet.row("call", format!("{} revision {}", call.id().0, call.revision()), Role::Dim);
}

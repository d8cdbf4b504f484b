//! The routing audit: from what the client asked for to what answered.

use super::super::{Facts, Line, Section, Tone};
use super::{costs, figure};
use crate::call::Convention;
use crate::collector::decode::{PlainEvent, PlainSpan};
use crate::text::format::{duration, money};

/// Routing as the call's own span and the `routing` span below it report it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Routing<'a> {
    /// `model.requested`
    pub asked: Option<&'a str>,
    /// `model.alias_resolved`
    pub alias: Option<&'a str>,
    /// `route.selected_model`: the router's pick; `none` where it had none.
    pub picked: Option<&'a str>,
    /// `routing.determination_ms`
    pub determination_ms: Option<f64>,
    /// `plano.route.name`; of several the first is what the router determined.
    pub routes: Vec<&'a str>,
    /// `routing.strategy`
    pub strategy: Option<&'a str>,
    /// `routing.selection_reason`
    pub reason: Option<&'a str>,
    /// `plano.switch.decision`
    pub decision: Option<&'a str>,
    /// `plano.switch.cost_in_usd`
    pub switch_usd: Option<f64>,
    /// `plano.switch.overhead_ceiling_in_usd`
    pub ceiling_usd: Option<f64>,
    /// The first `llm.model`: what the gateway sent the call to.
    pub dispatched: Option<&'a str>,
    /// The last `llm.model`: the model that answered.
    pub served: Option<&'a str>,
    /// `plano.cache.warm`
    pub is_cache_warm: Option<bool>,
    /// `plano.cache.idle_ms`
    pub cache_idle_ms: Option<f64>,
    /// What the router and the budget gate logged as their decisions.
    pub why: Vec<&'a str>,
}

/// Modules of the gateway whose log events are decisions, and what in there only announces one.
const DECIDERS: [&str; 2] = ["session_router", "model_selection"];
const ANNOUNCEMENTS: [&str; 1] = ["processing router request"];

impl<'a> Routing<'a> {
    /// Reads the call's own span and the router's.
    pub(crate) fn read(own: Option<&'a PlainSpan>, router: Option<&'a PlainSpan>) -> Self {
        let of_router = |key| [router, own].into_iter().flatten().find_map(|span: &PlainSpan| span.attribute(key));
        let of_own = |key| own.and_then(|span| span.attribute(key));
        let own_figure = |key| own.and_then(|span| figure(span, key));
        Self {
            asked: of_router("model.requested"),
            alias: of_router("model.alias_resolved"),
            picked: of_router("route.selected_model"),
            determination_ms: of_router("routing.determination_ms").and_then(super::number),
            routes: own.map(|span| span.values("plano.route.name").collect()).unwrap_or_default(),
            strategy: of_own("routing.strategy"),
            reason: of_own("routing.selection_reason"),
            decision: of_own("plano.switch.decision"),
            switch_usd: own_figure("plano.switch.cost_in_usd"),
            ceiling_usd: own_figure("plano.switch.overhead_ceiling_in_usd"),
            dispatched: own.and_then(|span| span.values("llm.model").next()),
            served: of_own("llm.model"),
            is_cache_warm: of_own("plano.cache.warm").and_then(|text| text.parse().ok()),
            cache_idle_ms: own_figure("plano.cache.idle_ms"),
            why: router.into_iter().chain(own).flat_map(|span| &span.events).filter_map(decision).collect(),
        }
    }

    /// The router's pick, where it had one.
    fn pick(&self) -> Option<&'a str> {
        self.picked.filter(|picked| !picked.is_empty() && *picked != "none")
    }
}

fn decision(event: &PlainEvent) -> Option<&str> {
    let target = event.attribute("target")?;
    let is_decision = DECIDERS.iter().any(|decider| target.ends_with(decider));
    let name = event.name.trim();
    (is_decision && !ANNOUNCEMENTS.contains(&name)).then_some(name)
}

/// The spans of the row that a router wrote.
fn router(facts: Facts<'_>) -> Option<&PlainSpan> {
    let is_routers = |span: &&PlainSpan| {
        ["route.selected_model", "routing.determination_ms", "model.requested"]
            .iter()
            .any(|key| span.attribute(key).is_some())
    };
    facts.parts().find(is_routers)
}

/// The audit; empty for calls that no gateway routed.
pub(crate) fn section(facts: Facts<'_>) -> Section {
    let is_plano = facts.call.labels().convention == Convention::Plano;
    let lines = if is_plano { audit(facts) } else { labelled(facts) };
    Section::new("routing", lines)
}

/// Routing from the row, for emitters other than Plano.
fn labelled(facts: Facts<'_>) -> Vec<Line> {
    let labels = facts.call.labels();
    [
        ("route", facts.call.route_name()),
        ("strategy", labels.routing_strategy.as_ref()),
        ("reason", labels.routing_reason.as_ref()),
    ]
    .into_iter()
    .filter_map(|(label, name)| Some(Line::new(label, name?.to_string())))
    .collect()
}

fn audit(facts: Facts<'_>) -> Vec<Line> {
    let call = facts.call;
    let routing = Routing::read(facts.own(), router(facts));
    let text = |name: Option<&crate::call::Name>| name.map(ToString::to_string);
    let span_or_row = |span: Option<&str>, row: Option<String>| span.map(str::to_owned).or(row);
    let asked = span_or_row(routing.asked, text(call.request_model()));
    let mut lines = Vec::new();
    lines.extend(alias(&routing, asked.as_deref()));
    if let Some(asked) = asked {
        lines.insert(0, Line::new("asked", asked));
    }
    lines.extend(routers_pick(&routing, call.route_name().map(crate::call::Name::as_str)));
    lines.extend(gate(&routing));
    let dispatched = span_or_row(routing.dispatched, text(call.upstream_model()));
    let served = span_or_row(routing.served, text(call.model()));
    lines.extend(dispatched.map(|model| Line::new("→ dispatched", model)));
    lines.extend(served.map(|model| Line::new("→ served", model).toned(Tone::Strong)));
    lines.extend(routing.determination_ms.map(|ms| Line::new("decided in", duration(ms))));
    lines.extend(cache(&routing));
    let strategy = span_or_row(routing.strategy, text(call.labels().routing_strategy.as_ref()));
    let reason = span_or_row(routing.reason, text(call.labels().routing_reason.as_ref()));
    lines.extend(strategy.map(|strategy| Line::new("strategy", strategy)));
    lines.extend(reason.map(|reason| Line::new("reason", reason)));
    lines.extend(routing.why.iter().map(|why| Line::new("why", (*why).to_owned())));
    lines
}

fn alias(routing: &Routing<'_>, asked: Option<&str>) -> Option<Line> {
    let alias = routing.alias?;
    Some(if Some(alias) == asked {
        Line::new("→ alias", "none: the name itself").toned(Tone::Dim)
    } else {
        Line::new("→ alias", alias.to_owned())
    })
}

fn routers_pick(routing: &Routing<'_>, row_route: Option<&str>) -> Option<Line> {
    let route = routing.routes.first().copied().or(row_route);
    let for_route = route.map_or_else(String::new, |route| format!(" for route `{route}`"));
    match (routing.pick(), routing.picked) {
        (Some(pick), _) => Some(Line::new("→ router", format!("{pick}{for_route}"))),
        (None, Some(_)) => Some(Line::new("→ router", format!("no route matched{for_route}")).toned(Tone::Dim)),
        (None, None) => route.map(|route| Line::new("→ route", route.to_owned())),
    }
}

/// The budget gate weighed what switching models costs against a share of the session's baseline.
fn gate(routing: &Routing<'_>) -> Option<Line> {
    let decision = routing.decision?;
    let weighed = routing.switch_usd.zip(routing.ceiling_usd).map_or_else(String::new, |(cost, ceiling)| {
        if cost < 0.0 {
            return format!(": switching {}", costs(cost));
        }
        let compared = if cost > ceiling { '>' } else { '≤' };
        format!(": switching {} {compared} ceiling {}", costs(cost), money(ceiling))
    });
    let tone = if decision == "retained" { Tone::Fair } else { Tone::Good };
    Some(Line::new("→ budget gate", format!("{decision}{weighed}")).toned(tone))
}

fn cache(routing: &Routing<'_>) -> Option<Line> {
    let state = if routing.is_cache_warm? { "warm" } else { "cold" };
    let idle = routing.cache_idle_ms.filter(|ms| *ms > 0.0);
    let idle = idle.map_or_else(String::new, |ms| format!(", the session was idle for {}", duration(ms)));
    Some(Line::new("prompt cache", format!("{state}{idle}")))
}

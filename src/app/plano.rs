//! What Plano's spans tell of one call beyond its row: how it was routed, what switching models would have cost, how
//! the conversation goes (SEMCONV.md, section 1).

use crate::collector::decode::PlainSpan;

/// From what the client asked for to what answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Routing<'a> {
    /// `model.requested`
    pub asked: Option<&'a str>,
    /// `model.alias_resolved`
    pub alias: Option<&'a str>,
    /// `route.selected_model`: the router's pick; `none` where it had none.
    pub picked: Option<&'a str>,
    /// `routing.determination_ms`
    pub determination_ms: Option<f64>,
    /// `plano.route.name`
    pub route: Option<&'a str>,
    /// The first `llm.model`: what the gateway sent the call to.
    pub dispatched: Option<&'a str>,
    /// The last `llm.model`: what says it answered.
    pub served: Option<&'a str>,
    /// `plano.cache.warm`
    pub cache_warm: Option<bool>,
    /// `plano.cache.idle_ms`
    pub cache_idle_ms: Option<f64>,
    /// What the router and the budget gate logged as their decisions.
    pub why: Vec<&'a str>,
}

/// Modules of the gateway whose log events are decisions.
const DECIDERS: [&str; 2] = ["session_router", "model_selection"];

impl<'a> Routing<'a> {
    /// Reads the call's own span and the `routing` span below it.
    pub fn read(own: &'a PlainSpan, router: Option<&'a PlainSpan>) -> Self {
        let of_router = |key| router.and_then(|span| span.attribute(key)).or_else(|| own.attribute(key));
        let decisions = |span: &'a PlainSpan| {
            let is_decision = |target: &str| DECIDERS.iter().any(|decider| target.ends_with(decider));
            // The router logs its steps too; its last word is the decision.
            let is_step = |name: &str| name.starts_with("processing");
            let decided = span
                .events
                .iter()
                .rfind(|event| event.attribute("target").is_some_and(is_decision) && !is_step(&event.name));
            decided.map(|event| event.name.as_str())
        };
        Self {
            asked: of_router("model.requested"),
            alias: of_router("model.alias_resolved"),
            picked: of_router("route.selected_model"),
            determination_ms: of_router("routing.determination_ms").and_then(number),
            route: own.attribute("plano.route.name"),
            dispatched: own.first_attribute("llm.model"),
            served: own.attribute("llm.model"),
            cache_warm: own.attribute("plano.cache.warm").and_then(|text| text.parse().ok()),
            cache_idle_ms: own.attribute("plano.cache.idle_ms").and_then(number),
            why: router.and_then(decisions).into_iter().chain(decisions(own)).collect(),
        }
    }

    /// Whether this is a call of Plano's that was looked at by a router at all.
    pub const fn is_told(&self) -> bool {
        self.asked.is_some() || self.picked.is_some() || self.route.is_some() || self.cache_warm.is_some()
    }
}

/// What switching models cost or would have cost, and what the session has spent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger<'a> {
    /// `plano.switch.decision`: `allowed` or `retained`.
    pub decision: Option<&'a str>,
    /// `plano.switch.cost_in_usd`: below zero, switching saved.
    pub switch_usd: Option<f64>,
    /// `plano.switch.overhead_ceiling_in_usd`
    pub ceiling_usd: Option<f64>,
    /// `plano.switch.candidate_warm_tokens`
    pub warm_tokens: Option<f64>,
    /// `plano.switch.counterfactual_route`: where the call would have gone.
    pub counterfactual_route: Option<&'a str>,
    /// `plano.session.overhead_pct`, percent
    pub overhead_pct: Option<f64>,
    /// `plano.session.switch_spend_in_usd`
    pub spent_usd: Option<f64>,
    /// `plano.session.baseline_in_usd`
    pub baseline_usd: Option<f64>,
    /// `plano.session.total_cost_in_usd`
    pub total_usd: Option<f64>,
    /// `plano.session.switches`
    pub switches: Option<f64>,
}

impl<'a> Ledger<'a> {
    /// Reads the call's own span; `None` when it has no session with a budget.
    pub fn read(own: &'a PlainSpan) -> Option<Self> {
        let figure = |key| own.attribute(key).and_then(number);
        let ledger = Self {
            decision: own.attribute("plano.switch.decision"),
            switch_usd: figure("plano.switch.cost_in_usd"),
            ceiling_usd: figure("plano.switch.overhead_ceiling_in_usd"),
            warm_tokens: figure("plano.switch.candidate_warm_tokens"),
            counterfactual_route: own.attribute("plano.switch.counterfactual_route"),
            overhead_pct: figure("plano.session.overhead_pct"),
            spent_usd: figure("plano.session.switch_spend_in_usd"),
            baseline_usd: figure("plano.session.baseline_in_usd"),
            total_usd: figure("plano.session.total_cost_in_usd"),
            switches: figure("plano.session.switches"),
        };
        (ledger != Self::default()).then_some(ledger)
    }
}

/// One kind of behaviour signal: `interaction.misalignment`, how often, how grave.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal<'a> {
    /// Layer and kind.
    pub name: &'a str,
    /// `….count`
    pub count: Option<f64>,
    /// `….severity`
    pub severity: Option<f64>,
}

/// One place in the conversation that set a signal off.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger<'a> {
    /// Layer, kind and leaf.
    pub name: &'a str,
    /// `signal.snippet`
    pub snippet: Option<&'a str>,
    /// `signal.confidence`, 0 to 1
    pub confidence: Option<f64>,
    /// `signal.message_index`
    pub message: Option<&'a str>,
}

/// How the conversation goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour<'a> {
    /// `signals.quality`
    pub quality: Option<&'a str>,
    /// `signals.quality_score`, 0 to 100
    pub score: Option<f64>,
    /// `signals.turn_count`
    pub turns: Option<f64>,
    /// `signals.efficiency_score`, 0 to 1
    pub efficiency: Option<f64>,
    /// The signals that fired.
    pub signals: Vec<Signal<'a>>,
    /// What set them off.
    pub triggers: Vec<Trigger<'a>>,
}

impl<'a> Behaviour<'a> {
    /// Reads the call's own span; `None` when nothing is told.
    pub fn read(own: &'a PlainSpan) -> Option<Self> {
        let figure = |key| own.attribute(key).and_then(number);
        let behaviour = Self {
            quality: own.attribute("signals.quality"),
            score: figure("signals.quality_score"),
            turns: figure("signals.turn_count"),
            efficiency: figure("signals.efficiency_score"),
            signals: signals(own),
            triggers: own.events.iter().filter_map(trigger).collect(),
        };
        (behaviour != Self::default()).then_some(behaviour)
    }
}

fn signals(own: &PlainSpan) -> Vec<Signal<'_>> {
    let mut signals: Vec<Signal<'_>> = Vec::new();
    for field in &own.attributes {
        let Some((name, leaf)) = field.key.strip_prefix("signals.").and_then(|rest| rest.rsplit_once('.')) else {
            continue;
        };
        if !signals.iter().any(|signal| signal.name == name) {
            signals.push(Signal { name, count: None, severity: None });
        }
        let Some(signal) = signals.iter_mut().find(|signal| signal.name == name) else { continue };
        match leaf {
            "count" => signal.count = number(&field.value),
            "severity" => signal.severity = number(&field.value),
            _ => {}
        }
    }
    signals
}

fn trigger(event: &crate::collector::decode::PlainEvent) -> Option<Trigger<'_>> {
    let name = event.name.strip_prefix("signal.")?;
    Some(Trigger {
        name,
        snippet: event.attribute("signal.snippet"),
        confidence: event.attribute("signal.confidence").and_then(number),
        message: event.attribute("signal.message_index"),
    })
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|figure: &f64| figure.is_finite())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::collector::wire::walk;

    /// The spans of a captured request: the LLM spans by request id, each with its routing child.
    fn captured(file: &str) -> HashMap<String, (PlainSpan, Option<PlainSpan>)> {
        let mut spans = Vec::new();
        for entry in ["001", "002", "003", "004", "005", "006"] {
            let bytes = std::fs::read(format!("tests/fixtures/plano-brightstaff/{entry}.binpb")).unwrap();
            let mut places = Vec::new();
            let ids = |id: &[u8]| id.to_vec();
            walk(&bytes, |_, span| places.push((span.raw_range(), ids(span.span_id), ids(span.parent_span_id))))
                .unwrap();
            for (at, id, parent) in places {
                spans.push((entry, id, parent, PlainSpan::decode(&bytes, &at, false).unwrap()));
            }
        }
        let child = |id: &[u8]| {
            let found = spans.iter().find(|(_, _, parent, span)| parent == id && span.name == "routing");
            found.map(|(.., span)| span.clone())
        };
        let own = spans.iter().filter(|(entry, _, _, span)| *entry == file && span.attribute("llm.model").is_some());
        own.map(|(_, id, _, span)| (span.attribute("request_id").unwrap().to_owned(), (span.clone(), child(id))))
            .collect()
    }

    #[test]
    fn the_switch_that_was_vetoed_is_explained() {
        let calls = captured("002");
        let (own, router) = &calls["98cfd833-a1ed-4765-8d2b-860f484a528e"];
        let routing = Routing::read(own, router.as_ref());
        assert_eq!(routing.dispatched, Some("openai/gpt-4o"));
        assert_eq!(routing.served, Some("gpt-4o-2024-08-06"));
        assert_eq!((routing.cache_warm, routing.cache_idle_ms), (Some(true), Some(923.0)));
        assert!(routing.why.iter().any(|why| why.starts_with("switch vetoed")), "{:?}", routing.why);
        let ledger = Ledger::read(own).unwrap();
        assert_eq!(ledger.decision, Some("retained"));
        assert_eq!(ledger.counterfactual_route, Some("anthropic/claude-sonnet-4-5 (code generation)"));
        assert!(ledger.switch_usd > ledger.ceiling_usd);
        assert_eq!(ledger.overhead_pct, Some(0.0));
    }

    #[test]
    fn every_captured_call_with_a_router_tells_what_was_asked() {
        let mut routed = 0;
        for file in ["001", "002", "003", "004", "005", "006"] {
            for (own, router) in captured(file).values().filter(|(_, router)| router.is_some()) {
                let routing = Routing::read(own, router.as_ref());
                assert!(routing.asked.is_some() && routing.determination_ms.is_some(), "{routing:?}");
                routed += 1;
            }
        }
        assert!(routed > 10, "{routed} calls have a router's span");
    }

    #[test]
    fn signals_name_their_snippets() {
        let calls = captured("004");
        let behaviours: Vec<_> = calls.values().filter_map(|(own, _)| Behaviour::read(own)).collect();
        let flagged: Vec<_> = behaviours.iter().filter(|behaviour| !behaviour.triggers.is_empty()).collect();
        assert_eq!(flagged.len(), 3);
        for behaviour in flagged {
            let misalignment = &behaviour.signals[0];
            assert_eq!(misalignment.name, "interaction.misalignment");
            assert_eq!((misalignment.count, misalignment.severity), (Some(1.0), Some(1.0)));
            let first = &behaviour.triggers[0];
            assert_eq!((first.name, first.snippet), ("interaction.misalignment.correction", Some("no, i said")));
        }
    }

    #[test]
    fn other_peoples_spans_tell_nothing() {
        let span = PlainSpan { name: "chat gpt-4o".into(), ..PlainSpan::default() };
        assert!(!Routing::read(&span, None).is_told());
        assert_eq!((Ledger::read(&span), Behaviour::read(&span)), (None, None));
    }
}

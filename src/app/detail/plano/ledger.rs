//! The switch ledger: what switching models costs the session, and what was decided because of it.

use super::super::{Facts, Line, Section, Tone};
use super::{costs, figure, plain};
use crate::collector::decode::PlainSpan;
use crate::text::format::money;

/// The session's budget as the call's own span reports it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ledger<'a> {
    /// `plano.switch.decision`: `allowed` or `retained`.
    pub decision: Option<&'a str>,
    /// `plano.switch.cost_in_usd`: below zero, switching saves.
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
    /// Reads the call's own span.
    pub(crate) fn read(own: &'a PlainSpan) -> Self {
        Self {
            decision: own.attribute("plano.switch.decision"),
            switch_usd: figure(own, "plano.switch.cost_in_usd"),
            ceiling_usd: figure(own, "plano.switch.overhead_ceiling_in_usd"),
            warm_tokens: figure(own, "plano.switch.candidate_warm_tokens"),
            counterfactual_route: own.attribute("plano.switch.counterfactual_route"),
            overhead_pct: figure(own, "plano.session.overhead_pct"),
            spent_usd: figure(own, "plano.session.switch_spend_in_usd"),
            baseline_usd: figure(own, "plano.session.baseline_in_usd"),
            total_usd: figure(own, "plano.session.total_cost_in_usd"),
            switches: figure(own, "plano.session.switches"),
        }
    }
}

/// The ledger; what the row keeps of it where the span is gone.
pub(crate) fn section(facts: Facts<'_>) -> Section {
    let plano = facts.call.plano_facts();
    let of_row = || Ledger {
        overhead_pct: plano.session_overhead_pct,
        switches: plano.session_switches.map(f64::from),
        ..Ledger::default()
    };
    let ledger = facts.own().map(Ledger::read).filter(|ledger| *ledger != Ledger::default()).unwrap_or_else(of_row);
    Section::new("switch ledger", lines(&ledger))
}

fn lines(ledger: &Ledger<'_>) -> Vec<Line> {
    let usd = |label: &'static str, usd: Option<f64>| Some(Line::new(label, money(usd?)));
    let decision = ledger.decision.map(|decision| {
        let tone = if decision == "retained" { Tone::Fair } else { Tone::Good };
        Line::new("decision", decision.to_owned()).toned(tone)
    });
    [
        decision,
        ledger.switch_usd.map(|usd| Line::new("switching", costs(usd))),
        usd("ceiling", ledger.ceiling_usd),
        ledger.counterfactual_route.map(|route| Line::new("instead of", route.to_owned())),
        ledger.warm_tokens.map(|tokens| Line::new("warm there", format!("{} tokens", plain(tokens)))),
        ledger.overhead_pct.map(overhead),
        usd("  spent on it", ledger.spent_usd),
        usd("  baseline", ledger.baseline_usd),
        usd("session cost", ledger.total_usd),
        ledger.switches.map(|switches| Line::new("switches", plain(switches))),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn overhead(percent: f64) -> Line {
    Line::new("overhead", format!("{percent:.1}% of the session's baseline"))
}

//! What the call cost: the figure, where it comes from, the arithmetic, and who reports another one (PRICING.md, section 3).

use super::{Facts, Line, Section, Tone};
use crate::call::{CostBasis, LlmCall};
use crate::pricing::{self, BY_EMITTER, BY_GATEWAY, CatalogPrice, CostItem, Explanation, dollars};
use crate::text::format::{count, money, percent};

/// The cost and everything behind it.
pub(super) fn section(facts: Facts<'_>) -> Section {
    let call = facts.call;
    let mut lines = vec![match call.cost() {
        Some(cost) => Line::new("cost", format!("{} {}", money(cost.usd), basis(cost.basis, call))).toned(Tone::Strong),
        None => Line::new("cost", unknown(facts.detail.map(|detail| &detail.cost))).toned(Tone::Dim),
    }];
    match facts.detail {
        Some(detail) => {
            lines.extend(explained(&detail.cost));
            lines.extend(priced_otherwise(call, &detail.cost));
        }
        None => lines.extend(reported(facts)),
    }
    lines.extend(call.labels().service_tier.as_ref().map(|tier| Line::new("service tier", tier.to_string())));
    Section::new("cost", lines)
}

fn basis(basis: CostBasis, call: &LlmCall) -> &'static str {
    match basis {
        CostBasis::Reported => pricing::PricingFacts::of(call).reporter(),
        CostBasis::Priced => "by price list",
        CostBasis::Refreshed => "by the refreshed price list",
        CostBasis::Estimate => "estimated: the first party's list price",
    }
}

fn unknown(cost: Option<&Explanation>) -> String {
    let reason = cost.and_then(|cost| cost.unknown_because);
    format!("unknown: {}", reason.unwrap_or("no price for this model at this provider"))
}

/// What the row holds, without the price list.
fn reported(facts: Facts<'_>) -> impl Iterator<Item = Line> {
    let figures = [(BY_EMITTER, facts.call.reported_cost_usd()), (BY_GATEWAY, facts.call.fallback_cost_usd())];
    figures.into_iter().filter_map(|(who, usd)| Some(Line::new("figure", format!("{who}: {}", money(usd?)))))
}

fn explained(cost: &Explanation) -> Vec<Line> {
    let mut lines = cost.priced.as_ref().map(priced).unwrap_or_default();
    lines.extend(cost.alias_line().map(|alias| Line::new("alias", alias)));
    lines.extend(cost.differing().map(|(who, usd)| differing(cost, who, usd)));
    lines
}

/// The arithmetic uses the current prices. The figure may come from others: before they were refreshed, or by a
/// collector elsewhere with a price list of its own.
fn priced_otherwise(call: &LlmCall, cost: &Explanation) -> Option<Line> {
    let shown = call.cost().map(|cost| cost.usd);
    let at_hand = || cost.cost.usd.map_or_else(|| "no price".to_owned(), money);
    (shown != cost.cost.usd)
        .then(|| Line::new("differs", format!("by the price list at hand: {}", at_hand())).toned(Tone::Fair))
}

/// Tokens times rates, line by line, and where the rates come from.
fn priced(priced: &CatalogPrice) -> Vec<Line> {
    let deprecated = if priced.is_deprecated { " (deprecated)" } else { "" };
    let mut lines: Vec<_> = priced.sum.iter().flat_map(|sum| &sum.lines).map(product).collect();
    lines.extend(priced.sum.as_ref().map(|sum| Line::new("  sum", format!("{:<24} = {}", "", dollars(sum.usd)))));
    lines.push(Line::new("price row", format!("{} / {}{deprecated}", priced.provider, priced.row)));
    lines.push(Line::new("matched by", format!("{}: {}", priced.matched_by, priced.reason)));
    lines.extend(priced.conditions.iter().map(|condition| Line::new("applies", condition.clone())));
    lines.push(Line::new("price list", priced.source.clone()));
    lines
}

/// `1,060 × $2.5/M = $0.00265`
fn product(line: &pricing::CostLine) -> Line {
    let unit = if line.item == CostItem::Request { "" } else { "/M" };
    let factors = format!("{} × ${}{unit}", count(line.tokens), line.rate);
    Line::new(format!("  {}", line.item.label()), format!("{factors:<24} = {}", dollars(line.usd)))
}

/// `reported by the gateway $0.0021, 4.5% less`
fn differing(cost: &Explanation, who: &str, usd: f64) -> Line {
    let shown = cost.cost.usd.filter(|shown| *shown > 0.0);
    let by = shown.map_or_else(String::new, |shown| {
        let side = if usd > shown { "more" } else { "less" };
        format!(", {} {side}", percent((usd - shown).abs() / shown))
    });
    Line::new("differs", format!("{who}: {}{by}", money(usd))).toned(Tone::Fair)
}

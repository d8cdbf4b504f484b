//! What Plano's spans add to the row of a call (SEMCONV.md, section 1).

pub(super) mod behaviour;
pub(super) mod ledger;
pub(super) mod routing;

use crate::collector::decode::PlainSpan;
use crate::text::format::money;

/// A number that came as int, double or numeric text; never NaN or infinite.
fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|figure: &f64| figure.is_finite())
}

/// An attribute as a number.
fn figure(span: &PlainSpan, key: &str) -> Option<f64> {
    span.attribute(key).and_then(number)
}

/// `costs $0.00121`, or `saves $0.000552` where it is below zero.
fn costs(usd: f64) -> String {
    format!("{} {}", if usd < 0.0 { "saves" } else { "costs" }, money(usd.abs()))
}

/// A whole number as such, any other with two decimals.
fn plain(figure: f64) -> String {
    if figure.fract() == 0.0 && figure.abs() < 1e15 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

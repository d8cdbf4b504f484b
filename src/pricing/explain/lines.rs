//! An explanation as lines of text: labelled values, then the arithmetic in columns.

use super::{CatalogPrice, Explanation};
use crate::pricing::cost::{CostItem, CostLine};
use crate::text::format::count;

impl Explanation {
    /// The explanation as lines of text, for the detail pane and `planoai price`. Names are as emitted; the caller must
    /// escape them for a terminal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.headline()];
        lines.extend(self.alias_line().map(|line| format!("alias      {line}")));
        if let Some(priced) = &self.priced {
            lines.extend(priced.lines());
        }
        lines.extend(self.differing().map(|(who, usd)| format!("differs    {} {who}", dollars(usd))));
        lines
    }

    /// `fast is priced as gpt-4o: an alias of the Plano configuration`; `None` without an alias.
    pub fn alias_line(&self) -> Option<String> {
        let alias = self.priced.as_ref()?.alias.as_ref()?;
        let model = self.model.as_deref().unwrap_or_default();
        Some(format!("{model} is priced as {alias}: an alias of the Plano configuration"))
    }

    fn headline(&self) -> String {
        match (self.cost.usd, self.cost.basis, self.unknown_because) {
            (Some(usd), Some(basis), _) => format!("cost       {} ({basis})", dollars(usd)),
            (_, _, Some(reason)) => format!("cost       — ({reason})"),
            _ => "cost       —".to_owned(),
        }
    }
}

impl CatalogPrice {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!(
                "row        {} / {}{}",
                self.provider,
                self.row,
                if self.is_deprecated { " (deprecated)" } else { "" }
            ),
            format!("matched by {}: {}", self.matched_by, self.reason),
            format!("source     {}", self.source),
        ];
        lines.extend(self.conditions.iter().map(|condition| format!("applies    {condition}")));
        match &self.sum {
            Some(sum) => {
                lines.extend(sum.lines.iter().copied().map(CostLine::to_text));
                lines.push(format!("{:44} = {}", "", dollars(sum.usd)));
            }
            None => lines.extend(self.rate_lines()),
        }
        lines
    }

    /// The listed rates, shown if token counts are missing.
    fn rate_lines(&self) -> impl Iterator<Item = String> {
        let listed = |item: CostItem| Some((item, item.listed_rate(&self.rates)?));
        CostItem::ALL
            .into_iter()
            .filter_map(listed)
            .map(|(item, rate)| format!("  {:<16} {:>12}", item.label(), per(item, rate)))
    }
}

impl CostLine {
    /// `input        1,000 x $2.5/M = $0.0025`.
    fn to_text(self) -> String {
        format!(
            "  {:<16} {:>12} x {:>10} = {}",
            self.item.label(),
            count(self.tokens),
            per(self.item, self.rate),
            dollars(self.usd)
        )
    }
}

/// A rate with its unit.
fn per(item: CostItem, rate: f64) -> String {
    match item {
        CostItem::Request => format!("${rate}"),
        _ => format!("${rate}/M"),
    }
}

/// USD with four to ten decimals.
pub fn dollars(usd: f64) -> String {
    let text = format!("{usd:.10}");
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let kept = decimals.trim_end_matches('0').len().max(4);
    format!("${whole}.{}", decimals.get(..kept).unwrap_or(decimals))
}

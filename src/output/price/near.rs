//! Names near an unknown one, and the price rows of a name at every provider.

use serde::Serialize;

use crate::pricing::{Catalog, CatalogPrice, PriceRow};

/// Most names proposed.
const MOST_NAMES: usize = 3;

/// Longest name that is compared, bytes.
const LONGEST: usize = 128;

/// The nearest names of price rows, at the provider if it is one of the catalog, as `provider / id`.
pub(super) fn names(catalog: &Catalog, model: &str, provider: Option<&str>) -> Vec<String> {
    if model.is_empty() || model.len() > LONGEST {
        return Vec::new();
    }
    let bare = model.rsplit('/').next().unwrap_or(model).to_ascii_lowercase();
    let own = provider.and_then(Catalog::provider_id).filter(|id| catalog.provider(id).is_some());
    let mut near: Vec<(usize, usize, String)> = Vec::new();
    for (name, rows) in catalog.providers() {
        if own.is_some_and(|own| own != name) || own.is_none() && !Catalog::is_first_party(name) {
            continue;
        }
        for row in rows.rows() {
            let id = row.id.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
            let distance = strsim::osa_distance(&bare, &id);
            if distance * 2 <= bare.chars().count() {
                near.push((distance, id.len(), format!("{name} / {}", row.id)));
            }
        }
    }
    near.sort();
    near.into_iter().take(MOST_NAMES).map(|(_, _, name)| name).collect()
}

/// A price row of the same name, and why it was or was not chosen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Considered {
    provider: String,
    row: String,
    input: Option<f64>,
    output: Option<f64>,
    verdict: &'static str,
}

impl Considered {
    /// The row as a line of text.
    pub(super) fn line(&self) -> String {
        let rate = |rate: Option<f64>| rate.map_or_else(|| "—".to_owned(), |rate| format!("${rate}"));
        let (input, output) = (rate(self.input), rate(self.output));
        format!("considered {} / {}: {} ({input} / {output})", self.provider, self.row, self.verdict)
    }
}

/// The rows of every provider that list this name, the chosen one first.
pub(super) fn considered(catalog: &Catalog, model: &str, chosen: Option<&CatalogPrice>) -> Vec<Considered> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let mut rows: Vec<Considered> = Vec::new();
    let mut add = |row: &PriceRow| {
        let is_chosen = chosen.is_some_and(|chosen| *chosen.provider == *row.provider && *chosen.row == *row.id);
        let is_same_provider = chosen.is_some_and(|chosen| *chosen.provider == *row.provider);
        let verdict = match (is_chosen, is_same_provider) {
            (true, _) => "chosen",
            (false, true) => "another row of the provider",
            (false, false) => "another provider",
        };
        let base = row.prices.base;
        let (provider, row) = (row.provider.to_string(), row.id.to_string());
        let listed = Considered { provider, row, input: base.input, output: base.output, verdict };
        if !rows.contains(&listed) {
            rows.push(listed);
        }
    };
    if let Some(row) = chosen.and_then(|chosen| catalog.row(&chosen.provider, &chosen.row)) {
        add(row);
    }
    let mut providers: Vec<_> = catalog.providers().collect();
    providers.sort_by_key(|(provider, _)| *provider);
    for (_, listed) in providers {
        let same =
            |row: &&std::sync::Arc<PriceRow>| row.id.rsplit('/').next().is_some_and(|id| id.eq_ignore_ascii_case(name));
        listed.rows().iter().filter(same).for_each(|row| add(row));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_near() {
        let catalog = Catalog::bundled();
        assert_eq!(
            names(&catalog, "claude-sonet-4-6", None).first().map(String::as_str),
            Some("anthropic / claude-sonnet-4-6")
        );
        assert_eq!(names(&catalog, "zzzzzzzz", None), Vec::<String>::new());
    }
}

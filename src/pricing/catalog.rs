//! The price catalog: providers, their price rows, and the lookup of a row by name.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};

use super::row::{CalendarEntry, Calendars, CatalogEntry, Holidays, PriceRow};
use super::spelling;

/// The bundled data. Its licences are in `NOTICE.txt` in the same directory.
const BUNDLED: &str = include_str!("../../assets/pricing/catalog.json");

/// The source of refreshed rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshInfo {
    /// The feed's name (`models.dev`).
    pub feed: String,
    /// When it was fetched, seconds since the epoch.
    pub fetched_unix_secs: i64,
    /// Number of rows in it.
    pub rows: usize,
}

impl RefreshInfo {
    /// The time of the fetch, `2026-11-23 12:03 UTC`.
    pub fn fetched(&self) -> String {
        chrono::DateTime::from_timestamp(self.fetched_unix_secs, 0)
            .map_or_else(String::new, |time| time.format("%Y-%m-%d %H:%M UTC").to_string())
    }
}

/// A source of bundled rows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct PriceSource {
    /// Its name (`LiteLLM`).
    pub name: String,
    /// The version that was read.
    pub version: String,
    /// The day or month of that version.
    pub date: String,
    /// Licence and holder.
    pub license: String,
}

/// All known prices. Immutable: a refresh builds a new catalog.
#[derive(Debug, Default)]
pub struct Catalog {
    generated: String,
    sources: Arc<[PriceSource]>,
    refreshed: Option<RefreshInfo>,
    providers: HashMap<Arc<str>, ProviderRows>,
}

impl Catalog {
    /// The catalog that ships with the program. A test checks that it parses.
    pub fn bundled() -> Arc<Self> {
        static CATALOG: LazyLock<Arc<Catalog>> =
            LazyLock::new(|| Arc::new(Catalog::bundled_lazily().unwrap_or_default()));
        Arc::clone(&CATALOG)
    }

    /// Reads a catalog in the bundled format.
    ///
    /// # Errors
    /// Fails if the text is not a catalog document.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let document: Document<'_, Providers<'_>> = serde_json::from_str(text)?;
        let calendars = document.calendars();
        let rows = |text: &serde_json::value::RawValue, name: &Arc<str>| parse_rows(text.get(), name, &calendars);
        let providers = document.models.0.iter().map(|(name, text)| {
            let name: Arc<str> = (*name).into();
            Ok((Arc::clone(&name), ProviderRows::of(rows(text, &name)?)))
        });
        Ok(Self {
            generated: document.generated.to_owned(),
            sources: document.sources.clone().into(),
            refreshed: None,
            providers: providers.collect::<Result<_, serde_json::Error>>()?,
        })
    }

    /// The bundled catalog, of which each provider's rows are parsed on first use.
    fn bundled_lazily() -> Result<Self, serde_json::Error> {
        let document: Document<'static, Providers<'static>> = serde_json::from_str(BUNDLED)?;
        let calendars = Arc::new(document.calendars());
        let providers = document.models.0.iter().map(|(name, text)| {
            let name: Arc<str> = (*name).into();
            let text = Unparsed { text: text.get(), provider: Arc::clone(&name), calendars: Arc::clone(&calendars) };
            (name, ProviderRows { unparsed: Some(text), ..ProviderRows::default() })
        });
        Ok(Self {
            generated: document.generated.to_owned(),
            sources: document.sources.clone().into(),
            refreshed: None,
            providers: providers.collect(),
        })
    }

    /// The sources of the bundled rows.
    pub fn sources(&self) -> &[PriceSource] {
        &self.sources
    }

    /// The source of a bundled row.
    pub fn source(&self, row: &PriceRow) -> Option<&PriceSource> {
        self.sources.get(usize::from(row.source?))
    }

    /// All providers with their rows, in no particular order.
    pub fn providers(&self) -> impl Iterator<Item = (&str, &ProviderRows)> {
        self.providers.iter().map(|(name, rows)| (&**name, rows))
    }

    /// This catalog with `rows` added; they replace rows of the same provider and id.
    #[must_use]
    pub fn with_rows(&self, rows: impl IntoIterator<Item = PriceRow>, refreshed: RefreshInfo) -> Self {
        let mut fresh: HashMap<Arc<str>, Vec<Arc<PriceRow>>> = HashMap::new();
        for row in rows {
            fresh.entry(Arc::clone(&row.provider)).or_default().push(Arc::new(row));
        }
        for (name, provider) in &self.providers {
            let rows = fresh.entry(Arc::clone(name)).or_default();
            let replaced: std::collections::HashSet<Box<str>> = rows.iter().map(|row| row.id.clone()).collect();
            rows.extend(provider.rows().iter().filter(|row| !replaced.contains(&row.id)).cloned());
        }
        Self {
            generated: self.generated.clone(),
            sources: Arc::clone(&self.sources),
            refreshed: Some(refreshed),
            providers: fresh.into_iter().map(|(name, rows)| (name, ProviderRows::of(rows))).collect(),
        }
    }

    /// The day the bundled data was made, `YYYY-MM-DD`.
    pub fn generated(&self) -> &str {
        &self.generated
    }

    /// The source of refreshed rows; `None` before the first refresh.
    pub const fn refreshed(&self) -> Option<&RefreshInfo> {
        self.refreshed.as_ref()
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.providers.values().map(|provider| provider.rows().len()).sum()
    }

    /// Whether the catalog has no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows of a provider by its exact catalog name.
    pub fn provider(&self, name: &str) -> Option<&ProviderRows> {
        self.providers.get(name)
    }

    /// The row of this exact provider and id.
    pub fn row(&self, provider: &str, id: &str) -> Option<&Arc<PriceRow>> {
        self.provider(provider)?.rows().iter().find(|row| *row.id == *id)
    }
}

/// The rows of one provider, with indexes over their names that are built on first use.
#[derive(Debug, Default)]
pub struct ProviderRows {
    unparsed: Option<Unparsed>,
    rows: OnceLock<Vec<Arc<PriceRow>>>,
    listed: OnceLock<Index>,
    canonical: OnceLock<Index>,
}

/// The bundled text of one provider's rows.
#[derive(Debug)]
struct Unparsed {
    text: &'static str,
    provider: Arc<str>,
    calendars: Arc<Calendars>,
}

impl Unparsed {
    fn rows(&self) -> Vec<Arc<PriceRow>> {
        known(parse_rows(self.text, &self.provider, &self.calendars).unwrap_or_default())
    }
}

fn known(rows: Vec<Arc<PriceRow>>) -> Vec<Arc<PriceRow>> {
    rows.into_iter().filter(|row| row.is_known()).collect()
}

/// Maps names to positions in [`ProviderRows::rows`].
type Index = HashMap<String, Vec<usize>>;

impl ProviderRows {
    fn of(rows: Vec<Arc<PriceRow>>) -> Self {
        Self { rows: OnceLock::from(known(rows)), ..Self::default() }
    }

    /// All rows with a price, in catalog order.
    pub fn rows(&self) -> &[Arc<PriceRow>] {
        self.rows.get_or_init(|| self.unparsed.as_ref().map_or_else(Vec::new, Unparsed::rows))
    }

    /// By exact id, else id in any case, else alias in any case, else canonical form (PRICING.md, section 1.5).
    pub fn find(&self, name: &str) -> Option<&Arc<PriceRow>> {
        self.find_listed(name).or_else(|| self.find_canonical(name))
    }

    /// As [`Self::find`], without the canonical form.
    pub fn find_listed(&self, name: &str) -> Option<&Arc<PriceRow>> {
        let folded = name.to_ascii_lowercase();
        let hits = self.hits(self.listed.get_or_init(|| self.index(|_, name| name.to_ascii_lowercase())), &folded);
        hits.clone()
            .find(|row| *row.id == *name)
            .or_else(|| hits.clone().find(|row| row.id.eq_ignore_ascii_case(name)))
            .or_else(|| unambiguous(hits))
    }

    fn find_canonical(&self, name: &str) -> Option<&Arc<PriceRow>> {
        let index = self.canonical.get_or_init(|| self.index(spelling::canonical));
        let provider = self.rows().first().map_or("", |row| &row.provider);
        unambiguous(self.hits(index, &spelling::canonical(provider, name)))
    }

    fn hits<'a>(&'a self, index: &'a Index, key: &str) -> impl Iterator<Item = &'a Arc<PriceRow>> + Clone {
        index.get(key).into_iter().flatten().filter_map(|&at| self.rows().get(at))
    }

    fn index(&self, key: impl Fn(&str, &str) -> String) -> Index {
        let mut index = Index::new();
        for (at, row) in self.rows().iter().enumerate() {
            let names = std::iter::once(&row.id).chain(&row.aliases);
            for name in names {
                let positions = index.entry(key(&row.provider, name)).or_default();
                if positions.last() != Some(&at) {
                    positions.push(at);
                }
            }
        }
        index
    }
}

/// The first hit, or `None` if the hits differ in price and so are ambiguous.
fn unambiguous<'a>(mut hits: impl Iterator<Item = &'a Arc<PriceRow>>) -> Option<&'a Arc<PriceRow>> {
    let first = hits.next()?;
    hits.all(|other| other.prices.same_now(&first.prices)).then_some(first)
}

#[derive(Deserialize)]
struct Document<'a, M> {
    #[serde(borrow)]
    generated: &'a str,
    #[serde(default)]
    sources: Vec<PriceSource>,
    #[serde(borrow, default)]
    holidays: BTreeMap<&'a str, CalendarEntry<'a>>,
    models: M,
}

impl<M> Document<'_, M> {
    /// Takes the holiday calendars.
    fn calendars(&self) -> Calendars {
        self.holidays.iter().map(|(&name, entry)| (name.into(), Arc::new(Holidays::from(entry)))).collect()
    }
}

/// The text of each provider's rows, in document order.
struct Providers<'a>(Vec<(&'a str, &'a serde_json::value::RawValue)>);

impl<'de> Deserialize<'de> for Providers<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ProvidersVisitor)
    }
}

struct ProvidersVisitor;

impl<'de> Visitor<'de> for ProvidersVisitor {
    type Value = Providers<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("providers by name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut providers = Vec::new();
        while let Some(entry) = map.next_entry()? {
            providers.push(entry);
        }
        Ok(Providers(providers))
    }
}

fn parse_rows(text: &str, provider: &Arc<str>, calendars: &Calendars) -> Result<Vec<Arc<PriceRow>>, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Rows { provider, calendars }.deserialize(&mut deserializer)
}

/// Deserializes one provider's models, in document order.
struct Rows<'a> {
    provider: &'a Arc<str>,
    calendars: &'a Calendars,
}

impl<'de> DeserializeSeed<'de> for Rows<'_> {
    type Value = Vec<Arc<PriceRow>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = Vec<Arc<PriceRow>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("models by id")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::with_capacity(64);
        while let Some((id, part)) = map.next_entry::<&str, CatalogEntry<'_>>()? {
            rows.push(Arc::new(part.into_row(self.provider, id, self.calendars)));
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_catalog_parses() {
        let catalog = Catalog::parse(BUNDLED).unwrap();
        assert_eq!(catalog.generated(), "2026-11-23");
        assert_eq!(catalog.providers.len(), 35);
        assert!(catalog.len() > 2600, "{} rows", catalog.len());
    }

    #[test]
    fn every_bundled_row_can_be_money() {
        for row in Catalog::bundled().providers.values().flat_map(ProviderRows::rows) {
            assert!(Catalog::bundled().source(row).is_some(), "{} {}", row.provider, row.id);
            assert!(row.prices.base.are_sane() && row.prices.base.input.is_some() && row.prices.base.output.is_some());
            assert!(row.prices.tiers.is_sorted_by_key(|tier| tier.above));
        }
    }

    #[test]
    fn zero_for_zero_is_unknown_except_for_free_ids() {
        let catalog = Catalog::parse(
            r#"{"generated":"","models":{"openrouter":{
                "a/b":{"input":0,"output":0},"a/b:free":{"input":0,"output":0},
                "a/fee":{"input":0,"output":0,"request":0.01},"a/embed":{"input":0.1,"output":0}}}}"#,
        )
        .unwrap();
        let ids = ["a/b", "a/b:free", "a/fee", "a/embed"].map(|id| catalog.row("openrouter", id).is_some());
        assert_eq!(ids, [false, true, true, true]);
    }
}

//! One row of the price catalog: the rates of a model at a provider and the conditions that change them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

const DAY_SECS: i64 = 86_400;

/// Rates in USD per 1e6 tokens, `request` in USD per request. `None` means not listed, `Some(0.0)` listed as free.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct Rates {
    /// Input neither read from nor written to the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<f64>,
    /// Output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<f64>,
    /// Input read from the prompt cache; defaults to `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<f64>,
    /// Input written to the prompt cache; defaults to `input`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<f64>,
    /// Input written to the cache with a one-hour lifetime; defaults to twice `input` if `cache_write` is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<f64>,
    /// Reasoning; if not listed, reasoning is billed as output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<f64>,
    /// Audio input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_audio: Option<f64>,
    /// Audio output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_audio: Option<f64>,
    /// Audio input read from the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_audio: Option<f64>,
    /// Fee in USD per request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<f64>,
}

impl Rates {
    /// Pairs every rate with the same rate of `other`.
    fn pairs<'a>(&'a mut self, other: &'a Self) -> [(&'a mut Option<f64>, Option<f64>); 10] {
        [
            (&mut self.input, other.input),
            (&mut self.output, other.output),
            (&mut self.cache_read, other.cache_read),
            (&mut self.cache_write, other.cache_write),
            (&mut self.cache_write_1h, other.cache_write_1h),
            (&mut self.reasoning, other.reasoning),
            (&mut self.input_audio, other.input_audio),
            (&mut self.output_audio, other.output_audio),
            (&mut self.cache_read_audio, other.cache_read_audio),
            (&mut self.request, other.request),
        ]
    }

    /// Replaces the rates that `over` lists.
    pub fn overlay(&mut self, over: &Self) {
        for (rate, listed) in self.pairs(over) {
            *rate = listed.or(*rate);
        }
    }

    /// These rates without those that `other` lists too.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        for (rate, listed) in self.pairs(other) {
            if listed.is_some() {
                *rate = None;
            }
        }
        self
    }

    /// Whether input, output and request are all 0 or not listed, which mostly means that the feed has no price.
    fn are_zero(&self) -> bool {
        [self.input, self.output, self.request].into_iter().flatten().all(|rate| rate == 0.0)
    }

    /// The highest listed rate per 1e6 tokens; 0 if none is listed.
    pub fn highest(mut self) -> f64 {
        self.request = None;
        let none = Self::default();
        self.pairs(&none).into_iter().filter_map(|(rate, _)| *rate).fold(0.0, f64::max)
    }

    /// These rates with `change` applied to each that is listed.
    #[must_use]
    pub fn map(mut self, change: impl Fn(f64) -> f64) -> Self {
        let none = Self::default();
        for (rate, _) in self.pairs(&none) {
            *rate = rate.map(&change);
        }
        self
    }

    /// Whether every listed rate is finite and not negative.
    pub fn are_sane(mut self) -> bool {
        let none = Self::default();
        self.pairs(&none).into_iter().filter_map(|(rate, _)| *rate).all(|rate| rate.is_finite() && rate >= 0.0)
    }
}

/// Rates for the whole of a request with more than `above` input tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContextTier {
    /// Exclusive lower bound of the input, tokens.
    pub above: u64,
    /// The rates it changes.
    pub rates: Rates,
}

/// Rates of a service tier (`priority`, `flex`, `batch` …), with its own long-context tiers.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceTier {
    /// The name as providers emit it.
    pub name: Box<str>,
    /// The rates it changes.
    pub rates: Rates,
    /// Its own long-context tiers.
    pub tiers: Box<[ContextTier]>,
}

/// Rates that take effect on a date.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledChange {
    /// First day (UTC) as listed, `YYYY-MM-DD`.
    pub from: Box<str>,
    /// Start of that day, seconds since the epoch.
    pub from_unix_secs: i64,
    /// The rates it changes.
    pub rates: Rates,
    /// The service tiers it changes.
    pub service_tiers: Box<[ServiceTier]>,
}

/// The whole price list of a row up to a time.
#[derive(Clone, Debug, PartialEq)]
pub struct PastPrices {
    /// The end as listed, a date or a time in UTC.
    pub until: Box<str>,
    /// The end, exclusive, seconds since the epoch.
    pub until_unix_secs: i64,
    /// The prices until then.
    pub prices: Prices,
}

/// Fees in USD per request of a model that searches on every call, by search context size.
#[derive(Clone, Copy, Debug, PartialEq, Default, Deserialize, Serialize)]
pub struct SearchFees {
    /// `low`, the sellers' default.
    pub low: f64,
    /// `medium`.
    pub medium: f64,
    /// `high`.
    pub high: f64,
}

impl SearchFees {
    /// The fee for a size; that of the default size if it is not known.
    fn of(&self, size: Option<&str>) -> f64 {
        match size.map(str::trim) {
            Some(size) if size.eq_ignore_ascii_case("high") => self.high,
            Some(size) if size.eq_ignore_ascii_case("medium") => self.medium,
            _ => self.low,
        }
    }

    /// Whether the fee depends on the size.
    fn differ(&self) -> bool {
        [self.medium, self.high].iter().any(|fee| fee.to_bits() != self.low.to_bits())
    }
}

/// Days (UTC) of a public holiday calendar, with the calendar's offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Holidays {
    /// Seconds to add to UTC.
    pub offset_secs: i64,
    /// Days since the epoch in local time, sorted.
    pub days: Box<[i64]>,
}

impl Holidays {
    fn contains(&self, unix_secs: i64) -> bool {
        let day = unix_secs.saturating_add(self.offset_secs).div_euclid(DAY_SECS);
        self.days.binary_search(&day).is_ok()
    }
}

/// Rates for a time of day in UTC; start inclusive, end exclusive.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeWindow {
    /// Monday to Friday only.
    pub is_weekdays: bool,
    /// Days on which the window does not apply.
    pub holidays: Option<Arc<Holidays>>,
    /// Minutes since midnight.
    pub from_minute: i64,
    /// Minutes since midnight; smaller than `from_minute` when the window spans midnight.
    pub to_minute: i64,
    /// The rates it changes.
    pub rates: Rates,
}

impl TimeWindow {
    /// Whether the window includes this time.
    pub fn contains(&self, unix_secs: i64) -> bool {
        // 1970-01-01 was a Thursday; Monday is 0.
        let weekday = (unix_secs.div_euclid(DAY_SECS) + 3).rem_euclid(7);
        let minute = unix_secs.rem_euclid(DAY_SECS) / 60;
        let in_hours = if self.from_minute <= self.to_minute {
            (self.from_minute..self.to_minute).contains(&minute)
        } else {
            minute >= self.from_minute || minute < self.to_minute
        };
        let is_holiday = self.holidays.as_ref().is_some_and(|holidays| holidays.contains(unix_secs));
        in_hours && (weekday < 5 || !self.is_weekdays) && !is_holiday
    }
}

/// All rates of a row.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Prices {
    /// The unconditional rates.
    pub base: Rates,
    /// Changes by date, oldest first.
    pub scheduled: Box<[ScheduledChange]>,
    /// Changes by service tier.
    pub service_tiers: Box<[ServiceTier]>,
    /// Changes by time of day.
    pub windows: Box<[TimeWindow]>,
    /// Changes by input size, smallest first.
    pub tiers: Box<[ContextTier]>,
    /// Fees by search context size.
    pub search: Option<SearchFees>,
    /// Earlier price lists, by their end.
    pub past: Box<[PastPrices]>,
}

/// The rates that apply to one request, with the conditions that were met.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectiveRates<'a> {
    /// The resulting rates.
    pub rates: Rates,
    /// The latest scheduled change in effect.
    pub scheduled: Option<&'a ScheduledChange>,
    /// The end of the earlier price list that applies.
    pub until: Option<&'a str>,
    /// The service tier, if the row lists it.
    pub service_tier: Option<&'a ServiceTier>,
    /// The time-of-day window that applies.
    pub window: Option<&'a TimeWindow>,
    /// Threshold of the long-context tier that applies, tokens.
    pub above: Option<u64>,
}

fn highest_met(tiers: &[ContextTier], input_total: u64) -> Option<&ContextTier> {
    tiers.iter().rev().find(|tier| input_total > tier.above)
}

impl Prices {
    /// Base -> schedule by the call's date -> service tier -> time of day -> long-context tier (PRICING.md, section 2).
    /// Where a service tier sets a rate, its own long-context tiers replace the standard ones.
    pub fn in_force(&self, at_unix_secs: i64, service_tier: Option<&str>, input_total: u64) -> EffectiveRates<'_> {
        match self.past.iter().find(|past| at_unix_secs < past.until_unix_secs) {
            Some(past) => EffectiveRates {
                until: Some(&past.until),
                ..past.prices.listed(at_unix_secs, service_tier, input_total)
            },
            None => self.listed(at_unix_secs, service_tier, input_total),
        }
    }

    /// As [`Self::in_force`], without regard to earlier price lists.
    fn listed(&self, at_unix_secs: i64, service_tier: Option<&str>, input_total: u64) -> EffectiveRates<'_> {
        let mut rates = self.base;
        let mut latest = None;
        for change in self.scheduled.iter().filter(|change| change.from_unix_secs <= at_unix_secs) {
            rates.overlay(&change.rates);
            latest = Some(change);
        }
        let service_tier = service_tier.and_then(|name| {
            let changed = latest.and_then(|change| named(&change.service_tiers, name));
            changed.or_else(|| named(&self.service_tiers, name))
        });
        let set_by_service = service_tier.map_or_else(Rates::default, |tier| tier.rates);
        rates.overlay(&set_by_service);
        let window = self.windows.iter().find(|window| window.contains(at_unix_secs));
        if let Some(window) = window {
            rates.overlay(&window.rates);
        }
        let standard = highest_met(&self.tiers, input_total);
        if let Some(tier) = standard {
            rates.overlay(&tier.rates.without(&set_by_service));
        }
        let own = service_tier.and_then(|service| highest_met(&service.tiers, input_total));
        if let Some(tier) = own {
            rates.overlay(&tier.rates);
        }
        // A standard tier has no effect if the service tier sets all of its rates.
        let effective = standard.filter(|tier| tier.rates.without(&set_by_service) != Rates::default());
        EffectiveRates {
            rates,
            scheduled: latest,
            until: None,
            service_tier,
            window,
            above: own.or(effective).map(|tier| tier.above),
        }
    }

    /// The search fee of a call, USD, and whether it is certain.
    pub(super) fn search_fee(&self, size: Option<&str>) -> Option<(f64, bool)> {
        let fees = self.search?;
        Some((fees.of(size), size.is_some() || !fees.differ()))
    }

    /// Whether both lists have the same current prices. Two spellings of a model have the same price iff they do.
    pub(super) fn same_now(&self, other: &Self) -> bool {
        let parts = |prices: &Self| (prices.base, prices.search);
        parts(self) == parts(other)
            && self.scheduled == other.scheduled
            && self.service_tiers == other.service_tiers
            && self.windows == other.windows
            && self.tiers == other.tiers
    }
}

fn named<'a>(tiers: &'a [ServiceTier], name: &str) -> Option<&'a ServiceTier> {
    tiers.iter().find(|tier| tier.name.eq_ignore_ascii_case(name.trim()))
}

/// Whether a service tier's name stands for the standard rates.
pub(super) fn is_standard_tier(name: &str) -> bool {
    const STANDARD: [&str; 8] = ["", "default", "standard", "auto", "standard_only", "on_demand", "on-demand", "none"];
    STANDARD.iter().any(|standard| name.trim().eq_ignore_ascii_case(standard))
}

/// The source of a price row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum PriceOrigin {
    /// Compiled into the program.
    #[default]
    Bundled,
    /// From a fetched price feed.
    Refreshed,
}

/// The price of a model at a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceRow {
    /// The provider's catalog name (`amazon-bedrock`).
    pub provider: Arc<str>,
    /// The provider's id of the model.
    pub id: Box<str>,
    /// Other names the provider lists for it.
    pub aliases: Box<[Box<str>]>,
    /// Context window, tokens.
    pub context: Option<u64>,
    /// The provider has withdrawn the model or announced it.
    pub is_deprecated: bool,
    /// Bundled or refreshed.
    pub origin: PriceOrigin,
    /// Position of the row's source among the catalog's sources.
    pub source: Option<u16>,
    /// Rates and the conditions that change them.
    pub prices: Prices,
}

impl PriceRow {
    /// Whether the row has a price. 0 / 0 means unknown, except for `:free` ids (PRICING.md, section 4).
    pub fn is_known(&self) -> bool {
        self.is_free() || !self.prices.base.are_zero()
    }

    /// Whether the id ends in `:free`.
    pub fn is_free(&self) -> bool {
        Self::is_free_id(&self.id)
    }

    pub(crate) fn is_free_id(id: &str) -> bool {
        id.ends_with(":free")
    }
}

/// A row, or a part of one, as in `assets/pricing/catalog.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct CatalogEntry<'a> {
    input: Option<f64>,
    output: Option<f64>,
    cache_read: Option<f64>,
    cache_write: Option<f64>,
    cache_write_1h: Option<f64>,
    reasoning: Option<f64>,
    input_audio: Option<f64>,
    output_audio: Option<f64>,
    cache_read_audio: Option<f64>,
    request: Option<f64>,
    context: Option<u64>,
    deprecated: u8,
    above: u64,
    from: &'a str,
    to: &'a str,
    #[serde(borrow)]
    tiers: Vec<CatalogEntry<'a>>,
    service_tiers: BTreeMap<&'a str, CatalogEntry<'a>>,
    scheduled: Vec<CatalogEntry<'a>>,
    time_of_day_utc_weekdays: Vec<CatalogEntry<'a>>,
    time_of_day_utc: Vec<CatalogEntry<'a>>,
    holidays: Option<&'a str>,
    search: Option<SearchFees>,
    until: &'a str,
    past: Vec<CatalogEntry<'a>>,
    aliases: Vec<&'a str>,
    s: Option<u16>,
}

/// Holiday calendars by name.
pub(super) type Calendars = BTreeMap<Box<str>, Arc<Holidays>>;

impl CatalogEntry<'_> {
    pub(super) fn into_row(self, provider: &Arc<str>, id: &str, calendars: &Calendars) -> PriceRow {
        PriceRow {
            provider: Arc::clone(provider),
            id: id.into(),
            aliases: self.aliases.iter().map(|&alias| alias.into()).collect(),
            context: self.context,
            is_deprecated: self.deprecated != 0,
            origin: PriceOrigin::Bundled,
            source: self.s,
            prices: self.prices(calendars),
        }
    }

    fn prices(&self, calendars: &Calendars) -> Prices {
        let weekdays = self.time_of_day_utc_weekdays.iter().filter_map(|part| part.as_window(true, calendars));
        let days = self.time_of_day_utc.iter().filter_map(|part| part.as_window(false, calendars));
        let mut past: Vec<PastPrices> = self.past.iter().filter_map(|part| part.as_past(calendars)).collect();
        past.sort_by_key(|past| past.until_unix_secs);
        Prices {
            base: self.rates(),
            scheduled: schedule(self.scheduled.iter().filter_map(CatalogEntry::as_scheduled).collect()),
            service_tiers: self.named_tiers(),
            windows: weekdays.chain(days).collect(),
            tiers: sorted_tiers(self.tiers.iter().map(CatalogEntry::as_tier).collect()),
            search: self.search,
            past: past.into(),
        }
    }

    fn named_tiers(&self) -> Box<[ServiceTier]> {
        self.service_tiers.iter().map(|(name, part)| part.as_service_tier(name)).collect()
    }

    fn rates(&self) -> Rates {
        Rates {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            cache_write: self.cache_write,
            cache_write_1h: self.cache_write_1h,
            reasoning: self.reasoning,
            input_audio: self.input_audio,
            output_audio: self.output_audio,
            cache_read_audio: self.cache_read_audio,
            request: self.request,
        }
    }

    fn as_tier(&self) -> ContextTier {
        ContextTier { above: self.above, rates: self.rates() }
    }

    fn as_service_tier(&self, name: &str) -> ServiceTier {
        ServiceTier {
            name: name.into(),
            rates: self.rates(),
            tiers: sorted_tiers(self.tiers.iter().map(CatalogEntry::as_tier).collect()),
        }
    }

    fn as_scheduled(&self) -> Option<ScheduledChange> {
        Some(ScheduledChange {
            from: self.from.into(),
            from_unix_secs: unix_secs(self.from)?,
            rates: self.rates(),
            service_tiers: self.named_tiers(),
        })
    }

    fn as_past(&self, calendars: &Calendars) -> Option<PastPrices> {
        Some(PastPrices {
            until: self.until.into(),
            until_unix_secs: unix_secs(self.until)?,
            prices: self.prices(calendars),
        })
    }

    fn as_window(&self, is_weekdays: bool, calendars: &Calendars) -> Option<TimeWindow> {
        Some(TimeWindow {
            is_weekdays,
            holidays: self.holidays.and_then(|name| calendars.get(name)).cloned(),
            from_minute: minute(self.from)?,
            to_minute: minute(self.to)?,
            rates: self.rates(),
        })
    }
}

/// A calendar as in the catalog.
#[derive(Deserialize)]
pub(super) struct CalendarEntry<'a> {
    utc_offset_hours: i64,
    #[serde(borrow)]
    dates: Vec<&'a str>,
}

impl From<&CalendarEntry<'_>> for Holidays {
    fn from(entry: &CalendarEntry<'_>) -> Self {
        let mut days: Vec<i64> = entry.dates.iter().filter_map(|date| Some(unix_secs(date)? / DAY_SECS)).collect();
        days.sort_unstable();
        Self { offset_secs: entry.utc_offset_hours.saturating_mul(3600), days: days.into() }
    }
}

/// Parses a date or a time in UTC.
fn unix_secs(text: &str) -> Option<i64> {
    let time = || chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S").ok();
    let day = || Some(chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_time(chrono::NaiveTime::MIN));
    Some(time().or_else(day)?.and_utc().timestamp())
}

/// Sorts tiers by threshold, as [`Prices::in_force`] expects them.
pub(super) fn sorted_tiers(mut tiers: Vec<ContextTier>) -> Box<[ContextTier]> {
    tiers.sort_by_key(|tier| tier.above);
    tiers.into()
}

fn schedule(mut changes: Vec<ScheduledChange>) -> Box<[ScheduledChange]> {
    changes.sort_by_key(|change| change.from_unix_secs);
    changes.into()
}

/// Parses `HH:MM` into minutes; `24:00` is the end of the day.
fn minute(clock: &str) -> Option<i64> {
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
    ((0..=24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
}

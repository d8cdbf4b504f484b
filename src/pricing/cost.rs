//! Computes the cost of a call: tokens times effective rates, as separate lines (PRICING.md, section 2).

use serde::Serialize;

use super::row::{EffectiveRates, PriceRow, Rates, is_standard_tier};
use crate::call::Usage;

/// The subject of one cost line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostItem {
    /// Input neither read from nor written to the prompt cache.
    Input,
    /// Audio input.
    InputAudio,
    /// Input read from the cache.
    CacheRead,
    /// Audio input read from the cache.
    CacheReadAudio,
    /// Input written to the cache.
    CacheWrite,
    /// Input written to the cache with a one-hour lifetime.
    #[serde(rename = "cache_write_1h")]
    CacheWrite1h,
    /// Output.
    Output,
    /// Reasoning, if the row has a separate rate.
    Reasoning,
    /// Audio output.
    OutputAudio,
    /// The fee per request.
    Request,
}

impl CostItem {
    /// All items, in display order.
    pub const ALL: [Self; MOST_LINES] = [
        Self::Input,
        Self::InputAudio,
        Self::CacheRead,
        Self::CacheReadAudio,
        Self::CacheWrite,
        Self::CacheWrite1h,
        Self::Output,
        Self::Reasoning,
        Self::OutputAudio,
        Self::Request,
    ];

    /// Its listed rate, USD per 1e6 tokens or per request.
    pub const fn listed_rate(self, rates: &Rates) -> Option<f64> {
        match self {
            Self::Input => rates.input,
            Self::InputAudio => rates.input_audio,
            Self::CacheRead => rates.cache_read,
            Self::CacheReadAudio => rates.cache_read_audio,
            Self::CacheWrite => rates.cache_write,
            Self::CacheWrite1h => rates.cache_write_1h,
            Self::Output => rates.output,
            Self::Reasoning => rates.reasoning,
            Self::OutputAudio => rates.output_audio,
            Self::Request => rates.request,
        }
    }

    /// Its name on the screen.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::InputAudio => "audio input",
            Self::CacheRead => "cache read",
            Self::CacheReadAudio => "audio cache read",
            Self::CacheWrite => "cache write",
            Self::CacheWrite1h => "cache write 1h",
            Self::Output => "output",
            Self::Reasoning => "reasoning",
            Self::OutputAudio => "audio output",
            Self::Request => "request",
        }
    }
}

/// One line of a cost: `tokens x rate = usd`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct CostLine {
    /// The subject of the line.
    pub item: CostItem,
    /// Tokens; 1 for the request fee.
    pub tokens: u64,
    /// USD per 1e6 tokens; USD per request for the fee.
    pub rate: f64,
    /// USD, never rounded.
    pub usd: f64,
}

/// Largest number of lines: one per item.
const MOST_LINES: usize = 10;

/// A cost with its lines. Not allocated on the heap, since every priced call computes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Breakdown<'a> {
    /// USD, never rounded.
    pub usd: f64,
    /// The rates that applied, with their conditions.
    pub in_force: EffectiveRates<'a>,
    lines: [Option<CostLine>; MOST_LINES],
}

impl Breakdown<'_> {
    /// The lines that charge for something, in the order of [`CostItem`].
    pub(crate) fn lines(&self) -> impl Iterator<Item = CostLine> {
        self.lines.into_iter().flatten()
    }

    /// Fresh input, audio included, USD.
    pub(crate) fn input_usd(&self) -> f64 {
        self.sum(&[CostItem::Input, CostItem::InputAudio])
    }

    /// Cache reads, audio included, USD.
    pub(crate) fn cache_read_usd(&self) -> f64 {
        self.sum(&[CostItem::CacheRead, CostItem::CacheReadAudio])
    }

    /// Cache writes of any lifetime, USD.
    pub(crate) fn cache_write_usd(&self) -> f64 {
        self.sum(&[CostItem::CacheWrite, CostItem::CacheWrite1h])
    }

    /// Output, reasoning and audio included, USD.
    pub(crate) fn output_usd(&self) -> f64 {
        self.sum(&[CostItem::Output, CostItem::Reasoning, CostItem::OutputAudio])
    }

    /// The fee per request, USD.
    pub(crate) fn request_usd(&self) -> f64 {
        self.sum(&[CostItem::Request])
    }

    fn sum(&self, items: &[CostItem]) -> f64 {
        added(self.lines().filter(|line| items.contains(&line.item)).map(|line| line.usd))
    }
}

/// What a call's cost depends on besides the row and the counts.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(crate) struct Terms<'a> {
    /// When the call was made, seconds since the epoch.
    pub at_unix_secs: i64,
    /// The service tier that was billed.
    pub service_tier: Option<&'a str>,
    /// The search context size of a model that searches.
    pub search_context: Option<&'a str>,
    /// Factor on all rates.
    pub uplift: Option<f64>,
}

#[cfg(test)]
impl<'a> Terms<'a> {
    pub(crate) fn at(at_unix_secs: i64, service_tier: Option<&'a str>) -> Self {
        Self { at_unix_secs, service_tier, ..Self::default() }
    }
}

impl Terms<'_> {
    /// The rates of `row` under these terms, as listed.
    pub(crate) fn in_force<'r>(&self, row: &'r PriceRow, usage: &Usage) -> EffectiveRates<'r> {
        let mut in_force = row.prices.in_force(self.at_unix_secs, self.service_tier, usage.input_total().unwrap_or(0));
        if let Some((fee, _)) = row.prices.search_fee(self.search_context) {
            in_force.rates.request = Some(in_force.rates.request.unwrap_or(0.0) + fee);
        }
        in_force
    }

    /// Whether the rates are those of the call: not if the row lacks its service tier, or if a fee depends on something
    /// that is not known.
    pub(crate) fn are_known(&self, row: &PriceRow, in_force: &EffectiveRates<'_>) -> bool {
        let lacks_tier =
            self.service_tier.is_some_and(|name| !is_standard_tier(name)) && in_force.service_tier.is_none();
        !lacks_tier && row.prices.search_fee(self.search_context).is_none_or(|(_, is_certain)| is_certain)
    }
}

/// The cost of `usage` by `row` under these terms; `None` if the counts do not determine it.
pub(crate) fn price<'a>(row: &'a PriceRow, usage: &Usage, terms: &Terms<'_>) -> Option<Breakdown<'a>> {
    let mut in_force = terms.in_force(row, usage);
    if let Some(uplift) = terms.uplift {
        in_force.rates = in_force.rates.map(|rate| rate * uplift);
    }
    let counts = Counts::of(usage, &in_force.rates)?;
    // Some emitters report 0 for unknown counts; no call uses no tokens at all.
    if counts.are_zero() && !row.is_free() {
        return None;
    }
    let lines = counts.lines(&in_force.rates);
    let usd = total_usd(&lines);
    usd.is_finite().then_some(Breakdown { usd, in_force, lines })
}

/// Divides once at the end, as the formula does, so that round figures stay round.
fn total_usd(lines: &[Option<CostLine>]) -> f64 {
    let is_fee = |line: &&CostLine| line.item == CostItem::Request;
    let lines = || lines.iter().flatten();
    let fees = added(lines().filter(is_fee).map(|line| line.rate));
    let micros = added(lines().filter(|line| !is_fee(line)).map(|line| line.tokens as f64 * line.rate));
    micros / 1e6 + fees
}

/// The sum, 0 for no figures: `Iterator::sum` would return −0, which would be displayed.
fn added(figures: impl Iterator<Item = f64>) -> f64 {
    figures.fold(0.0, |sum, figure| sum + figure)
}

/// The total of [`price`] alone.
#[cfg(test)]
pub(crate) fn cost_usd(row: &PriceRow, usage: &Usage, at_unix_secs: i64, service_tier: Option<&str>) -> Option<f64> {
    price(row, usage, &Terms::at(at_unix_secs, service_tier)).map(|sum| sum.usd)
}

/// Tokens by cost item. Each token is in exactly one count.
struct Counts {
    input: u64,
    input_audio: u64,
    cache_read: u64,
    cache_read_audio: u64,
    cache_write: u64,
    cache_write_1h: u64,
    output: u64,
    reasoning: u64,
    output_audio: u64,
}

impl Counts {
    /// Without both counts there is no cost, unless what is missing is not charged (embeddings have no output).
    /// Audio and reasoning are split off only where both their count and their rate exist.
    fn of(usage: &Usage, rates: &Rates) -> Option<Self> {
        let is_free = |rate: Option<f64>| rate == Some(0.0);
        usage.input.or(usage.output).or(usage.fresh)?;
        let fresh = usage.input_fresh().or(is_free(rates.input).then_some(0))?;
        let output = usage.output.or(is_free(rates.output).then_some(0))?;
        let cache_read = usage.cache_read.unwrap_or(0);
        let cache_write = usage.cache_write.or(usage.cache_write_1h).unwrap_or(0);
        let cache_write_1h = usage.cache_write_1h.unwrap_or(0).min(cache_write);
        let cache_read_audio = split_off(usage.cache_read_audio, rates.cache_read_audio, cache_read);
        let heard = usage.input_audio.map(|audio| audio.saturating_sub(usage.cache_read_audio.unwrap_or(0)));
        let input_audio = split_off(heard, rates.input_audio, fresh);
        let output_audio = split_off(usage.output_audio, rates.output_audio, output);
        let written = output - output_audio;
        let reasoning = usage.reasoning.filter(|_| rates.reasoning.is_some()).unwrap_or(0);
        Some(Self {
            input: fresh - input_audio,
            input_audio,
            cache_read: cache_read - cache_read_audio,
            cache_read_audio,
            cache_write: cache_write - cache_write_1h,
            cache_write_1h,
            // More reasoning than output proves that the output count excludes it.
            output: written.checked_sub(reasoning).unwrap_or(written),
            reasoning,
            output_audio,
        })
    }

    fn are_zero(&self) -> bool {
        [self.input, self.input_audio, self.cache_read, self.cache_read_audio, self.cache_write, self.cache_write_1h]
            .into_iter()
            .chain([self.output, self.reasoning, self.output_audio])
            .all(|tokens| tokens == 0)
    }

    /// The lines in the order of [`CostItem`]; input and output are always there, the others when they charge.
    fn lines(&self, rates: &Rates) -> [Option<CostLine>; MOST_LINES] {
        let input = rates.input.unwrap_or(0.0);
        let output = rates.output.unwrap_or(0.0);
        // Writes that are free stay free for an hour too.
        let dearer = rates.cache_write.map(|write| if write > 0.0 { 2.0 * input } else { 0.0 });
        let write_1h = rates.cache_write_1h.or(dearer).unwrap_or(input);
        let line = |item, tokens, rate| CostLine { item, tokens, rate, usd: tokens as f64 * rate / 1e6 };
        let if_any = |item, tokens, rate| (tokens > 0).then(|| line(item, tokens, rate));
        [
            Some(line(CostItem::Input, self.input, input)),
            if_any(CostItem::InputAudio, self.input_audio, rates.input_audio.unwrap_or(input)),
            if_any(CostItem::CacheRead, self.cache_read, rates.cache_read.unwrap_or(input)),
            if_any(CostItem::CacheReadAudio, self.cache_read_audio, rates.cache_read_audio.unwrap_or(input)),
            if_any(CostItem::CacheWrite, self.cache_write, rates.cache_write.unwrap_or(input)),
            if_any(CostItem::CacheWrite1h, self.cache_write_1h, write_1h),
            Some(line(CostItem::Output, self.output, output)),
            if_any(CostItem::Reasoning, self.reasoning, rates.reasoning.unwrap_or(output)),
            if_any(CostItem::OutputAudio, self.output_audio, rates.output_audio.unwrap_or(output)),
            rates.request.map(|fee| CostLine { item: CostItem::Request, tokens: 1, rate: fee, usd: fee }),
        ]
    }
}

/// The part of `whole` that is charged at a rate of its own.
fn split_off(count: Option<u64>, rate: Option<f64>, whole: u64) -> u64 {
    count.filter(|_| rate.is_some()).unwrap_or(0).min(whole)
}

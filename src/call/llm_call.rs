//! A call as the ring keeps it: interned and packed, about 130 bytes, read through accessors.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::bounds::bounded_id;
use super::{
    Attempt, Attempts, CallFacts, Convention, InputCount, KeptId, Labels, Name, Names, PlanoFacts, Quality, RequestId,
    Usage,
};

/// The arrival number of a call, from 0: what selection, detail and headless gaps hang on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// Where a shown cost comes from (PRICING.md, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CostBasis {
    /// The emitter computed it for this call.
    Reported,
    /// The bundled price catalog has a row for the model at this provider.
    Priced,
    /// So has the price feed that was fetched from the network.
    Refreshed,
    /// The first party's list price stands in for a reseller's own.
    Estimate,
}

impl CostBasis {
    /// The word used in `--json` and on screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Priced => "priced",
            Self::Refreshed => "refreshed",
            Self::Estimate => "estimate",
        }
    }
}

/// What a call cost and why we say so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// USD, never rounded.
    pub usd: f64,
    /// Whether it was reported, priced or estimated.
    pub basis: CostBasis,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// An HTTP status code was reported.
    Code(u16),
    /// No code, and the span's status is not ERROR.
    Ok,
    /// No code, and the span's status is ERROR.
    Error,
    /// A gateway call without any status: the upstream could not be reached.
    NoResponse,
}

impl Status {
    /// Whether the call failed.
    pub const fn is_error(self) -> bool {
        match self {
            Self::Code(code) => code >= 400,
            Self::Ok => false,
            Self::Error | Self::NoResponse => true,
        }
    }
}

/// A count in four bytes; absent and "too large, see the overflow box" are its two highest values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Count(u32);

impl Count {
    const ABSENT: Self = Self(u32::MAX);
    const OVERFLOW: Self = Self(u32::MAX - 1);

    fn pack(count: Option<u64>) -> Self {
        match count.map(u32::try_from) {
            None => Self::ABSENT,
            Some(Ok(small)) if small < Self::OVERFLOW.0 => Self(small),
            Some(_) => Self::OVERFLOW,
        }
    }

    fn unpack(self, overflow: impl FnOnce() -> Option<u64>) -> Option<u64> {
        match self {
            Self::ABSENT => None,
            Self::OVERFLOW => overflow(),
            Self(small) => Some(u64::from(small)),
        }
    }
}

/// A number in eight bytes; NaN, which no accepted figure is, means absent.
#[derive(Clone, Copy, Debug)]
struct Figure(f64);

impl Figure {
    fn pack(figure: Option<f64>) -> Self {
        Self(figure.unwrap_or(f64::NAN))
    }

    fn unpack(self) -> Option<f64> {
        (!self.0.is_nan()).then_some(self.0)
    }
}

/// A trace id and a span id of unexpected length.
type OddIds = (Box<[u8]>, Box<[u8]>);

/// What most calls do not have; one pointer in those that don't.
#[derive(Clone, Debug, Default, PartialEq)]
struct Rare {
    usage: Usage,
    request_id: Option<Name>,
    reported_cost_usd: Option<f64>,
    fallback_cost_usd: Option<f64>,
    error_message: Option<Name>,
    user_id: Option<Name>,
    /// Ids that are not 16 and 8 bytes long, as they came.
    odd_ids: Option<OddIds>,
    /// Boxed, as few calls have several.
    attempts: Option<Box<Attempts>>,
}

/// A kept call. Read it through its accessors: the layout is packed.
#[derive(Clone, Debug)]
pub struct LlmCall {
    id: CallId,
    start_unix_nano: i64,
    labels: Arc<Labels>,
    session_id: Option<Name>,
    rare: Option<Box<Rare>>,
    ttft_ms: Figure,
    duration_ms: Figure,
    cost_usd: Figure,
    trace_id: [u8; 16],
    span_id: [u8; 8],
    /// The emitted id where it is a UUID, which most are; zeros otherwise.
    request_uuid: [u8; 16],
    input: Count,
    output: Count,
    total: Count,
    cache_read: Count,
    cache_write: Count,
    reasoning: Count,
    overhead_pct: f32,
    switches: u16,
    revision: u16,
    status_code: u16,
    flags: Flags,
}

/// Small facts, one field each in the debug output, one bit group each in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Flags {
    cost_basis: Option<CostBasis>,
    quality: Option<Quality>,
    is_streaming: Option<bool>,
    /// `span_error`, `flagged`, `hidden`, "the start is the arrival" as bits 0, 1, 2, 3.
    bits: u8,
}

const SPAN_ERROR: u8 = 1;
const FLAGGED: u8 = 2;
const MERGED_AWAY: u8 = 4;
const STARTED_ON_ARRIVAL: u8 = 8;

const NO_SWITCHES: u16 = u16::MAX;

/// The shortest time that is measured, a nanosecond: what is less is the residue of a subtraction.
const LEAST_WINDOW_MS: f64 = 1e-6;

impl LlmCall {
    /// Interns and packs `facts`, its texts within [`LONGEST_TEXT`](super::LONGEST_TEXT). `received_unix_nano` stands in for a
    /// start that the emitter left at 0.
    pub fn from_facts(facts: &CallFacts<'_>, names: &mut Names, received_unix_nano: i64) -> Self {
        if let Some(shorter) = facts.bounded() {
            return Self::from_facts(&shorter, names, received_unix_nano);
        }
        let labels = names.labels(facts);
        let session_id = facts.session_id.as_deref().map(|session| names.intern(session));
        let request_uuid = facts.request_id.uuid();
        let rare = Rare::is_needed(facts, request_uuid.is_some()).then(|| Box::new(Rare::of(facts, names)));
        Self {
            id: CallId::default(),
            start_unix_nano: facts
                .start_unix_nano
                .map_or(received_unix_nano, |nano| i64::try_from(nano).unwrap_or(i64::MAX)),
            labels,
            session_id,
            rare,
            ttft_ms: Figure::pack(facts.ttft_ms),
            duration_ms: Figure::pack(facts.duration_ms),
            cost_usd: Figure::pack(None),
            trace_id: facts.trace_id.try_into().unwrap_or_default(),
            span_id: facts.span_id.try_into().unwrap_or_default(),
            request_uuid: request_uuid.unwrap_or_default(),
            input: Count::pack(facts.usage.input),
            output: Count::pack(facts.usage.output),
            total: Count::pack(facts.usage.total),
            cache_read: Count::pack(facts.usage.cache_read),
            cache_write: Count::pack(facts.usage.cache_write),
            reasoning: Count::pack(facts.usage.reasoning),
            overhead_pct: facts.plano.session_overhead_pct.map_or(f32::NAN, narrow),
            switches: facts
                .plano
                .session_switches
                .map_or(NO_SWITCHES, |count| u16::try_from(count).unwrap_or(NO_SWITCHES - 1)),
            revision: 0,
            status_code: facts.status_code.unwrap_or(0),
            flags: Flags {
                cost_basis: None,
                quality: facts.plano.quality,
                is_streaming: facts.is_streaming,
                bits: [
                    (facts.span_error, SPAN_ERROR),
                    (facts.plano.flagged, FLAGGED),
                    (facts.start_unix_nano.is_none(), STARTED_ON_ARRIVAL),
                ]
                .into_iter()
                .fold(0, |bits, (is_set, bit)| if is_set { bits | bit } else { bits }),
            },
        }
    }

    /// This call as facts again, for merging with those of another span.
    pub fn facts(&self) -> CallFacts<'_> {
        let (trace_id, span_id) = self.ids();
        CallFacts {
            model: text(self.model()),
            request_id: self.emitted_request_id().map_or(RequestId::SpanId, |id| RequestId::Emitted(Cow::Owned(id))),
            start_unix_nano: self.emitted_start_unix_nano().and_then(|nano| u64::try_from(nano).ok()),
            session_id: text(self.session_id.as_ref()),
            is_streaming: self.flags.is_streaming,
            status_code: self.status_code(),
            span_error: self.flags.bits & SPAN_ERROR != 0,
            usage: self.usage(),
            ttft_ms: self.ttft_ms(),
            duration_ms: self.duration_ms(),
            reported_cost_usd: self.reported_cost_usd(),
            fallback_cost_usd: self.fallback_cost_usd(),
            error_message: text(self.error_message()),
            user_id: text(self.user_id()),
            trace_id,
            span_id,
            plano: self.plano_facts(),
            attempts: self.attempts_of_several().cloned().unwrap_or_default(),
            ..self.labels.facts()
        }
    }

    /// Whether `other` has the same facts; id and revision are not compared.
    pub fn same_facts(&self, other: &Self) -> bool {
        self.facts() == other.facts() && self.cost() == other.cost() && self.is_merged_away() == other.is_merged_away()
    }

    /// The bytes of its texts, shared ones included.
    pub fn text_bytes(&self) -> usize {
        let rare = self.rare.as_deref();
        let own =
            [self.session_id(), self.error_message(), self.user_id(), rare.and_then(|rare| rare.request_id.as_ref())];
        self.labels.text_bytes() + own.into_iter().flatten().map(Name::len).sum::<usize>()
    }

    /// Gives the call its place in arrival order and its revision (1 for the first).
    pub fn place(&mut self, id: CallId, revision: u16) {
        self.id = id;
        self.revision = revision;
    }

    /// Sets what the call cost; `None` is unknown.
    pub fn set_cost(&mut self, cost: Option<Cost>) {
        self.cost_usd = Figure::pack(cost.map(|cost| cost.usd));
        self.flags.cost_basis = cost.map(|cost| cost.basis);
    }

    /// Marks the row as part of another row: it stays in its place, unseen and uncounted.
    pub fn mark_merged(&mut self) {
        self.flags.bits |= MERGED_AWAY;
    }

    /// Whether the row became part of another row.
    pub const fn is_merged_away(&self) -> bool {
        self.flags.bits & MERGED_AWAY != 0
    }

    /// Arrival number, unique in a run.
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// 1 on arrival; one more each time another span completed the call.
    pub const fn revision(&self) -> u16 {
        self.revision
    }

    /// The names this call shares with others.
    pub fn labels(&self) -> &Arc<Labels> {
        &self.labels
    }

    /// `request_id`, `http.request_id`, `gen_ai.response.id`, else the hex span id.
    pub fn request_id(&self) -> String {
        self.emitted_request_id().unwrap_or_else(|| hex(self.ids().1))
    }

    /// The id as emitted; `None` where only the span id names the call.
    pub fn emitted_request_id(&self) -> Option<String> {
        match self.rare.as_deref().and_then(|rare| rare.request_id.as_ref()) {
            Some(text) => Some(text.to_string()),
            None => (self.request_uuid != [0; 16]).then(|| format_uuid(&self.request_uuid)),
        }
    }

    /// [`LlmCall::request_id`] as it is kept, to be read without an allocation.
    pub fn kept_id(&self) -> KeptId<'_> {
        match self.rare.as_deref().and_then(|rare| rare.request_id.as_ref()) {
            Some(text) => KeptId::Text(text),
            None if self.request_uuid != [0; 16] => KeptId::Uuid(&self.request_uuid),
            None => KeptId::Hex(self.ids().1),
        }
    }

    /// Start of the call, ns since the epoch.
    pub const fn start_unix_nano(&self) -> i64 {
        self.start_unix_nano
    }

    /// The start as emitted; `None` where the arrival stands in for it.
    pub const fn emitted_start_unix_nano(&self) -> Option<i64> {
        if self.flags.bits & STARTED_ON_ARRIVAL == 0 { Some(self.start_unix_nano) } else { None }
    }

    /// The model that answered; `None` if no span reported it (failed calls of some emitters).
    pub fn model(&self) -> Option<&Name> {
        self.labels.model.as_ref().filter(|model| !model.is_empty())
    }

    /// The model to show, group and filter by: the one that answered, else the one asked for.
    pub fn shown_model(&self) -> &str {
        self.model().or(self.labels.request_model.as_ref()).map_or("", Name::as_str)
    }

    /// Provider as emitted, else the `service.name` of Plano's resource, else `unknown`.
    pub fn provider(&self) -> &str {
        self.known_provider().unwrap_or("unknown")
    }

    /// As [`Self::provider`], if it is known. Any other service than Plano is named after what it does, not after who
    /// sells the answer.
    pub fn known_provider(&self) -> Option<&str> {
        let labels = &self.labels;
        let service = labels.service_name.as_ref().filter(|_| labels.convention == Convention::Plano);
        labels.provider.as_ref().or(service).map(Name::as_str)
    }

    /// The model the client asked for.
    pub fn request_model(&self) -> Option<&Name> {
        self.labels.request_model.as_ref()
    }

    /// The real upstream model, where the emitter reports it separately.
    pub fn upstream_model(&self) -> Option<&Name> {
        self.labels.upstream_model.as_ref()
    }

    /// Session or conversation id.
    pub fn session_id(&self) -> Option<&Name> {
        self.session_id.as_ref()
    }

    /// Route chosen by Plano.
    pub fn route_name(&self) -> Option<&Name> {
        self.labels.route_name.as_ref()
    }

    /// Whether the answer was streamed, as emitted.
    pub const fn is_streaming(&self) -> Option<bool> {
        self.flags.is_streaming
    }

    /// HTTP status, when one was reported.
    pub fn status_code(&self) -> Option<u16> {
        (self.status_code != 0).then_some(self.status_code)
    }

    /// How the call ended. A Plano call without a status never got an answer (SEMCONV.md, section 1).
    pub fn status(&self) -> Status {
        match (self.status_code(), self.flags.bits & SPAN_ERROR != 0, self.labels.convention) {
            (Some(code), true, _) if code < 400 => Status::Error,
            (Some(code), _, _) => Status::Code(code),
            (None, _, Convention::Plano) => Status::NoResponse,
            (None, true, _) => Status::Error,
            (None, false, _) => Status::Ok,
        }
    }

    /// Token counts as reported.
    #[inline]
    pub fn usage(&self) -> Usage {
        let rare = self.rare.as_deref().map(|rare| &rare.usage);
        let rarely = |count: fn(&Usage) -> Option<u64>| rare.and_then(count);
        Usage {
            input: self.input.unpack(|| rarely(|usage| usage.input)),
            output: self.output.unpack(|| rarely(|usage| usage.output)),
            total: self.total.unpack(|| rarely(|usage| usage.total)),
            cache_read: self.cache_read.unpack(|| rarely(|usage| usage.cache_read)),
            cache_write: self.cache_write.unpack(|| rarely(|usage| usage.cache_write)),
            reasoning: self.reasoning.unpack(|| rarely(|usage| usage.reasoning)),
            cache_write_1h: rarely(|usage| usage.cache_write_1h),
            fresh: rarely(|usage| usage.fresh),
            input_audio: rarely(|usage| usage.input_audio),
            cache_read_audio: rarely(|usage| usage.cache_read_audio),
            output_audio: rarely(|usage| usage.output_audio),
            input_count: self.labels.input_count,
        }
    }

    /// Time to first token, ms.
    pub fn ttft_ms(&self) -> Option<f64> {
        self.ttft_ms.unpack()
    }

    /// Duration, ms.
    pub fn duration_ms(&self) -> Option<f64> {
        self.duration_ms.unpack()
    }

    /// Milliseconds a generated token took: (duration − ttft) / output tokens; `None` without a
    /// duration, without output tokens, or when nothing is left to divide.
    pub fn tpt_ms(&self) -> Option<f64> {
        let output = self.usage().output.filter(|&tokens| tokens > 0)?;
        let generation_ms = self.duration_ms()? - self.ttft_ms().unwrap_or(0.0);
        (generation_ms >= LEAST_WINDOW_MS).then(|| generation_ms / output as f64)
    }

    /// Generated tokens a second: `1000 / tpt_ms`.
    pub fn tokens_per_sec(&self) -> Option<f64> {
        self.tpt_ms().map(|tpt_ms| 1000.0 / tpt_ms).filter(|rate| rate.is_finite())
    }

    /// The rate that is shown and summed: [`LlmCall::tokens_per_sec`] where there is a generation window to measure
    /// it over. Without a first token there is none, nor where it came with the last: gateways report a time to first token for answers that were not streamed, too, and then about the whole
    /// duration (SEMCONV.md, section 1): what is left is no generation time, and a rate over it would be fiction.
    pub fn generation_rate(&self) -> Option<f64> {
        const LEAST_SHARE: f64 = 0.05;
        let duration_ms = self.duration_ms()?;
        let generation_ms = duration_ms - self.ttft_ms()?;
        let has_window = self.is_streaming() != Some(false) && generation_ms >= duration_ms * LEAST_SHARE;
        self.tokens_per_sec().filter(|_| has_window)
    }

    /// When the call ended, ns since the epoch; without a duration it is over as it starts.
    #[expect(clippy::cast_possible_truncation, reason = "float casts saturate, which is meant")]
    pub fn end_unix_nano(&self) -> i64 {
        let duration_nanos = self.duration_ms().unwrap_or(0.0).max(0.0) * 1e6;
        self.start_unix_nano().saturating_add(duration_nanos as i64)
    }

    /// Output tokens a second of the whole duration: a lower bound of the speed, for calls without a
    /// [`generation_rate`](Self::generation_rate).
    pub fn end_to_end_rate(&self) -> Option<f64> {
        let (output, ms) =
            self.usage().output.zip(self.duration_ms()).filter(|&(output, ms)| output > 0 && ms > 0.0)?;
        Some(output as f64 * 1000.0 / ms)
    }

    /// The cost that is shown, with its provenance.
    pub fn cost(&self) -> Option<Cost> {
        Some(Cost { usd: self.cost_usd.unpack()?, basis: self.flags.cost_basis? })
    }

    /// What the emitter computed for this call, USD (outranks the catalog).
    pub fn reported_cost_usd(&self) -> Option<f64> {
        self.rare.as_deref()?.reported_cost_usd
    }

    /// What Plano billed for this call, USD (ranks below the catalog).
    pub fn fallback_cost_usd(&self) -> Option<f64> {
        self.rare.as_deref()?.fallback_cost_usd
    }

    /// How many attempts it took, where several are known.
    pub fn attempts(&self) -> Option<u32> {
        let attempts = self.attempts_of_several()?;
        attempts.count.or_else(|| u32::try_from(attempts.known.len()).ok().filter(|&count| count > 0))
    }

    fn attempts_of_several(&self) -> Option<&Attempts> {
        self.rare.as_deref()?.attempts.as_deref()
    }

    /// The attempts that have a span, in the order in which they started; empty where there was one.
    pub fn known_attempts(&self) -> &[Attempt] {
        self.attempts_of_several().map_or(&[], |attempts| &attempts.known)
    }

    /// Time lost to attempts that failed before the last one, ms.
    pub fn failed_attempts_ms(&self) -> Option<f64> {
        self.lost_attempts().filter_map(|attempt| attempt.duration_ms).reduce(|sum, ms| sum + ms)
    }

    /// Money lost to attempts that failed before the last one, USD: tokens that were counted are billed.
    pub fn failed_attempts_usd(&self) -> Option<f64> {
        self.lost_attempts().filter_map(|attempt| Some(attempt.cost?.usd)).reduce(|sum, usd| sum + usd)
    }

    fn lost_attempts(&self) -> impl Iterator<Item = &Attempt> {
        self.known_attempts().split_last().map_or(&[][..], |(_, earlier)| earlier).iter().filter(|one| one.is_error)
    }

    /// Status or exception message.
    pub fn error_message(&self) -> Option<&Name> {
        self.rare.as_deref()?.error_message.as_ref()
    }

    /// End user id.
    pub fn user_id(&self) -> Option<&Name> {
        self.rare.as_deref()?.user_id.as_ref()
    }

    /// Trace and span id as they came, of whatever length.
    pub fn ids(&self) -> (&[u8], &[u8]) {
        match self.rare.as_deref().and_then(|rare| rare.odd_ids.as_ref()) {
            Some((trace_id, span_id)) => (trace_id, span_id),
            None => (&self.trace_id, &self.span_id),
        }
    }

    /// Facts of Plano's own.
    pub fn plano_facts(&self) -> PlanoFacts {
        PlanoFacts {
            quality: self.flags.quality,
            flagged: self.flags.bits & FLAGGED != 0,
            session_switches: (self.switches != NO_SWITCHES).then(|| u32::from(self.switches)),
            session_overhead_pct: (!self.overhead_pct.is_nan()).then(|| f64::from(self.overhead_pct)),
        }
    }
}

impl Rare {
    /// Whether there are facts that are kept outside the call itself.
    fn is_needed(facts: &CallFacts<'_>, has_uuid: bool) -> bool {
        Self::takes_usage(&facts.usage)
            || (matches!(facts.request_id, RequestId::Emitted(_)) && !has_uuid)
            || facts.reported_cost_usd.is_some()
            || facts.fallback_cost_usd.is_some()
            || facts.error_message.is_some()
            || facts.user_id.is_some()
            || !facts.attempts.is_empty()
            || Self::has_odd_ids(facts)
    }

    fn takes_usage(usage: &Usage) -> bool {
        let overflows = [usage.input, usage.output, usage.total, usage.cache_read, usage.cache_write, usage.reasoning]
            .into_iter()
            .any(|count| Count::pack(count) == Count::OVERFLOW);
        let beyond = [usage.cache_write_1h, usage.fresh, usage.input_audio, usage.cache_read_audio, usage.output_audio]
            .into_iter()
            .any(|count| count.is_some());
        overflows || beyond
    }

    const fn has_odd_ids(facts: &CallFacts<'_>) -> bool {
        facts.trace_id.len() != 16 || facts.span_id.len() != 8
    }

    fn of(facts: &CallFacts<'_>, names: &mut Names) -> Self {
        let mut intern = |text: &Option<Cow<'_, str>>| text.as_deref().map(|text| names.intern(text));
        Self {
            usage: if Self::takes_usage(&facts.usage) {
                Usage { input_count: InputCount::default(), ..facts.usage }
            } else {
                Usage::default()
            },
            request_id: match &facts.request_id {
                RequestId::Emitted(text) if facts.request_id.uuid().is_none() => Some(Name::from(text.as_ref())),
                RequestId::Emitted(_) | RequestId::SpanId => None,
            },
            reported_cost_usd: facts.reported_cost_usd,
            fallback_cost_usd: facts.fallback_cost_usd,
            error_message: intern(&facts.error_message),
            user_id: intern(&facts.user_id),
            odd_ids: Self::has_odd_ids(facts)
                .then(|| (bounded_id(facts.trace_id).into(), bounded_id(facts.span_id).into())),
            attempts: (!facts.attempts.is_empty()).then(|| Box::new(facts.attempts.bounded())),
        }
    }
}

fn text(name: Option<&Name>) -> Option<Cow<'_, str>> {
    name.map(|name| Cow::Borrowed(name.as_str()))
}

/// Percentages need no more than a float's 24 bits.
#[expect(clippy::cast_possible_truncation, reason = "an overhead percentage is shown with one decimal")]
fn narrow(figure: f64) -> f32 {
    figure as f32
}

/// Lower-case hex, as OTLP/JSON and every tracing UI write ids.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Where the hyphens of a canonical UUID stand.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Where its groups of digits stand, with and without the hyphens.
const UUID_DIGITS: [(Range<usize>, Range<usize>); 5] =
    [(0..8, 0..8), (9..13, 8..12), (14..18, 12..16), (19..23, 16..20), (24..36, 20..32)];

impl RequestId<'_> {
    /// The id as 16 bytes where it is a UUID in canonical spelling and not the nil one, which stands for absent.
    fn uuid(&self) -> Option<[u8; 16]> {
        match self {
            Self::Emitted(text) => parse_uuid(text).filter(|uuid| *uuid != [0; 16]),
            Self::SpanId => None,
        }
    }
}

/// Reads only what [`format_uuid`] would write again to the letter, so that an id never changes its looks.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let text = text.as_bytes();
    let has_hyphens = UUID_HYPHENS.iter().all(|&at| text.get(at) == Some(&b'-'));
    let mut digits = [0; 32];
    for (from, to) in UUID_DIGITS {
        digits.get_mut(to)?.copy_from_slice(text.get(from)?);
    }
    if !has_hyphens || digits.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut bytes = [0; 16];
    const_hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(bytes)
}

fn format_uuid(bytes: &[u8; 16]) -> String {
    let mut text = hex(bytes);
    for at in UUID_HYPHENS {
        text.insert(at, '-');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(facts: &CallFacts<'_>) -> LlmCall {
        LlmCall::from_facts(facts, &mut Names::default(), 7)
    }

    #[test]
    fn a_kept_call_is_small() {
        assert!(size_of::<LlmCall>() <= 144, "{} bytes", size_of::<LlmCall>());
    }

    #[test]
    fn keeping_and_widening_again_loses_nothing() {
        let facts = CallFacts {
            convention: Convention::Vercel,
            request_id: RequestId::Emitted("33fc87a5-b59f-4a18-bea1-9bbfcf806091".into()),
            start_unix_nano: Some(1_795_424_977_505_544_123),
            model: Some("gpt-4o".into()),
            session_id: Some("s".into()),
            is_streaming: Some(false),
            status_code: Some(429),
            usage: Usage {
                input: Some(u64::MAX),
                output: Some(0),
                cache_read: Some(u64::from(u32::MAX)),
                input_count: InputCount::Exclusive,
                ..Usage::default()
            },
            ttft_ms: Some(0.0),
            reported_cost_usd: Some(1e-9),
            error_message: Some("no".into()),
            trace_id: &[1; 16],
            span_id: &[2; 8],
            plano: PlanoFacts { quality: Some(Quality::Poor), session_switches: Some(3), ..PlanoFacts::default() },
            ..CallFacts::default()
        };
        assert_eq!(keep(&facts).facts(), facts);
    }

    #[test]
    fn ids_keep_their_looks_whatever_their_shape() {
        for id in [
            "33FC87A5-b59f-4a18-bea1-9bbfcf806091",
            "chatcmpl-1",
            "",
            "00000000-0000-0000-0000-000000000000",
            "33fc87a5-b59f-4a18-bea1-9bbfcf80609",
        ] {
            let facts = CallFacts { request_id: RequestId::Emitted(id.into()), ..CallFacts::default() };
            assert_eq!(keep(&facts).request_id(), id);
        }
        let facts = CallFacts { trace_id: &[1], span_id: &[0xab, 0xcd], ..CallFacts::default() };
        assert_eq!(keep(&facts).request_id(), "abcd");
    }

    #[test]
    fn the_residue_of_a_subtraction_is_no_generation_window() {
        let rate = |duration_ms, ttft_ms| {
            let usage = Usage { output: Some(100), ..Usage::default() };
            let facts =
                CallFacts { duration_ms: Some(duration_ms), ttft_ms: Some(ttft_ms), usage, ..CallFacts::default() };
            keep(&facts).tokens_per_sec()
        };
        assert_eq!(rate(0.1 + 0.2, 0.3), None);
        assert_eq!(rate(1.0, 1.0), None);
        assert!(rate(1.0, 0.5).is_some());
    }

    #[test]
    fn a_rate_needs_a_generation_window() {
        let timed = |duration_ms, ttft_ms, output| {
            keep(&CallFacts {
                duration_ms,
                ttft_ms,
                usage: Usage { output, ..Usage::default() },
                ..CallFacts::default()
            })
            .tokens_per_sec()
        };
        assert_eq!(timed(Some(1100.0), Some(100.0), Some(50)), Some(50.0));
        assert_eq!(timed(Some(100.0), Some(100.0), Some(50)), None);
        assert_eq!(timed(Some(1000.0), None, Some(50)), Some(50.0));
        assert_eq!(timed(None, Some(1.0), Some(50)), None);
        assert_eq!(timed(Some(1000.0), None, Some(0)), None);
        assert_eq!(timed(Some(1000.0), None, None), None);
    }

    #[test]
    fn an_answer_that_came_in_one_piece_has_no_generation_rate() {
        let call = |duration_ms, ttft_ms, is_streaming| {
            keep(&CallFacts {
                duration_ms: Some(duration_ms),
                ttft_ms,
                is_streaming,
                usage: Usage { output: Some(50), ..Usage::default() },
                ..CallFacts::default()
            })
        };
        assert_eq!(call(112.0, Some(111.0), None).generation_rate(), None);
        assert_eq!(call(112.0, Some(111.0), None).tokens_per_sec(), Some(50_000.0), "by its definition");
        assert_eq!(call(1100.0, Some(100.0), Some(true)).generation_rate(), Some(50.0));
        assert_eq!(call(1100.0, Some(100.0), Some(false)).generation_rate(), None);
        assert_eq!(call(1000.0, None, None).generation_rate(), None);
    }
}

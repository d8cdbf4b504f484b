//! Sessions: their turns in order, and what can only be told from the order.

use hashbrown::{HashMap, HashSet};

use super::{Share, Tally};
use crate::call::{CallId, LlmCall, Name};

/// The figures of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRow {
    /// The session's id as emitted.
    pub session: Name,
    /// Counts and sums.
    pub tally: Tally,
    /// Models that answered, in the order they first did; calls whose model is unknown leave none.
    pub models: Vec<Name>,
    /// How often a turn's model differs from the turn's before it, counted over the turns at hand.
    pub model_switches: u64,
    /// Start of the first turn, ns since the epoch.
    pub first_unix_nano: i64,
    /// Start of the last turn, ns since the epoch.
    pub last_unix_nano: i64,
    /// End of the turn that ended last, ns since the epoch; an unknown duration counts as none.
    pub end_unix_nano: i64,
    /// Plano's own count of switches, from the last turn that has one.
    pub reported_switches: Option<u32>,
    /// What switching cost against the session's baseline, percent, from the last turn that has it.
    pub overhead_pct: Option<f64>,
    /// The turn that arrived last.
    pub latest: CallId,
}

impl SessionRow {
    /// From the start of the first turn to the end of the last, ns.
    pub const fn duration_nanos(&self) -> i64 {
        self.end_unix_nano.saturating_sub(self.first_unix_nano)
    }
}

/// What the order of turns is told from.
#[derive(Clone, Copy)]
struct Turn<'a> {
    start_unix_nano: i64,
    id: CallId,
    model: &'a str,
    switches: Option<u32>,
    overhead_pct: Option<f64>,
}

#[derive(Default)]
struct Gathered<'a> {
    tally: Tally,
    end_unix_nano: Option<i64>,
    turns: Vec<Turn<'a>>,
}

/// The sessions among `calls`, the one with the newest arrival first. Calls without a session are in none.
/// Turns are ordered by their start, then by arrival.
pub fn sessions<'a>(calls: impl Iterator<Item = &'a LlmCall>) -> Vec<SessionRow> {
    let mut gathered: HashMap<&'a Name, Gathered<'a>, foldhash::fast::RandomState> = HashMap::default();
    for call in calls {
        if let Some(session) = call.session_id() {
            gathered.entry(session).or_default().add(call);
        }
    }
    let mut rows: Vec<_> = gathered.into_iter().filter_map(|(session, turns)| turns.row(session)).collect();
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.latest));
    rows
}

impl<'a> Gathered<'a> {
    fn add(&mut self, call: &'a LlmCall) {
        let facts = call.plano_facts();
        self.tally.add(&Share::of(call));
        self.end_unix_nano = self.end_unix_nano.max(Some(end_unix_nano(call)));
        self.turns.push(Turn {
            start_unix_nano: call.start_unix_nano(),
            id: call.id(),
            model: call.shown_model(),
            switches: facts.session_switches,
            overhead_pct: facts.session_overhead_pct,
        });
    }

    fn row(mut self, session: &Name) -> Option<SessionRow> {
        self.turns.sort_by_key(|turn| (turn.start_unix_nano, turn.id));
        let turns = &self.turns;
        let known: Vec<&str> = turns.iter().map(|turn| turn.model).filter(|model| !model.is_empty()).collect();
        let switches = known.windows(2).filter(|pair| pair.first() != pair.last()).count();
        Some(SessionRow {
            session: session.clone(),
            tally: self.tally,
            models: distinct(&known),
            model_switches: switches as u64,
            first_unix_nano: turns.first()?.start_unix_nano,
            last_unix_nano: turns.last()?.start_unix_nano,
            end_unix_nano: self.end_unix_nano?,
            reported_switches: turns.iter().rev().find_map(|turn| turn.switches),
            overhead_pct: turns.iter().rev().find_map(|turn| turn.overhead_pct),
            latest: turns.iter().map(|turn| turn.id).max()?,
        })
    }
}

/// The names in the order they first come.
fn distinct(names: &[&str]) -> Vec<Name> {
    let mut seen: HashSet<&str, foldhash::fast::RandomState> = HashSet::default();
    let runs = names.chunk_by(|one, next| one == next).filter_map(<[&str]>::first);
    runs.filter(|name| seen.insert(name)).map(|name| Name::from(*name)).collect()
}

#[expect(clippy::cast_possible_truncation, reason = "float casts saturate, which is meant")]
fn end_unix_nano(call: &LlmCall) -> i64 {
    let duration_nanos = call.duration_ms().unwrap_or(0.0).max(0.0) * 1e6;
    call.start_unix_nano().saturating_add(duration_nanos as i64)
}

//! Sessions: their turns in order, and what depends on that order.

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

/// The facts of a turn that the order depends on; kept small, since a scan holds one for every call.
struct Turn {
    start_unix_nano: i64,
    id: CallId,
    /// The model's number; `None` when unknown.
    model: Option<u32>,
}

/// A figure of the last turn that has it.
#[derive(Default)]
struct Last<T> {
    turn: Option<(i64, CallId)>,
    figure: Option<T>,
}

impl<T> Last<T> {
    fn note(&mut self, figure: Option<T>, turn: (i64, CallId)) {
        if figure.is_some() && self.turn < Some(turn) {
            *self = Self { turn: Some(turn), figure };
        }
    }
}

/// Numbers models as they are met: turns then need not hold their names.
#[derive(Default)]
struct Models<'a> {
    numbers: HashMap<&'a str, u32, foldhash::fast::RandomState>,
    names: Vec<&'a str>,
}

impl<'a> Models<'a> {
    fn number(&mut self, model: &'a str) -> Option<u32> {
        let next = u32::try_from(self.names.len()).ok()?;
        let names = &mut self.names;
        (!model.is_empty()).then(|| {
            *self.numbers.entry(model).or_insert_with(|| {
                names.push(model);
                next
            })
        })
    }

    /// The names behind the first numbers of runs, each once, in their order.
    fn distinct<'n>(&self, runs: impl Iterator<Item = &'n [u32]>) -> Vec<Name> {
        let mut seen: HashSet<u32, foldhash::fast::RandomState> = HashSet::default();
        let first_met = runs.filter_map(|run| run.first().copied().filter(|number| seen.insert(*number)));
        first_met
            .filter_map(|number| self.names.get(usize::try_from(number).ok()?))
            .map(|name| Name::from(*name))
            .collect()
    }
}

#[derive(Default)]
struct Gathered {
    tally: Tally,
    end_unix_nano: Option<i64>,
    turns: Vec<Turn>,
    switches: Last<u32>,
    overhead_pct: Last<f64>,
}

/// The sessions among `calls`, the one with the newest arrival first. Calls without a session are in none.
/// Turns are ordered by their start, then by arrival.
pub fn sessions<'a>(calls: impl Iterator<Item = &'a LlmCall>) -> Vec<SessionRow> {
    let mut models = Models::default();
    let mut gathered: HashMap<&'a Name, Gathered, foldhash::fast::RandomState> = HashMap::default();
    for call in calls {
        if let Some(session) = call.session_id() {
            gathered.entry(session).or_default().add(call, models.number(call.model().map_or("", Name::as_str)));
        }
    }
    let mut rows: Vec<_> = gathered.into_iter().filter_map(|(session, turns)| turns.row(session, &models)).collect();
    rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.latest));
    rows
}

impl Gathered {
    fn add(&mut self, call: &LlmCall, model: Option<u32>) {
        let facts = call.plano_facts();
        let turn = (call.start_unix_nano(), call.id());
        self.tally.add(&Share::of(call));
        self.end_unix_nano = self.end_unix_nano.max(Some(call.end_unix_nano()));
        self.switches.note(facts.session_switches, turn);
        self.overhead_pct.note(facts.session_overhead_pct, turn);
        self.turns.push(Turn { start_unix_nano: turn.0, id: turn.1, model });
    }

    fn row(mut self, session: &Name, models: &Models<'_>) -> Option<SessionRow> {
        self.turns.sort_by_key(|turn| (turn.start_unix_nano, turn.id));
        let turns = &self.turns;
        let numbers: Vec<u32> = turns.iter().filter_map(|turn| turn.model).collect();
        let runs = numbers.chunk_by(|one, next| one == next);
        Some(SessionRow {
            session: session.clone(),
            tally: self.tally,
            model_switches: (runs.clone().count() as u64).saturating_sub(1),
            models: models.distinct(runs),
            first_unix_nano: turns.first()?.start_unix_nano,
            last_unix_nano: turns.last()?.start_unix_nano,
            end_unix_nano: self.end_unix_nano?,
            reported_switches: self.switches.figure,
            overhead_pct: self.overhead_pct.figure,
            latest: turns.iter().map(|turn| turn.id).max()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallFacts, Names, PlanoFacts};
    use crate::collector::ring::Ring;

    /// session, start in ms, model, reported switches
    type Told = (&'static str, u64, &'static str, Option<u32>);

    fn rows_of(told: &[Told]) -> Vec<SessionRow> {
        let (mut ring, mut names) = (Ring::new(100), Names::default());
        for (session, start_ms, model, session_switches) in told {
            let draft = CallFacts {
                session_id: (!session.is_empty()).then(|| (*session).into()),
                start_unix_nano: Some(start_ms * 1_000_000),
                duration_ms: Some(5.0),
                model: (!model.is_empty()).then(|| (*model).into()),
                plano: PlanoFacts { session_switches: *session_switches, ..PlanoFacts::default() },
                ..CallFacts::default()
            };
            ring.push(LlmCall::from_facts(&draft, &mut names, 0));
        }
        sessions(ring.calls().iter())
    }

    #[test]
    fn turns_count_in_the_order_in_which_they_started() {
        let rows = rows_of(&[
            ("s", 30, "b", Some(2)),
            ("t", 12, "x", None),
            ("s", 10, "a", Some(0)),
            ("", 11, "y", None),
            ("s", 20, "b", Some(1)),
            ("s", 25, "", None),
            ("s", 40, "a", None),
        ]);
        assert_eq!(
            rows.iter().map(|row| (row.session.as_str(), row.tally.calls)).collect::<Vec<_>>(),
            [("s", 5), ("t", 1)]
        );
        let row = &rows[0];
        assert_eq!(row.models, ["a", "b"]);
        assert_eq!(row.model_switches, 2, "a call without a model is no switch");
        assert_eq!(row.reported_switches, Some(2), "of the last turn that reports any");
        assert_eq!((row.first_unix_nano, row.last_unix_nano), (10_000_000, 40_000_000));
        assert_eq!(row.duration_nanos(), 35_000_000);
        assert_eq!(row.latest, CallId(6));
    }
}

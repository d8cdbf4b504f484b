//! A conversation with the gateway, turn by turn: what is asked, where it is routed, what comes back and what it costs.

use super::{
    cast::{CLIENTS, COMPLAINTS, Client, Complaint, Endpoint, Model, Naming, Rates},
    random::Random,
};

/// Share of what staying on the anchor would have cost that switching may cost, as in the gateway's session budget.
const OVERHEAD_CAP: f64 = 0.2;

/// What a session has cost so far, USD.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(super) struct Ledger {
    /// What switching models cost: prompts that had to be read without the cache.
    pub switch_spend: f64,
    /// What the session's input would have cost had it never switched.
    pub baseline: f64,
    pub total: f64,
    pub switches: u64,
}

impl Ledger {
    /// What switching cost against the baseline, in percent.
    pub(super) fn overhead_pct(&self) -> f64 {
        if self.baseline > 0.0 { self.switch_spend / self.baseline * 100.0 } else { 0.0 }
    }
}

/// What the gateway decided about leaving the session's model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Switch {
    /// What the switch would cost, USD; negative where the candidate is cheaper.
    pub cost: f64,
    /// The most it may cost, USD.
    pub ceiling: f64,
    /// Whether it was made.
    pub allowed: bool,
    /// The model it would leave.
    pub anchor: &'static Model,
    /// The model and route it would go to.
    pub candidate: Routed,
}

/// A model that the router chose, and under which name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Routed {
    pub route: &'static str,
    pub model: &'static Model,
}

/// Token counts as the endpoint's upstream reports them, and what they cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// `llm.usage.prompt_tokens`, in the endpoint's meaning.
    pub prompt: u64,
    /// Output tokens, reasoning included.
    pub completion: u64,
    /// Input read from the cache.
    pub cached: u64,
    /// Input written to the cache.
    pub created: u64,
    /// Reasoning tokens.
    pub reasoning: u64,
    /// USD of input and output; `None` without a price.
    pub cost: Option<(f64, f64)>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Outcome {
    /// 200 and an answer.
    Answered(Usage),
    /// The upstream answered with this status.
    Refused(u16),
    /// The upstream could not be reached.
    NoResponse,
}

/// How long the parts of a call took, ms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timing {
    /// The router's own model.
    pub determination: u64,
    /// The gateway's own work, the router included, before the upstream is asked.
    pub overhead: u64,
    /// To the first token, from the upstream request on.
    pub ttft: u64,
    /// To the last token, from the upstream request on.
    pub duration: u64,
}

/// One call through the gateway.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Turn {
    pub client: &'static Client,
    /// `plano.session_id`.
    pub session_id: String,
    /// Number of the turn within its session, from 1.
    pub number: u64,
    /// What the user said.
    pub said: &'static str,
    /// What the router proposed.
    pub proposed: Option<Routed>,
    /// The model dispatched to.
    pub model: &'static Model,
    /// `plano.route.name`
    pub route: Option<&'static str>,
    /// The decision about a switch, where one was at hand.
    pub switch: Option<Switch>,
    /// Time since the session's last call, ms; `None` in its first.
    pub idle_ms: Option<u64>,
    /// The ledger before this call.
    pub ledger: Ledger,
    /// Whether the answer came as a stream.
    pub streamed: bool,
    pub timing: Timing,
    pub outcome: Outcome,
    /// Complaints of this session so far, this turn's last.
    pub complaints: &'static [Complaint],
}

/// A conversation under way.
#[derive(Clone, Debug)]
pub(super) struct Session {
    client: &'static Client,
    id: String,
    turns_left: u64,
    number: u64,
    /// Tokens that the last call left in the anchor's prompt cache.
    cached: u64,
    context: u64,
    anchor: Option<(&'static Model, Option<&'static str>)>,
    ledger: Ledger,
    angry: bool,
    complaints: usize,
    last_end: Option<u64>,
}

impl Session {
    /// A new conversation of one of the clients.
    pub(super) fn start(random: &mut Random) -> Self {
        let client = client(random);
        let (low, high) = client.turns;
        Self {
            client,
            id: session_id(client, random),
            turns_left: random.between(low, high),
            number: 0,
            cached: 0,
            context: random.between(client.context.0, client.context.1),
            anchor: None,
            ledger: Ledger::default(),
            angry: random.chance(0.06),
            complaints: 0,
            last_end: None,
        }
    }

    /// Whether the user has nothing more to say.
    pub(super) fn is_over(&self) -> bool {
        self.turns_left == 0
    }

    /// The next turn, ending at `end` (ns since the epoch). `storm`: share of calls that the upstream rate-limits now.
    pub(super) fn turn(&mut self, end: u64, storm: f64, random: &mut Random) -> Turn {
        self.number += 1;
        self.turns_left = self.turns_left.saturating_sub(1);
        if self.number > 1 {
            self.context += random.between(self.client.growth.0, self.client.growth.1);
        }
        let proposed = self.propose(random);
        let switch = self.weigh(proposed);
        let (model, route) = self.choose(proposed, switch);
        let warm = self.anchor.is_some_and(|(anchor, _)| anchor == model);
        let ledger = self.ledger;
        let streamed = random.chance(self.client.streamed);
        let outcome = self.outcome(model, warm, storm, random);
        let turn = Turn {
            client: self.client,
            session_id: self.id.clone(),
            number: self.number,
            said: if self.complain(random) { self.last_complaint() } else { random.pick(self.client.prompts) },
            proposed,
            model,
            route,
            switch,
            idle_ms: self.last_end.map(|last| end.saturating_sub(last) / 1_000_000),
            ledger,
            streamed,
            timing: timing(model, streamed, &outcome, random),
            outcome,
            complaints: COMPLAINTS.get(..self.complaints).unwrap_or_default(),
        };
        self.settle(&turn);
        self.last_end = Some(end);
        turn
    }

    fn propose(&self, random: &mut Random) -> Option<Routed> {
        if self.client.routes.is_empty() || !random.chance(self.client.routed) {
            return None;
        }
        let last = (self.client.routes.len() as u64).saturating_sub(1);
        // A conversation mostly stays with its subject.
        if let Some((model, Some(route))) = self.anchor
            && random.chance(0.7)
        {
            return Some(Routed { route, model });
        }
        let index = usize::try_from(random.between(0, last)).ok()?;
        self.client.routes.get(index).map(|(route, model)| Routed { route, model })
    }

    fn weigh(&self, proposed: Option<Routed>) -> Option<Switch> {
        let (anchor, _) = self.anchor?;
        let candidate = proposed.filter(|candidate| candidate.model != anchor)?;
        let (from, to) = (anchor.rates?, candidate.model.rates?);
        let stay = usd(self.cached, from.cache_read) + usd(self.context - self.cached, from.input);
        let cost = usd(self.context, to.input) - stay;
        let ceiling = self.ledger.baseline * OVERHEAD_CAP;
        let allowed = self.ledger.switch_spend + cost.max(0.0) <= ceiling || cost <= 0.0;
        Some(Switch { cost, ceiling, allowed, anchor, candidate })
    }

    fn choose(&self, proposed: Option<Routed>, switch: Option<Switch>) -> (&'static Model, Option<&'static str>) {
        match (self.anchor, proposed, switch) {
            (_, Some(routed), Some(Switch { allowed: true, .. }) | None) => (routed.model, Some(routed.route)),
            (Some(anchor), _, _) => anchor,
            (None, _, _) => (self.client.default, None),
        }
    }

    fn outcome(&self, model: &Model, warm: bool, storm: f64, random: &mut Random) -> Outcome {
        if random.chance(storm) {
            return Outcome::Refused(429);
        }
        if random.chance(model.failing) {
            return match random.between(0, 9) {
                0 | 1 => Outcome::NoResponse,
                2 => Outcome::Refused(401),
                3 | 4 => Outcome::Refused(500),
                5 | 6 => Outcome::Refused(503),
                _ => Outcome::Refused(429),
            };
        }
        Outcome::Answered(self.usage(model, warm, random))
    }

    fn usage(&self, model: &Model, warm: bool, random: &mut Random) -> Usage {
        let cached = if warm { self.cached.min(self.context) } else { 0 };
        let fresh = self.context - cached;
        let completion = whole(random.around(self.client.output, 0.55)).max(1);
        let reasoning = whole(completion as f64 * self.client.reasoning * random.unit() * 1.4).min(completion);
        let created = if self.client.endpoint == Endpoint::Messages { fresh / 5 * 4 } else { 0 };
        let prompt = match self.client.endpoint {
            Endpoint::Messages => fresh - created,
            Endpoint::ChatCompletions | Endpoint::Responses => self.context,
        };
        let cost = model.rates.map(|rates| cost(rates, fresh - created, cached, created, completion));
        Usage { prompt, completion, cached, created, reasoning, cost }
    }

    fn complain(&mut self, random: &mut Random) -> bool {
        let complains = self.angry && self.number > 1 && self.complaints < COMPLAINTS.len() && random.chance(0.75);
        self.complaints += usize::from(complains);
        complains
    }

    fn last_complaint(&self) -> &'static str {
        COMPLAINTS.get(..self.complaints).and_then(<[Complaint]>::last).map_or("", |complaint| complaint.said)
    }

    fn settle(&mut self, turn: &Turn) {
        let Outcome::Answered(usage) = turn.outcome else { return };
        let anchor = self.anchor.map_or(turn.model, |(model, _)| model);
        if let Some(rates) = anchor.rates {
            self.ledger.baseline += usd(self.cached, rates.cache_read) + usd(self.context - self.cached, rates.input);
        }
        self.ledger.total += usage.cost.map_or(0.0, |(input, output)| input + output);
        if let Some(switch) = turn.switch.filter(|switch| switch.allowed) {
            self.ledger.switches += 1;
            self.ledger.switch_spend += switch.cost.max(0.0);
        }
        self.anchor = Some((turn.model, turn.route));
        // Providers cache whole blocks of 128 tokens from 1,024 on.
        self.cached = if self.context < 1_024 { 0 } else { self.context / 128 * 128 };
        self.context += usage.completion;
    }
}

fn client(random: &mut Random) -> &'static Client {
    let total: u64 = CLIENTS.iter().map(|client| client.weight).sum();
    let mut ticket = random.between(1, total);
    for client in &CLIENTS {
        if ticket <= client.weight {
            return client;
        }
        ticket -= client.weight;
    }
    let [first, ..] = &CLIENTS;
    first
}

fn session_id(client: &Client, random: &mut Random) -> String {
    match client.naming {
        Naming::Explicit(prefix) => format!("{prefix}-{:04x}", random.bits() & 0xffff),
        Naming::Implicit => format!("implicit:{:016x}", random.bits()),
    }
}

fn timing(model: &Model, streamed: bool, outcome: &Outcome, random: &mut Random) -> Timing {
    let determination = whole(random.around(31.0, 0.08));
    let overhead = determination + random.between(20, 170);
    let (ttft, duration) = match outcome {
        Outcome::Answered(usage) => {
            let ttft = random.around(model.ttft_ms, 0.4) + usage.prompt as f64 * 0.012;
            let rate = random.around(model.tokens_per_s, 0.2).max(1.0);
            let duration = whole(ttft + usage.completion as f64 / rate * 1000.0);
            (if streamed { whole(ttft) } else { duration }, duration)
        }
        Outcome::Refused(429 | 401) => (random.between(20, 140), 0),
        Outcome::Refused(_) => (random.between(200, 3_000), 0),
        Outcome::NoResponse => (random.between(1_000, 10_000), 0),
    };
    Timing { determination, overhead, ttft, duration: duration.max(ttft) }
}

fn cost(rates: Rates, fresh: u64, cached: u64, created: u64, output: u64) -> (f64, f64) {
    let input = usd(fresh, rates.input) + usd(cached, rates.cache_read) + usd(created, rates.cache_write);
    (input, usd(output, rates.output))
}

fn usd(tokens: u64, per_million: f64) -> f64 {
    tokens as f64 * per_million / 1e6
}

/// The nearest whole number; NaN and negatives are 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates, which is what is wanted")]
pub(super) fn whole(value: f64) -> u64 {
    value.round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(count: usize) -> Vec<Turn> {
        let mut random = Random::new(11);
        let mut turns = Vec::new();
        while turns.len() < count {
            let mut session = Session::start(&mut random);
            while !session.is_over() {
                turns.push(session.turn(turns.len() as u64 * 1_000_000_000, 0.0, &mut random));
            }
        }
        turns
    }

    #[test]
    fn counts_follow_the_endpoint() {
        for turn in turns(800) {
            let Outcome::Answered(usage) = turn.outcome else { continue };
            match turn.client.endpoint {
                Endpoint::Messages => assert!(usage.cached == 0 || usage.created > 0),
                Endpoint::ChatCompletions | Endpoint::Responses => {
                    assert!(usage.cached <= usage.prompt && usage.created == 0, "{usage:?}");
                }
            }
            assert!(usage.reasoning <= usage.completion);
            assert_eq!(usage.cost.is_some(), turn.model.rates.is_some());
        }
    }

    #[test]
    fn time_runs_forward_within_a_call() {
        for Turn { timing, streamed, outcome, .. } in turns(800) {
            assert!(timing.ttft <= timing.duration && timing.determination <= timing.overhead);
            if matches!(outcome, Outcome::Answered(_)) && !streamed {
                assert_eq!(timing.ttft, timing.duration);
            }
        }
    }

    #[test]
    fn switches_are_ledgered() {
        let turns = turns(800);
        assert!(turns.iter().any(|turn| turn.switch.is_some_and(|switch| switch.allowed)));
        assert!(turns.iter().any(|turn| turn.switch.is_some_and(|switch| !switch.allowed)));
        assert!(turns.iter().any(|turn| turn.ledger.switches > 0 && turn.ledger.overhead_pct() > 0.0));
        for turn in &turns {
            if let Some(switch) = turn.switch {
                assert_eq!(turn.model == switch.candidate.model, switch.allowed);
            }
        }
    }
}

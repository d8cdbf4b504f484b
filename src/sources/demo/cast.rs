//! The cast of the play: which models there are and which clients ask for them. Data only.

/// USD per million tokens, as the gateway's own cost source would say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rates {
    pub input: f64,
    /// Input read from the cache.
    pub cache_read: f64,
    /// Input written to the cache.
    pub cache_write: f64,
    pub output: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Model {
    /// As the gateway dispatches to it: `provider/model`, or an alias that names no provider.
    pub dispatched: &'static str,
    /// `llm.provider`; absent for aliases.
    pub provider: Option<&'static str>,
    /// The model that the upstream's answer names; absent in some streams.
    pub answered: Option<&'static str>,
    /// Median time to first token, ms.
    pub ttft_ms: f64,
    /// Median output rate, tokens/s.
    pub tokens_per_s: f64,
    /// What it costs; `None` for a model that no price list knows.
    pub rates: Option<Rates>,
    /// Share of calls that fail.
    pub failing: f64,
}

/// The endpoint of the gateway that a client speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) enum Endpoint {
    /// OpenAI's chat completions: prompt tokens contain the cached ones.
    #[default]
    ChatCompletions,
    /// Anthropic's messages: prompt tokens contain neither cached nor created ones.
    Messages,
    /// OpenAI's responses: totals only.
    Responses,
}

impl Endpoint {
    /// `http.path`.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::ChatCompletions => "/v1/chat/completions",
            Self::Messages => "/v1/messages",
            Self::Responses => "/v1/responses",
        }
    }
}

/// How a client's sessions are named in `plano.session_id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Naming {
    /// By the client, through `x-model-affinity`: this prefix and a number.
    Explicit(&'static str),
    /// By the gateway, from the conversation's beginning: `implicit:<hash>`.
    Implicit,
}

/// A program that talks to the gateway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Client {
    pub endpoint: Endpoint,
    /// The model it asks for.
    pub requested: &'static str,
    /// What it gets when nothing is routed.
    pub default: &'static Model,
    /// What the router may choose instead, by route name.
    pub routes: &'static [(&'static str, &'static Model)],
    /// Share of calls for which the router finds a route.
    pub routed: f64,
    /// Share of calls that are streamed.
    pub streamed: f64,
    /// Share of output that is reasoning.
    pub reasoning: f64,
    /// Tokens of the first turn.
    pub context: (u64, u64),
    /// Tokens that each turn adds.
    pub growth: (u64, u64),
    /// Median output tokens.
    pub output: f64,
    /// Turns of a session.
    pub turns: (u64, u64),
    pub naming: Naming,
    /// `llm.temperature`, a string as emitted.
    pub temperature: Option<&'static str>,
    /// `llm.tools`, newline-separated.
    pub tools: Option<&'static str>,
    pub custom: &'static [(&'static str, &'static str)],
    /// The messages of its user.
    pub prompts: &'static [&'static str],
    /// How many of a hundred new sessions are its.
    pub weight: u64,
}

static GPT: Model = Model {
    dispatched: "openai/gpt-5.2",
    provider: Some("openai"),
    answered: Some("gpt-5.2-2025-12-11"),
    ttft_ms: 620.0,
    tokens_per_s: 78.0,
    rates: Some(Rates { input: 1.75, cache_read: 0.175, cache_write: 1.75, output: 14.0 }),
    failing: 0.04,
};

static GPT_4O: Model = Model {
    dispatched: "openai/gpt-4o",
    provider: Some("openai"),
    answered: Some("gpt-4o-2024-08-06"),
    ttft_ms: 410.0,
    tokens_per_s: 92.0,
    rates: Some(Rates { input: 2.5, cache_read: 1.25, cache_write: 2.5, output: 10.0 }),
    failing: 0.03,
};

static GPT_4O_MINI_ALIAS: Model = Model {
    dispatched: "gpt-4o-mini",
    provider: None,
    answered: Some("gpt-4o-mini"),
    ttft_ms: 290.0,
    tokens_per_s: 118.0,
    rates: Some(Rates { input: 0.15, cache_read: 0.075, cache_write: 0.15, output: 0.6 }),
    failing: 0.03,
};

static SONNET: Model = Model {
    dispatched: "anthropic/claude-sonnet-4-5",
    provider: Some("anthropic"),
    answered: Some("claude-sonnet-4-5-20250929"),
    ttft_ms: 780.0,
    tokens_per_s: 71.0,
    rates: Some(Rates { input: 3.0, cache_read: 0.3, cache_write: 3.75, output: 15.0 }),
    failing: 0.04,
};

static OPUS: Model = Model {
    dispatched: "anthropic/claude-opus-4-6",
    provider: Some("anthropic"),
    answered: None,
    ttft_ms: 1_350.0,
    tokens_per_s: 44.0,
    rates: Some(Rates { input: 5.0, cache_read: 0.5, cache_write: 6.25, output: 25.0 }),
    failing: 0.05,
};

static LLAMA: Model = Model {
    dispatched: "groq/llama-3.3-70b-versatile",
    provider: Some("groq"),
    answered: Some("llama-3.3-70b-versatile"),
    ttft_ms: 130.0,
    tokens_per_s: 265.0,
    rates: Some(Rates { input: 0.59, cache_read: 0.59, cache_write: 0.59, output: 0.79 }),
    failing: 0.09,
};

static FLASH: Model = Model {
    dispatched: "google/gemini-2.5-flash",
    provider: Some("google"),
    answered: Some("gemini-2.5-flash"),
    ttft_ms: 350.0,
    tokens_per_s: 190.0,
    rates: Some(Rates { input: 0.3, cache_read: 0.03, cache_write: 0.3, output: 2.5 }),
    failing: 0.03,
};

static REASONER: Model = Model {
    dispatched: "openai/o3",
    provider: Some("openai"),
    answered: Some("o3-2025-04-16"),
    ttft_ms: 4_200.0,
    tokens_per_s: 62.0,
    rates: Some(Rates { input: 2.0, cache_read: 0.5, cache_write: 2.0, output: 8.0 }),
    failing: 0.04,
};

static IN_HOUSE: Model = Model {
    dispatched: "ollama/atlas-legal-9b",
    provider: Some("ollama"),
    answered: Some("atlas-legal-9b"),
    ttft_ms: 240.0,
    tokens_per_s: 55.0,
    rates: None,
    failing: 0.06,
};

/// Everybody who talks to the gateway.
pub(super) static CLIENTS: [Client; 6] = [
    Client {
        endpoint: Endpoint::Messages,
        requested: "anthropic/claude-sonnet-4-5",
        default: &SONNET,
        routes: &[("code", &SONNET), ("code", &OPUS), ("code review", &SONNET), ("quick question", &LLAMA)],
        routed: 0.8,
        streamed: 0.97,
        reasoning: 0.0,
        context: (9_000, 24_000),
        growth: (400, 6_500),
        output: 420.0,
        turns: (6, 24),
        naming: Naming::Explicit("coder"),
        temperature: None,
        tools: Some("read_file(...)\nedit_file(...)\nrun_tests(...)"),
        custom: &[("team", "platform"), ("environment", "production")],
        prompts: &[
            "why does the ring buffer drop the last element?",
            "write a property test for the parser",
            "rename Session to Conversation everywhere",
            "the build is red on main, find out why",
            "make this function allocation-free",
            "explain the borrow checker error in store.rs",
        ],
        weight: 26,
    },
    Client {
        endpoint: Endpoint::ChatCompletions,
        requested: "openai/gpt-4o",
        default: &GPT_4O,
        routes: &[("customer support", &FLASH), ("refunds", &GPT_4O), ("escalation", &SONNET)],
        routed: 0.6,
        streamed: 0.9,
        reasoning: 0.0,
        context: (1_400, 3_200),
        growth: (80, 500),
        output: 140.0,
        turns: (2, 9),
        naming: Naming::Explicit("support"),
        temperature: Some("0.3"),
        tools: Some("find_order(...)\nissue_refund(...)"),
        custom: &[("team", "care"), ("environment", "production")],
        prompts: &[
            "where is my order?",
            "I want to change the delivery address",
            "can I pay by invoice?",
            "the blue one arrived, I ordered green",
            "how do I reset my password?",
        ],
        weight: 30,
    },
    Client {
        endpoint: Endpoint::Responses,
        requested: "openai/gpt-5.2",
        default: &GPT,
        routes: &[("reasoning", &REASONER), ("reasoning", &GPT), ("web research", &GPT)],
        routed: 0.75,
        streamed: 0.7,
        reasoning: 0.6,
        context: (2_500, 14_000),
        growth: (900, 5_000),
        output: 900.0,
        turns: (2, 8),
        naming: Naming::Implicit,
        temperature: None,
        tools: None,
        custom: &[("team", "research"), ("environment", "staging")],
        prompts: &[
            "compare the three vendors' uptime guarantees",
            "prove that the schedule is optimal",
            "what changed between the two filings?",
        ],
        weight: 12,
    },
    Client {
        endpoint: Endpoint::ChatCompletions,
        requested: "openai/gpt-5.2",
        default: &GPT,
        routes: &[("reasoning", &REASONER), ("data analysis", &GPT), ("summarization", &LLAMA)],
        routed: 0.7,
        streamed: 0.6,
        reasoning: 0.35,
        context: (1_800, 8_000),
        growth: (200, 1_500),
        output: 380.0,
        turns: (1, 6),
        naming: Naming::Implicit,
        temperature: Some("0.7"),
        tools: None,
        custom: &[("environment", "production")],
        prompts: &[
            "summarise this thread in five bullets",
            "which regions grew slower than last quarter?",
            "draft a reply to the board",
            "is the outlier in week 32 a data error?",
        ],
        weight: 14,
    },
    Client {
        endpoint: Endpoint::ChatCompletions,
        requested: "fast-llm",
        default: &GPT_4O_MINI_ALIAS,
        routes: &[],
        routed: 0.0,
        streamed: 0.1,
        reasoning: 0.0,
        context: (250, 1_100),
        growth: (50, 150),
        output: 45.0,
        turns: (1, 2),
        naming: Naming::Implicit,
        temperature: Some("0"),
        tools: None,
        custom: &[("team", "ingest"), ("environment", "production")],
        prompts: &["classify this ticket", "extract the invoice number", "translate to English", "is this spam?"],
        weight: 13,
    },
    Client {
        endpoint: Endpoint::ChatCompletions,
        requested: "ollama/atlas-legal-9b",
        default: &IN_HOUSE,
        routes: &[("contracts", &IN_HOUSE), ("reasoning", &GPT)],
        routed: 0.5,
        streamed: 0.5,
        reasoning: 0.0,
        context: (3_000, 12_000),
        growth: (100, 900),
        output: 260.0,
        turns: (1, 4),
        naming: Naming::Explicit("legal"),
        temperature: Some("0.1"),
        tools: None,
        custom: &[("team", "legal"), ("environment", "staging")],
        prompts: &["list the termination clauses", "does this NDA allow subcontractors?"],
        weight: 5,
    },
];

/// What users say when things go wrong, turn after turn, and what the gateway's signals make of it.
pub(super) static COMPLAINTS: [Complaint; 4] = [
    Complaint {
        said: "no, that is not what I meant",
        signal: "interaction.misalignment.correction",
        metadata: r#"{"pattern_type":"correction"}"#,
    },
    Complaint {
        said: "no, that is not what I meant",
        signal: "interaction.stagnation.repetition",
        metadata: r#"{"repetition_type":"exact","compared_to":1,"similarity":1.0}"#,
    },
    Complaint {
        said: "this is useless, get me a human",
        signal: "interaction.disengagement.escalation",
        metadata: r#"{"pattern_type":"escalation"}"#,
    },
    Complaint {
        said: "wrong again!! stop repeating yourself",
        signal: "interaction.disengagement.negative_stance",
        metadata: r#"{"indicator_type":"excessive_punctuation","consecutive_marks":2}"#,
    },
];

/// One message of a dissatisfied user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Complaint {
    pub said: &'static str,
    /// `<layer>.<kind>.<leaf>` of the signal it raises.
    pub signal: &'static str,
    /// `signal.metadata`.
    pub metadata: &'static str,
}

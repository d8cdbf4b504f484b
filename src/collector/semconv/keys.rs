//! Every attribute key that an adapter reads, and a hash table built at compile time that finds it.
//!
//! A key is hashed from its length and its last sixteen bytes, where keys with a common prefix differ, and compared
//! with the one or two names in its slot. Most unknown keys hit an empty slot and need no comparison.

use super::count_name::Count;

macro_rules! keys {
    ($($name:ident = $text:literal,)+) => {
        /// An attribute key that some adapter reads.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub(super) enum Key { $($name),+ }

        /// Every key with its name, in the order of the enum.
        pub(super) const KEYS: &[(Key, &str)] = &[$((Key::$name, $text)),+];
    };
}

keys! {
    // Plano (SEMCONV.md, section 1).
    LlmModel = "llm.model",
    LlmProvider = "llm.provider",
    RequestId = "request_id",
    HttpRequestId = "http.request_id",
    HttpPath = "http.path",
    Component = "component",
    ServiceNameOverride = "service.name.override",
    ModelRequested = "model.requested",
    PlanoSessionId = "plano.session_id",
    PlanoRouteName = "plano.route.name",
    PlanoSessionSwitches = "plano.session.switches",
    PlanoSessionOverheadPct = "plano.session.overhead_pct",
    SignalsQuality = "signals.quality",
    LlmUsageCompletionTokens = "llm.usage.completion_tokens",
    LlmUsagePromptTokens = "llm.usage.prompt_tokens",
    LlmUsageTotalTokens = "llm.usage.total_tokens",
    LlmUsageCachedInputTokens = "llm.usage.cached_input_tokens",
    LlmUsageCacheCreationTokens = "llm.usage.cache_creation_tokens",
    LlmUsageReasoningTokens = "llm.usage.reasoning_tokens",
    LlmUsageTotalCostUsd = "llm.usage.total_cost_usd",
    LlmTimeToFirstToken = "llm.time_to_first_token",
    LlmDurationMs = "llm.duration_ms",
    RoutingStrategy = "routing.strategy",
    RoutingSelectionReason = "routing.selection_reason",

    // OpenTelemetry GenAI, its older names, and what its emitters add.
    GenAiOperationName = "gen_ai.operation.name",
    GenAiProviderName = "gen_ai.provider.name",
    GenAiSystem = "gen_ai.system",
    GenAiRequestModel = "gen_ai.request.model",
    GenAiResponseModel = "gen_ai.response.model",
    GenAiResponseId = "gen_ai.response.id",
    GenAiResponseFinishReasons = "gen_ai.response.finish_reasons",
    GenAiResponseFinishReason = "gen_ai.response.finish_reason",
    GenAiConversationId = "gen_ai.conversation.id",
    GenAiRequestStream = "gen_ai.request.stream",
    GenAiRequestIsStream = "gen_ai.request.is_stream",
    GenAiIsStreaming = "gen_ai.is_streaming",
    GenAiUser = "gen_ai.user",
    GenAiRequestUser = "gen_ai.request.user",
    GenAiInputTokens = "gen_ai.usage.input_tokens",
    GenAiOutputTokens = "gen_ai.usage.output_tokens",
    GenAiPromptTokens = "gen_ai.usage.prompt_tokens",
    GenAiCompletionTokens = "gen_ai.usage.completion_tokens",
    GenAiTotalTokens = "gen_ai.usage.total_tokens",
    GenAiCacheRead = "gen_ai.usage.cache_read.input_tokens",
    GenAiCacheReadFlat = "gen_ai.usage.cache_read_input_tokens",
    GenAiCacheReadDetails = "gen_ai.usage.details.cache_read_tokens",
    GenAiCacheReadInputDetails = "gen_ai.usage.details.cache_read_input_tokens",
    GenAiCacheReadTokens = "gen_ai.usage.cache_read_tokens",
    GenAiCachedDetails = "gen_ai.usage.details.cached_tokens",
    GenAiCachedPromptDetails = "gen_ai.usage.prompt_tokens_details.cached_tokens",
    GenAiCacheReadPromptDetails = "gen_ai.usage.prompt_tokens_details.cache_read",
    GenAiCacheWritePromptDetails = "gen_ai.usage.prompt_tokens_details.cache_write",
    GenAiCacheCreation = "gen_ai.usage.cache_creation.input_tokens",
    GenAiCacheCreationFlat = "gen_ai.usage.cache_creation_input_tokens",
    GenAiCacheCreationPromptDetails = "gen_ai.usage.prompt_tokens_details.cache_creation_tokens",
    GenAiCacheWrite = "gen_ai.usage.cache_write.input_tokens",
    GenAiCacheWriteFlat = "gen_ai.usage.cache_write_input_tokens",
    GenAiCacheWriteDetails = "gen_ai.usage.details.cache_write_tokens",
    GenAiCacheWriteTokens = "gen_ai.usage.cache_write_tokens",
    GenAiCacheCreationDetails = "gen_ai.usage.details.cache_creation_input_tokens",
    GenAiReasoningOutput = "gen_ai.usage.reasoning.output_tokens",
    GenAiReasoning = "gen_ai.usage.reasoning_tokens",
    GenAiReasoningDetails = "gen_ai.usage.details.reasoning_tokens",
    GenAiReasoningExperimental = "gen_ai.usage.experimental.reasoning_tokens",
    GenAiThoughtsDetails = "gen_ai.usage.details.thoughts_tokens",
    GenAiReasoningCompletionDetails = "gen_ai.usage.completion_tokens_details.reasoning_tokens",
    GenAiReasoningCompletion = "gen_ai.usage.completion_tokens_details.reasoning",
    GenAiInputAudioDetails = "gen_ai.usage.details.input_audio_tokens",
    GenAiCacheReadAudioDetails = "gen_ai.usage.details.cache_audio_read_tokens",
    GenAiOutputAudioDetails = "gen_ai.usage.details.output_audio_tokens",
    GenAiUsageRaw = "gen_ai.usage.raw",
    GenAiInputTokenDetails = "gen_ai.usage.input_token_details",
    GenAiOutputTokenDetails = "gen_ai.usage.output_token_details",
    GenAiUsageCost = "gen_ai.usage.cost",
    GenAiTotalCost = "gen_ai.cost.total_cost",
    OperationCost = "operation.cost",
    GenAiTimeToFirstChunk = "gen_ai.response.time_to_first_chunk",
    GenAiClientTimeToFirstChunk = "gen_ai.client.operation.time_to_first_chunk",
    GenAiLatencyTimeToFirstToken = "gen_ai.latency.time_to_first_token",
    GenAiRequestId = "gen_ai.request.id",
    GenAiServerTimeToFirstToken = "gen_ai.server.time_to_first_token",
    OpenAiServiceTier = "openai.response.service_tier",
    GenAiOpenAiServiceTier = "gen_ai.openai.response.service_tier",
    GenAiServiceTier = "gen_ai.response.service_tier",
    AnthropicServiceTier = "anthropic.response.service_tier",
    AnthropicCacheWrite1h = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens",
    AnthropicStopReason = "anthropic.message.stop_reason",
    AnthropicCacheWrite5m = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens",
    GenAiCacheWrite1h = "gen_ai.usage.cache_creation.ephemeral_1h_input_tokens",
    GenAiCacheWrite5m = "gen_ai.usage.cache_creation.ephemeral_5m_input_tokens",
    GenAiAudioInput = "gen_ai.usage.audio.input_tokens",
    GenAiAudioOutput = "gen_ai.usage.audio.output_tokens",
    GenAiUsageTotalCost = "gen_ai.usage.total_cost",
    GenAiEstimatedCost = "gen_ai.client.estimated_cost",
    GenAiUsageCostCurrency = "gen_ai.usage.cost.currency",
    GenAiCostCurrency = "gen_ai.cost.currency",
    GenAiLlmIsStreaming = "gen_ai.request.llm_is_streaming",
    GenAiSpanKind = "gen_ai.span.kind",
    GenAiAgentName = "gen_ai.agent.name",
    GenAiAgentId = "gen_ai.agent.id",
    GenAiToolName = "gen_ai.tool.name",
    GenAiToolCallId = "gen_ai.tool.call.id",
    GenAiEventStartTime = "gen_ai.event.start_time",
    GenAiCompletion = "gen_ai.completion",
    ToolName = "tool.name",
    PlainInputTokens = "input_tokens",
    PlainOutputTokens = "output_tokens",
    RpcMethod = "rpc.method",
    UrlFull = "url.full",
    UrlPath = "url.path",
    HttpUrl = "http.url",
    HttpTarget = "http.target",
    HttpRoute = "http.route",
    TelemetrySdkName = "telemetry.sdk.name",
    LogfireSpanType = "logfire.span_type",
    LogfireDuration = "duration",
    LogfireRequestData = "request_data",

    // Status and errors, under any convention.
    HttpResponseStatusCode = "http.response.status_code",
    HttpStatusCode = "http.status_code",
    ErrorCode = "error.code",
    ErrorType = "error.type",
    ErrorMessage = "error.message",
    LiteLlmErrorCode = "litellm.provider.error.code",

    // Frameworks and SDKs that follow no convention of their own, or mark the kind of a span under GenAI's.
    AdkLlmResponse = "gcp.vertex.agent.llm_response",
    TrpcLlmResponse = "trpc.go.agent.llm_response",
    TrpcTimeToFirstToken = "trpc_agent_go.client.time_to_first_token",
    GenkitSubtype = "genkit:metadata:subtype",
    GenkitName = "genkit:name",
    GenkitOutput = "genkit:output",
    MlflowSpanType = "mlflow.spanType",
    MlflowModel = "mlflow.llm.model",
    MlflowProvider = "mlflow.llm.provider",
    MlflowTokenUsage = "mlflow.chat.tokenUsage",
    MlflowOutputs = "mlflow.spanOutputs",
    MlflowRequestModel = "model",
    MlflowStream = "stream",
    BraintrustMetadata = "braintrust.metadata",
    BraintrustMetrics = "braintrust.metrics",
    BraintrustSpanAttributes = "braintrust.span_attributes",
    LmnrSpanType = "lmnr.span.type",
    LangWatchSpanType = "langwatch.span.type",
    LangWatchMetrics = "langwatch.metrics",
    SpanType = "span.type",
    LlmStream = "llm.stream",
    TanStackIterations = "tanstack.ai.iterations",
    MastraCompletionStart = "mastra.completion_start_time",
    LiveKitTimeToFirstToken = "lk.response.ttft",

    // Sessions and users, under any convention.
    PlainConversationId = "conversation.id",
    GenAiSessionId = "gen_ai.session.id",
    LangWatchThreadId = "langwatch.thread.id",
    LmnrSessionId = "lmnr.association.properties.session_id",
    SpringConversationId = "spring.ai.chat.client.conversation.id",
    GenAiUserId = "gen_ai.user.id",
    LangWatchUserId = "langwatch.user.id",
    LmnrUserId = "lmnr.association.properties.user_id",
    TrpcUserId = "trpc.go.agent.runner.user_id",
    SessionId = "session.id",
    UserId = "user.id",
    EndUserId = "enduser.id",
    LlmUser = "llm.user",
    TraceloopSessionId = "traceloop.association.properties.session_id",
    TraceloopSessionIdCamel = "traceloop.association.properties.sessionId",
    TraceloopConversationId = "traceloop.association.properties.conversation_id",
    TraceloopUserId = "traceloop.association.properties.user_id",
    TraceloopUserIdCamel = "traceloop.association.properties.userId",
    AdkSessionId = "gcp.vertex.agent.session_id",
    VercelSessionId = "ai.telemetry.metadata.sessionId",
    VercelUserId = "ai.telemetry.metadata.userId",
    Vercel7SessionId = "ai.settings.context.sessionId",
    Vercel7UserId = "ai.settings.context.userId",
    LangSmithSessionId = "langsmith.metadata.session_id",
    LangSmithThreadId = "langsmith.metadata.thread_id",
    LangSmithConversationId = "langsmith.metadata.conversation_id",
    LangSmithUserId = "langsmith.metadata.user_id",
    LangfuseSessionId = "langfuse.session.id",
    LangfuseUserId = "langfuse.user.id",
    LiteLlmEndUserId = "litellm.end_user.id",
    LiteLlmMetadataEndUserId = "metadata.user_api_key_end_user_id",

    // OpenInference.
    OpenInferenceSpanKind = "openinference.span.kind",
    LlmModelName = "llm.model_name",
    LlmRequestModelName = "llm.request.model_name",
    LlmResponseModelName = "llm.response.model_name",
    EmbeddingModelName = "embedding.model_name",
    LlmSystem = "llm.system",
    LlmInvocationParameters = "llm.invocation_parameters",
    EmbeddingInvocationParameters = "embedding.invocation_parameters",
    LlmTokenCountPrompt = "llm.token_count.prompt",
    LlmTokenCountCompletion = "llm.token_count.completion",
    LlmTokenCountTotal = "llm.token_count.total",
    LlmTokenCountCacheRead = "llm.token_count.prompt_details.cache_read",
    LlmTokenCountCacheWrite = "llm.token_count.prompt_details.cache_write",
    LlmTokenCountPromptAudio = "llm.token_count.prompt_details.audio",
    LlmTokenCountReasoning = "llm.token_count.completion_details.reasoning",
    LlmTokenCountCompletionAudio = "llm.token_count.completion_details.audio",
    LlmCostTotal = "llm.cost.total",
    LlmFinishReason = "llm.finish_reason",
    OutputValue = "output.value",

    // OpenLLMetry.
    TraceloopSpanKind = "traceloop.span.kind",
    TraceloopWorkflowName = "traceloop.workflow.name",
    TraceloopEntityPath = "traceloop.entity.path",
    LlmRequestType = "llm.request.type",
    LlmIsStreaming = "llm.is_streaming",
    LlmVendor = "llm.vendor",
    LlmRequestModel = "llm.request.model",
    LlmResponseModel = "llm.response.model",
    LlmResponseFinishReason = "llm.response.finish_reason",
    LlmResponseStopReason = "llm.response.stop_reason",

    // Vercel AI SDK 4 to 6, and what 7 still emits of it.
    AiOperationId = "ai.operationId",
    SentryAiOperationId = "vercel.ai.operationId",
    AiModelId = "ai.model.id",
    AiModelProvider = "ai.model.provider",
    AiResponseModel = "ai.response.model",
    AiResponseId = "ai.response.id",
    AiResponseFinishReason = "ai.response.finishReason",
    AiResponseProviderMetadata = "ai.response.providerMetadata",
    AiInputTokens = "ai.usage.inputTokens",
    AiOutputTokens = "ai.usage.outputTokens",
    AiPromptTokens = "ai.usage.promptTokens",
    AiCompletionTokens = "ai.usage.completionTokens",
    AiTotalTokens = "ai.usage.totalTokens",
    AiEmbeddingTokens = "ai.usage.tokens",
    AiCachedInputTokens = "ai.usage.cachedInputTokens",
    AiCacheReadTokens = "ai.usage.inputTokenDetails.cacheReadTokens",
    AiCacheWriteTokens = "ai.usage.inputTokenDetails.cacheWriteTokens",
    AiNoCacheTokens = "ai.usage.inputTokenDetails.noCacheTokens",
    AiReasoningTokens = "ai.usage.reasoningTokens",
    AiReasoningDetails = "ai.usage.outputTokenDetails.reasoningTokens",
    AiMsToFirstChunk = "ai.response.msToFirstChunk",
    AiStreamMsToFirstChunk = "ai.stream.msToFirstChunk",

    // LiteLLM.
    LiteLlmCallId = "litellm.call_id",
    LiteLlmProviderModel = "litellm.provider.model",
    LiteLlmCostTotal = "litellm.cost.total",
    LiteLlmRequestStreaming = "litellm.request.streaming",
    LiteLlmUsageObject = "metadata.usage_object",

    // LangSmith.
    LangSmithSpanKind = "langsmith.span.kind",
    LangSmithRequestStreaming = "langsmith.request.streaming",
    LangSmithModelName = "langsmith.metadata.ls_model_name",
    LangSmithProvider = "langsmith.metadata.ls_provider",
    LangSmithUsageMetadata = "langsmith.usage_metadata",
    LangSmithMetadataUsage = "langsmith.metadata.usage_metadata",
    LangSmithStream = "langsmith.metadata.stream",
    LangSmithStreaming = "langsmith.metadata.streaming",

    // Langfuse.
    LangfuseObservationType = "langfuse.observation.type",
    LangfuseModelName = "langfuse.observation.model.name",
    LangfuseModelParameters = "langfuse.observation.model.parameters",
    LangfuseUsageDetails = "langfuse.observation.usage_details",
    LangfuseCostDetails = "langfuse.observation.cost_details",
    LangfuseCompletionStartTime = "langfuse.observation.completion_start_time",
    LangfuseLevel = "langfuse.observation.level",
    LangfuseStatusMessage = "langfuse.observation.status_message",
}

pub(super) const COUNT: usize = KEYS.len();

/// Sessions and conversations under any convention, most trusted first.
pub(super) const SESSION: &[Key] = &[
    Key::GenAiConversationId,
    Key::SessionId,
    Key::LangfuseSessionId,
    Key::TraceloopSessionId,
    Key::TraceloopSessionIdCamel,
    Key::TraceloopConversationId,
    Key::VercelSessionId,
    Key::Vercel7SessionId,
    Key::LangSmithSessionId,
    Key::LangSmithThreadId,
    Key::LangSmithConversationId,
    Key::AdkSessionId,
    Key::GenAiSessionId,
    Key::LangWatchThreadId,
    Key::LmnrSessionId,
    Key::SpringConversationId,
    Key::PlainConversationId,
];

/// End users under any convention, most trusted first.
pub(super) const USER: &[Key] = &[
    Key::UserId,
    Key::LlmUser,
    Key::GenAiUser,
    Key::GenAiRequestUser,
    Key::LangfuseUserId,
    Key::TraceloopUserId,
    Key::TraceloopUserIdCamel,
    Key::VercelUserId,
    Key::Vercel7UserId,
    Key::LangSmithUserId,
    Key::LiteLlmEndUserId,
    Key::LiteLlmMetadataEndUserId,
    Key::EndUserId,
    Key::GenAiUserId,
    Key::LangWatchUserId,
    Key::LmnrUserId,
    Key::TrpcUserId,
];

/// Slots of the table: a power of two and at least four times [`COUNT`], so that most slots are empty.
const SLOTS: usize = 2048;
const SLOT_BITS: u32 = SLOTS.trailing_zeros();

/// Slot -> index into [`KEYS`] plus one; 0 is an empty slot.
static TABLE: [u16; SLOTS] = table();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, where an index out of bounds is an error")]
#[expect(clippy::cast_possible_truncation, reason = "the assertion keeps every index below the number of slots")]
const fn table() -> [u16; SLOTS] {
    assert!(COUNT < u16::MAX as usize && COUNT * 4 <= SLOTS, "the key table is too full");
    let mut table = [0; SLOTS];
    let mut index = 0;
    while index < COUNT {
        let mut slot = slot_of(KEYS[index].1.as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        table[slot] = index as u16 + 1;
        index += 1;
    }
    table
}

/// The slot of a key: its length and its last sixteen bytes, mixed by one multiplication.
const fn slot_of(key: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;
    let (head, tail) = match (key.last_chunk::<16>(), key.first_chunk::<8>(), key.last_chunk::<8>()) {
        (Some(last), _, _) => halves(u128::from_le_bytes(*last)),
        (None, Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        (None, _, _) => (0, 0),
    };
    let mixed = (head.rotate_left(29) ^ tail ^ key.len() as u64).wrapping_mul(MULTIPLIER);
    (mixed >> (u64::BITS - SLOT_BITS)) as usize
}

#[expect(clippy::cast_possible_truncation, reason = "each half is taken on purpose")]
const fn halves(bytes: u128) -> (u64, u64) {
    (bytes as u64, (bytes >> 64) as u64)
}

impl Key {
    /// The key with this name, if any adapter reads it.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut slot = slot_of(name.as_bytes());
        loop {
            let index = usize::from(*TABLE.get(slot)?).checked_sub(1)?;
            let &(key, known) = KEYS.get(index)?;
            if known == name {
                return Some(key);
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// Whether an adapter can recognize a call by this key. No adapter takes a span without any of these keys for a call.
    pub(super) const fn decides(self) -> bool {
        matches!(
            self,
            Self::LlmModel
                | Self::ModelRequested
                | Self::AiOperationId
                | Self::OpenInferenceSpanKind
                | Self::LangSmithSpanKind
                | Self::LangfuseObservationType
                | Self::LogfireSpanType
                | Self::GenAiOperationName
                | Self::LlmRequestType
                | Self::TraceloopSpanKind
                | Self::GenAiRequestModel
                | Self::GenAiLatencyTimeToFirstToken
                | Self::GenAiResponseModel
                | Self::LlmRequestModel
                | Self::GenAiSpanKind
                | Self::GenkitSubtype
                | Self::MlflowSpanType
                | Self::BraintrustMetadata
                | Self::BraintrustMetrics
                | Self::LmnrSpanType
                | Self::LangWatchSpanType
                | Self::SentryAiOperationId
        )
    }

    /// Whether this key holds the address of an HTTP request.
    pub(super) const fn addresses(self) -> bool {
        matches!(self, Self::UrlFull | Self::UrlPath | Self::HttpUrl | Self::HttpTarget)
    }

    /// The key under which a count is read whose attribute is spelt as no emitter known so far spells it
    /// (SEMCONV.md, section 5).
    pub(super) fn of_variant(name: &str) -> Option<Self> {
        const PREFIXES: [&str; 4] = ["gen_ai.usage.", "llm.usage.", "llm.token_count.", "gen_ai.response."];

        let rest = PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix))?;
        Some(match Count::named(rest)? {
            Count::Input => Self::GenAiPromptTokens,
            Count::Output => Self::GenAiCompletionTokens,
            Count::Total => Self::GenAiTotalTokens,
            Count::CacheRead => Self::GenAiCacheReadFlat,
            Count::CacheWrite => Self::GenAiCacheCreationFlat,
            Count::CacheWrite1h => Self::GenAiCacheWrite1h,
            Count::CacheWrite5m => Self::GenAiCacheWrite5m,
            Count::Reasoning => Self::GenAiReasoning,
        })
    }

    /// Whether this key holds a session or a user, which calls below the span inherit.
    pub(super) fn identifies_caller(self) -> bool {
        SESSION.contains(&self) || USER.contains(&self)
    }

    /// Whether arrays are read under this key, not only scalars.
    pub(super) const fn allows_array(self) -> bool {
        matches!(self, Self::GenAiResponseFinishReasons)
    }

    /// Whether bytes are read under this key as text: LangSmith exports the recorded answer so.
    pub(super) const fn allows_bytes(self) -> bool {
        matches!(self, Self::GenAiCompletion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_key_is_found_and_stands_once() {
        for (index, &(key, name)) in KEYS.iter().enumerate() {
            assert_eq!(Key::of(name), Some(key));
            assert_eq!(key as usize, index);
        }
        assert_eq!(KEYS.iter().map(|(_, name)| name).collect::<HashSet<_>>().len(), COUNT);
    }

    #[test]
    fn other_names_are_not_found() {
        for name in ["", "a", "http.method", "llm.model ", "LLM.MODEL", "gen_ai.usage.input_token", "llm.models"] {
            assert_eq!(Key::of(name), None, "{name}");
        }
        for (_, name) in KEYS {
            assert_eq!(Key::of(&format!("x{name}")), None);
            assert_eq!(Key::of(&format!("{name}_")), None);
        }
    }

    #[test]
    fn the_table_stays_shallow() {
        let crowded = (0..SLOTS).filter(|&slot| (0..6).all(|step| TABLE[(slot + step) % SLOTS] != 0)).count();
        assert_eq!(crowded, 0, "runs of six taken slots");
    }
}

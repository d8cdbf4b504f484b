//! Providers of the price catalog and the names that emitters use for them.

use super::catalog::Catalog;

/// Longest model or provider name that is parsed, bytes. Real names are far shorter; the limit bounds the work on hostile
/// input.
pub(super) const MAX_NAME: usize = 512;

/// How a provider names and prices its models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderKind {
    /// Sells its own models; its price is the list price of the family.
    FirstParty,
    /// A gateway or an inference host: models of many vendors under its own ids, often `vendor/model`.
    Gateway,
    /// A cloud that sells models of several vendors under its own ids.
    Cloud,
}

/// A provider of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownProvider {
    /// The name in the catalog.
    pub id: &'static str,
    pub kind: ProviderKind,
    /// Sells at the first party's list price, which is the estimate for a missing row (PRICING.md, section 1.6).
    pub is_reseller: bool,
    /// Other names, normalized by [`fold`].
    aliases: &'static [&'static str],
}

const fn first_party(id: &'static str, aliases: &'static [&'static str]) -> KnownProvider {
    KnownProvider { id, kind: ProviderKind::FirstParty, is_reseller: false, aliases }
}

const fn host(id: &'static str, aliases: &'static [&'static str]) -> KnownProvider {
    KnownProvider { id, kind: ProviderKind::Gateway, is_reseller: false, aliases }
}

const fn reseller(id: &'static str, kind: ProviderKind, aliases: &'static [&'static str]) -> KnownProvider {
    KnownProvider { id, kind, is_reseller: true, aliases }
}

const fn cloud(id: &'static str, aliases: &'static [&'static str]) -> KnownProvider {
    KnownProvider { id, kind: ProviderKind::Cloud, is_reseller: false, aliases }
}

/// Every provider of the bundled catalog. Aliases are names by Plano, by the OpenTelemetry conventions
/// (`gen_ai.provider.name`, `gen_ai.system`), by LiteLLM and by the Vercel AI SDK.
const PROVIDERS: &[KnownProvider] = &[
    first_party("alibaba", &["qwen", "dashscope", "alibaba-cloud", "aliyun", "tongyi"]),
    first_party("alibaba-cn", &["dashscope-cn", "aliyun-cn"]),
    first_party("anthropic", &["anthropic-ai", "claude"]),
    first_party("cohere", &["cohere-chat", "cohere-ai"]),
    first_party("deepseek", &["deep-seek", "deepseek-ai-api"]),
    first_party(
        "google",
        &[
            "gemini",
            "gcp.gemini",
            "gcp.gen-ai",
            "gcp.vertex.agent",
            "google-ai",
            "googleai",
            "google-ai-studio",
            "google-genai",
            "google-gla",
        ],
    ),
    first_party("llama", &["meta-llama-api", "llama-api"]),
    first_party("meta", &["meta-ai"]),
    first_party("minimax", &["minimax-ai"]),
    first_party("mistral", &["mistralai", "mistral-ai", "codestral"]),
    first_party("moonshotai", &["moonshot", "moonshot-ai", "kimi"]),
    first_party("moonshotai-cn", &["moonshot-cn"]),
    first_party("openai", &["open-ai", "openai-api", "text-completion-openai"]),
    first_party("perplexity", &["perplexityai", "perplexity-ai", "pplx"]),
    first_party("xai", &["x-ai", "x.ai", "spacexai"]),
    first_party("xiaomi", &["mimo", "xiaomi-mimo"]),
    first_party("zai", &["z-ai", "z.ai"]),
    first_party("zhipuai", &["zhipu", "zhipu-ai", "bigmodel"]),
    cloud(
        "amazon-bedrock",
        &["bedrock", "aws", "aws.bedrock", "aws-bedrock", "amazon", "amazon.bedrock", "bedrock-converse"],
    ),
    cloud(
        "google-vertex",
        &[
            "vertex",
            "vertex-ai",
            "vertexai",
            "gcp.vertex-ai",
            "google.vertex",
            "google-vertex-ai",
            "google-vertexai",
            "googlevertex",
        ],
    ),
    cloud("azure-cognitive-services", &[]),
    reseller(
        "azure",
        ProviderKind::Cloud,
        &[
            "azure-openai",
            "az.ai.openai",
            "az.ai.inference",
            "azure.ai.openai",
            "azure.ai.inference",
            "azure-ai",
            "azure.openai",
            "microsoft.foundry",
        ],
    ),
    reseller(
        "digitalocean",
        ProviderKind::Gateway,
        &["do", "do-ai", "gradient", "gradient-ai", "digital-ocean", "digitalocean-ai", "digitalocean-gradient"],
    ),
    reseller("edenai", ProviderKind::Gateway, &["eden-ai", "eden"]),
    reseller("openrouter", ProviderKind::Gateway, &["open-router", "openrouter-ai", "openrouter.ai"]),
    reseller("vercel", ProviderKind::Gateway, &["vercel-ai-gateway", "vercel-ai", "ai-gateway", "gateway"]),
    host("baseten", &[]),
    host("cerebras", &["cerebras-ai"]),
    host("deepinfra", &["deep-infra"]),
    host("fireworks-ai", &["fireworks"]),
    host("github-copilot", &["copilot"]),
    host("groq", &["groqcloud", "groq-cloud"]),
    host("nebius", &["nebius-ai", "nebius-ai-studio"]),
    host("ollama-cloud", &[]),
    host("togetherai", &["together", "together-ai", "together.ai", "together-xyz"]),
];

/// Local runtimes and the gateway itself: no price per token (normalized names).
const LOCAL: &[&str] = &[
    "arch",
    "docker-model-runner",
    "exo",
    "gpt4all",
    "hosted-vllm",
    "jan",
    "koboldcpp",
    "llama-cpp",
    "llama-cpp-python",
    "llama.cpp",
    "llamacpp",
    "llamafile",
    "lm-studio",
    "lmstudio",
    "local",
    "localai",
    "mlx",
    "mlx-lm",
    "ollama",
    "ollama-chat",
    "openllm",
    "plano",
    "ramalama",
    "router",
    "sglang",
    "text-generation-inference",
    "text-generation-webui",
    "tgi",
    "triton",
    "vllm",
    "xinference",
];

/// Subscriptions and free tiers: not billed per token (normalized names).
const SUBSCRIPTIONS: &[&str] = &["chatgpt", "github", "github-models"];

/// Domains of a provider, for emitters that report the server name.
const HOSTS: &[(&str, &str)] = &[("openai.azure.com", "azure"), ("services.ai.azure.com", "azure")];

/// API names that the Vercel AI SDK appends to a provider (`openai.chat`, `google.generative-ai`).
const APIS: &[&str] = &[
    "chat",
    "completion",
    "completions",
    "embedding",
    "embeddings",
    "generative-ai",
    "image",
    "messages",
    "realtime",
    "rerank",
    "reranking",
    "responses",
    "speech",
    "textembedding",
    "transcription",
    "video",
];

/// Vendors that the Vercel AI SDK appends to a cloud (`vertex.anthropic.messages`).
const VENDORS_OF_CLOUDS: &[&str] = &["anthropic", "maas", "xai"];

/// Values of a provider attribute that name no provider (normalized names).
const PLACEHOLDERS: &[&str] =
    &["", "-other", "custom", "litellm", "litellm-proxy", "none", "null", "other", "undefined", "unknown"];

/// Hugging Face organisations that are spelled like a provider alias. Their open weights run anywhere.
const HUGGING_FACE: &[&str] = &["Qwen"];

/// The meaning of a provider name in an attribute or in front of a model name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seller<'a> {
    /// A provider of the catalog.
    Known(KnownProvider),
    /// A local runtime or a subscription: no price per token.
    Unpriced,
    /// A placeholder, or no name at all.
    Unnamed,
    /// A name outside the bundled catalog; a refreshed catalog may have it.
    Unknown(&'a str),
}

/// Normalizes a name: lower case, `_` and blanks as `-`.
fn fold(name: &str) -> String {
    name.trim()
        .chars()
        .map(|letter| if matches!(letter, '_' | ' ') { '-' } else { letter.to_ascii_lowercase() })
        .collect()
}

/// Resolves a provider attribute: any case, any alias, a known domain, and the Vercel AI SDK's `provider.api`
/// (`openai.chat`). Other names with a dot are unknown: `openai.example` is not OpenAI.
pub(super) fn seller(name: &str) -> Seller<'_> {
    if name.len() > MAX_NAME {
        return Seller::Unknown("");
    }
    let folded = fold(name);
    let mut candidate = folded.as_str();
    loop {
        if let Some(seller) = lookup(candidate) {
            return seller;
        }
        match candidate.rsplit_once('.').filter(|(head, tail)| is_sdk_tail(head, tail)) {
            Some((head, _)) => candidate = head,
            None => return Seller::Unknown(name.trim()),
        }
    }
}

/// Whether the Vercel AI SDK can have appended `tail` to the provider `head`.
fn is_sdk_tail(head: &str, tail: &str) -> bool {
    let is_cloud = || matches!(lookup(head), Some(Seller::Known(provider)) if provider.kind == ProviderKind::Cloud);
    APIS.contains(&tail) || VENDORS_OF_CLOUDS.contains(&tail) && is_cloud()
}

/// The provider that owns this domain or a parent of it.
fn host_of(name: &str) -> Option<KnownProvider> {
    let belongs = |host: &str| name.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.iter().find(|(host, _)| belongs(host)).and_then(|(_, id)| known(id))
}

fn lookup(folded: &str) -> Option<Seller<'static>> {
    // `plano(llm)` is a service name.
    if PLACEHOLDERS.contains(&folded) || folded.starts_with("plano(") {
        return Some(Seller::Unnamed);
    }
    if LOCAL.contains(&folded) || SUBSCRIPTIONS.contains(&folded) || folded.starts_with("router:") {
        return Some(Seller::Unpriced);
    }
    PROVIDERS
        .iter()
        .find(|known| known.id == folded || known.aliases.contains(&folded))
        .copied()
        .or_else(|| host_of(folded))
        .map(Seller::Known)
}

/// Splits `provider/model`, if the provider is known or unpriced.
pub(super) fn split_prefix(name: &str) -> Option<(Seller<'static>, &str)> {
    let (head, rest) = name.split_once('/')?;
    if rest.is_empty() || HUGGING_FACE.contains(&head) {
        return None;
    }
    lookup(&fold(head)).filter(|seller| *seller != Seller::Unnamed).map(|seller| (seller, rest))
}

pub(super) fn known(id: &str) -> Option<KnownProvider> {
    PROVIDERS.iter().find(|known| known.id == id).copied()
}

#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = KnownProvider> {
    PROVIDERS.iter().copied()
}

impl Catalog {
    /// The catalog name of a provider as emitted.
    pub fn provider_id(name: &str) -> Option<&'static str> {
        match seller(name) {
            Seller::Known(provider) => Some(provider.id),
            Seller::Unpriced | Seller::Unnamed | Seller::Unknown(_) => None,
        }
    }

    /// Whether the provider sells its own models.
    pub fn is_first_party(id: &str) -> bool {
        known(id).is_some_and(|provider| provider.kind == ProviderKind::FirstParty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_of_the_table_is_in_the_bundled_catalog_and_the_reverse() {
        let catalog = Catalog::bundled();
        for provider in all() {
            assert!(catalog.provider(provider.id).is_some(), "{} has no rows", provider.id);
        }
        assert_eq!(all().count(), 35);
    }

    #[test]
    fn no_name_stands_for_two_things_and_all_are_folded() {
        let mut names: Vec<&str> =
            all().flat_map(|known| std::iter::once(known.id).chain(known.aliases.iter().copied())).collect();
        names.extend(LOCAL.iter().chain(SUBSCRIPTIONS).chain(PLACEHOLDERS));
        for name in &names {
            assert_eq!(fold(name), **name);
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn emitters_spellings_find_their_provider() {
        for (name, id) in [
            ("do_ai", "digitalocean"),
            ("Gradient", "digitalocean"),
            ("AWS.Bedrock", "amazon-bedrock"),
            ("amazon_bedrock", "amazon-bedrock"),
            ("az.ai.openai", "azure"),
            ("azure-openai.chat", "azure"),
            ("x_ai", "xai"),
            ("gcp.gemini", "google"),
            ("google.generative-ai", "google"),
            ("google.vertex.chat", "google-vertex"),
            ("gcp.vertex_ai", "google-vertex"),
            ("vertex.anthropic.messages", "google-vertex"),
            ("googleVertex.anthropic.messages", "google-vertex"),
            ("vertex.maas.chat", "google-vertex"),
            ("bedrock.anthropic.messages", "amazon-bedrock"),
            ("openai.responses", "openai"),
            ("cohere.textEmbedding", "cohere"),
            ("azure.openai", "azure"),
            ("openai.azure.com", "azure"),
            ("my-resource.OpenAI.Azure.com", "azure"),
            ("microsoft.foundry", "azure"),
            ("AWS", "amazon-bedrock"),
            ("fireworks_ai", "fireworks-ai"),
            ("Fireworks", "fireworks-ai"),
            ("together_ai", "togetherai"),
            ("mistral_ai", "mistral"),
            ("z.ai", "zai"),
        ] {
            assert_eq!(seller(name), Seller::Known(known(id).unwrap()), "{name}");
        }
        assert_eq!(seller("ollama"), Seller::Unpriced);
        assert_eq!(seller("router:x"), Seller::Unpriced);
        assert_eq!(seller("_OTHER"), Seller::Unnamed);
        assert_eq!(seller("plano(llm)"), Seller::Unnamed);
        for unknown in ["my-gateway", "openai.mycorp", "api.openai.example", "notopenai.azure.com", "anthropic.xai"] {
            assert_eq!(seller(&format!(" {unknown} ")), Seller::Unknown(unknown));
        }
    }
}

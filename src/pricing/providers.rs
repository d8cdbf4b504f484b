//! Who sells models, and under which names emitters know them.

use super::matching::LONGEST_NAME;

/// What a provider sells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProviderKind {
    /// Its own models: its price is the list price of its family.
    FirstParty,
    /// Many vendors' models under ids of its own, often `vendor/model`: a gateway or an inference host.
    Gateway,
    /// A cloud that sells vendors' models under ids of its own.
    Cloud,
}

/// A provider of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KnownProvider {
    /// The name in the catalog.
    pub id: &'static str,
    pub kind: ProviderKind,
    /// Sells at the first party's list price, so that this may stand in where a row is missing (section 1.6).
    pub is_reseller: bool,
    /// Other names, folded by [`fold`].
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

/// Runs on the user's own machines, or is the gateway itself: no price per token (folded names).
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

/// Sold by subscription, or free within limits: not billed per token (folded names).
const SUBSCRIPTIONS: &[&str] = &["chatgpt", "github", "github-models"];

/// Hosts whose every name below is one provider's, where an emitter names the server instead.
const HOSTS: &[(&str, &str)] = &[("openai.azure.com", "azure"), ("services.ai.azure.com", "azure")];

/// What the Vercel AI SDK appends to a provider: the API that was called (`openai.chat`, `google.generative-ai`).
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

/// What it appends to a cloud: whose models those were (`vertex.anthropic.messages`).
const VENDORS_OF_CLOUDS: &[&str] = &["anthropic", "maas", "xai"];

/// Words in a provider attribute that name nobody (folded names).
const NOBODY: &[&str] =
    &["", "-other", "custom", "litellm", "litellm-proxy", "none", "null", "other", "undefined", "unknown"];

/// Organisations on Hugging Face that are spelled like a provider's alias. Weights from there run anywhere.
const HUGGING_FACE: &[&str] = &["Qwen"];

/// Regions that Bedrock puts in front of an id: cross-region inference profiles.
pub(super) const BEDROCK_REGIONS: &[&str] =
    &["af", "ap", "apac", "au", "ca", "eu", "global", "il", "in", "jp", "kr", "me", "mx", "sa", "uk", "us", "us-gov"];

/// Vendors in front of the dot of a Bedrock id.
pub(super) const BEDROCK_VENDORS: &[&str] = &[
    "ai21",
    "amazon",
    "anthropic",
    "cohere",
    "deepseek",
    "google",
    "luma",
    "meta",
    "minimax",
    "mistral",
    "moonshot",
    "moonshotai",
    "nvidia",
    "openai",
    "qwen",
    "stability",
    "twelvelabs",
    "writer",
    "xai",
    "zai",
];

/// What a provider's name in an attribute or in front of a model's name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seller<'a> {
    /// A provider of the catalog.
    Known(KnownProvider),
    /// Local or by subscription: no price per token.
    Unpriced,
    /// A name that means nobody in particular.
    Nobody,
    /// Somebody we do not know; only a refreshed catalog may.
    Stranger(&'a str),
}

/// Names are compared in lower case, `_` and blanks as `-`.
fn fold(name: &str) -> String {
    name.trim()
        .chars()
        .map(|letter| if matches!(letter, '_' | ' ') { '-' } else { letter.to_ascii_lowercase() })
        .collect()
}

/// Reads a provider attribute: any case, any alias, a known host, and the Vercel AI SDK's `provider.api` (`openai.chat`).
/// Any other name with a dot is somebody else's: `openai.example` is not OpenAI.
pub(super) fn seller(name: &str) -> Seller<'_> {
    if name.len() > LONGEST_NAME {
        return Seller::Stranger("");
    }
    let folded = fold(name);
    let mut candidate = folded.as_str();
    loop {
        if let Some(seller) = lookup(candidate) {
            return seller;
        }
        match candidate.rsplit_once('.').filter(|(head, tail)| is_sdk_tail(head, tail)) {
            Some((head, _)) => candidate = head,
            None => return Seller::Stranger(name.trim()),
        }
    }
}

/// Whether the AI SDK may have put `tail` behind the provider `head`.
fn is_sdk_tail(head: &str, tail: &str) -> bool {
    let is_cloud = || matches!(lookup(head), Some(Seller::Known(provider)) if provider.kind == ProviderKind::Cloud);
    APIS.contains(&tail) || VENDORS_OF_CLOUDS.contains(&tail) && is_cloud()
}

/// The provider whose host this is, or is below.
fn host_of(name: &str) -> Option<KnownProvider> {
    let belongs = |host: &str| name.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.iter().find(|(host, _)| belongs(host)).and_then(|(_, id)| known(id))
}

fn lookup(folded: &str) -> Option<Seller<'static>> {
    // A service name such as `plano(llm)` is no provider.
    if NOBODY.contains(&folded) || folded.starts_with("plano(") {
        return Some(Seller::Nobody);
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

/// Splits `provider/model` where the provider is one we know, or know to be unpriced.
pub(super) fn split_prefix(name: &str) -> Option<(Seller<'static>, &str)> {
    let (head, rest) = name.split_once('/')?;
    if rest.is_empty() || HUGGING_FACE.contains(&head) {
        return None;
    }
    lookup(&fold(head)).filter(|seller| *seller != Seller::Nobody).map(|seller| (seller, rest))
}

/// The provider of this catalog name.
pub(super) fn known(id: &str) -> Option<KnownProvider> {
    PROVIDERS.iter().find(|known| known.id == id).copied()
}

/// All providers of the bundled catalog.
pub(super) fn all() -> impl Iterator<Item = KnownProvider> {
    PROVIDERS.iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::Catalog;

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
        names.extend(LOCAL.iter().chain(SUBSCRIPTIONS).chain(NOBODY));
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
        assert_eq!(seller("_OTHER"), Seller::Nobody);
        assert_eq!(seller("plano(llm)"), Seller::Nobody);
        for stranger in ["my-gateway", "openai.mycorp", "api.openai.example", "notopenai.azure.com", "anthropic.xai"] {
            assert_eq!(seller(&format!(" {stranger} ")), Seller::Stranger(stranger));
        }
    }
}

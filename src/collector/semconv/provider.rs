//! Who sold the answer. A framework or the service itself is none, and enum spellings are the sellers' names.

use super::span_view::SpanView;
use super::{fields::Fields, keys::Key, scalar};
use crate::call::Text;

/// Frameworks that write their own name where the seller's belongs.
const FRAMEWORKS: [&str; 7] =
    ["trpc.go.agent", "trpc-agent-go", "eino", "spring_ai", "langchain4j", "gcp.vertex.agent", "semantic_kernel"];

/// Enum names, upper case with underscores, and the names by which the convention knows the sellers.
const ENUM_NAMES: [(&str, &str); 14] = [
    ("OPEN_AI", "openai"),
    ("OPENAI", "openai"),
    ("AZURE_OPEN_AI", "azure.ai.openai"),
    ("AZURE_OPENAI", "azure.ai.openai"),
    ("ANTHROPIC", "anthropic"),
    ("AMAZON_BEDROCK", "aws.bedrock"),
    ("GOOGLE_AI_GEMINI", "gcp.gemini"),
    ("GOOGLE_GENAI", "gcp.gemini"),
    ("GOOGLE_VERTEX_AI_GEMINI", "gcp.vertex_ai"),
    ("GOOGLE_VERTEX_AI_ANTHROPIC", "gcp.vertex_ai"),
    ("GOOGLE_VERTEX_AI", "gcp.vertex_ai"),
    ("MISTRAL_AI", "mistral_ai"),
    ("OLLAMA", "ollama"),
    ("WATSONX", "ibm.watsonx.ai"),
];

/// The first of a convention's keys that names a seller.
pub(super) fn of<'a>(view: &SpanView<'a, '_>, fields: &Fields) -> Option<Text<'a>> {
    let service = view.resource("service.name");
    let is_framework = |name: &str| is_framework(name) || service.as_deref() == Some(name) && !is_seller(name);
    let named = fields.provider.iter().filter_map(|&key| view.name(&[key]));
    // OpenInference for Java writes `openai` beside whatever framework it instruments.
    let is_beside_framework = view.str(Key::LlmSystem).or_else(|| view.str(Key::GenAiSystem)).is_some_and(is_framework);
    named
        .map(|name| spelt(name))
        .find(|name| !(is_framework(name) || is_beside_framework && view.has(Key::LlmSystem) && &**name == "openai"))
}

fn is_framework(name: &str) -> bool {
    FRAMEWORKS.iter().any(|framework| name.eq_ignore_ascii_case(framework))
}

/// A gateway's service may be named after its seller.
fn is_seller(name: &str) -> bool {
    const SELLERS: [&str; 9] =
        ["openai", "anthropic", "bedrock", "azure", "google", "gemini", "mistral", "ollama", "openrouter"];
    SELLERS.iter().any(|seller| scalar::mentions(name, seller))
}

fn spelt(name: Text<'_>) -> Text<'_> {
    if !name.bytes().any(|byte| byte.is_ascii_uppercase()) || name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return name;
    }
    let known = ENUM_NAMES.iter().find(|(spelling, _)| name == *spelling);
    known.map_or(name, |&(_, seller)| Text::Borrowed(seller))
}

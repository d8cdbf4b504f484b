//! Messages and offered tools as recorded in the spans, as JSON or flattened attributes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::{Facts, Line, Section, shortened};
use crate::collector::decode::{PlainEvent, PlainSpan};

/// Characters of one message that are shown; the attribute further down has more.
const SHOWN: usize = 1200;
/// Messages of one side that are shown: the newest ones.
const LISTED: usize = 12;
/// Tools that are listed.
const MOST_TOOLS: usize = 500;
/// Most bytes of JSON that are parsed: parsing happens in every frame.
const MOST_JSON: usize = 256 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Said<'a> {
    role: Cow<'a, str>,
    text: Cow<'a, str>,
}

/// Attributes that hold a conversation's input, the most telling first: GenAI, Vercel AI SDK, OpenInference, Langfuse,
/// OpenLLMetry, older GenAI, Plano.
const INPUTS: [&str; 11] = [
    "gen_ai.input.messages",
    "ai.prompt.messages",
    "gen_ai.input_messages",
    "input.value",
    "langfuse.observation.input",
    "traceloop.entity.input",
    "gen_ai.prompt",
    "ai.prompt",
    "ai.values",
    "ai.value",
    "llm.user_message_preview",
];
/// Their flattened counterparts: `<prefix>.<n>.role`, `<prefix>.<n>.message.content`.
const FLAT_INPUTS: [&str; 3] = ["llm.input_messages", "gen_ai.prompt", "llm.prompts"];
const OUTPUTS: [&str; 8] = [
    "gen_ai.output.messages",
    "gen_ai.output_messages",
    "ai.response.text",
    "ai.response.object",
    "output.value",
    "langfuse.observation.output",
    "traceloop.entity.output",
    "gen_ai.completion",
];
const FLAT_OUTPUTS: [&str; 2] = ["llm.output_messages", "gen_ai.completion"];
const TOOLS: [&str; 4] = ["llm.tools", "gen_ai.tool.definitions", "ai.prompt.tools", "gen_ai.request.tools"];
const FLAT_TOOLS: [&str; 2] = ["llm.tools", "llm.request.functions"];
const INSTRUCTIONS: [&str; 2] = ["gen_ai.system_instructions", "gen_ai.system.instructions"];
/// Events of the GenAI conventions before messages became attributes.
const MESSAGE_EVENTS: [&str; 5] = [
    "gen_ai.system.message",
    "gen_ai.user.message",
    "gen_ai.assistant.message",
    "gen_ai.tool.message",
    "gen_ai.choice",
];

/// Messages and tools of the row's spans.
pub(super) fn sections(facts: Facts<'_>) -> Vec<Section> {
    let mut lines: Vec<Line> = first(facts, |span| texts(span, &INSTRUCTIONS)).into_iter().map(Said::line).collect();
    let input = first(facts, |span| said(span, &FLAT_INPUTS, &INPUTS, "user"));
    let left_out = input.len().saturating_sub(LISTED);
    if left_out > 0 {
        lines.push(Line::remark(format!("{left_out} earlier messages")));
    }
    lines.extend(input.into_iter().skip(left_out).map(Said::line));
    let output = first(facts, |span| said(span, &FLAT_OUTPUTS, &OUTPUTS, "assistant"));
    lines.extend(output.into_iter().take(LISTED).map(Said::line));
    lines.extend(first(facts, |span| texts(span, &["ai.response.toolCalls"])).into_iter().map(Said::line));
    if lines.is_empty() {
        lines.extend(first(facts, |span| span.events.iter().filter_map(event).collect()).into_iter().map(Said::line));
    }
    let tools = first(facts, tools).into_iter().map(|tool| Line::new("", tool)).collect();
    vec![Section::new("messages", lines), Section::new("tools", tools)]
}

impl<'a> Said<'a> {
    fn new(role: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Self {
        Self { role: role.into(), text: text.into() }
    }

    fn line(self) -> Line {
        Line::new(self.role.into_owned(), shortened(&self.text, SHOWN))
    }
}

/// The first value that any span has.
fn first<'a, T>(facts: Facts<'a>, read: impl Fn(&'a PlainSpan) -> Vec<T>) -> Vec<T> {
    facts.spans().map(read).find(|values| !values.is_empty()).unwrap_or_default()
}

/// The JSON in `text`. Longer texts are not parsed for a preview.
fn parsed(text: &str) -> Option<Value> {
    if text.len() > MOST_JSON { None } else { serde_json::from_str(text).ok() }
}

fn said<'a>(span: &'a PlainSpan, flat: &[&str], whole: &[&str], role: &'a str) -> Vec<Said<'a>> {
    let flattened = flat.iter().map(|prefix| flattened(span, prefix, role));
    let parsed = |key: &&str| Some(messages(span.attribute(key).filter(|text| !text.is_empty())?, role));
    flattened.chain(whole.iter().filter_map(parsed)).find(|said| !said.is_empty()).unwrap_or_default()
}

fn texts<'a>(span: &'a PlainSpan, keys: &[&str]) -> Vec<Said<'a>> {
    let text = |key: &&str| {
        let text = span.attribute(key).filter(|text| !text.is_empty())?;
        let role = if key.contains("tool") { "tool calls" } else { "system" };
        Some(Said::new(role, parsed(text).map_or(Cow::Borrowed(text), |value| content(&value).into())))
    };
    keys.iter().filter_map(text).take(1).collect()
}

/// `llm.input_messages.0.message.role`, `gen_ai.prompt.0.content`: sorted by the number; the last word is the field.
fn flattened<'a>(span: &'a PlainSpan, prefix: &str, default_role: &'a str) -> Vec<Said<'a>> {
    let mut said: BTreeMap<usize, Said<'a>> = BTreeMap::new();
    for field in &span.attributes {
        let rest = field.key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
        let Some((number, leaf)) = rest.and_then(|rest| rest.split_once('.')) else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        let message = said.entry(number).or_insert_with(|| Said::new(default_role, ""));
        match leaf.rsplit('.').next().unwrap_or_default() {
            "role" => message.role = field.value.as_str().into(),
            "content" | "text" | "arguments" | "name" => add(&mut message.text, &field.value),
            _ => {}
        }
    }
    said.into_values().filter(|said| !said.text.is_empty()).collect()
}

fn add<'a>(text: &mut Cow<'a, str>, more: &'a str) {
    // OpenLLMetry writes a list of parts as JSON where others write text.
    let more = match parsed(more) {
        Some(value @ (Value::Array(_) | Value::Object(_))) => Cow::Owned(content(&value)),
        _ => Cow::Borrowed(more),
    };
    match (text.is_empty(), more.is_empty()) {
        (true, _) => *text = more,
        (false, true) => {}
        (false, false) => {
            let text = text.to_mut();
            text.push('\n');
            text.push_str(&more);
        }
    }
}

/// The messages in a JSON text; text that is no JSON is one message.
fn messages<'a>(text: &'a str, role: &'a str) -> Vec<Said<'a>> {
    match parsed(text) {
        Some(value) => of_value(&value, role).into_iter().map(|(role, text)| Said::new(role, text)).collect(),
        None => vec![Said::new(role, text)],
    }
}

/// Role and text of each message.
fn of_value(value: &Value, role: &str) -> Vec<(String, String)> {
    match value {
        Value::Array(items) => items.iter().flat_map(|item| of_value(item, role)).collect(),
        Value::Object(object) => {
            if let Some(list) = ["messages", "choices"].iter().find_map(|key| object.get(*key)?.as_array()) {
                return list.iter().flat_map(|item| of_value(item, role)).collect();
            }
            if let Some(message) = object.get("message").filter(|message| message.is_object()) {
                return of_value(message, role);
            }
            let role = object.get("role").and_then(Value::as_str).unwrap_or(role).to_owned();
            let text = content(value);
            if text.is_empty() { Vec::new() } else { vec![(role, text)] }
        }
        other => vec![(role.to_owned(), content(other))],
    }
}

/// The text of a message or of its parts; what is not text is shown as JSON.
fn content(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let parts: Vec<_> = parts.iter().map(content).filter(|part| !part.is_empty()).collect();
            parts.join("\n")
        }
        Value::Object(object) => {
            let inner: Vec<_> = ["parts", "content", "text", "tool_calls", "response", "result"]
                .iter()
                .filter_map(|key| object.get(*key))
                .map(content)
                .filter(|part| !part.is_empty())
                .collect();
            let call = object.get("function").unwrap_or(value);
            let tool = ["name", "toolName"].iter().find_map(|key| call.get(*key)?.as_str());
            let arguments = ["arguments", "input", "args"].iter().find_map(|key| call.get(*key)).map(content);
            match (tool, inner.is_empty()) {
                (Some(tool), _) => format!("{tool}({})", arguments.unwrap_or_default()),
                (None, false) => inner.join("\n"),
                (None, true) => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

fn event(event: &PlainEvent) -> Option<Said<'_>> {
    let name = MESSAGE_EVENTS.iter().find(|name| event.name == **name)?;
    let text = ["content", "gen_ai.event.content", "message", "body"].iter().find_map(|key| event.attribute(key))?;
    let role = match name.trim_start_matches("gen_ai.").trim_end_matches(".message") {
        "choice" => "assistant",
        role => role,
    };
    messages(text, role).into_iter().next()
}

/// The names of the tools that were offered.
fn tools(span: &PlainSpan) -> Vec<String> {
    let flat = FLAT_TOOLS.iter().flat_map(|prefix| flat_tools(span, prefix));
    let listed = TOOLS.iter().filter_map(|key| span.attribute(key)).flat_map(tool_names);
    let mut tools: Vec<String> = Vec::new();
    for tool in flat.chain(listed).filter(|tool| !tool.trim().is_empty()).take(MOST_TOOLS) {
        if !tools.contains(&tool) {
            tools.push(tool);
        }
    }
    tools
}

/// `llm.tools.0.tool.json_schema`, `llm.request.functions.0.name`
fn flat_tools(span: &PlainSpan, prefix: &str) -> Vec<String> {
    let of_field = |key: &str, value: &str| {
        let rest = key.strip_prefix(prefix)?.strip_prefix('.')?;
        match rest.rsplit('.').next()? {
            "name" => Some(vec![value.to_owned()]),
            "json_schema" => Some(tool_names(value)),
            _ => None,
        }
    };
    span.attributes.iter().filter_map(|field| of_field(&field.key, &field.value)).flatten().collect()
}

/// Names in a JSON list of tools; of any other text its lines (SEMCONV.md, section 1: `llm.tools`).
fn tool_names(text: &str) -> Vec<String> {
    match parsed(text) {
        Some(Value::Array(items)) => items.iter().filter_map(tool_name).collect(),
        Some(value @ Value::Object(_)) => tool_name(&value).into_iter().collect(),
        _ => text.lines().take(MOST_TOOLS).map(|line| shortened(line, SHOWN)).collect(),
    }
}

fn tool_name(value: &Value) -> Option<String> {
    let described = match value {
        // Vercel AI SDK: each tool is a JSON text of its own.
        Value::String(text) => return parsed(text).as_ref().and_then(tool_name),
        value => value.get("function").unwrap_or(value),
    };
    let name = described.get("name")?.as_str()?;
    let about = described.get("description").and_then(Value::as_str);
    Some(about.map_or_else(|| name.to_owned(), |about| shortened(&format!("{name}: {about}"), SHOWN)))
}

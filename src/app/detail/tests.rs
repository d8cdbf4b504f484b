//! The detail of captured calls.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Detail, Facts, Section, TraceSpan, Wanted, sections, text};
use crate::call::{Cost, CostBasis, LlmCall};
use crate::collector::store::{Batch, Store, StoreConfig};
use crate::collector::{SharedNames, ingest};
use crate::pricing::Pricer;
use crate::text::Zone;
use crate::text::secrets::Secrets;

const CLIENTS: [&str; 8] = [
    "plano-brightstaff",
    "genai-openai",
    "openinference",
    "openllmetry",
    "litellm-sdk",
    "pydantic-ai",
    "vercel-proto",
    "vercel7-json",
];

/// A store that took in all requests of a captured client.
fn store(client: &str, span_memory: usize) -> Store {
    let names = SharedNames::default();
    let config = StoreConfig { capacity: 1000, span_memory, pricer: Arc::new(Pricer::default()), names: names.clone() };
    let mut store = Store::new(config);
    let folder = Path::new("tests/fixtures").join(client);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "binpb"));
    files.sort();
    for file in files {
        let request = Bytes::from(std::fs::read(file).unwrap());
        let arrivals = ingest::read(&request, &mut names.lock(), 0).unwrap();
        store.apply(Batch { request, arrivals, received_unix_nano: 0 });
    }
    store
}

fn calls(store: &Store) -> Vec<LlmCall> {
    store.snapshot().calls.iter().filter(|call| !call.is_merged_away()).cloned().collect()
}

fn look_into(store: &Store, call: &LlmCall) -> Detail {
    let wanted = Wanted::of(call);
    let known = store.spans(&wanted.trace.unwrap());
    let spans = known.into_iter().map(|span| TraceSpan::decode(span, Secrets::Masked)).collect();
    Detail { wanted, spans, cost: Pricer::default().explain(call) }
}

fn made(call: &LlmCall, detail: Option<&Detail>) -> Vec<Section> {
    sections(Facts { call, detail, zone: Zone::default(), most_chars: usize::MAX, secrets: Secrets::Masked })
}

fn detail(store: &Store, call: &LlmCall) -> Vec<String> {
    text(&made(call, Some(&look_into(store, call))), "")
}

/// The detail of the Plano call with this request id, as text.
fn plano(request_id: &str) -> Vec<String> {
    let store = store("plano-brightstaff", 1 << 24);
    let call = calls(&store).into_iter().find(|call| call.request_id().starts_with(request_id)).unwrap();
    detail(&store, &call)
}

fn section<'a>(lines: &'a [String], title: &str) -> Vec<&'a str> {
    let from =
        lines.iter().position(|line| line == title).unwrap_or_else(|| panic!("no section `{title}`: {lines:#?}"));
    lines[from + 1..].iter().take_while(|line| !line.is_empty()).map(String::as_str).collect()
}

#[test]
fn a_vetoed_switch_is_shown_from_question_to_answer() {
    let lines = plano("98cfd833");
    insta::assert_snapshot!(section(&lines, "routing").join("\n"), @r#"
    asked: openai/gpt-4o
    → alias: none: the name itself
    → router: anthropic/claude-sonnet-4-5
    → budget gate: retained: switching costs $0.00121 > ceiling $0.000173
    → dispatched: openai/gpt-4o
    → served: gpt-4o-2024-08-06
    decided in: 31ms
    prompt cache: warm, the session was idle for 923ms
    why: switch vetoed — would exceed session overhead cap, retaining anchor
    "#);
    insta::assert_snapshot!(section(&lines, "switch ledger").join("\n"), @r#"
    decision: retained
    switching: costs $0.00121
    ceiling: $0.000173
    instead of: anthropic/claude-sonnet-4-5 (code generation)
    warm there: 0 tokens
    overhead: 0.0% of the session's baseline
      spent on it: $0
      baseline: $0.000862
    session cost: $0.00239
    switches: 0
    "#);
}

#[test]
fn an_alias_is_resolved_before_our_eyes() {
    insta::assert_snapshot!(section(&plano("71c5e2b1"), "routing").join("\n"), @r#"
    asked: fast-llm
    → alias: gpt-4o-mini
    → router: no route matched
    → dispatched: gpt-4o-mini
    → served: gpt-4o-mini
    decided in: 31ms
    prompt cache: cold
    why: no route determined, using default model
    "#);
}

#[test]
fn an_allowed_switch_that_saves_is_shown() {
    let lines = plano("e230d094");
    insta::assert_snapshot!(section(&lines, "routing").join("\n"), @r#"
    asked: openai/gpt-4o
    → alias: none: the name itself
    → router: groq/llama-3.3-70b-versatile for route `code review`
    → budget gate: allowed: switching saves $0.000552
    → dispatched: groq/llama-3.3-70b-versatile
    → served: gpt-4o-2024-08-06
    decided in: 32ms
    prompt cache: warm, the session was idle for 275ms
    why: switch allowed — candidate is no more expensive than staying
    "#);
    insta::assert_snapshot!(section(&lines, "switch ledger").join("\n"), @r#"
    decision: allowed
    switching: saves $0.000552
    ceiling: $0.000382
    warm there: 0 tokens
    overhead: 0.0% of the session's baseline
      spent on it: $0
      baseline: $0.00191
    session cost: $0.00453
    switches: 1
    "#);
}

#[test]
fn every_signal_names_its_severity_count_and_snippet() {
    let store = store("plano-brightstaff", 1 << 24);
    let flagged: Vec<_> = calls(&store).into_iter().filter(|call| call.plano_facts().flagged).collect();
    let behaviours = flagged.iter().map(|call| {
        let lines = detail(&store, call);
        section(&lines, "behaviour").join("\n")
    });
    insta::assert_snapshot!(behaviours.collect::<Vec<_>>().join("\n\n"), @r#"
    quality: poor, 35 of 100
    turns: 2
    efficiency: 1
    ⚑ signal: interaction.misalignment 1×, severity 1
      message 2: correction: “no, i said” (confidence 1)

    quality: severe, 0 of 100
    turns: 3
    efficiency: 1
    ⚑ signal: interaction.misalignment 1×, severity 1
      message 2: correction: “no, i said” (confidence 1)
    ⚑ signal: interaction.stagnation 1×, severity 1
      message 3: repetition: “Exact repetition with message 1” (confidence 1)
    ⚑ signal: interaction.disengagement 1×, severity 1
      message 4: escalation: “get me a human” (confidence 1)

    quality: severe, 0 of 100
    turns: 4
    efficiency: 1
    ⚑ signal: interaction.misalignment 1×, severity 1
      message 2: correction: “no, i said” (confidence 1)
    ⚑ signal: interaction.stagnation 2×, severity 1
      message 3: repetition: “Exact repetition with message 1” (confidence 1)
      message 5: repetition: “Exact repetition with message 1” (confidence 1)
    ⚑ signal: interaction.disengagement 2×, severity 1
      message 4: escalation: “get me a human” (confidence 1)
      message 6: negative_stance: “wrong again!! stop repeating yourself” (confidence 1)
    "#);
}

#[test]
fn a_cost_computed_from_other_prices_is_marked() {
    let store = store("plano-brightstaff", 1 << 24);
    let mut call = calls(&store).into_iter().find(|call| call.request_id().starts_with("29d0b36a")).unwrap();
    assert!(!detail(&store, &call).iter().any(|line| line.contains("price list at hand")));
    call.set_cost(Some(Cost { usd: 7.0, basis: CostBasis::Priced }));
    let lines = detail(&store, &call);
    assert!(lines.contains(&"differs: by the price list at hand: $0.00239".to_owned()), "{lines:#?}");
    call.set_cost(Some(Cost { usd: 7.0, basis: CostBasis::Refreshed }));
    assert_eq!(section(&detail(&store, &call), "cost")[0], "cost: $7.0000 by the refreshed price list");
}

#[test]
fn costs_show_their_arithmetic_and_other_reported_costs() {
    insta::assert_snapshot!(section(&plano("29d0b36a"), "cost").join("\n"), @r#"
    cost: $0.00239 by price list
      input: 345 × $2.5/M             = $0.0008625
      cache read: 345 × $1.25/M            = $0.00043125
      output: 110 × $10/M              = $0.0011
      sum:                          = $0.00239375
    price row: openai / gpt-4o
    matched by: provider: the provider is given
    price list: bundled 2026-11-23, LiteLLM 2026-11
    "#);
}

#[test]
fn the_spans_that_made_the_row_are_listed_with_their_reasons() {
    insta::assert_snapshot!(section(&plano("71c5e2b1"), "spans").join("\n"), @r#"
    row: POST /v1/chat/completions fast-llm -> gpt-4o-mini at plano(llm) — llm.model is set
    completes: routing at plano(routing) — model.requested on a routing span: completes the call of its parent
    "#);
}

/// Whatever the client: every attribute of every span of the row is there, and so is every event.
#[test]
fn nothing_that_a_span_carries_is_left_out() {
    for client in CLIENTS {
        let store = store(client, 1 << 24);
        for call in calls(&store) {
            let detail = look_into(&store, &call);
            let sections = made(&call, Some(&detail));
            let labels: Vec<_> =
                sections.iter().flat_map(|section| &section.lines).map(|line| line.label.trim()).collect();
            let values: Vec<_> = sections.iter().flat_map(|section| &section.lines).map(|line| &line.value).collect();
            let spans = detail.own(&call).into_iter().chain(detail.parts(&call));
            for span in spans.map(|span| span.span.as_ref().unwrap()) {
                for field in span.attributes.iter().chain(&span.resource) {
                    assert!(labels.contains(&field.key.as_str()), "{client}: {}", field.key);
                }
                for event in &span.events {
                    assert!(values.iter().any(|value| *value == event.name.as_str()), "{client}: {}", event.name);
                }
            }
        }
    }
}

#[test]
fn what_was_said_is_found_in_every_convention_that_carries_it() {
    // This client was captured with its content switched off.
    for client in CLIENTS.into_iter().filter(|client| *client != "genai-openai") {
        let store = store(client, 1 << 24);
        let said = calls(&store)
            .iter()
            .any(|call| made(call, Some(&look_into(&store, call))).iter().any(|section| section.title == "messages"));
        assert!(said, "{client}");
    }
}

#[test]
fn exceptions_come_with_type_message_and_stack_trace() {
    let store = store("genai-openai", 1 << 24);
    let failed = calls(&store).into_iter().find(|call| call.status().is_error()).unwrap();
    let lines = detail(&store, &failed);
    let error = section(&lines, "error");
    assert!(error.iter().any(|line| line.starts_with("message: ") || line.starts_with("exception: ")), "{error:?}");
}

#[test]
fn a_call_whose_spans_are_gone_is_shown_all_the_same() {
    let store = store("plano-brightstaff", 0);
    for call in calls(&store) {
        let lines = detail(&store, &call);
        assert!(section(&lines, "spans")[0].contains("was evicted from the span log"), "{lines:?}");
        assert!(lines[0].starts_with("status: "), "{lines:?}");
        assert!(section(&lines, "routing").iter().any(|line| line.starts_with("→ served: ")), "{lines:?}");
    }
}

//! The language by example, its mistakes, and what must hold of any text.

mod invariants;

use proptest::prelude::*;

use self::invariants::{NOW, bare, check_invariants, rich};
use super::*;
use crate::call::{self, CallFacts, Names};
use crate::query::filter;

fn keep(draft: &CallFacts<'_>) -> LlmCall {
    LlmCall::from_facts(draft, &mut Names::default(), 7)
}

fn fits(text: &str, call: &LlmCall) -> bool {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).matches(call, NOW)
}

/// (expression, fits the rich call, fits the bare one)
const MEANING: &[(&str, bool, bool)] = &[
    ("", true, true),
    ("  \t ", true, true),
    ("model:gpt-5-mini", true, false),
    ("model:GPT-5-MINI", true, false),
    ("MODEL:gpt-5*", true, false),
    ("model:gpt-5", false, false),
    ("model:claude-*,gpt-5*", true, false),
    ("model:*mini", true, false),
    ("model:none", false, true),
    ("model:*", true, false),
    ("!model:*", false, true),
    ("model=gpt-5*", true, false),
    ("model:=gpt-5-mini", true, false),
    ("model===gpt-5-mini", true, false),
    ("model:\"gpt-5*\"", false, false),
    ("model:\"gpt-5\"*", true, false),
    ("route:\"code generation\"", true, false),
    ("route:code*", true, false),
    ("route:none", false, true),
    ("route:unknown,x", false, true),
    ("provider:openai", true, false),
    ("!provider:openai", false, true),
    ("provider:unknown", false, true),
    ("requested:fast", true, false),
    ("upstream:azure/*", true, false),
    ("status:429", true, false),
    ("status:4xx", true, false),
    ("status:5xx,429", true, false),
    ("status:>=500", false, false),
    ("status:<500", true, false),
    ("status>=400", true, false),
    ("status:400..499", true, false),
    ("status:error", true, false),
    ("status:ok", false, true),
    ("status:none", false, true),
    ("!status:429", false, true),
    ("error:limit", true, false),
    ("error:=rate_limit", true, false),
    ("error:=limit", false, false),
    ("error:slow*down", true, false),
    ("error:down*slow", false, false),
    ("error:\"*please*\"", true, false),
    ("error:none", false, true),
    ("error:*", true, false),
    ("cost:>$0.01", true, false),
    ("cost:>0.01", true, false),
    ("cost>0.01", true, false),
    ("cost:<=0.01", false, false),
    ("!cost:<=0.01", true, true),
    ("cost:unknown", false, true),
    ("cost:none,>1", false, true),
    ("cost:*", true, false),
    ("cost:$0.01..$0.03", true, false),
    ("basis:estimate", true, false),
    ("ttft:>800ms", true, false),
    ("ttft:>0.8s", true, false),
    ("ttft:>1s", false, false),
    ("latency:>2s", true, false),
    ("latency:=2500ms", true, false),
    ("latency:2s..3s", true, false),
    ("latency:>\"1s 400ms\"", true, false),
    ("latency:<1m", true, false),
    ("latency:>0", true, false),
    ("tok/s:>31", true, false),
    ("tok/s:<20", false, false),
    ("in:>10k", true, false),
    ("in:12k", true, false),
    ("in:12_000", true, false),
    ("in:<0.012m", false, false),
    ("cached:0", true, false),
    ("cached:unknown", false, true),
    ("written:unknown", true, true),
    ("reasoning:>19", true, false),
    ("out:50,60", true, false),
    ("session:sess-alpha", true, false),
    ("session:none", false, true),
    ("stream:yes", true, false),
    ("stream:no", false, false),
    ("stream:unknown", false, true),
    ("since:5m", true, false),
    ("since:1m", false, false),
    ("!since:1m", true, true),
    ("since:1m,1h", true, false),
    ("flag:poor", true, false),
    ("flag:yes", true, false),
    ("flag:no", false, true),
    ("flag:none", false, true),
    ("flag:good,severe", false, false),
    ("user:ada", true, false),
    ("service:plano*", true, false),
    ("convention:gen_ai", false, true),
    ("operation:chat", true, false),
    ("finish:length", true, false),
    ("switches:>1", true, false),
    ("overhead:>5%", true, false),
    ("id:33fc87a5*", true, false),
    ("id:33FC87A5-B59F-4A18-BEA1-9BBFCF806091", true, false),
    ("id:abababababababab", false, true),
    ("trace:4b4b*", true, false),
    ("span:f0f0f0f0f0f0f0f0", true, false),
    ("gpt", true, false),
    ("GENERATION", true, false),
    ("openai", true, false),
    ("alpha", true, false),
    ("9bbfcf", true, false),
    ("abab", false, true),
    ("unknown", false, true),
    ("slow", true, false),
    ("rate_l", true, false),
    ("\"slow down\"", true, false),
    ("slow*please", true, false),
    ("zebra,gpt", true, false),
    ("!gpt", false, true),
    ("!zebra,gpt", false, true),
    ("gpt slow", true, false),
    ("gpt zebra", false, false),
    ("model:gpt-5* status:error cost:>$0.01", true, false),
    ("model:gpt-5*   !status:error", false, false),
];

#[test]
fn the_language_by_example() {
    let (rich, bare) = (rich(), bare());
    for &(text, rich_fits, bare_fits) in MEANING {
        assert_eq!(fits(text, &rich), rich_fits, "{text} on the rich call");
        assert_eq!(fits(text, &bare), bare_fits, "{text} on the bare call");
    }
}

#[test]
fn mistakes_are_marked_and_explained() {
    // (expression, the text that is marked, the beginning of the message, a part of the hint)
    let too_long = format!("id:{}", "a".repeat(parse::LONGEST_EXPRESSION));
    for (text, marked, message, hint) in [
        ("route:code modle:x", "modle", "unknown field `modle`", "did you mean model:?"),
        ("implicit:4583", "implicit", "unknown field", "quote text"),
        ("-provider:openai", "-provider", "unknown field", "!provider:"),
        ("model:", "", "model: missing value", "model:gpt-5*"),
        ("model:a,", "", "model: missing value", ""),
        ("cost: >1", "", "cost: missing value", "cost:>$0.01"),
        ("cost:>", ">", "cost: missing value", ""),
        ("cost >1", ">1", "missing field before the comparison", "without spaces"),
        ("model :gpt", ":gpt", "missing field before `:`", ""),
        ("gpt,", "", "missing word", ""),
        ("model:\"gpt", "\"gpt", "unclosed quote", ""),
        ("\"a\\", "\"a\\", "unclosed quote", ""),
        ("gpt !", "!", "`!` is not followed by a term", "!provider:openai"),
        ("! gpt", "!", "`!` is not followed by a term", ""),
        ("!!gpt", "!!", "`!` may appear only once", ""),
        ("model:!gpt", "!gpt", "`!` must precede the whole term", "!model:"),
        ("status!=200", "!=200", "`!` must precede the whole term", "!status:"),
        ("model:>gpt", ">gpt", "model is not numeric: `>`", "model:gpt-5*"),
        ("stream:>yes", ">yes", "stream is not numeric", ""),
        ("flag:bad", "bad", "flag: `bad` is not yes, no", ""),
        ("stream:maybe", "maybe", "stream: `maybe` is not yes, no or unknown", ""),
        ("status:teapot", "teapot", "status: `teapot` is not a status", "status:429"),
        ("status:42", "42", "status: `42` is not a status", ""),
        ("status:4*", "4*", "status: `4*` is not a status", ""),
        ("latency:>2", ">2", "latency: `>2` is not a duration", "2ms or 2s"),
        ("latency:>2parsecs", ">2parsecs", "latency:", "unknown time unit"),
        ("since:yesterday", "yesterday", "since: `yesterday` is not a duration", ""),
        ("since:99999999999999999999s", "99999999999999999999s", "since:", "too long"),
        ("cost:>a", ">a", "cost: `>a` is not an amount", "cost:>$0.01"),
        ("cost:1e9", "1e9", "cost:", ""),
        ("cost:inf", "inf", "cost:", ""),
        ("cost:nan", "nan", "cost:", ""),
        ("cost:.", ".", "cost:", ""),
        ("cost:$", "$", "cost:", ""),
        ("in:k", "k", "in: `k` is not a count", ""),
        ("in:1*", "1*", "in:", "compared"),
        ("in:5..1", "5..1", "the range ends before it starts", ""),
        ("in:..5", "..5", "in:", ""),
        ("in:>10,000", ">10,000", "`,` is OR", "10k"),
        ("cost:0,005", "0,005", "`,` is OR", ""),
        ("model:a OR model:b", "OR", "`OR` is not an operator here", "`,` inside a value"),
        ("é \u{1b}:x", "\u{1b}", "unknown field `\\u{1b}`", ""),
        (&too_long, "aaa", "the filter is longer than 4096 bytes", ""),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(text.get(error.span.clone()), Some(marked), "{text}: {error:?}");
        assert!(error.message.starts_with(message), "{text}: {error:?}");
        assert!(error.hint.as_deref().unwrap_or("").contains(hint), "{text}: {error:?}");
    }
}

#[test]
fn commas_between_whole_figures_stay_or() {
    let call = rich();
    assert!(fits("status:>=500,429", &call));
    assert!(fits("out:50,100", &call));
    assert!(fits("in:>20k,12000", &call));
}

#[test]
fn shortcuts_are_exact_and_join_the_expression() {
    let (rich, bare) = (rich(), bare());
    let name = |text: &str| Some(Name::from(text));
    let all = Filter::default();
    assert!(all.is_empty() && all.matches(&bare, NOW));
    let model = all.clone().with_model(name("gpt-5-mini"));
    assert!(model.matches(&rich, NOW) && !model.matches(&bare, NOW));
    assert!(!all.clone().with_model(name("gpt-5")).matches(&rich, NOW));
    assert!(!all.clone().with_model(name("GPT-5-mini")).matches(&rich, NOW));
    let route = all.clone().with_route(name("code generation"));
    assert!(route.matches(&rich, NOW) && !route.matches(&bare, NOW));
    let errors = all.clone().with_errors_only(true);
    assert!(errors.matches(&rich, NOW) && !errors.matches(&bare, NOW));

    let joined = model.with_route(name("code generation")).with_errors_only(true).with_expression("ttft>1s").unwrap();
    assert!(!joined.matches(&rich, NOW), "the expression holds beside the shortcuts");
    assert!(joined.with_expression("").unwrap().matches(&rich, NOW));
    assert_eq!(joined.describe(), "model=gpt-5-mini route=\"code generation\" errors ttft:>1s");
    assert_eq!(joined.expression(), "ttft>1s");
    assert!(!joined.is_empty());
    assert!(joined.with_expression("x:y").is_err());
}

#[test]
fn equality_follows_meaning() {
    let parse = |text: &str| Filter::parse(text).unwrap();
    assert_eq!(parse("  cost>1   gpt "), parse("cost_usd:>1 gpt"));
    assert_ne!(parse("cost:>1"), parse("cost:>2"));
    assert_ne!(parse("gpt"), parse("gpt").with_errors_only(true));
}

#[test]
fn the_outcome_changes_when_it_was_said_to() {
    const SECOND: i64 = 1_000_000_000;
    let draft = CallFacts { start_unix_nano: Some(1000 * SECOND as u64), ..CallFacts::default() };
    let call = LlmCall::from_facts(&draft, &mut Names::default(), 0);
    for expression in ["since:5m", "!since:5m", "since:1m,5m", "since:5m !since:1m", "gpt", "!gpt"] {
        let filter = Filter::parse(expression).unwrap();
        let mut now = 900 * SECOND;
        while let Some(next) = filter.next_change(&call, now) {
            assert!(next > now, "{expression}");
            assert_eq!(filter.matches(&call, now), filter.matches(&call, next - 1), "{expression}");
            now = next;
        }
        assert_eq!(filter.matches(&call, now), filter.matches(&call, i64::MAX), "{expression}");
    }
}

/// Text that has the shape of the language, right or wrong.
fn expressions() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z0-9-]{1,8}\\*?",
        "\"[ -~]{0,6}\"",
        "(>=|<=|>|<|=|==)?\\$?[0-9]{1,4}(\\.[0-9]{1,2})?[km]?",
        "(>|<)?[0-9]{1,4}(ms|s|m|h)",
        "[0-9]{1,3}\\.\\.[0-9]{1,3}",
        prop::sample::select(vec!["none", "unknown", "yes", "no", "poor", "ok", "error", "4xx", "*", "é*"])
            .prop_map(str::to_owned),
    ];
    let spellings: Vec<&str> = FIELDS.iter().flat_map(FilterField::spellings).collect();
    let field = prop::option::of((prop::sample::select(spellings), prop::sample::select(vec![":", "", "="])));
    let term =
        (prop::bool::weighted(0.2), field, prop::collection::vec(value, 1..3)).prop_map(|(negated, field, values)| {
            let (name, sign) = field.unwrap_or_default();
            format!("{}{name}{sign}{}", if negated { "!" } else { "" }, values.join(","))
        });
    prop::collection::vec(term, 0..4).prop_map(|terms| terms.join(" "))
}

/// Guarantees: what is shown of a filter can always be typed again, so what would outgrow that is refused.
#[test]
fn what_would_be_too_long_spelt_out_is_refused() {
    let fits = format!("\"{}\"", r"\\".repeat((parse::LONGEST_EXPRESSION - 2) / 2));
    assert!(check_invariants(&fits));
    assert_eq!(Filter::parse(&fits).unwrap().describe().len(), parse::LONGEST_EXPRESSION);
    let grows = format!("\"{}\"", r"\x".repeat((parse::LONGEST_EXPRESSION - 2) / 2));
    assert!(!check_invariants(&grows));
    assert!(Filter::parse(&grows).unwrap_err().message.contains("exceeds"));
}

/// Expressions about as long as any that is read, some of which grow when they are expanded.
fn long_expressions() -> impl Strategy<Value = String> {
    let units = prop::sample::select(vec![
        r#""\x\y\z" "#,
        r#""a b" "#,
        "cost>1 ",
        "tok:>7 ",
        "m:gpt-5*,x ",
        "!provider:é ",
        "lat>2s ",
        r#""\"\\" "#,
    ]);
    let room = parse::LONGEST_EXPRESSION * 2 / 3..parse::LONGEST_EXPRESSION + 4;
    (prop::collection::vec(units, 1..6), room).prop_map(|(units, room)| {
        let mut text = String::new();
        for unit in units.iter().cycle().take_while(|unit| unit.len() <= room) {
            if text.len() + unit.len() > room {
                break;
            }
            text.push_str(unit);
        }
        text
    })
}

#[test]
fn a_literal_is_no_word_of_the_language() {
    let bare = bare();
    for text in ["none", "Unknown", "*", "!x", ">x", "a,b", "a b", "\"", "\\"] {
        assert!(!fits(&format!("route:{}", parse::literal(text)), &bare), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        check_invariants(&text);
    }

    #[test]
    fn any_expression_means_what_its_canonical_spelling_means(text in expressions()) {
        check_invariants(&text);
    }

    #[test]
    fn a_long_expression_is_refused_or_can_be_typed_again_as_it_is_shown(text in long_expressions()) {
        check_invariants(&text);
    }

    #[test]
    fn negation_turns_every_answer(text in "[a-z/]{1,9}:(>|<)?[0-9a-z*]{1,5}") {
        if let (Ok(plain), Ok(negated)) = (Filter::parse(&text), Filter::parse(&format!("!{text}"))) {
            for call in [rich(), bare()] {
                prop_assert_ne!(plain.matches(&call, NOW), negated.matches(&call, NOW));
            }
        }
    }

    #[test]
    fn a_literal_finds_what_it_was_made_of(model in any::<String>()) {
        let call = keep(&CallFacts { model: Some(model.as_str().into()), ..CallFacts::default() });
        if let Ok(filter) = Filter::parse(&format!("model:{}", parse::literal(&model))) {
            prop_assert_eq!(filter.matches(&call, NOW), !model.is_empty());
        }
    }
}

#[test]
fn only_since_changes_with_time() {
    let changes = |text: &str| Filter::parse(text).unwrap().next_change(&bare(), i64::MIN).is_some();
    assert!(changes("gpt !since:5m"));
    assert!(!changes("gpt latency:>5m"));
    let filter = Filter::parse("since:999999999ns,999999999y").unwrap();
    assert!(filter.matches(&bare(), i64::MIN) && filter.matches(&bare(), i64::MAX));
}

//! Names of credentials, and the values that follow them.

use std::ops::Range;

use super::shapes::{bounded, is_mixed, is_part};

/// Shorter words after a scheme without a label are prose, bytes.
const MIN_LENGTH: usize = 16;

/// The longest name of a value, and the longest text between it and its value, bytes.
const LABEL: usize = 64;

/// The longest list of values that is looked through, bytes.
const LIST: usize = 1024;

/// Parts of names whose values are credentials: the whole name may be longer. `-` equals `_`, and case does not matter.
const ANYWHERE: [&str; 22] = [
    "authorization",
    "apikey",
    "api_key",
    "api key",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "cookie",
    "private_key",
    "privatekey",
    "bearer",
    "access_key",
    "accesskey",
    "account_key",
    "accountkey",
    "session_key",
    "sessionkey",
    "subscription_key",
    "signing_key",
    "encryption_key",
];

/// Names, or last words of names, whose values are credentials.
const LAST_WORDS: [&str; 6] = ["token", "pwd", "signature", "jwt", "auth", "sig"];

/// All of them, to be searched for in texts.
pub(super) const LABEL_PARTS: [&str; 28] = {
    let mut parts = [""; 28];
    let (mut from, mut to) = (0, 0);
    #[allow(clippy::indexing_slicing, reason = "checked by the compiler, which runs it")]
    while to < parts.len() {
        parts[to] = if to < ANYWHERE.len() { ANYWHERE[to] } else { LAST_WORDS[from] };
        if to >= ANYWHERE.len() {
            from += 1;
        }
        to += 1;
    }
    parts
};

/// What `token` may end without being a credential: counts and times of tokens, and the special ones of a vocabulary.
const COUNTED_TOKENS: [&str; 17] = [
    "first_token",
    "firsttoken",
    "per_token",
    "pertoken",
    "last_token",
    "max_token",
    "eos_token",
    "bos_token",
    "pad_token",
    "unk_token",
    "sep_token",
    "cls_token",
    "mask_token",
    "stop_token",
    "special_token",
    "next_token",
    "output_token",
];

/// Authentication schemes that one credential follows, in lower case.
const SCHEMES: [&str; 20] = [
    "bearer",
    "basic",
    "apikey",
    "api-key",
    "token",
    "negotiate",
    "ntlm",
    "key",
    "dpop",
    "privatetoken",
    "bot",
    "splunk",
    "sso-key",
    "x-api-key",
    "sharedkey",
    "sharedkeylite",
    "googlelogin",
    "vapid",
    "mutual",
    "gnap",
];

/// Authentication schemes that a list of parameters follows, in lower case.
const LIST_SCHEMES: [&str; 7] =
    ["digest", "aws4-hmac-sha256", "hawk", "oauth", "signature", "sharedaccesssignature", "scram-sha-256"];

/// Whether the part of a label at `at` makes `name` that of a credential.
pub(super) fn names_credential(name: &str, at: usize) -> bool {
    let part = name.get(at..).unwrap_or_default();
    if ANYWHERE.iter().any(|known| begins(part, known)) {
        return true;
    }
    LAST_WORDS.iter().filter(|word| begins(part, word)).any(|word| {
        let is_last = part.len() == word.len() || part.get(word.len()..).is_some_and(|rest| rest.starts_with('['));
        let (before, upper) =
            (name.get(..at).unwrap_or_default(), part.starts_with(|first: char| first.is_uppercase()));
        let is_word = !before.ends_with(|last: char| last.is_ascii_alphanumeric())
            || (upper && before.ends_with(|last: char| last.is_ascii_lowercase()));
        let counted = *word == "token" && COUNTED_TOKENS.iter().any(|counted| ends(name, counted));
        is_last && (is_word || *word == "token") && !counted
    })
}

fn fold(byte: u8) -> u8 {
    if byte == b'-' { b'_' } else { byte.to_ascii_lowercase() }
}

/// Whether text begins with `part`, ignoring case and treating `-` and `_` alike.
fn begins(text: &str, part: &str) -> bool {
    text.as_bytes().get(..part.len()).is_some_and(|text| text.iter().map(|byte| fold(*byte)).eq(part.bytes()))
}

fn ends(text: &str, part: &str) -> bool {
    text.len().checked_sub(part.len()).and_then(|at| text.get(at..)).is_some_and(|end| begins(end, part))
}

/// The name around the part of a label at `at`.
fn label_around(text: &str, at: usize) -> Option<Range<usize>> {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let before = text.as_bytes().get(at.saturating_sub(LABEL)..at)?;
    let start = at - before.iter().rev().take_while(|byte| is_name(byte)).count();
    let behind = text.as_bytes().get(at..(at + LABEL).min(text.len()))?;
    let mut end = at + behind.iter().take_while(|byte| is_name(byte)).count();
    if begins(text.get(at..)?, "api key") {
        end = at + "api key".len();
    }
    Some(start..end)
}

/// The value of the name that has a part of a label at `at`.
pub(super) fn value_of_label(text: &str, at: usize) -> Option<Range<usize>> {
    let label = label_around(text, at)?;
    let name = text.get(label.clone())?;
    if !names_credential(name, at - label.start) {
        return None;
    }
    let link = Link::after(text, &label)?;
    let value = link.value(text, name)?;
    let is_sig = name.len() >= 3 && ends(name, "sig") && !ends(name, "_sig");
    let shown = text.get(value.clone())?;
    let is_directory = ends(name, "pwd") && name.contains("PWD") && shown.starts_with('/');
    let is_candidate = ends(name, "token") && is_vocabulary(text, &value);
    let is_harmless = is_directory || is_candidate || (is_sig && shown.len() < MIN_LENGTH);
    (!is_harmless).then_some(value)
}

/// Whether the value is a token of a model: an element of `logprobs`, or its number.
fn is_vocabulary(text: &str, value: &Range<usize>) -> bool {
    let behind = bounded(text, value.end, 24).unwrap_or_default();
    let number = text
        .get(value.clone())
        .is_some_and(|value| value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit()));
    number || behind.contains("logprob") || behind.contains("bytes\"")
}

/// What stands between a name and its value.
#[derive(Clone, Copy, Debug)]
struct Link {
    /// Where the value begins.
    start: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// To the next quote like this one, with at most this many backslashes before it.
    Quoted(char, usize),
    /// To the next blank or delimiter.
    Plain,
    /// As `Plain`, percent-encoded.
    Encoded,
    /// In brackets.
    List(char),
    /// After an option of a command line.
    Argument,
    /// On the next lines, which are indented; as a block, or as one word.
    Lines { is_block: bool },
}

impl Link {
    fn after(text: &str, label: &Range<usize>) -> Option<Self> {
        let behind = bounded(text, label.end, LABEL)?;
        let mut seen = None;
        let mut is_encoded = false;
        let mut quote = None;
        let mut at = 0;
        loop {
            let rest = behind.get(at..)?;
            let first = rest.chars().next()?;
            match first {
                ':' | '=' => (seen, quote) = (Some(first), None),
                '"' | '\'' | '`' => {
                    let slashes = behind.get(..at)?.chars().rev().take_while(|char| *char == '\\').count();
                    // An empty value ends here.
                    if seen.is_some() && quote.is_some() {
                        return None;
                    }
                    quote = Some((first, slashes));
                }
                ' ' | '\t' | '\\' if quote.is_none() || seen.is_none() => {}
                ']' | ')' if seen.is_none() => {}
                // `=>`
                '>' if seen == Some('=') && quote.is_none() => {}
                ',' if seen.is_none() && quote.is_some() => return Self::of_pair(text, label, label.end + at),
                '\n' | '\r' if seen == Some(':') && quote.is_none() => {
                    return Some(Self { start: label.end + at, kind: Kind::Lines { is_block: false } });
                }
                '|' | '>' if seen == Some(':') && quote.is_none() => {
                    let line = rest.find('\n').filter(|end| *end <= 4)?;
                    return Some(Self { start: label.end + at + line, kind: Kind::Lines { is_block: true } });
                }
                '%' if quote.is_none() => match rest.get(..3).unwrap_or_default().to_ascii_lowercase().as_str() {
                    "%3a" | "%3d" => (seen, is_encoded, at) = (Some('%'), true, at + 2),
                    "%22" | "%27" | "%20" | "%5c" => at += 2,
                    _ => break,
                },
                _ => break,
            }
            at += first.len_utf8();
            if seen.is_some() && quote.is_some() {
                break;
            }
        }
        let start = label.end + at;
        let rest = text.get(start..)?;
        if seen.is_none() {
            let is_option = text.get(label.clone())?.starts_with("--") && behind.starts_with(' ');
            return is_option.then_some(Self { start, kind: Kind::Argument });
        }
        Some(match quote {
            Some((quote, slashes)) => Self { start, kind: Kind::Quoted(quote, slashes) },
            None => Self::opened(rest, start, is_encoded),
        })
    }

    /// Of a value that does not begin with a quote: perhaps with a bracket, or with Python's `b'`.
    fn opened(rest: &str, start: usize, is_encoded: bool) -> Self {
        let mut chars = rest.chars();
        let (first, second) = (chars.next(), chars.next());
        match (first, second) {
            (Some('b' | 'u' | 'r' | 'f'), Some(quote @ ('"' | '\''))) => {
                Self { start: start + 2, kind: Kind::Quoted(quote, 0) }
            }
            (Some('['), _) => Self { start: start + 1, kind: Kind::List(']') },
            (Some('('), _) => Self { start: start + 1, kind: Kind::List(')') },
            (Some('{'), _) => Self::of_member(rest, start).unwrap_or(Self { start, kind: Kind::Plain }),
            _ => Self { start, kind: if is_encoded { Kind::Encoded } else { Kind::Plain } },
        }
    }

    /// Of `"name", "value"` in brackets of their own, and of `"name": "…", "value": "…"`.
    fn of_pair(text: &str, label: &Range<usize>, comma: usize) -> Option<Self> {
        let rest = text.get(comma + 1..)?;
        let blanks = rest.len() - rest.trim_start_matches([' ', '\n', '\t', '\r']).len();
        let start = comma + 1 + blanks;
        if let Some(member) = Self::of_member(text.get(start..)?, start) {
            return Some(member);
        }
        let before = text.get(..label.start)?.trim_end_matches(['\\', '"', '\'', '`']).trim_end_matches(['b', 'u']);
        let open = before.chars().next_back().filter(|open| matches!(open, '(' | '['))?;
        let first = text.get(start..)?.trim_start_matches(['b', 'u', 'r']);
        let prefix = text.len() - start - first.len();
        let slashes = first.len() - first.trim_start_matches('\\').len();
        let quote = first.get(slashes..)?.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let from = start + prefix + slashes + 1;
        let value = quoted(text, from, quote, slashes);
        let behind = text.get(value.end..)?.trim_start_matches(['\\', '"', '\'', ' ']);
        let is_closed = behind.is_empty() || behind.starts_with(if open == '(' { ')' } else { ']' });
        // A list of names, such as the required ones of a schema, is no pair.
        let is_name = open == '[' && text.get(value)?.chars().all(|char| char.is_ascii_lowercase() || char == '_');
        (is_closed && !is_name).then_some(Self { start: from, kind: Kind::Quoted(quote, slashes) })
    }

    /// Of the member of an object that holds the value: `{"value": "…"}`, also as OTLP's JSON writes it.
    fn of_member(rest: &str, start: usize) -> Option<Self> {
        const MEMBERS: [&str; 4] = ["value", "stringValue", "string_value", "secret"];
        let member = rest.trim_start_matches(['{', ' ', '\n', '\t', '\r', '\\', '"', '\'']);
        let name = MEMBERS.iter().find(|name| member.starts_with(**name))?;
        let behind = member.get(name.len()..)?.trim_start_matches(['\\', '"', '\'', ' ']).strip_prefix(':')?;
        let behind = behind.trim_start_matches([' ', '\n', '\t', '\r']);
        let at = start + (rest.len() - behind.len());
        if behind.starts_with('{') {
            return Self::of_member(behind, at);
        }
        let slashes = behind.len() - behind.trim_start_matches('\\').len();
        let quote = behind.get(slashes..)?.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        Some(Self { start: at + slashes + 1, kind: Kind::Quoted(quote, slashes) })
    }

    /// The range of the credential, without an authentication scheme before it.
    fn value(self, text: &str, name: &str) -> Option<Range<usize>> {
        let start = self.start;
        let rest = text.get(start..)?;
        match self.kind {
            Kind::Quoted(quote, slashes) => without_scheme(text, quoted(text, start, quote, slashes)),
            Kind::Plain => plain(text, start, name),
            Kind::Encoded => {
                let end = start + encoded(rest);
                without_scheme(text, start..end)
            }
            Kind::List(close) => strings(text, start, close),
            Kind::Argument => {
                let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''));
                match quote {
                    Some(quote) => without_scheme(text, quoted(text, start + 1, quote, 0)),
                    None => argument(rest).map(|length| start..start + length),
                }
            }
            Kind::Lines { is_block } => lines(text, start, is_block),
        }
    }
}

/// To the quote that ends the value, or to the end of the text.
fn quoted(text: &str, start: usize, quote: char, slashes: usize) -> Range<usize> {
    let rest = text.get(start..).unwrap_or_default();
    let mut before = 0;
    for (at, char) in rest.char_indices() {
        if char == '\\' {
            before += 1;
            continue;
        }
        // `"pass\"word"` goes on, `\"password\"` does not.
        if char == quote && (before == slashes || before % 2 == 0) {
            return start..start + at - before;
        }
        before = 0;
    }
    start..text.len()
}

/// Length of an unquoted value, bytes.
fn unquoted(rest: &str) -> usize {
    let is_end = |char: char| {
        char.is_whitespace() || matches!(char, '"' | '\'' | '\\' | '&' | ',' | ';' | '}' | ']' | ')' | '`')
    };
    rest.find(is_end).unwrap_or(rest.len())
}

/// Length of a percent-encoded value, bytes.
fn encoded(rest: &str) -> usize {
    const ENDS: [&str; 9] = ["%26", "%22", "%27", "%2c", "%3b", "%7d", "%5d", "%0a", "%5c"];
    let plain = unquoted(rest);
    let value = rest.get(..plain).unwrap_or_default().to_ascii_lowercase();
    ENDS.iter().filter_map(|end| value.find(end)).min().unwrap_or(plain)
}

/// An unquoted value: a word, or what an authentication scheme or a list of cookies goes on with.
fn plain(text: &str, start: usize, name: &str) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let length = unquoted(rest);
    let word = rest.get(..length)?;
    let is_scheme = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    if LIST_SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme)) {
        return parameters(text, start + length);
    }
    if is_scheme {
        return given(text, start + length);
    }
    if name.to_ascii_lowercase().ends_with("cookie") {
        return Some(start..start + cookies(rest)).filter(|cookies| !cookies.is_empty());
    }
    if is_plain_word(word) {
        // `password: str = "…"`
        let default = rest.get(length..)?.strip_prefix(" = ")?;
        let quote = default.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        return Some(quoted(text, start + length + " = ".len() + 1, quote, 0)).filter(|value| !value.is_empty());
    }
    let is_header = name.to_ascii_lowercase().ends_with("authorization");
    let second = rest.get(length..)?.strip_prefix(' ').filter(|_| is_header);
    let second = second.map_or(0, |second| {
        let length = unquoted(second);
        let word = second.get(..length).unwrap_or_default();
        if word.len() >= 8 && is_mixed(word) { length + 1 } else { 0 }
    });
    Some(start..start + length + second)
}

/// Length of `a=b; c=d`, bytes.
fn cookies(rest: &str) -> usize {
    let mut length = unquoted(rest);
    while let Some(next) = rest.get(length..).and_then(|behind| behind.strip_prefix(';')) {
        let pair = next.trim_start_matches(' ');
        let word = unquoted(pair);
        if word == 0 || !pair.get(..word).is_some_and(|pair| pair.contains('=') || pair.starts_with(super::MASK)) {
            break;
        }
        length += 1 + (next.len() - pair.len()) + word;
    }
    length
}

/// The parameters after an authentication scheme: to the end of the line, or of the text in quotes that the header is.
fn parameters(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = text.get(start..)?;
    let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let list = rest.get(blanks..)?;
    let mut end = 0;
    let mut in_quotes = false;
    for (at, char) in list.char_indices() {
        match char {
            '\n' | '\r' => break,
            // Within a parameter, as in `realm="a"`; one that follows anything else ends the header.
            '"' if in_quotes || list.get(..at).is_some_and(|before| before.trim_end_matches('\\').ends_with('=')) => {
                in_quotes = !in_quotes;
            }
            '"' | '\'' | '}' if !in_quotes => break,
            _ => {}
        }
        end = at + char.len_utf8();
    }
    let list = list.get(..end)?;
    (blanks > 0 && (list.contains('=') || list.contains(super::MASK)))
        .then_some(start + blanks..start + blanks + list.trim_end().len())
}

/// The word after an authentication scheme that ends at `end`.
fn given(text: &str, end: usize) -> Option<Range<usize>> {
    let behind = text.get(end..)?;
    let word = behind.trim_start_matches([' ', '\t']);
    let encoded = if word.len() == behind.len() { word.trim_start_matches("%20") } else { word };
    let (start, length) = (end + behind.len() - encoded.len(), unquoted(encoded));
    (start > end && length > 0).then_some(start..start + length)
}

/// The credential after an authentication scheme at `start..end` that no label precedes.
pub(super) fn value_of_scheme(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let is_word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.');
    if text.get(..start)?.ends_with(is_word) && !text.get(..start)?.ends_with("%20") {
        return None;
    }
    let scheme = text.get(start..end)?;
    if scheme.eq_ignore_ascii_case("digest") {
        let list = parameters(text, end)?;
        return text.get(list.clone())?.contains("response=").then_some(list);
    }
    let value = given(text, end)?;
    let word = text.get(value.clone())?;
    let is_long = word.len() >= MIN_LENGTH && (scheme.eq_ignore_ascii_case("bearer") || is_mixed(word));
    let is_credential =
        is_long || (word.len() >= 8 && word.chars().all(is_part) && word.bytes().any(|byte| byte.is_ascii_digit()));
    (is_credential && !word.contains(super::MASK)).then_some(value)
}

/// A value in quotes without the authentication scheme that it begins with.
fn without_scheme(text: &str, value: Range<usize>) -> Option<Range<usize>> {
    let whole = text.get(value.clone())?;
    let first = whole.split([' ', '\t', '%']).next()?;
    let is_scheme = SCHEMES.iter().chain(&LIST_SCHEMES).any(|scheme| first.eq_ignore_ascii_case(scheme));
    if is_scheme {
        let rest = whole.get(first.len()..)?;
        let given = rest.trim_start_matches([' ', '\t']);
        let given = given.strip_prefix("%20").unwrap_or(given);
        return (!given.is_empty()).then_some(value.end - given.len()..value.end);
    }
    (!is_plain_word(whole)).then_some(value)
}

/// The strings in brackets that begin before `start`.
fn strings(text: &str, start: usize, close: char) -> Option<Range<usize>> {
    let rest = bounded(text, start, LIST)?;
    let inside = rest.get(..rest.find(close).unwrap_or(rest.len()))?;
    let quotes = ['"', '\''];
    match (inside.find(quotes), inside.rfind(quotes)) {
        (Some(first), Some(last)) if first < last => {
            let last = inside.get(..last)?.trim_end_matches('\\').len();
            (first + 1 < last).then_some(start + first + 1..start + last)
        }
        (Some(first), _) => (first + 1 < inside.len()).then_some(start + first + 1..start + inside.len()),
        (None, _) => (!is_plain_word(inside.trim())).then_some(start..start + inside.len()),
    }
}

/// Length of the argument of an option, if it is one and no prose goes on.
fn argument(rest: &str) -> Option<usize> {
    const PROSE: [&str; 28] = [
        "is",
        "or",
        "and",
        "option",
        "options",
        "flag",
        "flags",
        "was",
        "were",
        "must",
        "the",
        "a",
        "an",
        "with",
        "to",
        "for",
        "in",
        "as",
        "argument",
        "parameter",
        "value",
        "values",
        "required",
        "not",
        "cannot",
        "if",
        "when",
        "can",
    ];
    let length =
        rest.find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '`' | '\\')).unwrap_or(rest.len());
    let word = rest.get(..length)?;
    let is_value = !word.starts_with(['-', '<', '[', '{', '(', '|', ',', '.']) && !word.starts_with("${");
    (is_value && !word.is_empty() && !PROSE.contains(&word.trim_end_matches([',', '.', ':', ')']))).then_some(length)
}

/// The indented lines from the line break at `start` on.
fn lines(text: &str, start: usize, is_block: bool) -> Option<Range<usize>> {
    let mut value: Option<Range<usize>> = None;
    let mut at = start;
    for line in text.get(start..)?.split_inclusive('\n') {
        let (from, content) = (at, line.trim());
        at += line.len();
        if content.is_empty() && (value.is_none() || is_block) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let (item, content) = match content.strip_prefix("- ") {
            Some(item) => (2, item.trim_start()),
            None => (0, content),
        };
        let is_mapping = content.ends_with(':') || content.contains(": ");
        let word = content.split_whitespace().next().unwrap_or_default();
        let is_word = is_block || word == content || is_mixed(word);
        let content = if is_block { content } else { word };
        let is_value = (indent > 0 || item > 0) && (is_block || !is_mapping) && is_word && !is_plain_word(content);
        if !is_value {
            break;
        }
        let begin = from + line.find(content)?;
        let end = begin + content.len();
        value = Some(value.map_or(begin, |value| value.start)..end);
        if item == 0 && !is_block {
            break;
        }
    }
    value
}

/// Not a credential even after a name that one is expected after.
fn is_plain_word(word: &str) -> bool {
    const WORDS: [&str; 16] = [
        "",
        "null",
        "None",
        "true",
        "false",
        "string",
        "object",
        "True",
        "False",
        "{",
        "[",
        "str",
        "String",
        "nil",
        "undefined",
        "password",
    ];
    const CODE: [&str; 6] = ["os.environ", "os.getenv", "process.env", "std::env", "${", "{{"];
    WORDS.contains(&word)
        || CODE.iter().any(|code| word.starts_with(code))
        || SCHEMES.iter().chain(&LIST_SCHEMES).any(|scheme| word.eq_ignore_ascii_case(scheme))
}

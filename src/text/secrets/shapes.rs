//! Credentials that are recognised by their own shape.

use std::ops::Range;

use super::issuers::{Alphabet, Issued};

/// The characters of a masked credential that stay: they identify its issuer.
const KEPT: usize = 4;

/// The longest user information of a URL that is looked for, bytes.
const USER_INFO: usize = 1024;

/// Letters, digits and the others that occur in credentials.
pub(super) fn is_part(char: char) -> bool {
    char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | '+' | '=' | '~')
}

/// Where the word at `start` ends.
fn word_end(text: &str, start: usize) -> usize {
    let word = text.get(start..).unwrap_or_default();
    start + word.find(|char| !is_part(char)).unwrap_or(word.len())
}

/// Where the word that `at` is part of begins, at most 64 bytes before.
fn word_start(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(at.saturating_sub(64)..at).unwrap_or_default();
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    at - before.iter().rev().take_while(is_part).count()
}

fn follows_a_letter(text: &str, start: usize) -> bool {
    let before = start.checked_sub(1).and_then(|at| text.as_bytes().get(at));
    before.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        // `%2F` or `\n` before it are no part of it.
        && !is_escape(text, start)
}

fn is_escape(text: &str, start: usize) -> bool {
    let back = |count: usize| start.checked_sub(count).and_then(|from| text.as_bytes().get(from..start));
    back(3).is_some_and(
        |escape| matches!(escape, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()),
    ) || back(2).is_some_and(|escape| matches!(escape, [b'\\', b'n' | b't' | b'r']))
}

/// Whether a word is neither a name nor prose: it has digits, or both cases of letters.
pub(super) fn is_mixed(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    has(u8::is_ascii_digit) || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
}

fn has_long_run(word: &str) -> bool {
    word.split(|char: char| !char.is_ascii_alphanumeric()).any(|run| run.len() >= 20)
}

/// A credential with the prefix of an issuer at `start`.
pub(super) fn issued(text: &str, start: usize, issued: Issued) -> Option<Range<usize>> {
    if follows_a_letter(text, start) {
        return None;
    }
    let rest = text.get(start..)?.strip_prefix(issued.prefix)?;
    let from = start + issued.prefix.len();
    let end = word_end(text, from);
    let run = |is: fn(&u8) -> bool| rest.as_bytes().iter().take_while(|byte| is(byte)).count();
    let is_issued = match issued.alphabet {
        Alphabet::Mixed => {
            let tail = text.get(from..end)?;
            tail.len() >= issued.min && (is_mixed(tail) || has_long_run(tail))
        }
        Alphabet::Hex => run(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) >= issued.min,
        Alphabet::Upper => run(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'Z')) >= issued.min,
    };
    is_issued.then_some(start + KEPT..end)
}

/// A JSON web token (RFC 7519): base64 of JSON objects with dots between, whole or cut off.
pub(super) fn web_token(text: &str, start: usize) -> Option<Range<usize>> {
    if !text.get(start..)?.starts_with("eyJ") || follows_a_letter(text, start) {
        return None;
    }
    let end = word_end(text, start);
    let mut segments = text.get(start..end)?.split('.');
    let header = segments.next()?;
    let claims = segments.next()?;
    let is_token = claims.starts_with("eyJ") || (segments.next().is_some() && claims.len() >= 6);
    (is_token && header.len() + claims.len() >= 16).then_some(start + KEPT..end)
}

/// The password in a URL (RFC 3986, section 3.2.1), whose authority begins at `start`. Text that was cut may end in it.
pub(super) fn password_in_url(text: &str, start: usize) -> Option<Range<usize>> {
    const CUT: char = '…';
    let is_end = |char: char| char.is_whitespace() || matches!(char, '"' | '\'' | '<' | '>' | '\\');
    let rest = bounded(text, start, USER_INFO)?;
    let rest = rest.get(..rest.find(is_end).unwrap_or(rest.len()))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let user_info = match authority.rsplit_once('@').or_else(|| authority.split_once(CUT)) {
        Some((user_info, _)) => user_info,
        None => with_delimiters(rest, authority)?,
    };
    if user_info.starts_with('[') {
        return None;
    }
    match user_info.find(':') {
        Some(colon) => (colon + 1 < user_info.len()).then_some(start + colon + 1..start + user_info.len()),
        // A token in place of a user.
        None => (user_info.len() >= 20 && is_mixed(user_info) && rest.get(user_info.len()..)?.starts_with('@'))
            .then_some(start + KEPT.min(user_info.len())..start + user_info.len()),
    }
}

/// User information with a password that contains one of `/?#`, which it must not, but does.
fn with_delimiters<'a>(rest: &'a str, authority: &str) -> Option<&'a str> {
    let (_, port) = authority.split_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let (user_info, host) = rest.rsplit_once('@')?;
    (!is_port && !host.is_empty() && !host.starts_with(['/', '?'])).then_some(user_info)
}

/// The password in a percent-encoded URL, whose authority begins at `start`.
pub(super) fn password_in_encoded_url(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = bounded(text, start, USER_INFO)?.to_ascii_lowercase();
    let end = rest.find(|char: char| char.is_whitespace() || matches!(char, '"' | '&')).unwrap_or(rest.len());
    let authority = rest.get(..end)?.split("%2f").next()?;
    let at = authority.rfind("%40")?;
    let colon = authority.get(..at)?.find("%3a")? + 3;
    (colon < at).then_some(start + colon..start + at)
}

/// The password after curl's `-u user:`.
pub(super) fn curl_user(text: &str, start: usize) -> Option<Range<usize>> {
    const COMMAND: usize = 256;
    let before = text.as_bytes().get(start.saturating_sub(COMMAND)..start)?;
    memchr::memmem::find(before, b"curl")?;
    let rest = text.get(start..)?;
    let quote = usize::from(rest.starts_with(['"', '\'']));
    let rest = rest.get(quote..)?;
    let end = rest.find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'')).unwrap_or(rest.len());
    let (user, password) = rest.get(..end)?.split_once(':')?;
    let from = start + quote + user.len() + 1;
    (!user.is_empty() && !user.contains('/') && !password.is_empty() && !password.starts_with("//"))
        .then_some(from..start + quote + end)
}

/// The body of a private key in PEM (RFC 7468), to the end of the text if its end was cut off.
pub(super) fn private_key(text: &str, start: usize) -> Option<Range<usize>> {
    const DASHES: &str = "-----";
    let header = bounded(text, start + DASHES.len(), 64)?;
    let label = header.get(..header.find(DASHES)?)?;
    if !label.contains("PRIVATE KEY") {
        return None;
    }
    let from = start + DASHES.len() + label.len() + DASHES.len();
    let body = text.get(from..)?;
    Some(from..from + body.find("-----END").unwrap_or(body.len()))
}

/// All of the word at `start`.
pub(super) fn word_after(text: &str, start: usize) -> Option<Range<usize>> {
    let end = word_end(text, start);
    (end > start).then_some(start..end)
}

/// The secret of an application in Entra: three characters, a digit and `Q~` are the beginning of 40.
pub(super) fn azure_secret(text: &str, digit: usize) -> Option<Range<usize>> {
    let (start, end) = (word_start(text, digit), word_end(text, digit));
    (digit - start == 3 && text.get(digit..)?.get(1..2)? == "Q" && end - start >= 37).then_some(start..end)
}

/// A key of Azure OpenAI: 84 letters and digits, with this mark in them.
pub(super) fn azure_key(text: &str, mark: usize) -> Option<Range<usize>> {
    let (start, end) = (word_start(text, mark), word_end(text, mark));
    (text.get(mark..)?.starts_with("JQQJ99") && end - start >= 60).then_some(start..end)
}

/// At most `length` bytes from `start`.
pub(super) fn bounded(text: &str, start: usize, length: usize) -> Option<&str> {
    let rest = text.get(start..)?;
    rest.get(..rest.floor_char_boundary(length))
}

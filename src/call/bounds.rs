//! How much of a text from outside a kept call holds: names are short, and a stranger's need not be kept whole.
//!
//! The span log keeps the span itself, where the detail finds the whole of it.

use std::borrow::Cow;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;

/// The most bytes of one text that a kept call holds.
pub const LONGEST_TEXT: usize = 1024;

/// The most bytes of a trace or span id that a kept call holds; well-formed ones have 16 and 8.
pub(super) const LONGEST_ID: usize = 64;

/// The same numbers in every run, so that a name that was cut is the same name again.
const SEED: u64 = 0;

/// The text itself, or where it is too long its beginning, `…#` and 16 hex digits made of all of it: still distinguished
/// from others that begin alike.
pub(super) fn bounded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= LONGEST_TEXT {
        return text;
    }
    let mark = format!("…#{:016x}", FixedState::with_seed(SEED).hash_one(&*text));
    let room = text.floor_char_boundary(LONGEST_TEXT - mark.len());
    Cow::Owned(text.get(..room).unwrap_or_default().to_owned() + &mark)
}

/// The id itself, or its beginning where it is too long to be one.
pub(super) fn bounded_id(id: &[u8]) -> &[u8] {
    id.get(..LONGEST_ID).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn long_texts_lose_their_end_and_stay_distinct() {
        let (one, other) = ("é".repeat(600) + "1", "é".repeat(600) + "2");
        let cut = [&one, &other].map(|text| bounded(text.as_str().into()).into_owned());
        assert!(cut.iter().all(|text| text.len() <= LONGEST_TEXT && text.contains("é…#")), "{cut:?}");
        assert_ne!(cut[0], cut[1]);
        assert_eq!(bounded(one.as_str().into()), cut[0], "the same again");
        assert_eq!(bounded_id(&[7; 1000]).len(), LONGEST_ID);
    }

    proptest! {
        #[test]
        fn short_texts_stay_and_what_was_cut_is_not_cut_again(text in ".{0,400}", times in 1_usize..6) {
            let text = text.repeat(times);
            let cut = bounded(text.as_str().into());
            prop_assert!(cut.len() <= LONGEST_TEXT);
            prop_assert!(text.len() > LONGEST_TEXT || cut == text);
            prop_assert_eq!(bounded(cut.as_ref().into()), cut.as_ref());
        }
    }
}

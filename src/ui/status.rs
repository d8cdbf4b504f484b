//! The status of a call as text.

use crate::call::Status;

/// How a call ended, in a word.
pub(super) fn status_word(status: Status) -> String {
    match status {
        Status::Code(code) => code.to_string(),
        Status::Ok => "ok".to_owned(),
        Status::Error => "error".to_owned(),
        Status::NoResponse => "no resp".to_owned(),
    }
}

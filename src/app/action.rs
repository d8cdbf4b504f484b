//! What a user can ask for. Keys name actions, `App::act` carries them out.

use super::line_edit::LineEdit;
use super::motion::Motion;
use super::views::View;

/// A step in a line of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    Left,
    Right,
    WordLeft,
    WordRight,
    Start,
    End,
    /// Delete the character before the cursor.
    Backspace,
    /// Delete the character under the cursor.
    Delete,
    /// Delete the word before the cursor.
    DeleteWordBack,
    /// Delete the word behind the cursor.
    DeleteWord,
    /// Delete all before the cursor.
    DeleteToStart,
    /// Delete all behind the cursor.
    DeleteToEnd,
}

impl Step {
    /// Takes the step in `line`.
    pub fn take(self, line: &mut LineEdit) {
        match self {
            Self::Left => line.left(),
            Self::Right => line.right(),
            Self::WordLeft => line.word_left(),
            Self::WordRight => line.word_right(),
            Self::Start => line.home(),
            Self::End => line.end(),
            Self::Backspace => line.backspace(),
            Self::Delete => line.delete(),
            Self::DeleteWordBack => line.delete_word_back(),
            Self::DeleteWord => line.delete_word(),
            Self::DeleteToStart => line.delete_to_start(),
            Self::DeleteToEnd => line.delete_to_end(),
        }
    }
}

/// How far to leap in the time of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leap {
    /// 10 s
    TenSeconds,
    /// 1 min
    Minute,
}

/// A command to the replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Play {
    /// Pause it, or go on.
    TogglePause,
    /// Hand in the next request.
    Step,
    /// Go back in its time.
    Back(Leap),
    /// Go forward in its time.
    Forward(Leap),
    /// Ask for a time to go to.
    GoTo,
    Slower,
    Faster,
    /// Play as fast as possible.
    FullSpeed,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    Quit,
    /// Hand the terminal back to the shell until resumed.
    Suspend,
    Redraw,
    /// Show or hide the keys.
    Help,
    /// Close what is open; never quits.
    Close,
    /// Move the selection, in a list or table.
    Move(Motion),
    /// Scroll the open pane.
    Scroll(Motion),
    /// Open what is selected: a call's detail, the calls behind a rollup's row.
    Open,
    /// Take over what an open dialog holds.
    Accept,
    /// A step in the line being edited.
    Type(Step),
    /// Complete the word being typed.
    Complete,
    /// Answer a question with yes.
    Confirm,
    /// Go to a view.
    Show(View),
    /// Go to the next view.
    NextView,
    /// Go to the view before.
    PreviousView,
    /// Edit the filter expression.
    EditFilter,
    /// Pick a model to filter by.
    PickModel,
    /// Pick a route to filter by.
    PickRoute,
    /// Show errors only, or all again.
    ErrorsOnly,
    ClearFilters,
    /// The next time window.
    NextWindow,
    /// Pick the column to sort by.
    PickSort,
    /// Sort by the next column.
    SortNext,
    /// Sort by the column before.
    SortPrevious,
    /// Turn the order around.
    InvertSort,
    PickColumns,
    /// Move the selected entry of a list itself.
    Shift(Motion),
    /// Write what is shown to a file.
    Export,
    /// Opens span accounting.
    Accounting,
    /// Freeze the view, or go on.
    Pause,
    /// A command to the replay.
    Replay(Play),
    /// Keep the newest call selected.
    Follow,
    /// Give the open pane the whole body, or half again.
    Expand,
    /// The spans of the call's trace over time; of a session its turns.
    Trace,
    /// Mark a rollup's row, or compare it with the marked one.
    Compare,
    /// Copy the selected call's request id, or the selected name.
    Copy,
    /// Copy every line of the call's detail.
    CopyAll,
    Faster,
    Slower,
    /// Clear all calls, after a question.
    Clear,
}

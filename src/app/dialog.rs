//! What can be open over the view.

use super::filter_line::FilterLine;
use super::goto_line::GoToLine;
use super::line_edit::LineEdit;
use super::picker::Picker;
use super::scene::Scene;
use super::views::View;
use crate::call::Name;

/// What is open over the view.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys, scrolled down by so many lines.
    Help(usize),
    /// A list to pick from.
    Pick(Picker),
    /// Edits the filter expression.
    Filter(FilterLine),
    /// Text to find in the pane.
    Find(LineEdit),
    /// Where to write what is shown.
    Export(LineEdit),
    /// Where to go in the replay.
    GoTo(GoToLine),
    /// Whether to write over a file that is there.
    AskOverwrite(String),
    /// Whether to clear all calls.
    AskClear,
    /// Two models or routes side by side.
    Compare(Pair),
    /// Shows span accounting.
    Accounting,
}

impl Dialog {
    /// Where keys go while it is open.
    pub const fn scene(&self) -> Scene {
        match self {
            Self::Help(_) => Scene::Help,
            Self::Pick(_) => Scene::Pick,
            Self::Filter(_) | Self::Find(_) | Self::Export(_) | Self::GoTo(_) => Scene::Edit,
            Self::AskClear | Self::AskOverwrite(_) => Scene::Ask,
            Self::Compare(_) | Self::Accounting => Scene::Inspect,
        }
    }
}

/// Two models, or two routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The view that lists them.
    pub view: View,
    /// The one marked first.
    pub left: Name,
    /// The one it is compared with.
    pub right: Name,
}

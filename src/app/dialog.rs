//! What can be open over the view.

use super::cursor::Cursor;
use super::detail::Detail;
use super::filter_line::FilterLine;
use super::keymap::Scene;
use super::line_edit::LineEdit;
use super::picker::Picker;
use super::replay::GoToLine;
use super::trace::Waterfall;
use super::turns::TurnsView;
use super::view::View;
use crate::call::{LlmCall, Name};
use crate::query::analysis::{Picture, Rollup};

/// What is open over the view.
#[derive(Clone, Debug)]
pub enum Dialog {
    /// The keys, scrolled down by so many lines.
    Help(usize),
    /// A list to pick from.
    Pick(Picker),
    /// The filter expression.
    Filter(FilterLine),
    /// Text to find in the pane.
    Find(LineEdit),
    /// Where to write what is shown.
    Export(LineEdit),
    /// Where to go in the replay.
    GoTo(GoToLine),
    /// Whether to write over a file that is there.
    AskOverwrite(String),
    /// Whether to forget all calls.
    AskClear,
    /// The waterfall of a call's trace.
    Trace(Box<TraceView>),
    /// The turns of a session.
    Turns(TurnsView),
    /// Two models or routes side by side.
    Compare(Pair),
    /// Where everything that arrived ended.
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
            Self::Trace(_) | Self::Turns(_) | Self::Compare(_) | Self::Accounting => Scene::Inspect,
        }
    }
}

/// Two models, or two routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Which of both.
    pub view: View,
    /// The one marked first.
    pub left: Name,
    /// The one it is compared with.
    pub right: Name,
}

impl Pair {
    /// The rows both are among.
    pub fn rows<'a>(&self, picture: &'a Picture) -> &'a [Rollup] {
        match self.view {
            View::Routes => &picture.routes,
            View::Calls | View::Models | View::Sessions | View::Errors => &picture.models,
        }
    }
}

/// The waterfall of a trace, and the span selected in it.
#[derive(Clone, Debug)]
pub struct TraceView {
    /// The call whose trace it is.
    pub call: LlmCall,
    /// The bars; none until the spans are known.
    pub waterfall: Waterfall,
    /// The selected span's number among the spans.
    pub cursor: Cursor<usize>,
    /// Whether the selected span is shown in full below.
    pub is_open: bool,
    /// Lines that is scrolled down.
    pub scroll: usize,
}

impl TraceView {
    /// The waterfall of a call whose spans are not known yet.
    pub(super) fn new(call: LlmCall) -> Self {
        Self { call, waterfall: Waterfall::default(), cursor: Cursor::default(), is_open: false, scroll: 0 }
    }

    /// Takes in the spans of the call's trace, new ones included.
    pub(super) fn show(&mut self, detail: &Detail) {
        self.waterfall = Waterfall::of(&detail.spans);
        // At first the call's own span is selected.
        if self.cursor.key().is_none() {
            let own = self.call.ids().1.try_into().map_or(0, u64::from_be_bytes);
            if let Some(at) = detail.spans.iter().position(|span| span.id == own) {
                self.cursor = Cursor::on(at);
            }
        }
        self.cursor.settle(&self.waterfall);
        self.cursor.hold();
    }
}

//! The spans of a call's trace over time, one of them selected and, if opened, shown in full below.

use super::waterfall::Waterfall;
use super::{Opening, ViewState};
use crate::app::cursor::{Cursor, List, RowKey};
use crate::app::detail::{Detail, TraceSpan};
use crate::app::motion::Motion;
use crate::app::scene::Scene;
use crate::call::LlmCall;
use crate::query::analysis::Picture;
use crate::query::filter::Filter;

/// The waterfall of a trace, and the span selected in it.
#[derive(Clone, Debug)]
pub(crate) struct TraceView {
    /// The call whose trace it is.
    pub(crate) call: LlmCall,
    /// The bars; none until the spans are known.
    pub(crate) waterfall: Waterfall,
    pub(crate) cursor: Cursor,
    /// Whether the selected span is shown in full below.
    pub(crate) is_open: bool,
    /// Lines that it is scrolled down.
    pub(crate) scroll: usize,
}

impl TraceView {
    /// The waterfall of a call whose spans are not known yet.
    pub(super) fn new(call: LlmCall) -> Self {
        Self { call, waterfall: Waterfall::default(), cursor: Cursor::default(), is_open: false, scroll: 0 }
    }
}

impl ViewState for TraceView {
    fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    fn rows<'a>(&'a mut self, _: &'a Picture) -> (&'a mut Cursor, &'a dyn List) {
        (&mut self.cursor, &self.waterfall)
    }

    fn scene(&self) -> Scene {
        Scene::Inspect
    }

    /// Spans of a trace arrive in any order: the selected one stays selected.
    fn step(&mut self, motion: Motion, _: &Picture, page: usize) {
        self.cursor.step(motion, &self.waterfall, page);
        self.cursor.hold();
        self.scroll = 0;
    }

    fn open(&mut self, _: &Filter) -> Opening {
        self.is_open = !self.is_open;
        Opening::Nothing
    }

    fn close_inner(&mut self) -> bool {
        std::mem::take(&mut self.is_open)
    }

    fn scroll_mut(&mut self) -> Option<&mut usize> {
        Some(&mut self.scroll)
    }

    fn traced_call(&self) -> Option<&LlmCall> {
        Some(&self.call)
    }

    fn selected_span<'a>(&self, detail: &'a Detail) -> Option<&'a TraceSpan> {
        detail.spans.get(self.cursor.key()?.span()?)
    }

    fn take_detail(&mut self, detail: &Detail) {
        if self.call.id() != detail.wanted.call {
            return;
        }
        self.waterfall = Waterfall::of(&detail.spans);
        // At first the call's own span is selected.
        if self.cursor.key().is_none() {
            let own = self.call.ids().1.try_into().map_or(0, u64::from_be_bytes);
            if let Some(at) = detail.spans.iter().position(|span| span.id == own) {
                self.cursor = Cursor::on(RowKey::Span(at));
            }
        }
        self.cursor.settle(&self.waterfall);
        self.cursor.hold();
    }
}

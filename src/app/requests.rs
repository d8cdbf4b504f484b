//! What the state requests from the analysis and the source.

use std::sync::Arc;

use super::App;
use super::attributes::Lookup;
use super::detail::Wanted;
use crate::call::LlmCall;
use crate::query::analysis::PictureRequest;
use crate::query::column::Column;

impl App {
    /// The next request to the analysis, if anything changed since the last.
    pub fn request(&mut self) -> Option<PictureRequest> {
        let (snapshot, now_unix_nano) = match &self.frozen {
            Some(frozen) => (&frozen.snapshot, frozen.unix_nano),
            None => (&self.newest, self.clock.unix_nano),
        };
        let request = PictureRequest { spec: self.spec.clone(), snapshot: Arc::clone(snapshot), now_unix_nano };
        let is_new = self.last_request.as_ref().is_none_or(|asked| {
            !Arc::ptr_eq(&asked.snapshot, &request.snapshot)
                || asked.spec != request.spec
                || (self.picture.is_moving && asked.now_unix_nano != request.now_unix_nano)
        });
        is_new.then(|| {
            self.last_request = Some(request.clone());
            request
        })
    }

    /// The call whose detail to read, if one is open and may have changed.
    pub fn look_into(&mut self) -> Option<LlmCall> {
        // Without an answer a span would read as no longer kept.
        if self.link.is_lost() {
            return None;
        }
        let call = self.open_call()?.clone();
        let looked_into = (Wanted::of(&call), self.newest.version);
        (self.last_detail_request != Some(looked_into)).then(|| {
            self.last_detail_request = Some(looked_into);
            call
        })
    }

    /// The attributes to read for the visible rows, if attribute columns are shown.
    pub fn look_up(&mut self) -> Option<Lookup> {
        let keys: Vec<_> = self.columns.iter().flatten().filter_map(Column::attribute).cloned().collect();
        if keys.is_empty() || !self.views.current().has_chosen_columns() || self.link.is_lost() {
            return None;
        }
        let rows = (self.views.tab().exported())(&self.picture);
        let top = self.views.tab().cursor().top(rows.len(), self.layout.rows);
        let calls = rows.from(top).take(self.layout.rows).filter_map(|id| self.picture.call(id));
        self.attributes.ask(calls, &keys)
    }
}

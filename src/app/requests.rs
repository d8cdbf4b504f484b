//! What the state wants to know of others.

use std::sync::Arc;

use super::App;
use super::attributes::Lookup;
use super::detail::Wanted;
use crate::call::LlmCall;
use crate::query::analysis::Request;
use crate::query::column::Column;

impl App {
    /// What to ask of the analysis, if anything new is to be asked.
    pub fn request(&mut self) -> Option<Request> {
        let (snapshot, now_unix_nano) = match &self.frozen {
            Some(frozen) => (&frozen.snapshot, frozen.unix_nano),
            None => (&self.newest, self.clock.unix_nano),
        };
        let request = Request { spec: self.spec.clone(), snapshot: Arc::clone(snapshot), now_unix_nano };
        let is_new = self.asked.as_ref().is_none_or(|asked| {
            !Arc::ptr_eq(&asked.snapshot, &request.snapshot)
                || asked.spec != request.spec
                || (self.picture.is_moving && asked.now_unix_nano != request.now_unix_nano)
        });
        is_new.then(|| {
            self.asked = Some(request.clone());
            request
        })
    }

    /// The call to look into, if one is open and something about it may be new.
    pub fn look_into(&mut self) -> Option<LlmCall> {
        // Without an answer a span would read as no longer kept.
        if self.link.is_lost() {
            return None;
        }
        let call = self.open_call()?.clone();
        let looked_into = (Wanted::of(&call), self.newest.version);
        (self.looked_into != Some(looked_into)).then(|| {
            self.looked_into = Some(looked_into);
            call
        })
    }

    /// The attributes to read for the rows that are seen, if some are shown as columns.
    pub fn look_up(&mut self) -> Option<Lookup> {
        let keys: Vec<_> = self.columns.iter().flatten().filter_map(Column::attribute).cloned().collect();
        if keys.is_empty() || !self.views.current().has_chosen_columns() || self.link.is_lost() {
            return None;
        }
        let rows = (self.views.tab().exported())(&self.picture);
        let top = self.views.tab().cursor().top(rows.len(), self.seen.rows);
        let calls = rows.from(top).take(self.seen.rows).filter_map(|id| self.picture.call(id));
        self.attributes.ask(calls, &keys)
    }
}

//! How events change the state.

use std::sync::Arc;

use ratatui::crossterm::event::{Event as Input, KeyEventKind};

use super::actions::choices;
use super::detail::Detail;
use super::export::Exported;
use super::keymap::{self, Key, Scene};
use super::pace::Draw;
use super::{App, Clock, Dialog, Effect, Event, NOTE_NANOS, Note, Outcome};
use crate::collector::taps::PipelineCounters;
use crate::collector::{Notice, Snapshot};
use crate::query::analysis::Picture;
use crate::query::limits::Breach;
use crate::sources::attach::Link;
use crate::text::format::plural;

impl App {
    /// Applies an event and returns when to draw and the effects to carry out.
    pub fn update(&mut self, event: Event) -> Outcome {
        match event {
            Event::Input(input) => self.input(input),
            Event::Snapshot(snapshot) => Outcome::draw(self.take_snapshot(snapshot)),
            Event::Picture(picture) => Outcome::draw(self.show(picture)),
            Event::Tick(clock) => Outcome::draw(self.tick(clock)),
            Event::Detail(detail) => Outcome::draw(self.take_detail(detail)),
            Event::Attributes(read) => {
                self.attributes.learn(read);
                Outcome::draw(Draw::Paced)
            }
            Event::Exported(path, exported) => Outcome::draw(self.take_exported(path, &exported)),
            Event::Replay(progress) => Outcome::draw(self.take_progress(*progress)),
            Event::ExportPipelines(streams) => Outcome::draw(self.take_streams(streams)),
            Event::Breaches(breaches) => self.take_breaches(breaches),
            Event::Note(text) => {
                self.notify(text);
                Outcome::draw(Draw::Paced)
            }
            Event::Link(link) => Outcome::draw(self.take_link(link)),
            Event::Notice(notice) => Outcome::draw(self.take_notice(&notice)),
        }
    }

    /// Where prices come from stays in view; other notices are shown for a while.
    fn take_notice(&mut self, notice: &Notice) -> Draw {
        let line = notice.to_string();
        match notice {
            Notice::Prices { .. } if self.about.prices == line => return Draw::No,
            Notice::Prices { .. } => self.about.prices = line,
            Notice::Config(_)
            | Notice::Listener(_)
            | Notice::Replay { .. }
            | Notice::Attached { .. }
            | Notice::Detached { .. } => self.notify(line),
        }
        Draw::Paced
    }

    /// The header shows a lost collector as long as it lasts; the reason becomes a note once.
    fn take_link(&mut self, link: Link) -> Draw {
        if self.link == link {
            return Draw::No;
        }
        if let Link::Lost { why } = &link {
            let attached = self.about.attached.clone().unwrap_or_default();
            self.notify(format!("{attached}: {why}"));
        }
        // Questions that the lost collector did not answer are sent again.
        self.attributes.forget();
        self.link = link;
        Draw::Now
    }

    fn input(&mut self, input: Input) -> Outcome {
        match input {
            Input::Key(event) if event.kind != KeyEventKind::Release => {
                Key::of(event).map_or_else(Outcome::default, |key| self.key(key))
            }
            Input::Paste(text) => {
                self.insert(&text);
                Outcome::draw(Draw::Now)
            }
            Input::Resize(..) => Outcome::draw(Draw::Now),
            Input::Mouse(event) => self.mouse(event),
            Input::Key(_) | Input::FocusGained | Input::FocusLost => Outcome::default(),
        }
    }

    fn key(&mut self, key: Key) -> Outcome {
        let scene = self.scene();
        if let Some(action) = keymap::action(scene, key) {
            return self.act(action);
        }
        match (scene, key.typed()) {
            (Scene::Pick | Scene::Edit, Some(char)) => self.insert(char.encode_utf8(&mut [0; 4])),
            (Scene::Ask, _) => self.dialog = None,
            (Scene::Browse | Scene::Read | Scene::Inspect | Scene::Help | Scene::Pick | Scene::Edit, _) => {
                return Outcome::default();
            }
        }
        Outcome::draw(Draw::Now)
    }

    fn insert(&mut self, text: &str) {
        match &mut self.dialog {
            Some(Dialog::Pick(picker)) => picker.insert(text),
            Some(Dialog::Filter(line)) => {
                line.insert(text, &mut self.history);
                self.preview();
            }
            Some(Dialog::Find(line)) => {
                line.insert(text);
                line.text().clone_into(&mut self.find);
            }
            Some(Dialog::Export(line)) => line.insert(text),
            Some(Dialog::GoTo(line)) => {
                line.input.insert(text);
                line.error = None;
            }
            _ => {}
        }
    }

    fn take_snapshot(&mut self, snapshot: Arc<Snapshot>) -> Draw {
        // The first snapshot of a remote collector holds what arrived before.
        if self.about.attached.is_some() && (self.newest.capacity == 0 || self.link.is_lost()) {
            self.arrivals.begin(snapshot.totals.calls);
        }
        self.arrivals.note(snapshot.totals.calls, self.clock.unix_nano);
        self.newest = snapshot;
        // Unless paused, a picture of it follows and is drawn.
        if self.frozen.is_some() { Draw::Paced } else { Draw::No }
    }

    fn show(&mut self, picture: Arc<Picture>) -> Draw {
        // What answers a key is drawn at once, as the key was.
        let draw = if self.picture.spec == picture.spec { Draw::Paced } else { Draw::Now };
        self.picture = picture;
        self.views.settle(&self.picture);
        if let Some(Dialog::Pick(picker)) = &mut self.dialog
            && let Some(choices) = choices(picker.subject, &self.picture, &self.spec.filter)
        {
            picker.refresh(choices);
        }
        draw
    }

    fn tick(&mut self, clock: Clock) -> Draw {
        self.clock = clock;
        self.arrivals.note(self.newest.totals.calls, clock.unix_nano);
        // A clock that was set back does not make a note stay.
        let lasts = |note: &mut Note| (1..=NOTE_NANOS).contains(&note.until_unix_nano.saturating_sub(clock.unix_nano));
        self.note.take_if(|note| !lasts(note));
        Draw::Now
    }

    fn take_detail(&mut self, detail: Box<Detail>) -> Draw {
        let is_same = self.detail.as_ref().is_some_and(|former| *former == detail);
        let is_expected = self.detail.as_ref().is_none_or(|former| former.wanted.call != detail.wanted.call);
        self.views.current_mut().take_detail(&detail);
        self.detail = Some(detail);
        match (is_same, is_expected) {
            (true, _) => Draw::No,
            (false, true) => Draw::Now,
            (false, false) => Draw::Paced,
        }
    }

    fn take_streams(&mut self, streams: PipelineCounters) -> Draw {
        let draw = if self.streams == streams { Draw::No } else { Draw::Paced };
        self.streams = streams;
        draw
    }

    /// A figure that was within its limit before is a new breach; one that only went on rising is not.
    fn take_breaches(&mut self, breaches: Vec<Breach>) -> Outcome {
        let was_passed = |breach: &Breach| self.breaches.iter().any(|former| former.figure == breach.figure);
        let is_new = !breaches.iter().all(was_passed);
        let draw = if self.breaches == breaches { Draw::No } else { Draw::Paced };
        self.breaches = breaches;
        if is_new && self.about.has_bell { Outcome::effect(Effect::Bell) } else { Outcome::draw(draw) }
    }

    fn take_exported(&mut self, path: String, exported: &Exported) -> Draw {
        match exported {
            Exported::Written(calls) => self.notify(format!("{} written to {path}", plural(*calls, "call"))),
            Exported::Exists => self.dialog = Some(Dialog::AskOverwrite(path)),
            Exported::Failed(why) => self.notify(format!("could not write {path}: {why}")),
        }
        Draw::Now
    }
}

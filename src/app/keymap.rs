//! The one table of keys. Dispatch, the hints line, the help overlay and `docs/REFERENCE.md` are made from it.

mod key;
mod table;

use super::action::Action;

pub use super::scene::Scene;
pub use key::Key;
pub use table::KEYMAP;

/// The headings of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Navigation in tables and text.
    Move,
    /// What is looked at.
    Look,
    /// What is left out.
    Filter,
    /// Steering a replay; shown while there is one.
    Replay,
    /// Help, quitting and the rest.
    Program,
    /// Inside dialogs; shown where they are open.
    Dialog,
}

impl Topic {
    /// The topics of the help overlay, in order.
    pub const ALL: [Self; 6] = [Self::Move, Self::Look, Self::Filter, Self::Replay, Self::Program, Self::Dialog];

    /// The heading in help and reference.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Look => "look",
            Self::Filter => "filter",
            Self::Replay => "replay",
            Self::Program => "program",
            Self::Dialog => "in dialogs",
        }
    }
}

/// Keys that belong together, and what they do.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// Each key with its action.
    pub keys: &'static [(Key, Action)],
    /// The scenes in which the keys apply.
    pub scenes: &'static [Scene],
    /// Heading in the help.
    pub topic: Topic,
    /// Its place in the hints line and a word or two for it, if it belongs there.
    pub hint: Option<(u8, &'static str)>,
    /// What they do, in a line.
    pub help: &'static str,
}

impl Binding {
    /// The keys' names, as the help shows them.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.keys.iter().map(|(key, _)| key.to_string()).collect();
        names.join(" ")
    }

    /// The name of the first key, as the hints line shows it.
    pub fn first_name(&self) -> String {
        self.keys.first().map_or_else(String::new, |(key, _)| key.to_string())
    }
}

/// What a key does in a scene; `None` where it means nothing, or is text.
pub fn action(scene: Scene, key: Key) -> Option<Action> {
    KEYMAP
        .iter()
        .filter(|binding| binding.scenes.contains(&scene))
        .flat_map(|binding| binding.keys)
        .find_map(|&(bound, action)| (bound == key).then_some(action))
}

/// The hints of a scene in their order: the key to name, and the word for it. Those of a replay stand beside it, see
/// [`replay_hints`].
pub fn hints(scene: Scene) -> Vec<(&'static Binding, &'static str)> {
    hints_of(|binding| binding.topic != Topic::Replay && binding.scenes.contains(&scene))
}

/// The hints for steering a replay.
pub fn replay_hints() -> Vec<(&'static Binding, &'static str)> {
    hints_of(|binding| binding.topic == Topic::Replay)
}

fn hints_of(is_wanted: impl Fn(&Binding) -> bool) -> Vec<(&'static Binding, &'static str)> {
    let mut hints: Vec<_> = KEYMAP
        .iter()
        .filter(|binding| is_wanted(binding))
        .filter_map(|binding| binding.hint.map(|(place, word)| (place, binding, word)))
        .collect();
    hints.sort_by_key(|(place, ..)| *place);
    hints.into_iter().map(|(_, binding, word)| (binding, word)).collect()
}

/// The bindings of one heading.
pub fn topic(topic: Topic) -> impl Iterator<Item = &'static Binding> {
    KEYMAP.iter().filter(move |binding| binding.topic == topic)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

    use super::super::motion::Motion;
    use super::*;

    #[test]
    fn a_key_means_one_thing_in_a_scene() {
        for scene in Scene::ALL {
            let mut seen = HashSet::new();
            for binding in KEYMAP.iter().filter(|binding| binding.scenes.contains(&scene)) {
                for (key, _) in binding.keys {
                    assert!(seen.insert(*key), "{key} twice in {scene:?}");
                }
            }
        }
    }

    #[test]
    fn ctrl_c_and_esc_hold_everywhere() {
        for scene in Scene::ALL {
            let text = matches!(scene, Scene::Pick | Scene::Edit);
            let expected = if text { Action::Close } else { Action::Quit };
            assert_eq!(action(scene, Key::ctrl('c')), Some(expected), "{scene:?}");
            assert_eq!(action(scene, Key::code(KeyCode::Esc)), Some(Action::Close), "{scene:?}");
        }
    }

    #[test]
    fn letters_are_text_where_text_is_typed() {
        for scene in [Scene::Pick, Scene::Edit] {
            for char in ' '..='~' {
                assert_eq!(action(scene, Key::char(char)), None, "{char} in {scene:?}");
            }
        }
    }

    #[test]
    fn what_terminals_send_finds_the_table() {
        let event = KeyEvent::new;
        let cases = [
            (event(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Action::Move(Motion::Last))),
            (event(KeyCode::Char('G'), KeyModifiers::NONE), Some(Action::Move(Motion::Last))),
            (event(KeyCode::Char('C'), KeyModifiers::CONTROL | KeyModifiers::SHIFT), Some(Action::Quit)),
            (event(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::PreviousView)),
            (event(KeyCode::Char('h'), KeyModifiers::CONTROL), Some(Action::ClearFilters)),
            (event(KeyCode::Char('q'), KeyModifiers::ALT), None),
            (event(KeyCode::Char('q'), KeyModifiers::CONTROL | KeyModifiers::ALT), None),
        ];
        for (event, expected) in cases {
            assert_eq!(Key::of(event).and_then(|key| action(Scene::Browse, key)), expected, "{event:?}");
        }
    }
}

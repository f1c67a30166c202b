//! What a key does.

use conclave_core::{ids::NodeId, sim::Action};
use yew::html::Scope;

use super::{App, Msg, Tab, World, page};
use crate::{
    keys::Meaning,
    model::scene::{NodeState, Selection},
};

impl App {
    pub(super) fn key(&mut self, meaning: Meaning, link: &Scope<Self>) {
        let node = match self.lab.selected {
            Some(Selection::Node(node)) => Some(node),
            _ => None,
        };
        match meaning {
            Meaning::TogglePlay => link.send_message(Msg::TogglePlay),
            Meaning::Step(by) => link.send_message(Msg::Step(by)),
            Meaning::Jump(forwards) => link.send_message(Msg::Jump(forwards)),
            Meaning::Start => link.send_message(Msg::Seek(0)),
            Meaning::End => link.send_message(Msg::Seek(u64::MAX)),
            Meaning::Nudge(by) => self.lab.pace = self.lab.pace.nudged(by),
            Meaning::Select(index) => {
                let id = NodeId(index);
                if self.lab.faces().iter().any(|face| face.id == id) {
                    self.select(World::Simulation, Some(Selection::Node(id)));
                    self.stage.focus(id);
                }
            }
            Meaning::Crash => match node {
                Some(node) => {
                    let down = self
                        .lab
                        .faces()
                        .iter()
                        .any(|face| face.id == node && face.state == NodeState::Down);
                    let action =
                        if down { Action::Restart { node } } else { Action::Crash { node } };
                    self.act(action, link);
                }
                None => self.say("Select a replica first: 1 to 9.".to_owned(), link),
            },
            Meaning::Byzantine => match node {
                Some(_) => page::focus_on("[data-test='act-byzantine-silent']"),
                None => self.say("Select a replica first: 1 to 9.".to_owned(), link),
            },
            Meaning::Partition => {
                self.lab.selected = None;
                self.tab = Tab::Inspect;
                page::focus_on("[data-test='side-0']");
            }
            Meaning::Drop => match self.lab.selected {
                Some(Selection::Message(message)) => self.act(Action::Drop { message }, link),
                _ => self.say("Select a message first.".to_owned(), link),
            },
            Meaning::CopyLink => link.send_message(Msg::CopyLink),
            Meaning::FullScreen => page::full_screen(),
            Meaning::Help => self.help = !self.help,
            Meaning::Escape => {
                if self.menu.is_some() {
                    self.close_menu();
                } else if self.help || self.broken.is_some() || self.fallback.is_some() {
                    self.help = false;
                    (self.broken, self.fallback) = (None, None);
                } else {
                    self.lab.selected = None;
                }
            }
        }
    }
}

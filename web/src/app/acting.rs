//! What people do to the run or ask of the cluster, and the notice that says what came of it.

use conclave_core::{ids::ClientId, sim::Action};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::HtmlInputElement;
use yew::{NodeRef, html::Scope};

use super::{App, Mode, Msg, World};
use crate::{model::scene::Selection, view};

/// How long a notice stays, in ms.
const NOTICE_MS: i32 = 6_000;

impl App {
    pub(super) fn toggle_play(&mut self) {
        let lab = &mut self.lab;
        let ended = lab.branch().complete && lab.clock.steps >= lab.branch().recording.steps();
        if !lab.playing && ended {
            lab.seek(0);
        }
        lab.playing = !lab.playing;
        self.last_frame_ms = None;
        if !self.lab.playing {
            self.remember();
        }
    }

    pub(super) fn select(&mut self, world: World, selection: Option<Selection>) {
        match (world, &mut self.live) {
            (World::Live, Some(live)) => live.selected = selection,
            _ => {
                self.lab.selected = selection;
            }
        }
    }

    pub(super) fn act(&mut self, action: Action, link: &Scope<Self>) {
        self.close_menu();
        let said = action.to_string();
        match self.lab.act(action) {
            Ok(()) => {
                let name = self.lab.branch().name.clone();
                self.say(format!("New branch “{name}”: {said}."), link);
                self.remember();
            }
            Err(why) => self.say(why, link),
        }
    }

    pub(super) fn ask(&mut self, client: ClientId, link: &Scope<Self>) {
        let text = |input: &NodeRef| {
            input.cast::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default()
        };
        let (key, value) = (text(&self.ask_key), text(&self.ask_value));
        if key.is_empty() {
            self.say("A key needs at least one character.".to_owned(), link);
        } else {
            self.act(view::actions::put(client, &key, &value), link);
        }
    }

    pub(super) fn set_mode(&mut self, mode: Mode, link: &Scope<Self>) {
        self.mode = mode;
        if mode == Mode::Live {
            self.lab.playing = false;
        }
        if let Some(live) = &mut self.live {
            let link = link.clone();
            live.attach(mode != Mode::Simulation, move |heard| {
                link.send_message(Msg::Heard(heard));
            });
        }
    }

    pub(crate) fn say(&mut self, text: String, link: &Scope<Self>) {
        self.said = Some(text);
        let link = link.clone();
        let quiet = Closure::once_into_js(move || link.send_message(Msg::Quiet));
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(
                quiet.unchecked_ref(),
                NOTICE_MS,
            );
        }
    }
}

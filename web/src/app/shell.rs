//! The frame around the panels: worlds, tabs, notices.

use yew::{html::Scope, prelude::*};

use super::{App, Mode, Msg, Tab, World};
use crate::view;

impl App {
    pub(super) fn simulation(&self, link: &Scope<Self>) -> Html {
        html! {
            <section class="world" aria-label="Simulation" data-test="world-simulation">
                { view::branches::view(self, link) }
                <div class="now">
                    { view::pane::ring(World::Simulation, &self.stage, self.lab.faces(), self.lab.selected, link) }
                    { view::story::view(self, link) }
                </div>
                { view::pane::lanes(World::Simulation, &self.stage, link) }
                { view::periods::view(self, link) }
            </section>
        }
    }

    pub(super) fn real(&self, link: &Scope<Self>) -> Html {
        let Some(live) = &self.live else { return Html::default() };
        html! {
            <section class="world" aria-label="Live cluster" data-test="world-live">
                { crate::live::view::strip(live, link) }
                <div class="now">
                    { view::pane::ring(World::Live, &self.live_stage, live.picture.faces(), live.selected, link) }
                </div>
                { view::pane::lanes(World::Live, &self.live_stage, link) }
                if self.mode == Mode::Both && live.control {
                    { crate::live::view::nodes(live, link) }
                }
            </section>
        }
    }

    pub(super) fn tabs(&self, link: &Scope<Self>) -> Html {
        let choice = |tab: Tab, name: &'static str, test: &'static str| {
            view::tool::segment(name, test, self.tab == tab, link.callback(move |_| Msg::Tab(tab)))
        };
        html! {
            <div class="segments tabs" role="group" aria-label="Panel">
                { choice(Tab::Lanes, "Lanes", "tab-lanes") }
                { choice(Tab::Ring, "Ring", "tab-ring") }
                { choice(Tab::Inspect, "Inspect", "tab-inspect") }
                { choice(Tab::Events, "Events", "tab-events") }
            </div>
        }
    }

    pub(super) fn notices(&self, link: &Scope<Self>) -> Html {
        html! {
            <>
                if let Some(why) = &self.broken {
                    <div class="notice bad" role="alert" data-test="broken-link">
                        <p>{ format!("{why} Choose a scenario instead.") }</p>
                        <button class="act" onclick={link.callback(|_| Msg::Help(false))}>{ "Close" }</button>
                    </div>
                }
                if let Some(note) = &self.note {
                    <div class="notice" role="status" data-test="other-version"><p>{ note }</p></div>
                }
                if let Some(text) = &self.fallback {
                    <div class="notice" role="status">
                        <label><span>{ "Copy this:" }</span><input readonly=true value={text.clone()} /></label>
                        <button class="act" onclick={link.callback(|_| Msg::Help(false))}>{ "Close" }</button>
                    </div>
                }
                if let Some(text) = &self.said {
                    <div class="notice toast" role="status" data-test="notice"><p>{ text }</p></div>
                }
            </>
        }
    }

    /// What a screen reader is told: narration, and where we stopped.
    pub(super) fn milestone(&self) -> String {
        if self.lab.playing {
            return String::new();
        }
        let told = self.lab.narration();
        told.and_then(|index| self.lab.scenario().narration.get(index))
            .map(|narration| narration.say.clone())
            .unwrap_or_default()
    }
}

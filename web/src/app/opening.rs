//! Where a run comes from: the gallery or the address line. A scenario that isn't here yet is awaited
//! meanwhile; what is shown stays until it comes.

use conclave_core::sim::{Run, Scenario};
use wasm_bindgen_futures::spawn_local;
use yew::html::Scope;

use super::{App, Msg, page};
use crate::{
    lab::Lab,
    share::{self, Linked},
    shelf::{self, NotBrought, Shelf, WITH_GUARDS},
};

/// A scenario that is on its way here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Awaited {
    /// Its name.
    pub(super) name: String,
    /// What for.
    pub(super) purpose: Purpose,
}

/// What a scenario is awaited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The link that the page was opened with: nothing is shown yet.
    Opening,
    /// A link that the address line got since.
    Link,
    /// Somebody chose it.
    Choice,
}

pub(super) fn fragment() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// A scenario from its beginning.
fn lab_of(scenario: &Scenario) -> Option<Lab> {
    Lab::new(Run::new(scenario.clone(), scenario.seed), "main", 0).ok()
}

/// The first scenario of the gallery.
pub(super) fn first_lab(shelf: &Shelf) -> Lab {
    // It is constant, and the core's tests read and run every scenario.
    lab_of(shelf.first()).expect("the first built-in scenario runs")
}

/// What the address line asks for: a run, or what is needed for it, or why there is none, or nothing.
pub(super) enum Opened {
    Lab(Box<Lab>, Option<String>),
    Needs(String),
    Broken(String),
    Nothing,
}

pub(super) fn open(fragment: &str, shelf: &Shelf) -> Opened {
    match share::read(fragment, shelf) {
        Linked::Run { run, position, note } => {
            let name = if run.interventions.is_empty() { "main" } else { "linked" };
            match Lab::new(run, name, position) {
                Ok(lab) => Opened::Lab(Box::new(lab), note),
                Err(error) => Opened::Broken(share::sentence(&error.to_string())),
            }
        }
        Linked::Needs(name) => Opened::Needs(name),
        Linked::Broken(why) => Opened::Broken(why),
        Linked::None => Opened::Nothing,
    }
}

impl App {
    pub(super) fn pick(&mut self, name: String, link: &Scope<Self>) {
        self.awaited = None;
        match self.shelf.get(&name).and_then(lab_of) {
            Some(lab) => {
                self.begin(lab);
                (self.broken, self.note) = (None, None);
                self.remember();
            }
            None => self.wait_for(name, Purpose::Choice, link),
        }
    }

    /// Has a scenario brought, or goes to the page that can carry it out. Only the last that was asked for is shown.
    pub(super) fn wait_for(&mut self, name: String, purpose: Purpose, link: &Scope<Self>) {
        let Some(poster) = self.shelf.poster(&name).cloned() else { return };
        if shelf::is_elsewhere(&poster) {
            match purpose {
                Purpose::Choice => page::go(&(WITH_GUARDS.to_owned() + &share::beginning(&poster))),
                Purpose::Opening | Purpose::Link => {
                    self.awaited = Some(Awaited { name, purpose });
                    page::go_instead(&(WITH_GUARDS.to_owned() + &fragment()));
                }
            }
            return;
        }
        not_ready();
        self.awaited = Some(Awaited { name, purpose });
        let link = link.clone();
        spawn_local(async move {
            let name = poster.name.clone();
            let brought = shelf::bring(poster).await.map(Box::new);
            link.send_message(Msg::Brought(name, brought));
        });
    }

    pub(super) fn brought(
        &mut self,
        name: String,
        brought: Result<Box<Scenario>, NotBrought>,
        link: &Scope<Self>,
    ) {
        let awaited = self.awaited.take_if(|awaited| awaited.name == name);
        match (brought, awaited) {
            (Ok(scenario), awaited) => {
                self.shelf.put(*scenario);
                match awaited.map(|it| it.purpose) {
                    Some(Purpose::Choice) => self.pick(name, link),
                    Some(Purpose::Opening | Purpose::Link) => self.follow_link(link),
                    None => {}
                }
            }
            (Err(why), Some(_)) => {
                self.broken = Some(format!("The scenario “{name}” didn't load: {why}."));
            }
            (Err(_), None) => {}
        }
    }

    /// The name of the scenario that is shown, or will be in a moment.
    pub(super) fn shown(&self) -> &str {
        self.awaited.as_ref().map_or(&self.lab.scenario().name, |awaited| &awaited.name)
    }

    fn begin(&mut self, lab: Lab) {
        let pace = self.lab.pace;
        self.lab = lab;
        self.lab.pace = pace;
        self.other_side.clear();
        self.peeked = None;
        not_ready();
    }

    pub(super) fn follow_link(&mut self, link: &Scope<Self>) {
        self.awaited = None;
        match open(&fragment(), &self.shelf) {
            Opened::Lab(lab, note) => {
                self.begin(*lab);
                (self.broken, self.note) = (None, note);
            }
            Opened::Needs(name) => self.wait_for(name, Purpose::Link, link),
            Opened::Broken(why) => self.broken = Some(why),
            Opened::Nothing => {}
        }
    }

    /// Keeps the address line at this moment, so that a reload comes back here.
    pub(super) fn remember(&self) {
        share::show_in_address_line(&self.address());
    }

    /// This very moment as an address.
    pub(super) fn address(&self) -> conclave_core::sim::Address {
        self.lab.address(|name| self.shelf.get(name).cloned())
    }
}

/// The page has no whole run to show.
fn not_ready() {
    if let Some(body) = page::document().and_then(|document| document.body()) {
        let _ = body.remove_attribute("data-ready");
    }
}

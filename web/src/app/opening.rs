//! Where a run comes from: the gallery or the address line.

use conclave_core::sim::{self, Run};

use super::{App, page};
use crate::{
    lab::Lab,
    share::{self, Linked},
};

pub(super) fn fragment() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// A built-in scenario from its beginning.
pub(super) fn built_in(name: &str) -> Option<Lab> {
    let scenario = sim::builtin(name)?;
    let seed = scenario.seed;
    Lab::new(Run::new(scenario, seed), "main", 0).ok()
}

/// The first scenario of the gallery.
pub(super) fn first_lab() -> Lab {
    let lab = sim::BUILTIN.iter().find_map(|builtin| built_in(builtin.name));
    // The list is constant, and the core's tests read and run every scenario in it.
    lab.expect("the core has at least one built-in scenario that runs")
}

/// What the address line asks for: a run, or why there is none, or nothing.
pub(super) enum Opened {
    Lab(Box<Lab>, Option<String>),
    Broken(String),
    Nothing,
}

pub(super) fn open(fragment: &str) -> Opened {
    match share::read(fragment) {
        Linked::Run { run, position, note } => {
            let name = if run.interventions.is_empty() { "main" } else { "linked" };
            match Lab::new(run, name, position) {
                Ok(lab) => Opened::Lab(Box::new(lab), note),
                Err(error) => Opened::Broken(share::sentence(&error.to_string())),
            }
        }
        Linked::Broken(why) => Opened::Broken(why),
        Linked::None => Opened::Nothing,
    }
}

impl App {
    pub(super) fn pick(&mut self, name: &'static str) {
        if let Some(lab) = built_in(name) {
            self.begin(lab);
            (self.broken, self.note) = (None, None);
            self.remember();
        }
    }

    pub(super) fn begin(&mut self, lab: Lab) {
        let pace = self.lab.pace;
        self.lab = lab;
        self.lab.pace = pace;
        self.other_side.clear();
        if let Some(body) = page::document().and_then(|document| document.body()) {
            let _ = body.remove_attribute("data-ready");
        }
    }

    pub(super) fn follow_link(&mut self) {
        match open(&fragment()) {
            Opened::Lab(lab, note) => {
                self.begin(*lab);
                (self.broken, self.note) = (None, note);
            }
            Opened::Broken(why) => self.broken = Some(why),
            Opened::Nothing => {}
        }
    }

    /// Keeps the address line at this moment, so that a reload comes back here.
    pub(super) fn remember(&self) {
        share::show_in_address_line(&self.lab.address());
    }
}

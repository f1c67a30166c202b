//! The scenarios of this page: posters of all, and as they are those that were opened. The others lie
//! where the page came from, a file each.

use std::fmt;

use conclave_core::sim::{self, Poster, Scenario};
use js_sys::Uint8Array;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// Whether this page carries out scenarios that need guards around calls.
const HAS_GUARDS: bool = cfg!(any(feature = "guards", not(target_arch = "wasm32")));
/// The page beside this one that does.
pub(crate) const WITH_GUARDS: &str = "resilience.html";

/// Whether another page has to carry it out.
pub(crate) const fn is_elsewhere(poster: &Poster) -> bool {
    poster.needs_guards && !HAS_GUARDS
}

/// What this page has.
pub(crate) struct Shelf {
    posters: Vec<Poster>,
    /// The first one, and what was brought since.
    scenarios: Vec<Scenario>,
}

/// Why a scenario isn't here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotBrought {
    /// The place that this page came from doesn't answer.
    Unreachable,
    /// It answers with this status instead.
    Refused(u16),
    /// What it has is not what this page was built with.
    Foreign,
}

impl fmt::Display for NotBrought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable => f.write_str("where this page came from doesn't answer"),
            Self::Refused(status) => write!(f, "where this page came from says {status}"),
            Self::Foreign => f.write_str("this page is of another version, reload it"),
        }
    }
}

impl Shelf {
    /// What every page begins with.
    pub(crate) fn new() -> Self {
        // It is made when the page is built, and the core's tests read it.
        let gallery = sim::gallery().expect("the gallery of this build can be read");
        Self { posters: gallery.posters, scenarios: vec![gallery.first] }
    }

    /// Posters of all.
    pub(crate) fn posters(&self) -> &[Poster] {
        &self.posters
    }

    /// The poster with this name.
    pub(crate) fn poster(&self, name: &str) -> Option<&Poster> {
        self.posters.iter().find(|poster| poster.name == name)
    }

    /// The first scenario.
    pub(crate) fn first(&self) -> &Scenario {
        &self.scenarios[0]
    }

    /// The scenario with this name, if it is here.
    pub(crate) fn get(&self, name: &str) -> Option<&Scenario> {
        self.scenarios.iter().find(|scenario| scenario.name == name)
    }

    /// Keeps one that was brought.
    pub(crate) fn put(&mut self, scenario: Scenario) {
        if self.get(&scenario.name).is_none() {
            self.scenarios.push(scenario);
        }
    }
}

/// Brings what a poster stands for.
pub(crate) async fn bring(poster: Poster) -> Result<Scenario, NotBrought> {
    let path = format!("scenarios/{}.bin", poster.name);
    let window = web_sys::window().ok_or(NotBrought::Unreachable)?;
    let unreachable = |_| NotBrought::Unreachable;
    let response = JsFuture::from(window.fetch_with_str(&path)).await.map_err(unreachable)?;
    let response: Response = response.dyn_into().map_err(unreachable)?;
    if !response.ok() {
        return Err(NotBrought::Refused(response.status()));
    }
    let bytes = response.array_buffer().map_err(unreachable)?;
    let bytes = JsFuture::from(bytes).await.map_err(unreachable)?;
    poster.unpack(&Uint8Array::new(&bytes).to_vec()).ok_or(NotBrought::Foreign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_is_here_once_and_what_was_not_is_a_poster() {
        let mut shelf = Shelf::new();
        assert!(shelf.get("silent-primary").is_none() && shelf.poster("silent-primary").is_some());
        let brought = Scenario { name: "silent-primary".into(), ..shelf.first().clone() };
        shelf.put(brought.clone());
        shelf.put(brought);
        assert!(shelf.get("silent-primary").is_some());
        assert_eq!(shelf.scenarios.len(), 2);
        assert_eq!(shelf.first().name, shelf.posters()[0].name);
    }
}

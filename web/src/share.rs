//! Links and commands: a run at this very moment, to give to others.

use conclave_core::sim::{Address, Poster, Run, ScenarioRef};

use crate::shelf::Shelf;

/// What a link asks for.
pub(crate) enum Linked {
    /// A run and a position in it.
    Run {
        /// The run.
        run: Run,
        /// Steps that have happened.
        position: u64,
        /// What to say if another core made the link.
        note: Option<String>,
    },
    /// A run of a built-in scenario that isn't here yet.
    Needs(String),
    /// It can't be read: why, in one sentence.
    Broken(String),
    /// There is none.
    None,
}

/// Reads a URL's fragment: `#r=<address>`.
pub(crate) fn read(fragment: &str, shelf: &Shelf) -> Linked {
    let Some(text) = fragment.strip_prefix("#r=") else { return Linked::None };
    let address = match Address::decode(text) {
        Ok(address) => address,
        Err(error) => return Linked::Broken(sentence(&error.to_string())),
    };
    let note = (!address.matches_this_core()).then(|| {
        format!(
            "This link was made by core {}; this is {}. The run may go another way here.",
            address.version,
            conclave_core::VERSION
        )
    });
    if let ScenarioRef::Builtin(name) = &address.scenario
        && shelf.get(name).is_none()
        && shelf.poster(name).is_some()
    {
        return Linked::Needs(name.clone());
    }
    match address.run_among(|name| shelf.get(name).cloned()) {
        Ok(run) => Linked::Run { run, position: address.position, note },
        Err(error) => Linked::Broken(sentence(&error.to_string())),
    }
}

/// An error as a sentence of its own.
pub(crate) fn sentence(error: &str) -> String {
    let mut sentence = format!("{error}.");
    // They begin with English words: letters of all the world weigh more than this function.
    if let Some(first) = sentence.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    sentence
}

/// What a link ends with.
fn fragment(address: &Address) -> String {
    format!("#r={}", address.encode())
}

/// The same for the beginning of what a poster stands for.
pub(crate) fn beginning(poster: &Poster) -> String {
    fragment(&Address {
        version: conclave_core::VERSION.to_owned(),
        scenario: ScenarioRef::Builtin(poster.name.clone()),
        seed: poster.seed,
        interventions: Vec::new(),
        position: 0,
    })
}

/// The page's address with this fragment.
pub(crate) fn url(address: &Address) -> Option<String> {
    let location = web_sys::window()?.location();
    let base = format!("{}{}", location.origin().ok()?, location.pathname().ok()?);
    Some(base + &fragment(address))
}

/// Puts the address into the browser's address line without loading anything.
pub(crate) fn show_in_address_line(address: &Address) {
    let Some(window) = web_sys::window() else { return };
    if let Ok(history) = window.history() {
        let url = fragment(address);
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&url));
    }
}

/// The command that runs the same natively.
pub(crate) fn command(run: &Run, address: &Address) -> String {
    if run.interventions.is_empty() && matches!(address.scenario, ScenarioRef::Builtin(_)) {
        format!("conclave simulate {} --seed {}", run.scenario.name, run.seed)
    } else {
        format!("conclave simulate --link '{}'", address.encode())
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::sim::Scenario;

    use super::*;

    #[test]
    fn a_broken_link_is_one_sentence_and_no_link_is_none() {
        let read = |fragment| read(fragment, &Shelf::new());
        assert!(matches!(read(""), Linked::None));
        assert!(matches!(read("#elsewhere"), Linked::None));
        for broken in ["#r=", "#r=%%%", "#r=AAAA", "#r=zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            match read(broken) {
                Linked::Broken(why) => assert!(why.starts_with("The link") && why.ends_with('.')),
                _ => panic!("{broken} was taken for a run"),
            }
        }
    }

    #[test]
    fn a_poster_leads_to_the_beginning_of_what_it_stands_for() {
        let shelf = Shelf::new();
        match read(&beginning(&shelf.posters()[0]), &shelf) {
            Linked::Run { run, position, note } => {
                let first = shelf.first();
                assert_eq!((run, position, note), (Run::new(first.clone(), first.seed), 0, None));
            }
            _ => panic!("it is here"),
        }
    }

    #[test]
    fn a_link_to_a_scenario_that_is_not_here_says_which_is_needed() {
        let mut shelf = Shelf::new();
        let scenario = Scenario { name: "silent-primary".into(), ..shelf.first().clone() };
        let run = Run::new(scenario.clone(), 3);
        let address = Address::among(|_| Some(scenario.clone()), &run, 7);
        let fragment = format!("#r={}", address.encode());
        match read(&fragment, &shelf) {
            Linked::Needs(name) => assert_eq!(name, "silent-primary"),
            _ => panic!("it isn't here"),
        }
        shelf.put(scenario);
        match read(&fragment, &shelf) {
            Linked::Run { run: linked, position, note } => {
                assert_eq!((linked, position, note), (run, 7, None));
            }
            _ => panic!("it is here"),
        }
        let unknown = Address::among(|_| None, &Run::new(shelf.first().clone(), 1), 0);
        let scenario = ScenarioRef::Builtin("atlantis".into());
        let unknown = Address { scenario, ..unknown };
        assert!(matches!(read(&format!("#r={}", unknown.encode()), &shelf), Linked::Broken(_)));
    }
}

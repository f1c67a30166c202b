//! Links and commands: a run at this very moment, to give to others.

use conclave_core::sim::{Address, Run, ScenarioRef};

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
    /// It can't be read: why, in one sentence.
    Broken(String),
    /// There is none.
    None,
}

/// Reads a URL's fragment: `#r=<address>`.
pub(crate) fn read(fragment: &str) -> Linked {
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
    match address.run() {
        Ok(run) => Linked::Run { run, position: address.position, note },
        Err(error) => Linked::Broken(sentence(&error.to_string())),
    }
}

/// An error as a sentence of its own.
pub(crate) fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).chain(['.']).collect())
        .unwrap_or_default()
}

/// The page's address with this fragment.
pub(crate) fn url(address: &Address) -> Option<String> {
    let location = web_sys::window()?.location();
    let base = format!("{}{}", location.origin().ok()?, location.pathname().ok()?);
    Some(format!("{base}#r={}", address.encode()))
}

/// Puts the address into the browser's address line without loading anything.
pub(crate) fn show_in_address_line(address: &Address) {
    let Some(window) = web_sys::window() else { return };
    if let Ok(history) = window.history() {
        let url = format!("#r={}", address.encode());
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
    use super::*;

    #[test]
    fn a_broken_link_is_one_sentence_and_no_link_is_none() {
        assert!(matches!(read(""), Linked::None));
        assert!(matches!(read("#elsewhere"), Linked::None));
        for broken in ["#r=", "#r=%%%", "#r=AAAA", "#r=zzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            match read(broken) {
                Linked::Broken(why) => assert!(why.starts_with("The link") && why.ends_with('.')),
                _ => panic!("{broken} was taken for a run"),
            }
        }
    }
}

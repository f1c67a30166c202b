//! What is called from outside the lab: by tests, by benches, and when all else fails.

use conclave_core::sim::{self, Run};
use wasm_bindgen::prelude::wasm_bindgen;

/// The trace hash of a whole run of a built-in scenario; for anything else, why there is none.
#[wasm_bindgen]
pub fn conclave_trace_hash(scenario: &str, seed: u64) -> String {
    match sim::builtin(scenario) {
        Some(scenario) => match Run::new(scenario, seed).verdict() {
            Ok(verdict) => verdict.trace_hash.to_string(),
            Err(error) => format!("error: {error}"),
        },
        None => format!("error: there is no scenario {scenario}"),
    }
}

/// Simulates this scenario file until so many messages have been delivered; returns how many were,
/// so that the caller, who has a clock, can say how many that is in a second.
#[wasm_bindgen]
pub fn conclave_bench(source: &str, messages: u32) -> f64 {
    let Ok(scenario) = sim::Scenario::parse(source) else { return 0.0 };
    let Ok(mut cluster) = sim::Cluster::new(&Run::new(scenario, 1)) else { return 0.0 };
    while cluster.counts().delivered < u64::from(messages) && cluster.step() {}
    cluster.counts().delivered as f64
}

/// Shows an error card instead of a dead page. The browser's console gets the details.
pub(crate) fn show_panic(details: &str) {
    web_sys::console::error_1(&details.into());
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let Some(body) = document.body() else { return };
    let card = || {
        let card = document.create_element("div").ok()?;
        card.set_class_name("fatal");
        card.set_attribute("role", "alert").ok()?;
        card.set_text_content(Some(
            "The lab stopped: a bug, not something you did. Reload the page to go on; \
             the link in the address line brings you back to this run.",
        ));
        body.append_child(&card).ok()
    };
    let _ = card();
}

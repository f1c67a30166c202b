//! What is called from outside the lab: by tests and by benches.

use conclave_core::sim::{self, Run};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::shelf::{self, Shelf};

/// The trace hash of a whole run of a built-in scenario; for anything else, why there is none.
#[wasm_bindgen]
pub async fn conclave_trace_hash(scenario: String, seed: u64) -> String {
    let Some(poster) = Shelf::new().poster(&scenario).cloned() else {
        return format!("error: there is no scenario {scenario}");
    };
    match shelf::bring(poster).await {
        Ok(scenario) => match Run::new(scenario, seed).verdict() {
            Ok(verdict) => verdict.trace_hash.to_string(),
            Err(error) => format!("error: {error}"),
        },
        Err(why) => format!("error: {why}"),
    }
}

/// Simulates the run of this link, which brings its scenario along, until so many messages have been
/// delivered; returns how many were, so that the caller, who has a clock, can say how many that is in
/// a second.
#[wasm_bindgen]
pub fn conclave_bench(link: &str, messages: u32) -> f64 {
    let run = sim::Address::decode(link).and_then(|address| address.run_among(|_| None));
    let Ok(run) = run else { return 0.0 };
    let Ok(mut cluster) = sim::Cluster::new(&run) else { return 0.0 };
    while cluster.counts().delivered < u64::from(messages) && cluster.step() {}
    cluster.counts().delivered as f64
}

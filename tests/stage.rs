//! A stage that gives each lie its chance: the first primary is cut off for a while, so that views
//! change; later a backup is, so that it must be brought forward, by decisions and by state.

use std::fmt::Display;

use conclave_core::sim::{Run, Scenario};

/// From some moment on these nodes lie: a part of a scenario file.
#[must_use]
pub fn corrupted<T: Display>(liars: &[T], at_ms: u32, strategies: &str) -> String {
    let lie = |node| {
        format!(
            "[[fault]]\nat_ms = {at_ms}\n\
             act = {{ corrupt = {{ node = {node}, strategies = [{strategies}] }} }}\n"
        )
    };
    liars.iter().map(lie).collect()
}

/// n, the liars, what they do, and for how long it runs.
///
/// # Panics
///
/// If that makes no scenario.
#[must_use]
pub fn stage(n: u16, liars: &[u16], strategies: &str, duration_ms: u32, seed: u64) -> Run {
    let corrupt = corrupted(liars, 200, strategies);
    let laggard = n - 1;
    let source = format!(
        "schema = 1\nname = \"stage\"\ntitle = \"Stage\"\npromise = \"Lies.\"\n\
         duration_ms = {duration_ms}\n\
         [cluster]\nn = {n}\n\
         [cluster.pbft]\nrequest_timeout_ms = 300\nview_change_timeout_ms = 400\n\
         status_interval_ms = 100\ncheckpoint_interval = 5\nwindow = 20\n\
         [network]\nlatency_us = 3000\njitter_us = 2000\n\
         [workload]\nclients = 3\nthink_ms = 60\nretransmit_ms = 150\n\
         {corrupt}\
         [[fault]]\nat_ms = 500\nact = {{ cut-off = {{ node = 0 }} }}\n\
         [[fault]]\nat_ms = 1300\nact = {{ reconnect = {{ node = 0 }} }}\n\
         [[fault]]\nat_ms = 1700\nact = {{ cut-off = {{ node = {laggard} }} }}\n\
         [[fault]]\nat_ms = 2600\nact = {{ reconnect = {{ node = {laggard} }} }}\n"
    );
    let scenario = Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    Run::new(scenario, seed)
}

//! What crosses crates.

mod bad_input;
mod browser;
mod byzzfuzz;
mod cluster;
mod evaluate;
mod evidence;
mod explore;
mod faults;
mod fuzz;
mod guards;
mod linearizability;
mod model;
mod regressions;
mod same_run;
mod scenarios;
mod seeds;
mod twins;

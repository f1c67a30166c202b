//! What crosses crates.

mod bad_input;
mod browser;
mod cluster;
mod explore;
mod faults;
mod linearizability;
mod same_run;
mod scenarios;
mod seeds;

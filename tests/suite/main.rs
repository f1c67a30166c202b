//! What crosses crates.

mod browser;
mod faults;
mod same_run;
mod scenarios;
mod seeds;

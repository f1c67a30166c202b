//! What crosses crates.

mod browser;
mod same_run;
mod scenarios;
mod seeds;

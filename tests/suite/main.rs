//! What crosses crates.

mod scenarios;
mod seeds;

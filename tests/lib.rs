//! What the tests and benches of several crates share: random scenarios from a seed.

mod storm;

pub use storm::{Storm, storm};

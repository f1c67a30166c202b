//! What the tests and benches of several crates share: random scenarios from a seed, and load.

mod load;
mod storm;

pub use load::{busy_cluster, busy_scenario, deliver};
pub use storm::{Storm, storm};

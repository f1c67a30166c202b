//! What the tests and benches of several crates share: load.

mod load;

pub use load::{busy_cluster, busy_scenario, deliver};

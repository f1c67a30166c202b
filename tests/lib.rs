//! What the tests and benches of several crates share: load.

mod linearizability;
mod load;

pub use linearizability::{CallId, History, NotLinearizable};
pub use load::{busy_cluster, busy_scenario, deliver};

//! What the tests and benches of several crates share: load, checkers, and generators of what goes
//! wrong.

pub mod byzzfuzz;
pub mod forge;
pub mod fuzzing;
pub mod guards;
mod linearizability;
mod load;
pub mod model;
pub mod rounds;
mod seeds;
mod stage;
pub mod twins;

pub use linearizability::{CallId, History, NotLinearizable};
pub use load::{busy_cluster, busy_cluster_of, busy_link, deliver, deliver_to};
pub use seeds::{number, over_seeds};
pub use stage::{corrupted, stage};

//! A cluster on one machine, for development: real processes, real TLS, loopback only.
//!
//! | file | holds |
//! |---|---|
//! | `supervisor` | [`Supervisor`]: starts node processes, says when one dies, kills and restarts |
//! | `layout` | where such a cluster lives on the disk and which ports it takes |
//! | `load` | a light demo load, so that there is something to see |

mod layout;
mod load;
mod supervisor;

pub use layout::{CLIENTS, Layout, LayoutError};
pub use load::run_load;
pub use supervisor::{ControlError, NodeState, Supervisor, SupervisorOptions};

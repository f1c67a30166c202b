//! A service that nodes depend on, such as one that says who may do what: each node asks it about every
//! request of one kind before it takes that on, and one of the node's few workers waits for the answer.
//!
//! ```text
//!  a client's own request ─▶ [compartment of its kind] ─▶ a worker ( the service, if its kind needs it ) ─▶ node
//!                                    │                        │
//!                                    └── no room ─────────────┴─▶ Busy: when to come back
//! ```
//!
//! Workers are shared by all kinds. So, while the service is slow, all of them come to wait for it, and
//! requests starve that don't need it at all; a compartment holds back that one kind alone. Both are the
//! core's own [`Bulkhead`](crate::resilience::bulkhead::Bulkhead): permits by number that come back when
//! the work has really ended, and a bounded line in which nobody waits for too long.
//!
//! # What it may touch
//!
//! The entrance, and nothing behind it: a client's own request comes later, or is turned away. What
//! replicas tell each other, requests that they relay included, never comes by here, so the replicated
//! state, and the time that backups give their primary, know nothing of it. A request that waits or is
//! answered already goes through at once, for to answer it again takes no permission; one that is with
//! the workers already is one piece of work, however often its client says it.
//!
//! A slow service is a disturbance, as a slow link is one: progress is owed before and after it.
//!
//! | file | holds |
//! |---|---|
//! | `config` | the service, the workers, and what is expected |
//! | `entrance` | one node's workers and who waits for one |
//! | `drive` | what a cluster does with both |

mod config;
mod drive;
mod entrance;

pub use config::{Dependency, Kind, Others};
pub use entrance::{Entrance, Snapshot};

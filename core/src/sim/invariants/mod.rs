//! The properties that must hold, checked after every event against ground truth.
//!
//! Only replicas that were never Byzantine are held to anything. Each property keeps just what it
//! needs to check the next event in about constant time.
//!
//! | file | property |
//! |---|---|
//! | `history` | agreement, validity, exactly-once: one history, asked for, once |
//! | `order` | order: position by position |
//! | `checkpoints` | checkpoints: equal states |
//! | `linearizability` | what clients accept is what the one history gives, in real-time order |
//! | `liveness` | progress in bounded time once things are calm |

mod checkpoints;
mod history;
mod linearizability;
mod liveness;
mod order;

pub(super) use checkpoints::Checkpoints;
pub(super) use history::History;
pub(super) use linearizability::Linearizability;
pub(super) use liveness::Liveness;
pub(super) use order::Order;

use alloc::string::String;

use super::invariant::Invariant;

/// A broken property, and how.
pub(super) type Broken = (Invariant, String);

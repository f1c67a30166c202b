//! The simulator: n replicas, their disks, links, clients and clocks, from one seed.
//!
//! ```text
//! Scenario + seed + interventions = Run ──▶ Cluster (one moment) ──▶ Recording (all moments)
//! ```

mod action;
mod invariant;

pub use action::{Action, Strategy};
pub use invariant::Invariant;

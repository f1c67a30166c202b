//! The simulator: n replicas, their disks, links, clients and clocks, from one seed.
//!
//! ```text
//! Scenario + seed + interventions = Run ──▶ Cluster (one moment) ──▶ Recording (all moments)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `scenario`, `limits`, `builtin` | what a run starts from, what it may be, and those that the core brings |
//! | `poster` | what a list shows of each |
//! | `files` | scenarios as files, read and written |
//! | `run`, `address` | what reproduces a run, and its form in a link |
//! | `cluster` | one moment, and the step to the next |
//! | `drive`, `acts` | carrying out effects, and actions |
//! | `load`, `experiment` | nodes that take time; chaos experiments |
//! | `dependency` | a service that nodes ask before they take requests on |
//! | `dialing` | connections between nodes, and the guards under which they are made |
//! | `without` | what a build without them can't carry out |
//! | `host`, `keys`, `disk`, `network`, `flight`, `workload` | nodes, disks, links, messages, clients |
//! | `adversary` | how Byzantine nodes lie |
//! | `invariant`, `invariants` | what must hold, and how it is checked |
//! | `trace`, `verdict` | a run's fingerprint, and what is to be said of it |
//! | `swarm`, `shrink` | random scenarios from a seed, and the least of one that fails |
//! | `appraisal` | what nodes believe of each other, against what is so |
//! | `lying` | a liar outside the simulator, for development |
//! | `recording` | going to any moment, and branching |

mod action;
mod acts;
mod address;
mod adversary;
#[cfg(feature = "files")]
pub mod appraisal;
mod builtin;
mod cluster;
#[cfg(feature = "guards")]
mod dependency;
#[cfg(feature = "guards")]
mod dialing;
mod disk;
mod drive;
#[cfg(feature = "guards")]
mod experiment;
#[cfg(feature = "files")]
mod files;
mod flight;
mod host;
mod invariant;
mod invariants;
mod keys;
mod letter;
mod limits;
#[cfg(feature = "guards")]
mod load;
#[cfg(feature = "files")]
mod lying;
mod network;
mod poster;
mod queue;
mod recording;
mod run;
mod scenario;
#[cfg(feature = "files")]
pub mod shrink;
#[cfg(feature = "files")]
pub mod swarm;
#[cfg(test)]
mod tests;
mod trace;
mod verdict;
mod without;
mod workload;

pub use action::Action;
pub use address::{Address, AddressError, MAX_ADDRESS_CHARS, ScenarioRef};
pub use adversary::{
    Forgery, MAX_CLAIM_MS, MAX_FLOOD_PER_SECOND, MAX_HELD_BACK_MS, MAX_STRATEGIES, Mischief,
    Strategy,
};
#[cfg(feature = "files")]
pub use builtin::{BUILTIN, Builtin, Packed, builtin, pack};
pub use builtin::{Gallery, gallery};
pub use cluster::{Cluster, Heard};
#[cfg(feature = "guards")]
pub use dependency::{
    Dependency, Entrance, Kind as DependentKind, Others, Snapshot as EntranceSnapshot,
};
#[cfg(feature = "guards")]
pub use dialing::{Dialing, Stage as TieStage, Tie};
pub use disk::{Condition, Damage, DiskModel};
#[cfg(feature = "files")]
pub use files::{MAX_SOURCE_BYTES, SCHEMA, ScenarioError};
pub use flight::InFlight;
pub use host::Host;
pub use invariant::Invariant;
pub use keys::Signatures;
pub use limits::{MAX_CLIENTS, MAX_DURATION_MS, MAX_ENTRIES, MAX_SIMULATED_NODES};
#[cfg(feature = "files")]
pub use lying::Tongue;
pub use network::Network;
pub use poster::{Fate, Poster};
pub use recording::{MAX_STEPS, Recording};
pub use run::{Intervention, MAX_INTERVENTIONS, Run, RunError};
pub use scenario::{Expectations, Narration, Scenario, TimedAction};
pub use trace::TraceHash;
pub use verdict::{Counts, Expected, Injection, Verdict, Violation};
pub use without::{
    ChaosConfig, DependencyConfig, DialingConfig, GateConfig, OthersConfig, PatienceConfig,
    TestimonyConfig,
};
pub use workload::{SimClient, Workload};

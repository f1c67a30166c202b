//! What must hold, whatever happens.

use serde::{Deserialize, Serialize};

/// A property of a run. All but liveness are checked after every event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Invariant {
    /// No two correct replicas execute different batches at one position.
    Agreement,
    /// What is executed was asked for by a client, unchanged.
    Validity,
    /// Every correct replica executes positions one by one, without gaps.
    Order,
    /// No correct replica executes a request twice.
    ExactlyOnce,
    /// Correct replicas' checkpoints of one position are equal.
    Checkpoints,
    /// What a client accepts is what the one history gives, in real-time order.
    Linearizability,
    /// Once the network is calm, every request of a correct client completes within a bound.
    Liveness,
    /// No correct node is ever proven guilty to a correct node, nor convicted in the docket, and no more
    /// are held there than may be.
    Justice,
    /// What correct replicas agree on about who lies is the same at the same position.
    Docket,
}

impl Invariant {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Agreement,
        Self::Validity,
        Self::Order,
        Self::ExactlyOnce,
        Self::Checkpoints,
        Self::Linearizability,
        Self::Liveness,
        Self::Justice,
        Self::Docket,
    ];

    /// Its name on a screen.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Agreement => "agreement",
            Self::Validity => "validity",
            Self::Order => "order",
            Self::ExactlyOnce => "exactly once",
            Self::Checkpoints => "checkpoints",
            Self::Linearizability => "linearizability",
            Self::Liveness => "liveness",
            Self::Justice => "justice",
            Self::Docket => "docket",
        }
    }
}

//! The networks of the trials: one table.

use super::super::network::Network;

/// A network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// In one word.
    pub name: &'static str,
    /// How links behave.
    pub network: Network,
}

/// Beyond the end of every trial: never calm.
const NEVER_MS: u32 = u32::MAX;

const fn network(latency_us: u32, jitter_us: u32) -> Network {
    Network {
        latency_us,
        jitter_us,
        loss_ppm: 0,
        duplicate_ppm: 0,
        reorder_ppm: 0,
        handling_us: 0,
        calm_at_ms: 0,
    }
}

/// All of them.
pub const SETTINGS: &[Setting] = &[
    Setting { name: "rack", network: network(150, 100) },
    Setting { name: "site", network: network(5_000, 2_000) },
    Setting { name: "continents", network: network(60_000, 20_000) },
    Setting {
        name: "lossy",
        network: Network {
            loss_ppm: 10_000,
            duplicate_ppm: 10_000,
            reorder_ppm: 10_000,
            calm_at_ms: NEVER_MS,
            ..network(5_000, 5_000)
        },
    },
    // As bad as lines get, until six seconds after the lies have begun.
    Setting {
        name: "storm",
        network: Network {
            loss_ppm: 100_000,
            duplicate_ppm: 20_000,
            reorder_ppm: 100_000,
            calm_at_ms: super::LIES_FROM_MS + 6_000,
            ..network(5_000, 20_000)
        },
    },
];

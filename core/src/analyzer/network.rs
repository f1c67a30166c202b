//! What the network is like.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::policy::Bounds;

/// What one member measured of the network. No two measure the same: what is agreed is a
/// [`Network`] ([`Quarantine::network`](crate::detector::quarantine::Quarantine::network)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// How long a message takes: the median, in microseconds.
    pub latency_us: u32,
    /// How many messages are lost, in parts per million.
    pub loss_ppm: u32,
    /// How many timers ran out although what they waited for came later, in parts per million: that
    /// the network keeps no bound that anyone counts on.
    pub late_ppm: u32,
}

/// The network, by the worst that is true of it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// None of the others.
    #[default]
    Calm,
    /// Messages take long.
    Slow,
    /// Messages are lost.
    Lossy,
    /// No bound holds.
    Asynchronous,
}

impl Network {
    /// All, from good to bad.
    pub const ALL: [Self; 4] = [Self::Calm, Self::Slow, Self::Lossy, Self::Asynchronous];

    /// By what is measured. `before`: by what was measured before that; it is left at half of what
    /// it is entered at.
    pub fn measured(before: Self, conditions: Conditions, bounds: Bounds) -> Self {
        let stays = Self::by(conditions, bounds.leave()).min(before);
        Self::by(conditions, bounds.enter()).max(stays)
    }

    /// Above these bounds.
    fn by(conditions: Conditions, bounds: Conditions) -> Self {
        if conditions.late_ppm > bounds.late_ppm {
            Self::Asynchronous
        } else if conditions.loss_ppm > bounds.loss_ppm {
            Self::Lossy
        } else if conditions.latency_us > bounds.latency_us {
            Self::Slow
        } else {
            Self::Calm
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Slow => "slow",
            Self::Lossy => "lossy",
            Self::Asynchronous => "asynchronous",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! How bad it is: the share of members that are known to misbehave.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::{detector::quarantine::Quarantine, quorum::Membership};

/// What is agreed about the members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Who they are.
    pub members: Membership,
    /// How many are proven to have lied.
    pub convicted: u16,
    /// How many more are suspected by f+1 observers.
    pub suspected: u16,
}

impl Facts {
    /// As the log has it.
    pub fn of(quarantine: &Quarantine) -> Self {
        Self {
            members: quarantine.members(),
            convicted: quarantine.convicted().len(),
            suspected: quarantine.suspected().len(),
        }
    }

    /// How many are known to misbehave, for whatever reason.
    pub const fn known(self) -> u16 {
        self.convicted.saturating_add(self.suspected)
    }

    /// Whether more are proven to lie than any quorum can stand.
    pub const fn is_above_f(self) -> bool {
        self.convicted > self.members.byzantine_f()
    }

    /// Whether more may misbehave than that, and it isn't proven.
    pub const fn may_be_above_f(self) -> bool {
        self.known() > self.members.byzantine_f() && !self.is_above_f()
    }
}

/// The level of threat.
///
/// | level | share of members known to misbehave | of 20 |
/// |---|---|---|
/// | Low | up to 0.10 | 1 |
/// | Medium | up to 0.20 | 3 |
/// | High | up to 0.33 | 5 |
/// | Critical | above | 8 |
///
/// Not the same as "above f": f = ⌊(n−1)/3⌋ comes near 1/3, and 0.33 is a little less. Above f is
/// always Critical, for the least share is (f+1)/(3f+3) = 1/3. But from 103 members on f of them
/// are more than 0.33, so Critical needn't be above f; what may be run then is decided by f.
///
/// And "above f" is proven to be. Suspicion is no proof, and who slanders could stop a service that
/// stopped because of it: so it raises the level, operators are called, and writes go on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Up to a tenth.
    #[default]
    Low,
    /// Up to a fifth.
    Medium,
    /// Up to 0.33.
    High,
    /// Above.
    Critical,
}

impl Level {
    /// All, rising.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The most that is still Low, Medium, High, in percent.
    pub const UP_TO_PERCENT: [u8; 3] = [10, 20, 33];

    /// By the table.
    pub fn of(facts: Facts) -> Self {
        Self::by(facts, Self::UP_TO_PERCENT)
    }

    /// By other bounds: as exact, for known / n ≤ p / 100 is 100 × known ≤ p × n.
    pub(super) fn by(facts: Facts, up_to_percent: [u8; 3]) -> Self {
        let (known, n) = (u32::from(facts.known()), u32::from(facts.members.n()));
        let above = up_to_percent.iter().filter(|percent| 100 * known > u32::from(**percent) * n);
        Self::ALL[above.count()]
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

//! Whether it gets worse: the share of members known to misbehave, now and a while ago.

use alloc::collections::VecDeque;
use core::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

use super::level::Facts;
use crate::time::Time;

/// How many changes are remembered. With more in one window the oldest of them stands for what was
/// before.
const MAX_CHANGES: usize = 32;

/// Where it goes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// Fewer are known to misbehave than a while ago.
    Falling,
    /// As many.
    #[default]
    Steady,
    /// More.
    Rising,
}

impl Trend {
    /// All, from good to bad.
    pub const ALL: [Self; 3] = [Self::Falling, Self::Steady, Self::Rising];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Falling => "falling",
            Self::Steady => "steady",
            Self::Rising => "rising",
        }
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What share there was since when: known, of how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Shares(VecDeque<(Time, u16, u16)>);

impl Shares {
    /// Notes what is true from now on, and says where it goes.
    pub(super) fn note(&mut self, now: Time, facts: Facts, window_us: u64) -> Trend {
        let (known, n) = (facts.known(), facts.members.n());
        if self.0.back().is_none_or(|(_, before, of)| (*before, *of) != (known, n)) {
            if self.0.len() == MAX_CHANGES {
                self.0.pop_front();
            }
            self.0.push_back((now, known, n));
        }
        while self.next_wake(window_us).is_some_and(|left| left <= now) {
            self.0.pop_front();
        }
        let (_, before, of) = self.0[0];
        let now = u32::from(known) * u32::from(of);
        match now.cmp(&(u32::from(before) * u32::from(n))) {
            Ordering::Less => Trend::Falling,
            Ordering::Equal => Trend::Steady,
            Ordering::Greater => Trend::Rising,
        }
    }

    /// When what is now the past will have left the window.
    pub(super) fn next_wake(&self, window_us: u64) -> Option<Time> {
        self.0.get(1).map(|(since, ..)| Time(since.0.saturating_add(window_us)))
    }
}

//! Leases of probes while half-open.

use super::config::MAX_PROBES;
use crate::time::Time;

/// A probe under way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Lease {
    number: u32,
    ends: Time,
}

/// What has become of the probes so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Probes {
    leases: [Lease; MAX_PROBES as usize],
    under_way: u8,
    issued: u32,
    pub(super) succeeded: u8,
    pub(super) failed: u8,
}

impl Probes {
    pub(super) fn under_way(&self) -> u8 {
        self.under_way
    }

    fn leases(&self) -> &[Lease] {
        &self.leases[..usize::from(self.under_way)]
    }

    /// A lease, unless as many are out as successes are missing.
    pub(super) fn issue(&mut self, ends: Time, wanted: u8) -> Option<u32> {
        if self.under_way.saturating_add(self.succeeded) >= wanted {
            return None;
        }
        self.issued = self.issued.wrapping_add(1);
        self.leases[usize::from(self.under_way)] = Lease { number: self.issued, ends };
        self.under_way += 1;
        Some(self.issued)
    }

    /// Takes a lease back; false if it has ended before.
    pub(super) fn give_back(&mut self, number: u32) -> bool {
        let found = self.leases().iter().position(|lease| lease.number == number);
        if let Some(at) = found {
            self.remove(at);
        }
        found.is_some()
    }

    /// Takes one back whose time is over.
    pub(super) fn lose(&mut self, now: Time) -> bool {
        let found = self.leases().iter().position(|lease| lease.ends <= now);
        if let Some(at) = found {
            self.remove(at);
        }
        found.is_some()
    }

    /// When the next ends.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.ends().min()
    }

    /// When each ends.
    pub(super) fn ends(&self) -> impl Iterator<Item = Time> {
        self.leases().iter().map(|lease| lease.ends)
    }

    fn remove(&mut self, at: usize) {
        self.under_way -= 1;
        let last = usize::from(self.under_way);
        self.leases[at] = self.leases[last];
        self.leases[last] = Lease::default();
    }
}

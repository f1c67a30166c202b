//! Who runs: one slot each, reused by others with another generation.

use alloc::vec::Vec;

use crate::time::Time;

/// The right to do one piece of work.
#[must_use = "a slot is taken until its permit is released"]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    slot: u32,
    generation: u64,
}

#[cfg(feature = "guards")]
impl Permit {
    /// The same one for a copy of the bulkhead that it is of, as the simulator copies moments: each copy
    /// takes back its own.
    pub(crate) fn in_a_copy(&self) -> Self {
        Self { ..*self }
    }
}

/// Work whose caller has given up. It is released when it really ends.
#[must_use = "a slot is taken until its permit is released"]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Abandoned(Permit);

impl From<Abandoned> for Permit {
    fn from(abandoned: Abandoned) -> Self {
        abandoned.0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Free,
    Runs { since: Time },
    Abandoned { since: Time },
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    generation: u64,
    used: Use,
}

/// All slots.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    all: Vec<Slot>,
    free: Vec<u32>,
    limit: u32,
    abandoned: u32,
}

impl Slots {
    pub(super) fn new(limit: u32) -> Self {
        let mut new = Self { all: Vec::new(), free: Vec::new(), limit: 0, abandoned: 0 };
        new.resize(limit);
        new
    }

    /// Another number of them. Who runs goes on, also where there are fewer.
    pub(super) fn resize(&mut self, limit: u32) {
        let new = self.all.len() as u32..limit;
        self.all.extend(new.clone().map(|_| Slot { generation: 0, used: Use::Free }));
        self.free.reserve(self.all.len() - self.free.len());
        self.free.extend(new.rev());
        self.limit = limit;
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    pub(super) fn running(&self) -> u32 {
        (self.all.len() - self.free.len()) as u32
    }

    pub(super) fn abandoned(&self) -> u32 {
        self.abandoned
    }

    pub(super) fn has_room(&self) -> bool {
        self.running() < self.limit
    }

    /// Takes one, if there is room.
    pub(super) fn take(&mut self, now: Time) -> Option<Permit> {
        if !self.has_room() {
            return None;
        }
        let at = self.free.pop()?;
        let slot = &mut self.all[at as usize];
        slot.used = Use::Runs { since: now };
        Some(Permit { slot: at, generation: slot.generation })
    }

    /// The caller gave up; what it asked for still runs.
    pub(super) fn abandon(&mut self, permit: Permit) -> Abandoned {
        if let Some(slot) = self.all.get_mut(permit.slot as usize)
            && slot.generation == permit.generation
            && let Use::Runs { since } = slot.used
        {
            slot.used = Use::Abandoned { since };
            self.abandoned += 1;
        }
        Abandoned(permit)
    }

    /// Gives one back: since when it was taken, or `None` if it had been reclaimed.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is given back once")]
    pub(super) fn release(&mut self, permit: Permit) -> Option<Time> {
        let Permit { slot, generation } = permit;
        let known = self.all.get(slot as usize).is_some_and(|it| it.generation == generation);
        if known { self.give_back(slot) } else { None }
    }

    /// Frees all that were taken before then, whatever has become of them.
    pub(super) fn reclaim(&mut self, before: Time) -> u32 {
        let mut reclaimed = 0;
        for at in 0..self.all.len() as u32 {
            if self.since(at).is_some_and(|since| since < before) {
                self.give_back(at);
                reclaimed += 1;
            }
        }
        reclaimed
    }

    /// Since when the one that was taken first is.
    pub(super) fn oldest(&self) -> Option<Time> {
        (0..self.all.len() as u32).filter_map(|at| self.since(at)).min()
    }

    fn since(&self, at: u32) -> Option<Time> {
        match self.all[at as usize].used {
            Use::Free => None,
            Use::Runs { since } | Use::Abandoned { since } => Some(since),
        }
    }

    fn give_back(&mut self, at: u32) -> Option<Time> {
        let since = self.since(at)?;
        let slot = &mut self.all[at as usize];
        self.abandoned -= u32::from(matches!(slot.used, Use::Abandoned { .. }));
        *slot = Slot { generation: slot.generation + 1, used: Use::Free };
        self.free.push(at);
        Some(since)
    }
}

//! What is to happen, by time; what is to happen at one time, in the order in which it was put in.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990). Virtual time only moves on, so an entry need
//! not be compared with the others: it lies in the bucket of the highest bit in which its time
//! differs from the time that was reached, and each time that the front bucket runs dry, the next
//! one is dealt out into those before it. Entries of one time are always in one bucket, and are
//! never put past each other.

use alloc::{collections::VecDeque, vec::Vec};

use super::cluster::Due;
use crate::time::Time;

/// One bucket for each bit that can be the highest to differ.
const BUCKETS: usize = u64::BITS as usize;

/// The queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    /// The time that was reached: no entry is earlier.
    reached: Time,
    /// The entries of exactly that time.
    front: VecDeque<Due>,
    /// The entries that first differ from it in the bit of this index.
    buckets: [Vec<(Time, Due)>; BUCKETS],
    /// Which of those hold anything.
    occupied: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            reached: Time::ZERO,
            front: VecDeque::new(),
            buckets: [const { Vec::new() }; BUCKETS],
            occupied: 0,
        }
    }
}

impl Queue {
    /// Puts an entry behind those of the same time.
    pub(super) fn push(&mut self, at: Time, due: Due) {
        if at < self.reached {
            self.go_back_to(at);
        }
        self.place(at, due);
    }

    fn place(&mut self, at: Time, due: Due) {
        match (at.0 ^ self.reached.0).checked_ilog2() {
            None => self.front.push_back(due),
            Some(bit) => {
                self.buckets[bit as usize].push((at, due));
                self.occupied |= 1 << bit;
            }
        }
    }

    /// Takes the next entry, unless it is later than `end`.
    pub(super) fn pop_until(&mut self, end: Time) -> Option<(Time, Due)> {
        if self.front.is_empty() {
            self.deal(end)?;
        } else if self.reached > end {
            return None;
        }
        self.front.pop_front().map(|due| (self.reached, due))
    }

    /// Goes on to the earliest time that has an entry, unless that is later than `end`.
    fn deal(&mut self, end: Time) -> Option<()> {
        if self.occupied == 0 {
            return None;
        }
        let bucket = self.occupied.trailing_zeros() as usize;
        let earliest = self.buckets[bucket].iter().map(|(at, _)| *at).min()?;
        if earliest > end {
            return None;
        }
        self.reached = earliest;
        self.occupied &= self.occupied - 1;
        let mut entries = core::mem::take(&mut self.buckets[bucket]);
        for (at, due) in entries.drain(..) {
            self.place(at, due);
        }
        // Nothing was put back into it, so it gets its memory back.
        self.buckets[bucket] = entries;
        Some(())
    }

    /// Entries that turned out to mean nothing may have carried the queue past what is now: rare.
    fn go_back_to(&mut self, at: Time) {
        let reached = core::mem::replace(&mut self.reached, at);
        let front = core::mem::take(&mut self.front);
        let buckets = core::mem::replace(&mut self.buckets, [const { Vec::new() }; BUCKETS]);
        self.occupied = 0;
        for due in front {
            self.place(reached, due);
        }
        for (at, due) in buckets.into_iter().flatten() {
            self.place(at, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn entries_come_by_time_and_at_one_time_in_order_also_after_going_back() {
        let mut dice = Dice::new(5, 0);
        let mut queue = Queue::default();
        let mut sorted = BTreeSet::new();
        let (mut now, mut went_back, mut popped) = (Time::ZERO, 0, 0);
        for number in 0..20_000 {
            let ahead = 1 << dice.below(14);
            // Now and then something is put in before what was reached.
            let at = match dice.below(50) {
                0 => Time(now.0.saturating_sub(dice.below(ahead))),
                _ => Time(now.0 + dice.below(ahead)),
            };
            went_back += u32::from(at < queue.reached);
            queue.push(at, Due::Marker(number));
            sorted.insert((at, number));
            while dice.below(2) == 0 {
                let end = Time(now.0 + dice.below(1 << 12));
                let expected = sorted.first().copied().filter(|(at, _)| *at <= end);
                let found = queue.pop_until(end);
                assert_eq!(found, expected.map(|(at, number)| (at, Due::Marker(number))));
                let Some(key) = expected else { break };
                sorted.remove(&key);
                (now, popped) = (key.0, popped + 1);
            }
        }
        assert!(went_back > 10 && popped > 1_000, "{went_back} {popped}");
    }

    #[test]
    fn asking_up_to_a_time_changes_nothing() {
        let mut queue = Queue::default();
        queue.push(Time(100), Due::Marker(1));
        assert_eq!(queue.pop_until(Time(99)), None);
        queue.push(Time(7), Due::Marker(2));
        assert_eq!(queue.pop_until(Time(99)), Some((Time(7), Due::Marker(2))));
        assert_eq!(queue.pop_until(Time(100)), Some((Time(100), Due::Marker(1))));
        assert_eq!(queue.pop_until(Time::MAX), None);
    }
}

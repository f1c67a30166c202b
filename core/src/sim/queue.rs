//! What is to happen, by time; what is to happen at one time, in the order in which it was put in.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan 1990), or a hierarchical timing wheel (Varghese,
//! Lauck 1987): with digits of one bit the two are the same. Virtual time only moves on, so an entry
//! need not be compared with the others: it lies in the bucket of the highest digit in which its
//! time differs from the time that was reached, and of that digit's value. Each time that the front
//! runs dry, the next bucket is dealt out into those below it. Entries of one time are always in one
//! bucket, and are never put past each other.

use alloc::vec::Vec;

use super::cluster::Due;
use crate::time::Time;

/// So many bits a digit: with six, an entry a few milliseconds ahead is dealt out once.
const BITS: u32 = 6;
/// The values of a digit.
const VALUES: usize = 1 << BITS;

/// The entries that first differ from the time that was reached in one digit.
#[derive(Clone, Debug)]
struct Wheel {
    /// By what they have there.
    buckets: [Vec<(Time, Due)>; VALUES],
    /// Which of those hold anything.
    occupied: u64,
}

impl Wheel {
    const EMPTY: Self = Self { buckets: [const { Vec::new() }; VALUES], occupied: 0 };

    fn put(&mut self, value: usize, at: Time, due: Due) {
        self.buckets[value % VALUES].push((at, due));
        self.occupied |= 1 << value;
    }
}

/// The queue.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    /// The time that was reached: no entry is earlier.
    reached: Time,
    /// The entries of exactly that time,
    front: Vec<(Time, Due)>,
    /// of which so many were taken.
    taken: usize,
    /// For each digit, the lowest first, up to the highest that was ever needed.
    wheels: Vec<Wheel>,
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
        let Some(bit) = (at.0 ^ self.reached.0).checked_ilog2() else {
            self.front.push((at, due));
            return;
        };
        let digit = bit / BITS;
        let value = (at.0 >> (digit * BITS)) as usize % VALUES;
        match self.wheels.get_mut(digit as usize) {
            Some(wheel) => wheel.put(value, at, due),
            None => {
                self.wheels.resize(digit as usize + 1, Wheel::EMPTY);
                self.place(at, due);
            }
        }
    }

    /// Takes the next entry, unless it is later than `end`.
    pub(super) fn pop_until(&mut self, end: Time) -> Option<(Time, Due)> {
        loop {
            if let Some(next) = self.front.get(self.taken).copied() {
                if self.reached > end {
                    return None;
                }
                self.taken += 1;
                return Some(next);
            }
            self.deal(end)?;
        }
    }

    /// The front is empty: goes on to where the next bucket begins, unless that is later than `end`,
    /// and deals it out.
    fn deal(&mut self, end: Time) -> Option<()> {
        self.front.clear();
        self.taken = 0;
        // Whoever differs in a lower digit only is earlier.
        let digit = self.wheels.iter().position(|wheel| wheel.occupied != 0)?;
        let wheel = &mut self.wheels[digit];
        let value = wheel.occupied.trailing_zeros();
        let shift = digit as u32 * BITS;
        let above = self.reached.0.checked_shr(shift + BITS).unwrap_or(0);
        let begins = Time((above << BITS | u64::from(value)) << shift);
        if begins > end {
            return None;
        }
        self.reached = begins;
        wheel.occupied &= wheel.occupied - 1;
        if digit == 0 {
            // All of one time.
            core::mem::swap(&mut self.front, &mut wheel.buckets[value as usize]);
            return Some(());
        }
        let mut entries = core::mem::take(&mut wheel.buckets[value as usize]);
        for (at, due) in entries.drain(..) {
            self.place(at, due);
        }
        // Nothing was put back into it, so it gets its memory back.
        self.wheels[digit].buckets[value as usize] = entries;
        Some(())
    }

    /// Looking for what comes next may have carried the queue past what is now: rare.
    fn go_back_to(&mut self, at: Time) {
        let before = core::mem::take(self);
        self.reached = at;
        for (at, due) in before.front.into_iter().skip(before.taken) {
            self.place(at, due);
        }
        for (at, due) in before.wheels.into_iter().flat_map(|it| it.buckets).flatten() {
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

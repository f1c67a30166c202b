//! How many calls are under way, when some of those who made them never say that they ended.
//!
//! Each is counted in the bucket of when it began. A bucket that has become too old is written off,
//! and whoever comes back later is told that it has been. So nothing that is lost takes up room for
//! ever, and counting takes the same time however many there are.

use core::time::Duration;

use crate::time::Time;

/// Into how many buckets a lease is cut: it ends at most so much of itself late.
const BUCKETS: u64 = 16;

/// Calls under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Leases {
    bucket: Duration,
    /// Buckets that began so far, and when the next does.
    turns: u64,
    next: Time,
    counts: [u32; BUCKETS as usize],
    all: u32,
}

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Lease(u64);

impl Leases {
    pub(super) fn new(lease_ms: u64) -> Self {
        let bucket = bucket(lease_ms);
        Self { bucket, turns: 0, next: Time::ZERO + bucket, counts: [0; BUCKETS as usize], all: 0 }
    }

    /// Another length, for those that begin from now on.
    pub(super) fn reconfigure(&mut self, lease_ms: u64) {
        self.bucket = bucket(lease_ms);
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.all
    }

    /// One begins.
    pub(super) fn begin(&mut self) -> Lease {
        self.counts[(self.turns % BUCKETS) as usize] += 1;
        self.all += 1;
        Lease(self.turns)
    }

    /// One ended; false if it had been written off.
    pub(super) fn end(&mut self, lease: Lease) -> bool {
        let here = &mut self.counts[(lease.0 % BUCKETS) as usize];
        if self.turns - lease.0 >= BUCKETS || *here == 0 {
            return false;
        }
        *here -= 1;
        self.all -= 1;
        true
    }

    /// Lets time pass: how many are written off.
    #[inline]
    pub(super) fn turn(&mut self, now: Time) -> u32 {
        if now < self.next { 0 } else { self.write_off(now) }
    }

    #[cold]
    fn write_off(&mut self, now: Time) -> u32 {
        let mut lost = 0;
        for _ in 0..BUCKETS {
            if now < self.next {
                break;
            }
            self.turns += 1;
            self.next = self.next + self.bucket;
            lost += core::mem::take(&mut self.counts[(self.turns % BUCKETS) as usize]);
        }
        if self.next <= now {
            self.next = now + self.bucket;
        }
        self.all -= lost;
        lost
    }

    /// When more may be written off, if there is anything to.
    pub(super) fn next_end(&self) -> Option<Time> {
        (self.all > 0).then_some(self.next)
    }
}

fn bucket(lease_ms: u64) -> Duration {
    Duration::from_micros((lease_ms * 1_000 / (BUCKETS - 1)).max(1))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::dice::Dice;

    #[test]
    fn it_is_what_a_list_of_all_calls_says() {
        let mut written_off = 0;
        for seed in 0..50 {
            let mut dice = Dice::new(seed, 0);
            let mut leases = Leases::new(150);
            let (mut now_ms, mut list) = (0, Vec::new());
            for _ in 0..2_000 {
                now_ms += dice.below(8) * dice.below(2);
                if dice.below(200) == 0 {
                    now_ms += dice.below(500);
                }
                written_off += leases.turn(Time::from_millis(now_ms));
                match dice.below(3) {
                    0 if !list.is_empty() => {
                        let (began, lease) =
                            list.swap_remove(dice.below(list.len() as u64) as usize);
                        let known = leases.end(lease);
                        assert!(known || now_ms - began >= 150, "seed {seed}: lost too soon");
                        assert!(!known || now_ms - began <= 160, "seed {seed}: kept too long");
                    }
                    _ => list.push((now_ms, leases.begin())),
                }
                let kept = |at_least: u64| {
                    list.iter().filter(|(began, _)| now_ms - began < at_least).count() as u32
                };
                assert!((kept(150)..=kept(161)).contains(&leases.count()), "seed {seed}");
            }
        }
        assert!(written_off > 1_000, "{written_off}");
    }

    #[test]
    fn a_jump_writes_all_off_and_the_next_lasts_as_long_as_ever() {
        let mut leases = Leases::new(15);
        let old = leases.begin();
        assert_eq!(leases.turn(Time(u64::MAX / 2)), 1);
        assert!(!leases.end(old));
        let new = leases.begin();
        assert_eq!(leases.turn(Time(u64::MAX / 2 + 14_999)), 0);
        assert!(leases.end(new));
    }
}

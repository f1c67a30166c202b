//! Against the other form of the same algorithm, *virtual scheduling* (ITU-T I.371, annex A), and
//! against the law that both are for.

use alloc::vec::Vec;

use super::{Config, at, limiter, small};
use crate::{dice::Dice, resilience::Priority, time::Time};

/// The theoretical arrival time of the next call, in units of which a microsecond has `permits`.
struct Schedule {
    permits: u128,
    interval: u128,
    burst: u128,
    shares: [u128; 4],
    arrival: u128,
}

impl Schedule {
    fn new(config: &Config) -> Self {
        let ppm = |it: u32| u128::from(it);
        let shares = [config.background_ppm, config.normal_ppm, config.important_ppm, 1_000_000];
        Self {
            permits: u128::from(config.permits),
            interval: u128::from(config.per_ms) * 1_000,
            burst: u128::from(config.burst),
            shares: shares.map(ppm),
            arrival: 0,
        }
    }

    fn admit(&mut self, now: Time, weight: u32, priority: Priority) -> bool {
        let now = u128::from(now.0) * self.permits;
        let tolerance = self.burst * self.interval * self.shares[priority as usize] / 1_000_000;
        let next = self.arrival.max(now) + self.interval * u128::from(weight);
        let passes = next <= now + tolerance.max(self.interval);
        if passes {
            self.arrival = next;
        }
        passes
    }
}

#[test]
fn it_is_what_virtual_scheduling_says() {
    let (mut passed, mut rejected) = (0, 0);
    for seed in 0..200 {
        let mut dice = Dice::new(seed, 0);
        let config = Config::default()
            .permits(1 + dice.below(1_000) as u32)
            .per_ms(1 + dice.below(2_000))
            .burst(1 + dice.below(50) as u32);
        let (mut guard, mut model) = (limiter(config.clone()), Schedule::new(&config));
        let mut now = Time(dice.below(1 << 40));
        let interval_us = config.per_ms * 1_000 / u64::from(config.permits) + 1;
        for _ in 0..1_000 {
            now = Time(now.0 + dice.below(interval_us * 2) * dice.below(2));
            let weight = if dice.below(4) == 0 { dice.below(60) as u32 } else { 1 };
            let priority = Priority::ALL[dice.below(4) as usize];
            let said = guard.admit(now, weight, priority).is_ok();
            assert_eq!(said, model.admit(now, weight, priority), "seed {seed} at {now}");
            *(if said { &mut passed } else { &mut rejected }) += 1;
        }
    }
    assert!(passed > 20_000 && rejected > 20_000, "{passed} and {rejected}");
}

#[test]
fn in_no_time_at_all_more_passes_than_the_burst_and_its_share_of_the_rate() {
    for seed in 0..20 {
        let mut dice = Dice::new(seed, 0);
        let mut guard = limiter(small());
        let (mut now_ms, mut passed) = (0, Vec::new());
        for _ in 0..500 {
            now_ms += dice.below(60);
            if guard.admit(at(now_ms), 1, Priority::Normal).is_ok() {
                passed.push(now_ms);
            }
        }
        for (from, first) in passed.iter().enumerate() {
            for (to, last) in passed.iter().enumerate().skip(from) {
                let most = 5 + (last - first) / 100;
                assert!((to - from + 1) as u64 <= most, "seed {seed}: {first} to {last}");
            }
        }
    }
}

//! The rate limit beside another implementation of the same algorithm.

use std::{num::NonZeroU32, time::Duration};

use conclave_core::{
    resilience::{
        Priority,
        rate::{Config, Limiter},
    },
    time::Time,
};
use governor::{Quota, RateLimiter, clock::FakeRelativeClock};
use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

/// Whole numbers of nanoseconds between two permits, since the other rounds to those.
const RATES: [u32; 5] = [1, 8, 50, 1_000, 125_000];

fn number(it: u32) -> NonZeroU32 {
    NonZeroU32::new(it).expect("more than none")
}

#[test]
fn what_it_lets_through_is_what_governor_does() {
    let (mut passed, mut rejected) = (0, 0);
    for seed in 0..200 {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut below = |bound: u64| dice.next_u64() % bound;
        let (rate, burst) = (RATES[below(5) as usize], 1 + below(40) as u32);
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_second(number(rate)).allow_burst(number(burst));
        let theirs = RateLimiter::direct_with_clock(quota, clock.clone());
        let mut ours = Limiter::new(Config::default().permits(rate).burst(burst)).expect("valid");
        let mut now = Time::ZERO;
        for call in 0..2_000 {
            let waited = below(2) * below(2_000_000 / u64::from(rate) + 1);
            clock.advance(Duration::from_micros(waited));
            now = now + Duration::from_micros(waited);
            let weight = 1 + below(3) as u32;
            let theirs = matches!(theirs.check_n(number(weight)), Ok(Ok(())));
            let ours = ours.admit(now, weight, Priority::Consensus).is_ok();
            assert_eq!(ours, theirs, "seed {seed}, call {call}: {weight} at {now}");
            *(if ours { &mut passed } else { &mut rejected }) += 1;
        }
    }
    assert!(passed > 20_000 && rejected > 20_000, "{passed} and {rejected}");
}

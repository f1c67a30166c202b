//! Each step of each algorithm against its formula, written down plainly and in floating point.

use super::{
    super::algorithm::{Memory, Moved, Seen},
    Algorithm,
};
use crate::dice::Dice;

/// What a window may have been like.
fn window(dice: &mut Dice, limit: u64) -> Seen {
    let calls = 1 + dice.below(500) as u32;
    let magnitude = 10_u64.pow(dice.below(7) as u32);
    let mean_us = 1 + dice.below(1 + magnitude);
    let most = 1 + dice.below(limit / 500 + 2) as u32;
    Seen { calls, sum_us: u64::from(calls) * mean_us, drops: 0, most }
}

/// A thousandth is the smallest step that there is, of a limit and of a gradient.
fn near(is: u64, should: f64, gradient_counts: f64) -> bool {
    (is as f64 - should * 1_000.0).abs() <= 2.0 + should * 1.1 * gradient_counts
}

fn is_used(seen: Seen, limit: f64) -> bool {
    f64::from(seen.most) * 2.0 >= limit
}

/// From every limit that a few thousand windows lead to.
fn steps(algorithm: Algorithm, mut check: impl FnMut(u64, &Seen, &Memory, &Memory, u64)) {
    for seed in 0..20 {
        let mut dice = Dice::new(seed, 0);
        let (mut memory, mut limit) = (Memory::default(), 20_000);
        for _ in 0..2_000 {
            let mut seen = window(&mut dice, limit);
            if dice.below(50) == 0 {
                seen.drops = 1;
            }
            let before = memory;
            let (next, moved) = memory.next(algorithm, limit, 90, &seen);
            if seen.drops > 0 {
                assert_eq!((next, moved), (limit * 9 / 10, Moved::Drops));
            } else {
                check(limit, &seen, &before, &memory, next);
            }
            limit = next.clamp(2_000, 1_000_000);
        }
    }
}

#[test]
fn aimd_adds_one_for_each_limits_worth_of_calls() {
    steps(Algorithm::Aimd, |limit, seen, _, _, next| {
        let was = limit as f64 / 1_000.0;
        let more = if is_used(*seen, was) { (f64::from(seen.calls) / was).min(1.0) } else { 0.0 };
        assert!(near(next, was + more, 0.0), "{limit} {seen:?}: {next}");
    });
}

#[test]
fn gradient2_follows_long_over_short_with_room_in_line_and_smoothing() {
    let (long_windows, queue, smoothing, tolerance) = (100_000, 4, 0.2, 1.5);
    let algorithm = Algorithm::Gradient2 {
        tolerance_percent: 150,
        smoothing_ppm: 200_000,
        long_windows,
        queue,
    };
    let mut moved = [0; 3];
    steps(algorithm, |limit, seen, _, after, next| {
        let was = limit as f64 / 1_000.0;
        let short_ns = (seen.sum_us / u64::from(seen.calls)) as f64 * 1_000.0;
        let gradient = (tolerance * after.usual_ns as f64 / short_ns).clamp(0.5, 1.0);
        let wanted = was * gradient + f64::from(queue);
        let smoothed = was * (1.0 - smoothing) + wanted * smoothing;
        let should = if is_used(*seen, was) { smoothed } else { was };
        assert!(near(next, should, smoothing), "{limit} {seen:?}: {next}, not {should}");
        moved[(next.cmp(&limit) as i8 + 1) as usize] += 1;
    });
    assert!(moved.iter().all(|times| *times > 100), "{moved:?}");
}

#[test]
fn vegas_counts_who_is_in_line_against_the_limits_magnitude() {
    let mut moved = [0; 4];
    steps(Algorithm::Vegas { probe_windows: 100_000 }, |limit, seen, before, after, next| {
        let was = limit as f64 / 1_000.0;
        let short_ns = (seen.sum_us / u64::from(seen.calls)) as f64 * 1_000.0;
        let quickest =
            if before.usual_ns == 0 { short_ns } else { short_ns.min(before.usual_ns as f64) };
        assert_eq!(after.usual_ns, quickest as u64);
        let in_line = was * (1.0 - quickest / short_ns);
        let magnitude = was.log10().floor().max(1.0);
        let (alpha, beta) = (3.0 * magnitude, 6.0 * magnitude);
        if [magnitude, alpha, beta].iter().any(|edge| (in_line - edge).abs() < 0.01) {
            return;
        }
        let (arm, by) = match in_line {
            _ if !is_used(*seen, was) => (3, 0.0),
            few if few <= magnitude => (0, beta),
            some if some < alpha => (1, magnitude),
            many if many > beta => (2, -magnitude),
            _ => (3, 0.0),
        };
        moved[arm] += 1;
        assert!(near(next, was + by, 0.0), "{limit} {seen:?}: {next}, not {}", was + by);
    });
    assert!(moved.iter().all(|times| *times > 20), "{moved:?}");
}

//! A small deterministic simulator: from a seed, a cluster in a storm and then in a calm.
//!
//! In the storm messages are lost, doubled and overtake each other, partitions come and go, also in
//! one direction, members crash and lose what they had not synced, disks and hosts are slow. After
//! every step the invariants of figure 3 and the promises of every member are checked. Once it is
//! calm, everybody must have what is proposed then within [`CALM_BOUND_MS`].

use alloc::vec::Vec;

use self::world::{Counts, World};
use crate::dice::Dice;

mod invariants;
mod world;

/// Twelve election timeouts: two members that stand against each other, a leader that has to learn
/// of a later term, and two fetches of the state, each with room to spare.
const CALM_BOUND_MS: u64 = 1_200;
/// How long a storm lasts.
const STORM_MS: u64 = 3_000;

fn run(seed: u64) -> Counts {
    let mut dice = Dice::new(seed, 1);
    let n = 4 + dice.below(2) as u16;
    let seal = (dice.below(3) == 0).then(|| 20 + dice.below(60));
    let mut world = World::new(seed, n, seal);
    world.storm(STORM_MS);
    let calm_from = world.now();
    world.calm_down();
    let last = world.propose_in_calm();
    while !world.is_done(last) {
        let took = world.now().since(calm_from).as_millis();
        assert!(
            took < u128::from(CALM_BOUND_MS),
            "seed {seed}: calm for {took} ms, and still {}",
            world.describe()
        );
        world.step();
        world.propose_again(last);
    }
    world.counts
}

/// So many seeds from one on: what happened in all of them.
fn slice(from: u64, seeds: u64) -> Counts {
    let counts: Vec<_> = (from..from + seeds).map(run).collect();
    counts.into_iter().fold(Counts::default(), Counts::plus)
}

/// What a slice must have met: a fault that didn't happen was not survived.
fn assert_eventful(counts: &Counts, seeds: u64) {
    let Counts { crashes, records_lost, lost, doubled, cut, .. } = *counts;
    let Counts { elections, truncations, fetched, compactions, transfers, reads, seals, .. } =
        *counts;
    for (what, happened, at_least) in [
        ("crashes", crashes, seeds),
        ("records lost in them", records_lost, seeds / 4),
        ("messages lost", lost, seeds),
        ("messages doubled", doubled, seeds),
        ("messages cut off by partitions", cut, seeds),
        ("elections", elections, seeds),
        ("logs cut back", truncations, seeds / 20),
        ("states fetched", fetched, seeds / 20),
        ("compactions", compactions, seeds),
        ("transfers begun", transfers, seeds / 20),
        ("reads answered", reads, seeds),
        ("ends of epochs known to a majority", seals, seeds / 10),
    ] {
        assert!(happened >= at_least, "only {happened} {what} in {seeds} seeds: {counts:?}");
    }
}

#[test]
fn in_any_storm_the_invariants_hold_and_in_the_calm_it_goes_on_a() {
    let counts = slice(0, 100);
    assert_eventful(&counts, 100);
}

#[test]
fn in_any_storm_the_invariants_hold_and_in_the_calm_it_goes_on_b() {
    let counts = slice(1_000, 100);
    assert_eventful(&counts, 100);
}

#[test]
#[ignore = "long: thousands of seeds"]
fn in_thousands_of_storms_the_invariants_hold_and_in_the_calm_it_goes_on() {
    let counts = slice(10_000, 5_000);
    assert_eventful(&counts, 5_000);
}

#[test]
fn a_seed_gives_the_same_run_again() {
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

//! From what one member measures to what the network is like.

use crate::analyzer::{Bounds, Conditions, Network};

fn measured(before: Network, latency_us: u32, loss_ppm: u32, late_ppm: u32) -> Network {
    let conditions = Conditions { latency_us, loss_ppm, late_ppm };
    Network::measured(before, conditions, Bounds::default())
}

#[test]
fn the_worst_that_is_true_counts_from_its_bound_on() {
    let calm = Network::Calm;
    assert_eq!(measured(calm, 100_000, 20_000, 100_000), Network::Calm);
    assert_eq!(measured(calm, 100_001, 0, 0), Network::Slow);
    assert_eq!(measured(calm, 100_001, 20_001, 0), Network::Lossy);
    assert_eq!(measured(calm, 0, 20_001, 100_001), Network::Asynchronous);
}

#[test]
fn it_is_left_at_half_of_what_it_is_entered_at() {
    assert_eq!(measured(Network::Slow, 50_001, 0, 0), Network::Slow);
    assert_eq!(measured(Network::Slow, 50_000, 0, 0), Network::Calm);
    assert_eq!(measured(Network::Calm, 50_001, 0, 0), Network::Calm);
    // What is left is not more than what it was.
    assert_eq!(measured(Network::Slow, 0, 10_001, 0), Network::Slow);
    assert_eq!(measured(Network::Asynchronous, 0, 20_001, 0), Network::Lossy);
}

//! Up at once, down after the dwell time, and nothing flaps.

use alloc::string::ToString;
use core::time::Duration;

use super::{Watch, facts};
use crate::{
    analyzer::{
        Analyzer, Because, Declared, Deployment, Level, MAX_HISTORY, Network, Policy, Protocol,
        Trend,
    },
    time::Time,
};

fn at(secs: u64) -> Time {
    Time::from_millis(secs * 1_000)
}

fn analyzer() -> Watch {
    Watch::new(Policy::default(), Deployment::Byzantine)
}

#[test]
fn rising_threat_is_met_at_once_and_the_way_back_takes_its_time() {
    // Given twenty members of which 1, 3, 5, 8 are proven to lie, a second apart,
    let mut analyzer = analyzer();
    for (second, (known, level)) in (0..).zip([1, 3, 5, 8].into_iter().zip(Level::ALL)) {
        analyzer.observe(at(second), facts(20, known, 0), Network::Calm);
        assert_eq!(analyzer.level(), level);
    }
    let protocols: alloc::vec::Vec<_> =
        analyzer.history().map(|entry| entry.recommendation.protocol).collect();
    let ordered = Protocol::TrustOrderedPbft;
    assert_eq!(protocols, [Protocol::Pbft, ordered, ordered, Protocol::SafeMode]);
    // when they are all replaced, then it stays for the dwell time, and then falls.
    analyzer.observe(at(4), facts(20, 0, 0), Network::Calm);
    assert_eq!(analyzer.level(), Level::Critical);
    analyzer.tick(at(303));
    assert_eq!(analyzer.level(), Level::Critical);
    assert_eq!(analyzer.recommendation().unwrap().protocol, Protocol::SafeMode);
    assert_eq!(analyzer.next_wake(), Some(at(304)));
    analyzer.tick(at(304));
    assert_eq!(analyzer.level(), Level::Low);
    assert!(analyzer.recommendation().unwrap().protocol.orders_writes());
}

#[test]
fn a_ratio_that_swings_around_a_threshold_changes_the_level_once() {
    for (low, high) in [((20, 2), (20, 3)), ((20, 4), (20, 5)), ((20, 6), (20, 7))] {
        let mut analyzer = analyzer();
        let mut protocols = alloc::collections::BTreeSet::new();
        for second in 0..2_000 {
            let (n, known) = if second % 20 < 10 { low } else { high };
            analyzer.observe(at(second), facts(n, 0, known), Network::Calm);
            protocols.insert(analyzer.recommendation().unwrap().protocol);
        }
        let entered: u64 = analyzer.counters().entered.iter().sum();
        assert_eq!(entered, 2, "where it began, and once up: {low:?} {high:?}");
        assert_eq!(analyzer.counters().switches as usize, protocols.len() - 1, "no way back");
    }
}

#[test]
fn down_is_below_the_lower_threshold_and_not_just_below_the_upper_one() {
    let mut analyzer = analyzer();
    analyzer.observe(at(0), facts(100, 0, 11), Network::Calm);
    assert_eq!(analyzer.level(), Level::Medium);
    for second in 1..1_000 {
        analyzer.observe(at(second), facts(100, 0, 9), Network::Calm);
    }
    assert_eq!(analyzer.level(), Level::Medium, "0.09 is below 0.10, but not below 0.08");
    analyzer.observe(at(1_000), facts(100, 0, 8), Network::Calm);
    analyzer.tick(at(1_300));
    assert_eq!(analyzer.level(), Level::Low);
}

#[test]
fn a_safe_mode_is_not_left_by_a_moment_of_calm() {
    let mut analyzer = analyzer();
    for second in 0..1_000 {
        // Two of four, and one of four, by turns.
        analyzer.observe(at(second), facts(4, 1 + (second % 2) as u16, 0), Network::Calm);
    }
    assert_eq!(analyzer.counters().switches, 1);
    let last = analyzer.recommendation().unwrap();
    assert_eq!((last.protocol, last.because), (Protocol::SafeMode, Because::AboveF));
}

/// Whoever slanders could stop a service that suspicion stops.
#[test]
fn suspicion_of_more_than_f_is_critical_and_said_and_never_stops_the_service() {
    for n in 4..=200 {
        let (f, mut analyzer) = ((n - 1) / 3, analyzer());
        analyzer.observe(at(0), facts(n, 0, f), Network::Calm);
        let said = analyzer.observe(at(1), facts(n, 0, f + 1), Network::Calm);
        let said = said.unwrap_or_else(|| panic!("{n}: one more is said"));
        assert_eq!((said.level, said.protocol), (Level::Critical, Protocol::TrustOrderedPbft));
        assert!(said.to_string().contains("writes go on, for suspicion is no proof"), "{said}");
        let said = analyzer.observe(at(2), facts(n, 1, f - 1), Network::Calm).unwrap();
        assert!(!said.to_string().contains("writes"), "{n}: {said}");
        let proven = analyzer.observe(at(3), facts(n, f + 1, 0), Network::Calm).unwrap();
        assert_eq!((proven.level, proven.protocol), (Level::Critical, Protocol::SafeMode));
    }
}

#[test]
fn the_trend_and_the_network_change_what_is_recommended() {
    let mut analyzer = analyzer();
    analyzer.observe(at(0), facts(20, 0, 0), Network::Calm);
    assert_eq!(analyzer.recommendation().unwrap().protocol, Protocol::Pbft);
    // One more of twenty is low still, but it gets worse.
    analyzer.observe(at(10), facts(20, 0, 1), Network::Calm);
    assert_eq!((analyzer.level(), analyzer.trend()), (Level::Low, Trend::Rising));
    assert_eq!(analyzer.recommendation().unwrap().protocol, Protocol::TrustOrderedPbft);
    // Ten minutes later it has stayed so, and after the dwell time that counts.
    analyzer.tick(at(610));
    assert_eq!(analyzer.trend(), Trend::Rising);
    analyzer.tick(at(910));
    assert_eq!(analyzer.trend(), Trend::Steady);
    assert_eq!(analyzer.recommendation().unwrap().protocol, Protocol::Pbft);
    for (network, timeout_percent) in
        [(Network::Slow, 200), (Network::Lossy, 200), (Network::Asynchronous, 400)]
    {
        analyzer.observe(at(1_000), facts(20, 0, 1), network);
        assert_eq!(analyzer.network(), network);
        let parameters = analyzer.recommendation().unwrap().parameters;
        assert_eq!(parameters.timeout_percent, timeout_percent);
    }
}

#[test]
fn it_wakes_itself_until_everything_is_calm() {
    let mut analyzer = analyzer();
    let rough = Network::Asynchronous;
    analyzer.observe(at(0), facts(7, 0, 0), rough);
    analyzer.observe(at(1), facts(7, 0, 3), rough);
    analyzer.observe(at(2), facts(7, 0, 0), Network::Calm);
    let mut wakes = 0;
    while let Some(wake) = analyzer.next_wake() {
        analyzer.tick(wake);
        wakes += 1;
        assert!(wakes < 20, "it never comes to rest");
    }
    let last = analyzer.recommendation().unwrap();
    assert_eq!((analyzer.level(), analyzer.network()), (Level::Low, Network::Calm));
    assert_eq!((last.protocol, last.parameters.timeout_percent), (Protocol::Pbft, 100));
}

#[test]
fn the_history_is_bounded_and_the_counters_add_up() {
    let mut analyzer = analyzer();
    let mut now = at(0);
    for round in 0..200 {
        analyzer.observe(now, facts(20, 0, if round % 2 == 0 { 8 } else { 0 }), Network::Calm);
        now = now + Duration::from_mins(10);
        analyzer.tick(now);
        now = now + Duration::from_mins(10);
    }
    assert_eq!(analyzer.history().len(), MAX_HISTORY);
    let numbers: alloc::vec::Vec<u64> = analyzer.history().map(|entry| entry.number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1) && numbers[0] > 100);
    let counters = analyzer.counters();
    assert_eq!(counters.observations, 400);
    let lasted: u64 = counters.lasted_us.iter().sum();
    assert_eq!(Time(lasted) + Duration::from_mins(10), now);
}

#[test]
fn who_takes_over_its_state_recommends_the_same_and_goes_on_with_the_numbers() {
    let mut first = analyzer();
    for (second, known) in (0..).zip([0, 1, 5, 8, 3, 0]) {
        first.observe(at(second), facts(20, 0, known), Network::Slow);
        let bytes = crate::crypto::encode(&first.analyzer);
        let mut other = first.clone();
        other.analyzer = crate::crypto::decode::<Analyzer>(&bytes).unwrap();
        let policy = other.policy.clone();
        let declared = Declared { deployment: Deployment::Byzantine, policy: &policy };
        other.analyzer.resume(facts(20, 0, known), declared);
        assert_eq!(other.recommendation(), first.recommendation());
        assert_eq!((other.decided(), other.next_wake()), (first.decided(), first.next_wake()));
        // Nothing is new to it, and what comes next is the same to both.
        assert_eq!(other.observe(at(second), facts(20, 0, known), Network::Slow), None);
        let (mut one, later) = (first.clone(), at(second + 1_000));
        let next = (one.observe(later, facts(20, 0, 2), Network::Calm), one.decided());
        assert_eq!((other.observe(later, facts(20, 0, 2), Network::Calm), other.decided()), next);
    }
}

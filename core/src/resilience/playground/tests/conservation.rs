//! Whatever is set, no call gets lost and none is counted twice.

use alloc::vec::Vec;

use super::{Setting, heartbeats, played};
use crate::{
    dice::Dice,
    resilience::{
        Priority, adaptive, breaker, bulkhead, chaos, degradation,
        health::{CheckConfig, OutlierConfig},
        manager::Policy,
        objective,
        playground::{Burst, Callers, Played, Service, Spell, Surge, Watch, Weather},
        rate, retry, timeout,
    },
};

fn policy(dice: &mut Dice) -> Policy {
    let mut often = |share: u64| dice.below(100) < share;
    let retry = retry::Config::default().attempts(4);
    Policy::default()
        .total_ms(5_000)
        .rate(often(30).then(|| rate::Config::default().permits(60).burst(30)))
        .bulkhead(often(60).then(|| bulkhead::Config::default().concurrent(6).line(6)))
        .adaptive(often(30).then(|| adaptive::Config::default().initial(10)))
        .retry(often(70).then_some(retry))
        .breaker(often(70).then(|| breaker::Config::default().minimum_calls(5).open_ms(500)))
        .wait_for_breaker(often(50))
        .timeout(timeout::Config::default().initial_ms(400).adaptive(often(50)))
        .objective(often(50).then(objective::Config::default))
}

fn weather(dice: &mut Dice) -> Spell {
    let from_ms = dice.below(10_000);
    let to_ms = from_ms + dice.below(8_000);
    let weather = match dice.below(5) {
        0 => Weather::Down,
        1 => Weather::Silent,
        2 => Weather::Flapping { every_ms: 100 + dice.below(2_000) },
        3 => Weather::Slow { percent: 50 + dice.below(2_000) as u32 },
        _ => Weather::Failing { ppm: dice.below(1_000_000) as u32 },
    };
    Spell { from_ms, to_ms, weather }
}

fn setting(seed: u64) -> Setting {
    let dice = &mut Dice::new(seed, 99);
    let services = 1 + dice.below(4) as usize;
    let mut setting = Setting::quiet(policy(dice));
    setting.seed = seed;
    setting.duration_ms = 20_000;
    setting.threads = 1 + dice.below(60) as u32;
    setting.backlog = dice.below(100) as u32;
    setting.services = (0..services)
        .map(|_| Service {
            workers: 1 + dice.below(8) as u32,
            queue: dice.below(20) as u32,
            stragglers_ppm: dice.below(50_000) as u32,
            failing_ppm: dice.below(100_000) as u32,
            weather: (0..dice.below(3)).map(|_| weather(dice)).collect(),
            ..Service::default()
        })
        .collect();
    setting.callers = (0..=dice.below(3))
        .map(|_| Callers {
            number: 1 + dice.below(60) as u32,
            each_per_minute: 30 + dice.below(60) as u32,
            priority: Priority::ALL[dice.below(4) as usize],
            to: (dice.below(2) == 0).then(|| dice.below(services as u64) as u16),
            patience_ms: (dice.below(2) == 0).then(|| 50 + dice.below(2_000)),
            surge: (dice.below(3) == 0).then_some(Surge {
                from_ms: 5_000,
                to_ms: 9_000,
                percent: 300,
            }),
            burst: (dice.below(3) == 0).then_some(Burst { at_ms: 3_000, calls: 100 }),
        })
        .collect();
    setting.degradation = (dice.below(2) == 0).then(degradation::Config::default);
    let compared = services >= 3;
    setting.watch = (dice.below(2) == 0).then(|| Watch {
        check: Some(CheckConfig::default().interval_ms(500).timeout_ms(200)),
        outliers: compared.then(OutlierConfig::default),
        heartbeats: (dice.below(2) == 0).then(|| heartbeats(500, 50, 2_000)),
    });
    let fault = [
        chaos::Fault::Latency { ms: 100, jitter_ms: 100 },
        chaos::Fault::Error,
        chaos::Fault::Drop,
        chaos::Fault::Duplicate,
        chaos::Fault::Reorder { ms: 300 },
        chaos::Fault::Partition,
    ][dice.below(6) as usize];
    setting.chaos = (dice.below(3) == 0).then(|| {
        chaos::Config::default()
            .name("any".into())
            .hypothesis("nothing gets lost".into())
            .fault(fault)
            .baseline_ms(1_000)
            .inject_ms(10_000)
            .failed_ppm(1_000_000)
            .slow_ppm(1_000_000)
    });
    setting
}

/// Calls that are still under way at the end: with a thread each, or waiting for one.
fn under_way(played: &Played, setting: &Setting) -> u32 {
    let all = played.totals.all;
    let ended = all.succeeded + all.failed + all.refused;
    let left = all.offered.checked_sub(ended).expect("no call ends twice");
    let taken = played.buckets.last().map_or(0, |it| it.threads);
    assert!((taken..=taken + setting.backlog).contains(&left), "{left} of {taken} threads");
    left
}

#[test]
fn every_call_ends_once_or_is_under_way() {
    let (mut succeeded, mut refused, mut faulty) = (0, 0, 0);
    for seed in 0..150 {
        let setting = setting(seed);
        let played = played(&setting);
        assert!(!played.cut_short, "seed {seed}");
        under_way(&played, &setting);
        let totals = &played.totals;
        let by_group: Vec<_> = totals.groups.iter().map(|it| it.refused).collect();
        assert_eq!(totals.refused.all(), by_group.iter().sum::<u32>(), "seed {seed}");
        assert!(totals.attempts >= totals.all.succeeded + totals.all.failed, "seed {seed}");
        assert!(played.buckets.iter().all(|it| it.threads <= setting.threads), "seed {seed}");
        succeeded += totals.all.succeeded;
        refused += totals.refused.by_guard().iter().filter(|it| **it > 0).count();
        faulty += usize::from(totals.injected > 0);
    }
    // The worlds were worth it: much succeeds, and every guard says no in many of them.
    assert!(succeeded > 50_000 && refused > 200 && faulty > 20, "{succeeded} {refused} {faulty}");
}

#[test]
fn nothing_is_offered_that_nobody_asks_for_and_a_bulkhead_holds() {
    for seed in 0..60 {
        let mut setting = setting(seed);
        setting.policy.bulkhead = Some(bulkhead::Config::default().concurrent(3).line(2));
        let played = played(&setting);
        let full = |it: &super::Bucket| {
            it.bulkhead.is_some_and(|[running, waiting]| running <= 3 && waiting <= 2)
        };
        assert!(played.buckets.iter().all(full), "seed {seed}");
        // Each call has one slot, and has at most one attempt under way and others that timed out.
        let most = setting.policy.retry.as_ref().map_or(1, |it| it.attempts);
        let duplicates = 2;
        assert!(played.buckets.iter().all(|it| it.working <= 3 * most * duplicates), "seed {seed}");
    }
}

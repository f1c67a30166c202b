//! What can't be played, and what playing is like.

use alloc::{string::ToString as _, vec, vec::Vec};

use super::{Service, Setting, Weather, calling, heartbeats, played, spell, unguarded, weather};
use crate::resilience::{
    breaker,
    chaos::{self, Fault},
    health::OutlierConfig,
    manager::Policy,
    playground::{BadSetting, Burst, Surge, Watch, play},
};

fn refused(change: impl Fn(&mut Setting)) -> BadSetting {
    let mut setting = Setting::quiet(Policy::default());
    change(&mut setting);
    play(&setting).expect_err("it must not be played")
}

/// Heartbeats, and nothing else to tell by.
fn heard(every_ms: u64, jitter_percent: u32) -> Watch {
    let heartbeats = heartbeats(every_ms, jitter_percent, 8_000);
    Watch { heartbeats: Some(heartbeats), ..Watch::default() }
}

#[test]
fn what_cannot_be_played_is_refused_with_the_field_and_the_reason() {
    let said = |change: &dyn Fn(&mut Setting)| refused(change).to_string();
    for (field, said) in [
        ("duration_ms = 0", said(&|it| it.duration_ms = 0)),
        ("buckets = 1", said(&|it| it.buckets = 1)),
        ("threads = 0", said(&|it| it.threads = 0)),
        ("callers = 0", said(&|it| it.callers.clear())),
        ("services = 0", said(&|it| it.services.clear())),
        ("to = 1", said(&|it| it.callers[0].to = Some(1))),
        ("number = 0", said(&|it| it.callers[0].number = 0)),
        (
            "each_per_minute = 6666",
            said(&|it| {
                it.callers[0].number = 2_000;
                it.callers[0].each_per_minute = 200;
            }),
        ),
        (
            "percent = 0",
            said(&|it| {
                it.callers[0].surge = Some(Surge { from_ms: 0, to_ms: 1, percent: 0 });
            }),
        ),
        (
            "calls = 6000",
            said(&|it| {
                it.callers[0].burst = Some(Burst { at_ms: 0, calls: 6_000 });
            }),
        ),
        ("workers = 0", said(&|it| it.services[0].workers = 0)),
        ("spread_percent = 101", said(&|it| it.services[0].spread_percent = 101)),
        ("to_ms = 1000", said(&|it| it.services[0] = weather(2, 1, Weather::Down))),
        (
            "every_ms = 9",
            said(&|it| {
                it.services[0] = weather(1, 2, Weather::Flapping { every_ms: 9 });
            }),
        ),
        (
            "fault = 0",
            said(&|it| {
                it.chaos = Some(chaos::Config {
                    name: "x".into(),
                    hypothesis: "y".into(),
                    fault: Fault::DiskLoss,
                    ..chaos::Config::default()
                });
            }),
        ),
        (
            "peers = 1",
            said(&|it| {
                let outliers = Some(OutlierConfig::default());
                it.watch = Some(Watch { outliers, ..Watch::default() });
            }),
        ),
        ("every_ms = 0", said(&|it| it.watch = Some(heard(0, 20)))),
        ("jitter_percent = 101", said(&|it| it.watch = Some(heard(500, 101)))),
    ] {
        assert!(said.starts_with(field), "{field}: {said}");
    }
    let guards = refused(|it| {
        it.policy.breaker = Some(breaker::Config::default().probes(0));
    });
    assert!(matches!(guards, BadSetting::Guards(_)), "{guards}");
}

#[test]
fn the_same_setting_gives_the_same_numbers_and_another_seed_others() {
    let mut setting = Setting::quiet(Policy::default());
    setting.services = vec![weather(10, 20, Weather::Failing { ppm: 500_000 })];
    let first = played(&setting);
    assert_eq!(first, played(&setting));
    setting.seed += 1;
    assert_ne!(first, played(&setting));
}

#[test]
fn who_calls_when_is_the_same_whatever_guards_do() {
    let of = |policy: Policy| {
        let mut setting = calling(Setting::quiet(policy), 200);
        setting.services = vec![weather(10, 20, Weather::Down)];
        let played = played(&setting);
        played.buckets.iter().map(|it| it.groups[0].offered).collect::<Vec<_>>()
    };
    assert_eq!(of(Policy::default()), of(unguarded()));
}

#[test]
fn in_a_quiet_world_all_calls_succeed_in_the_time_they_take() {
    let played = played(&calling(Setting::quiet(unguarded()), 50));
    let all = played.totals.all;
    // Twenty calls a second for a minute, half as many as a service with eight workers bears.
    assert!((2_800..3_200).contains(&all.offered), "{all:?}");
    assert!(all.offered - all.succeeded < 20 && all.failed + all.refused == 0, "{all:?}");
    let p50 = played.totals.p50_us.unwrap();
    assert!((45_000..60_000).contains(&p50), "{p50}");
    assert_eq!(played.buckets.len(), 120);
    assert!(!played.cut_short);
}

#[test]
fn a_silent_service_goes_on_where_it_was_and_one_that_is_down_loses_all() {
    let of = |weather: Weather| {
        let mut setting = calling(Setting::quiet(unguarded()), 10);
        setting.services[0].weather = vec![spell(10, 15, weather)];
        setting.services[0].queue = 1_000;
        played(&setting).totals
    };
    let (silent, down) = (of(Weather::Silent), of(Weather::Down));
    assert_eq!(silent.all.failed, 0);
    assert!(silent.p99_us.unwrap() > 4_000_000, "who called first waited five seconds");
    assert!((30..80).contains(&down.all.failed), "{down:?}");
}

#[test]
fn stragglers_are_as_rare_and_as_slow_as_they_are_said_to_be() {
    let mut setting = calling(Setting::quiet(unguarded()), 20);
    setting.services =
        vec![Service { stragglers_ppm: 50_000, spread_percent: 0, ..Service::default() }];
    let played = played(&setting);
    let p99 = played.totals.p99_us.unwrap();
    assert!((500_000..600_000).contains(&p99), "{p99}");
    assert!(played.totals.p50_us.unwrap() < 60_000);
}

#[test]
fn a_surge_is_so_many_times_the_load() {
    let mut setting = calling(Setting::quiet(unguarded()), 100);
    setting.callers[0].each_per_minute = 6;
    setting.callers[0].surge = Some(Surge { from_ms: 20_000, to_ms: 40_000, percent: 800 });
    let played = played(&setting);
    let offered = |from, to| super::sum(&played, from, to, |it| it.groups[0].offered);
    let (before, during, after) = (offered(0, 20), offered(20, 40), offered(45, 60));
    assert!(during > 6 * before && during < 11 * before, "{before} {during}");
    assert!(after < before * 2, "{after}");
}

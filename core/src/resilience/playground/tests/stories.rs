//! The classic failures, each with and without the guard that is for it.

use alloc::{vec, vec::Vec};

use super::{
    Service, Setting, Weather, calling, heartbeats, played, spell, sum, unguarded, weather,
};
use crate::resilience::{
    Priority, adaptive, breaker, bulkhead,
    chaos::{self, Aborted, Phase},
    degradation::{self, Level},
    health::CheckConfig,
    manager::Policy,
    objective,
    playground::{Burst, Callers, Surge, Watch, What},
    rate, retry, timeout,
};

fn patient(ms: u64) -> timeout::Config {
    timeout::Config::default().adaptive(false).initial_ms(ms)
}

/// Retries that nothing bounds but their number.
fn eager() -> retry::Config {
    let budget = retry::BudgetConfig::default().share_ppm(10_000_000).floor(1_000_000);
    retry::Config::default().attempts(5).base_ms(100).budget(budget)
}

/// A service at four fifths of what it can do is silent for three seconds.
fn storm(policy: Policy) -> Setting {
    let mut setting = calling(Setting::quiet(policy.timeout(patient(500)).total_ms(10_000)), 128);
    setting.threads = 10_000;
    setting.services = vec![Service { queue: 400, ..weather(15, 18, Weather::Silent) }];
    setting
}

#[test]
fn a_retry_storm_outlives_its_cause_unless_retries_have_a_budget() {
    let without = played(&storm(unguarded().retry(Some(eager()))));
    let with =
        played(&storm(unguarded().retry(Some(eager().budget(
            retry::BudgetConfig::default().window_ms(30_000).share_ppm(100_000).floor(10),
        )))));
    let late = |it| sum(it, 40, 60, |bucket| bucket.groups[0].succeeded);
    let offered = sum(&with, 40, 60, |bucket| bucket.groups[0].offered);
    // Twenty seconds after the cause is gone, one serves nearly all and the other nearly none: its
    // service works for callers that have given up.
    assert!(late(&with) > offered * 9 / 10, "{} of {offered}", late(&with));
    assert!(late(&without) < offered / 5, "{} of {offered}", late(&without));
    let (much, little) = (without.totals.wasted, with.totals.wasted);
    assert!(much > 2 * little, "{much} {little}");
}

#[test]
fn who_failed_together_comes_back_together_unless_waits_are_spread() {
    let wave = |jitter| {
        let retry = eager().base_ms(2_000).growth_percent(100).cap_ms(2_000).jitter(jitter);
        let mut setting = Setting::quiet(unguarded().retry(Some(retry)).timeout(patient(3_000)));
        setting.callers[0].burst = Some(Burst { at_ms: 10_000, calls: 300 });
        let played = played(&setting);
        played.buckets.iter().map(|it| it.retries).max().unwrap()
    };
    let (together, spread) = (wave(retry::Jitter::None), wave(retry::Jitter::Full));
    assert!(together > 150, "{together} come back in one half second");
    assert!(spread * 2 < together, "{spread} of {together}");
}

#[test]
fn a_slow_dependency_takes_its_neighbour_down_unless_a_bulkhead_is_between() {
    let world = |bulkhead| {
        let mut setting = Setting::quiet(unguarded().bulkhead(bulkhead));
        setting.threads = 40;
        setting.backlog = 40;
        let slow = Callers { number: 30, to: Some(0), ..setting.callers[0].clone() };
        setting.callers = vec![slow.clone(), Callers { to: Some(1), ..slow }];
        setting.services =
            vec![weather(20, 40, Weather::Slow { percent: 5_000 }), Service::default()];
        let played = played(&setting);
        sum(&played, 25, 40, |it| it.groups[1].succeeded) * 100
            / sum(&played, 25, 40, |it| it.groups[1].offered)
    };
    let bulkhead = bulkhead::Config::default().concurrent(10).line(0);
    let (without, with) = (world(None), world(Some(bulkhead)));
    assert!(with >= 99, "{with} % of the neighbour's calls succeed behind a bulkhead");
    assert!(without < 30, "{without} % without");
}

#[test]
fn a_breaker_spares_who_is_down_and_finds_who_is_back() {
    let breaker = breaker::Config::default()
        .window(breaker::Window::Ms(5_000))
        .open_ms(2_000)
        .open_growth_percent(100)
        .open_max_ms(2_000);
    let world = |breaker| {
        let mut setting = calling(Setting::quiet(unguarded().breaker(breaker)), 60);
        setting.services = vec![weather(20, 40, Weather::Down)];
        played(&setting)
    };
    let (without, with) = (world(None), world(Some(breaker)));
    let attempts = |it| sum(it, 25, 40, |bucket| bucket.attempts);
    assert!(attempts(&with) * 10 < attempts(&without), "{}", attempts(&with));
    let states: vec::Vec<_> = with.happened.iter().map(|it| it.what).collect();
    // Half of what it counts in five seconds has failed after two and a half.
    assert_eq!(states.first(), Some(&What::Breaker(breaker::State::Open)));
    assert_eq!(states.last(), Some(&What::Breaker(breaker::State::Closed)));
    let opened = with.happened[0].at.as_micros();
    assert!((22_000_000..23_000_000).contains(&opened), "{opened}");
    let closed = with.happened.last().unwrap().at.as_micros();
    assert!((40_000_000..43_000_000).contains(&closed), "{closed}");
    assert!(sum(&with, 45, 60, |it| it.groups[0].succeeded) > 800);
}

#[test]
fn checks_leave_out_who_is_down_and_take_back_who_is_up() {
    let world = |watch| {
        let mut setting = calling(Setting::quiet(unguarded()), 60);
        let flapping = weather(20, 50, Weather::Flapping { every_ms: 5_000 });
        setting.services = vec![flapping, Service::default(), Service::default()];
        setting.watch = watch;
        played(&setting)
    };
    let check = CheckConfig::default().interval_ms(500).timeout_ms(250);
    let (without, with) =
        (world(None), world(Some(Watch { check: Some(check), ..Watch::default() })));
    assert!(with.totals.all.failed * 2 < without.totals.all.failed);
    let down = What::Believed { service: 0, up: false };
    assert_eq!(with.happened.iter().filter(|it| it.what == down).count(), 3);
    assert_eq!(with.buckets.last().unwrap().believed_up, 3);
}

#[test]
fn a_high_phi_suspects_only_who_is_gone_and_a_low_one_who_is_late() {
    let world = |threshold_milli| {
        let mut setting = calling(Setting::quiet(unguarded()), 60);
        setting.services = vec![weather(20, 40, Weather::Down), Service::default()];
        let heartbeats = Some(heartbeats(500, 100, threshold_milli));
        setting.watch = Some(Watch { heartbeats, ..Watch::default() });
        played(&setting)
    };
    let (high, low) = (world(8_000), world(1_000));
    let believed = |it: &super::Played, up| -> Vec<u64> {
        let of = What::Believed { service: 0, up };
        it.happened.iter().filter(|it| it.what == of).map(|it| it.at.as_micros() / 1_000).collect()
    };
    // At the high one: once, a few intervals after it is gone, until the first heartbeat after it.
    let (down, up) = (believed(&high, false), believed(&high, true));
    assert!(matches!(down[..], [ms] if (20_500..24_000).contains(&ms)), "{down:?}");
    assert!(matches!(up[..], [ms] if (40_000..41_001).contains(&ms)), "{up:?}");
    // At the low one: sooner, and again and again while nothing is wrong.
    let down = believed(&low, false);
    assert!(down.iter().filter(|ms| **ms < 20_000).count() > 3, "{down:?}");
    // What is shown is phi itself, and where the line is.
    let phi = |from: usize, to| high.buckets[from..to].iter().map(|it| it.phi_milli.unwrap());
    assert!(phi(20, 38).all(|[phi, from]| phi < 3_000 && from == 8_000), "it knows how they vary");
    assert!(phi(50, 80).all(|[phi, _]| phi > 8_000));
    assert!(high.totals.all.failed * 3 < high.totals.all.offered / 6, "{:?}", high.totals);
}

#[test]
fn a_rate_limit_keeps_room_for_who_matters_more() {
    let rate = rate::Config::default().permits(40).burst(40);
    let mut setting = Setting::quiet(unguarded().rate(Some(rate)));
    let crowd = Callers { number: 80, ..setting.callers[0].clone() };
    let few = Callers { number: 5, priority: Priority::Important, ..crowd.clone() };
    setting.callers = vec![crowd, few];
    let groups = played(&setting).totals.groups;
    assert!(groups[0].refused > groups[0].offered / 3, "{groups:?}");
    assert_eq!(groups[1].refused, 0, "{groups:?}");
}

#[test]
fn an_adaptive_limit_keeps_calls_quick_where_a_queue_makes_all_of_them_late() {
    let world = |adaptive| {
        let policy = unguarded().adaptive(adaptive);
        let mut setting = calling(Setting::quiet(policy), 120);
        setting.callers[0].surge = Some(Surge { from_ms: 20_000, to_ms: 50_000, percent: 200 });
        setting.services = vec![Service { queue: 2_000, ..Service::default() }];
        played(&setting)
    };
    let adaptive = adaptive::Config::default().max(200);
    let (without, with) = (world(None), world(Some(adaptive)));
    let p99 = |it: &super::Played| it.buckets[90].p99_us.unwrap();
    assert!(p99(&without) > 3_000_000, "{}", p99(&without));
    assert!(p99(&with) < 600_000, "{}", p99(&with));
    assert!(with.totals.refused.adaptive > 0);
}

#[test]
fn a_burning_budget_degrades_and_what_nobody_waits_for_is_left_out_first() {
    let pair = objective::Pair { long_ms: 20_000, short_ms: 2_000, burn_percent: 300, page: true };
    let objective = objective::Config::default()
        .availability_ppm(950_000)
        .period_ms(60_000)
        .minimum_calls(50)
        .pairs(vec![pair]);
    let mut setting = Setting::quiet(unguarded().objective(Some(objective)));
    let crowd = Callers { number: 40, ..setting.callers[0].clone() };
    let nobody = Callers { number: 40, priority: Priority::Background, ..crowd.clone() };
    setting.callers = vec![crowd, nobody];
    setting.services = vec![weather(20, 35, Weather::Failing { ppm: 400_000 })];
    setting.degradation = Some(degradation::Config::default().improve_ms(4_000));
    let played = played(&setting);
    assert!(played.happened.iter().any(|it| it.what == What::Fires(true)), "it fires");
    assert!(played.happened.iter().any(|it| it.what == What::Level(Level::Degraded)));
    let degraded = played.happened.iter().find(|it| it.what == What::Level(Level::Degraded));
    let since_s = degraded.unwrap().at.as_micros() / 1_000_000 + 1;
    let refused = |group: usize| sum(&played, since_s, since_s + 1, |it| it.groups[group].refused);
    assert!(refused(1) > 20 && refused(0) == 0, "{} {}", refused(1), refused(0));
    assert_eq!(played.buckets.last().unwrap().level, Level::Normal, "and comes back");
}

#[test]
fn an_experiment_that_hurts_is_over_as_soon_as_it_does_and_one_that_is_borne_is_not() {
    let world = |policy: Policy| {
        let mut setting = calling(Setting::quiet(policy), 60);
        setting.chaos = Some(
            chaos::Config::default()
                .name("errors".into())
                .hypothesis("retries bear it".into())
                .share_ppm(200_000)
                .baseline_ms(10_000)
                .inject_ms(20_000)
                .recover_ms(10_000),
        );
        played(&setting)
    };
    let (without, with) = (world(unguarded()), world(unguarded().retry(Some(eager()))));
    let last = |it: &super::Played| it.happened.last().unwrap().what;
    assert_eq!(last(&without), What::Experiment(Phase::Aborted(Aborted::Refuted)));
    assert_eq!(last(&with), What::Experiment(Phase::Held));
    assert!(with.totals.injected > 150 && without.totals.injected < with.totals.injected / 3);
}

#[test]
fn timeouts_follow_a_step_in_latency_instead_of_failing_for_ever() {
    let world = |timeout| {
        let mut setting = calling(Setting::quiet(unguarded().timeout(timeout)), 40);
        setting.services = vec![Service {
            workers: 100,
            weather: vec![spell(20, 60, Weather::Slow { percent: 400 })],
            ..Service::default()
        }];
        played(&setting)
    };
    let fixed = world(patient(120));
    let following = world(timeout::Config::default().initial_ms(120).margin_percent(150));
    let late = |it: &super::Played| sum(it, 40, 60, |bucket| bucket.groups[0].succeeded);
    assert!(late(&fixed) < 100, "{}", late(&fixed));
    assert!(late(&following) > 700, "{}", late(&following));
}

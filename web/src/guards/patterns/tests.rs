//! Every playground can be played however its knobs stand, and its presets show what they promise.

use conclave_core::resilience::playground::{self, Played, Totals};

use super::{PATTERNS, Pattern};
use crate::{address::Stand, knob::Values, panel::Shown};

fn play(pattern: &Pattern, world: &[u32], side: &[u32]) -> Played {
    let values = Values { knobs: [pattern.world, pattern.guard], values: [world, side] };
    let setting = (pattern.setting)(&values);
    playground::play(&setting)
        .unwrap_or_else(|why| panic!("{} {world:?} {side:?}: {why}", pattern.key))
}

/// Both sides of a preset.
fn preset(key: &str, name: &str) -> [Played; 2] {
    let at = PATTERNS.iter().position(|it| it.key == key).expect(key);
    let preset = PATTERNS[at].presets.iter().position(|it| it.name == name).expect(name);
    let stand = Stand::preset(at, preset);
    [0, 1].map(|side| play(PATTERNS[at], &stand.world, &stand.sides[side]))
}

fn totals(key: &str, name: &str) -> [Totals; 2] {
    preset(key, name).map(|it| it.totals)
}

#[test]
fn names_in_links_are_unique_and_plain() {
    let plain = |key: &str| key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_');
    for (at, pattern) in PATTERNS.iter().enumerate() {
        assert!(plain(pattern.key));
        assert!(PATTERNS.iter().skip(at + 1).all(|it| it.key != pattern.key));
        let mut keys: Vec<_> = pattern.world.iter().chain(pattern.guard).map(|it| it.key).collect();
        assert!(keys.iter().all(|it| plain(it)), "{}", pattern.key);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), pattern.world.len() + pattern.guard.len(), "{}", pattern.key);
    }
}

#[test]
fn presets_turn_only_knobs_that_are_there_and_say_one_sentence() {
    for (at, pattern) in PATTERNS.iter().enumerate() {
        for preset in pattern.presets {
            let mut stand = Stand::preset(at, 0);
            for (key, value) in preset.world {
                assert!(stand.set(None, key, *value), "{}: {key}", pattern.key);
            }
            for (key, value) in preset.a.iter().chain(preset.b.unwrap_or(&[])) {
                assert!(stand.set(Some(0), key, *value), "{}: {key}", pattern.key);
            }
            assert!(preset.notice.ends_with('.'), "{}", preset.notice);
        }
    }
}

#[test]
fn every_knob_can_be_turned_as_far_as_it_goes_in_both_directions() {
    for (at, pattern) in PATTERNS.iter().enumerate() {
        let stand = Stand::preset(at, 0);
        for (which, knob) in pattern.world.iter().enumerate() {
            for value in [knob.bounds().0, knob.bounds().1] {
                let mut world = stand.world.clone();
                world[which] = value;
                play(pattern, &world, &stand.sides[0]);
            }
        }
        for (which, knob) in pattern.guard.iter().enumerate() {
            for value in [knob.bounds().0, knob.bounds().1] {
                let mut side = stand.sides[0].clone();
                side[which] = value;
                play(pattern, &stand.world, &side);
            }
        }
        let ends: [fn(&crate::knob::Knob) -> u32; 2] = [|it| it.bounds().0, |it| it.bounds().1];
        for end in ends {
            let world: Vec<_> = pattern.world.iter().map(end).collect();
            let side: Vec<_> = pattern.guard.iter().map(end).collect();
            play(pattern, &world, &side);
        }
    }
}

#[test]
fn every_panel_has_something_to_show() {
    for (at, pattern) in PATTERNS.iter().enumerate() {
        let stand = Stand::preset(at, 0);
        let played = play(pattern, &stand.world, &stand.sides[0]);
        for panel in pattern.panels {
            match panel.of(&played) {
                Shown::Chart { layers, .. } => {
                    let any = layers.iter().flat_map(|it| &it.values).flatten().any(|it| *it > 0);
                    assert!(any, "{}: {panel:?} is empty", pattern.key);
                }
                Shown::Band(stretches) => {
                    assert!(stretches.len() > 1, "{}: {panel:?} never changes", pattern.key);
                    assert_eq!(stretches.first().map(|it| it.from), Some(0));
                    assert_eq!(stretches.last().map(|it| it.to), Some(1_000));
                    assert!(stretches.windows(2).all(|it| it[0].to == it[1].from));
                }
            }
        }
    }
}

/// How many of a hundred calls succeed.
fn percent(totals: &Totals) -> u32 {
    totals.all.succeeded * 100 / totals.all.offered.max(1)
}

#[test]
fn an_open_breaker_spares_the_service_and_one_that_counts_slow_calls_opens() {
    let [with, without] = totals("breaker", "Outage");
    assert!(with.refused.breaker > 500 && with.all.failed * 2 < without.all.failed);
    let [slow, failing] = totals("breaker", "Slow, not failing");
    assert!(slow.refused.breaker > 100 && failing.refused.breaker == 0);
    let [quick, patient] = totals("breaker", "Flapping service");
    assert!(patient.all.failed < quick.all.failed, "{} {}", patient.all.failed, quick.all.failed);
}

#[test]
fn a_storm_ends_with_a_budget_and_a_crowd_is_spread_by_jitter() {
    let [with, without] = totals("retry", "Retry storm");
    assert!(percent(&with) > 65 && percent(&without) < 35, "{with:?} {without:?}");
    let most = |it: &Played| it.buckets.iter().map(|it| it.retries).max().unwrap_or(0);
    let [spread, together] = preset("retry", "All come back together");
    assert!(most(&spread) * 2 < most(&together));
    let [three, one] = totals("retry", "A few calls fail");
    assert!(percent(&three) >= 99 && percent(&one) <= 91, "{three:?} {one:?}");
}

#[test]
fn checks_and_comparison_spare_callers_the_one_that_is_not_well() {
    let [with, without] = totals("health", "Flapping service");
    assert!(with.all.failed * 2 < without.all.failed);
    let [calm, nervous] = preset("health", "One lost check");
    assert!(nervous.happened.len() > 2 * calm.happened.len());
    let [compared, not] = totals("health", "Fails more than the others");
    assert!(compared.all.failed * 2 < not.all.failed);
}

#[test]
fn a_high_phi_leaves_out_who_is_gone_and_a_low_one_who_is_late() {
    use conclave_core::resilience::playground::What;
    let left_out = |it: &Played, from_s: u64, to_s: u64| {
        let within = |us: u64| (from_s * 1_000_000..to_s * 1_000_000).contains(&us);
        let of = What::Believed { service: 0, up: false };
        it.happened.iter().filter(|it| it.what == of && within(it.at.as_micros())).count()
    };
    let [high, low] = preset("health", "Late is not gone");
    assert_eq!((left_out(&high, 0, 15), left_out(&high, 15, 19)), (0, 1));
    assert!(left_out(&low, 0, 15) > 2, "{}", left_out(&low, 0, 15));
}

#[test]
fn limits_keep_what_they_let_in_well() {
    let [with, without] = totals("rate", "Client flood");
    let served = |it: &Totals| it.groups[1].succeeded * 100 / it.groups[1].offered;
    assert!(served(&with) >= 99 && served(&without) < 90, "{} {}", served(&with), served(&without));
    let [full, short] = totals("rate", "All at once");
    assert!(full.groups[0].refused + 150 < short.groups[0].refused);
    let [with, without] = totals("adaptive", "More than it can do");
    assert!(with.p99_us.map(|it| it * 3) < without.p99_us, "{with:?} {without:?}");
    let [with, without] = totals("bulkhead", "Slow dependency");
    assert!(served(&with) >= 99 && served(&without) < 75, "{} {}", served(&with), served(&without));
}

#[test]
fn timeouts_follow_and_a_fixed_one_fails() {
    let [following, fixed] = totals("timeout", "Step up and down");
    assert!(percent(&following) > 90 && percent(&fixed) < 75);
    let [most, fewer] = totals("timeout", "Stragglers");
    assert!(most.timed_out * 2 < fewer.timed_out);
}

#[test]
fn budgets_fire_for_fires_and_leaks_and_not_for_a_spike() {
    use conclave_core::resilience::playground::What;
    let fires = |it: &Played| it.happened.iter().any(|it| it.what == What::Fires(true));
    assert!(fires(&preset("budget", "Burning budget")[0]));
    assert!(!fires(&preset("budget", "A spike")[0]));
    let [leak, fire] = preset("budget", "A slow leak");
    assert!(fires(&leak) && !fires(&fire));
}

#[test]
fn degradation_serves_clients_longer_and_hysteresis_calms_it() {
    let [with, without] = totals("degradation", "Too many clients");
    assert!(with.groups[0].succeeded > without.groups[0].succeeded, "{with:?} {without:?}");
    assert!(with.groups[1].refused > 300);
    let [calm, swinging] = preset("degradation", "Flapping");
    assert!(
        swinging.happened.len() > 2 * calm.happened.len(),
        "{} {}",
        swinging.happened.len(),
        calm.happened.len()
    );
}

#[test]
fn an_experiment_holds_or_is_aborted_as_it_should() {
    use conclave_core::resilience::{chaos::Phase, playground::What};
    let held = |it: &Played| it.happened.iter().any(|it| it.what == What::Experiment(Phase::Held));
    let [with, without] = preset("chaos", "Is it borne?");
    assert!(held(&with) && !held(&without));
    let [quick, patient] = preset("chaos", "Answers get lost");
    assert!(held(&quick) && !held(&patient));
    let [bounded, _] = totals("chaos", "A bound on the damage");
    assert_eq!(bounded.injected, 200);
}

#[test]
fn all_guards_together_beat_calling_by_hand() {
    for name in ["Outage", "Slow dependency", "Client flood"] {
        let [with, by_hand] = preset("manager", name);
        let late = |it: &Played| -> u32 {
            it.buckets.iter().skip(70).map(|it| it.groups[0].succeeded).sum()
        };
        let said = format!(
            "{name}: {} {} {:?} {:?}",
            late(&with),
            late(&by_hand),
            with.totals,
            by_hand.totals
        );
        assert!(late(&with) > late(&by_hand), "{said}");
        assert!(with.totals.wasted < by_hand.totals.wasted, "{said}");
    }
    let [with, by_hand] = totals("manager", "Flapping service");
    assert!(by_hand.attempts > 4 * with.attempts, "{with:?} {by_hand:?}");
    assert!(by_hand.all.succeeded > with.all.succeeded, "as its sentence says");
}

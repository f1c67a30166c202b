//! Health: who is up.

use conclave_core::resilience::{
    health::{CheckConfig, OutlierConfig, PhiConfig},
    playground::{Heartbeats, Service, Setting, Watch, Weather},
};

use super::{Pattern, Preset, SEED, patience, spell, unguarded, world};
use crate::{
    knob::{Knob, Values, choice, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (10, 150, 5), 60),
    range("services", "Services that share them", "", (3, 8, 1), 4),
    choice(
        "trouble",
        "What happens to the first",
        &["it flaps", "it is down", "calls to it fail", "it says nothing"],
    ),
    range("every", "It flaps every", "ms", (500, 10_000, 500), 5_000),
    range("failing", "Calls that fail", "%", (5, 100, 5), 60),
    range("lasts", "For how long", "s", (1, 40, 1), 30),
    range("beat", "Each sends a heartbeat every", "ms", (100, 5_000, 100), 500),
    range("jitter", "Sooner or later by up to", "%", (0, 100, 10), 50),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("check", "Checks"),
    range("interval", "One every", "ms", (200, 5_000, 100), 500),
    range("fall", "Down after failures in a row", "", (1, 10, 1), 3),
    range("rise", "Up after successes in a row", "", (1, 10, 1), 2),
    Knob { usual: 0, ..switch("outliers", "Leave out who fails more than the others") },
    range("eject", "For", "ms", (1_000, 20_000, 1_000), 5_000),
    Knob { usual: 0, ..switch("phi", "Leave out who is suspected by heartbeats") },
    range("threshold", "Suspected from phi", "", (1, 16, 1), 8),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "health",
    name: "Health",
    promise: "know who is up before asking",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Flapping service",
            notice: "Calls fail only until enough checks in a row have failed; then the others get them, until enough have succeeded.",
            world: &[],
            a: &[],
            b: Some(&[("check", 0)]),
        },
        Preset {
            name: "One lost check",
            notice: "Where a single failure decides, one that fails now and then is taken out and in all the time.",
            world: &[("trouble", 2), ("failing", 15), ("lasts", 40)],
            a: &[],
            b: Some(&[("fall", 1), ("rise", 1)]),
        },
        Preset {
            name: "Fails more than the others",
            notice: "Checks succeed often enough to keep it in; comparing it with the others takes it out, and never more than half of them.",
            world: &[("trouble", 2), ("failing", 50)],
            a: &[("outliers", 1)],
            b: Some(&[]),
        },
        Preset {
            name: "Late is not gone",
            notice: "The later a heartbeat is, the higher phi: at a low threshold who is merely late is left out again and again, at a high one only who is gone.",
            world: &[("trouble", 1), ("lasts", 20), ("jitter", 100)],
            a: &[("check", 0), ("phi", 1)],
            b: Some(&[("check", 0), ("phi", 1), ("threshold", 1)]),
        },
    ],
    panels: &[Panel::Believed, Panel::Phi, Panel::Calls, Panel::Latency],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let mut setting = world(values, unguarded().timeout(patience(1_000)));
    let weather = match values.get("trouble") {
        0 => Weather::Flapping { every_ms: values.ms("every") },
        1 => Weather::Down,
        2 => Weather::Failing { ppm: values.ppm("failing") },
        _ => Weather::Silent,
    };
    setting.services = vec![Service::default(); values.get("services") as usize];
    if let Some(first) = setting.services.first_mut() {
        first.weather = vec![spell(weather, values.get("lasts"))];
    }
    let interval = values.ms("interval");
    let check = CheckConfig::default()
        .interval_ms(interval)
        .timeout_ms(interval.min(300))
        .fall(values.get("fall"))
        .rise(values.get("rise"));
    let outliers =
        OutlierConfig::default().interval_ms(2_000).minimum_calls(10).eject_ms(values.ms("eject"));
    let beat = values.ms("beat");
    let phi = PhiConfig::default()
        .expected_ms(beat)
        .least_deviation_ms(beat / 10)
        .threshold_milli(values.ms("threshold") * 1_000);
    setting.watch = Some(Watch {
        check: values.is_on("check").then_some(check),
        outliers: values.is_on("outliers").then_some(outliers),
        heartbeats: Some(Heartbeats {
            every_ms: beat,
            jitter_percent: values.get("jitter"),
            phi,
            decides: values.is_on("phi"),
        }),
    });
    setting
}

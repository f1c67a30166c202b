//! Timeouts.

use conclave_core::resilience::{
    playground::{Service, Setting, Weather},
    timeout::Config,
};

use super::{Pattern, Preset, SEED, service, unguarded, world};
use crate::{
    knob::{Knob, Values, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (5, 150, 5), 40),
    range("slow", "Calls take so long for a while", "%", (25, 1_000, 25), 400),
    range("lasts", "For how long", "s", (1, 40, 1), 20),
    range("stragglers", "Calls that take ten times as long", "%", (0, 20, 1), 0),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("adaptive", "Follows what is measured"),
    range("initial", "The timeout to begin with", "ms", (60, 5_000, 10), 120),
    range("quantile", "Of a hundred calls, so many are to be in time", "", (50, 99, 1), 99),
    range("margin", "Times", "%", (100, 400, 25), 150),
    range("floor", "Never below", "ms", (20, 60, 10), 20),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "timeout",
    name: "Timeouts",
    promise: "wait as long as it is worth it",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Step up and down",
            notice: "Every attempt times out at first, and since those count as at least so long, the timeout grows until they don't; then it comes back down.",
            world: &[],
            a: &[],
            b: Some(&[("adaptive", 0)]),
        },
        Preset {
            name: "Stragglers",
            notice: "Of a hundred calls three take ten times as long: which quantile is followed decides whether they are waited for.",
            world: &[("slow", 100), ("stragglers", 3)],
            a: &[("quantile", 99)],
            b: Some(&[("quantile", 90)]),
        },
        Preset {
            name: "Far too patient",
            notice: "A timeout of five seconds for what takes fifty milliseconds: following what is measured finds that out within seconds.",
            world: &[("slow", 100)],
            a: &[("initial", 5_000)],
            b: None,
        },
    ],
    panels: &[Panel::Timeout, Panel::Calls],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let timeout = Config::default()
        .adaptive(values.is_on("adaptive"))
        .initial_ms(values.ms("initial"))
        .quantile_ppm(values.ppm("quantile"))
        .margin_percent(values.get("margin"))
        .floor_ms(values.ms("floor"))
        .half_life_ms(5_000);
    let mut setting = world(values, unguarded().timeout(timeout));
    let slow = service(Weather::Slow { percent: values.get("slow") }, values.get("lasts"));
    let stragglers_ppm = values.ppm("stragglers");
    setting.services = vec![Service { workers: 200, stragglers_ppm, ..slow }];
    setting
}

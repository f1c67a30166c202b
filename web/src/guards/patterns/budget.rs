//! Error budgets.

use conclave_core::resilience::{
    objective::{Config, Pair},
    playground::{Setting, Weather},
};

use super::{Pattern, Preset, SEED, service, unguarded, world};
use crate::{
    knob::{Knob, Values, range},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (5, 150, 5), 80),
    range("failing", "Calls that fail for a while", "%", (0, 100, 1), 40),
    range("lasts", "For how long", "s", (1, 40, 1), 10),
    range("always", "Calls that fail all the time", "%", (0, 20, 1), 0),
    SEED,
];

const GUARD: &[Knob] = &[
    range("promise", "Promised to succeed", "%", (80, 99, 1), 95),
    range("burn", "Alerts when the budget burns so much too fast", "%", (100, 500, 25), 300),
    range("long", "In the long window", "ms", (5_000, 40_000, 1_000), 15_000),
    range("short", "And in the short one", "ms", (1_000, 4_000, 500), 2_000),
    range("minimum", "Of at least so many calls", "", (1, 2_000, 1), 100),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "budget",
    name: "Error budget",
    promise: "what was promised, and how fast it is used up",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Burning budget",
            notice: "The long window tells that it matters, the short one that it still goes on: the alert ends soon after the trouble does.",
            world: &[],
            a: &[],
            b: None,
        },
        Preset {
            name: "A spike",
            notice: "One bad second burns fast in the short window and hardly in the long one: nobody is woken.",
            world: &[("lasts", 1)],
            a: &[],
            b: None,
        },
        Preset {
            name: "A slow leak",
            notice: "A little too much fails all the time: a threshold for fires never sees it, one for leaks does.",
            world: &[("failing", 0), ("always", 10)],
            a: &[("burn", 150), ("long", 30_000)],
            b: Some(&[("burn", 300)]),
        },
    ],
    panels: &[Panel::Alert, Panel::Burn, Panel::Left, Panel::Calls],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let pair = Pair {
        long_ms: values.ms("long"),
        short_ms: values.ms("short"),
        burn_percent: values.get("burn"),
        page: true,
    };
    let objective = Config::default()
        .availability_ppm(values.ppm("promise"))
        .period_ms(60_000)
        .minimum_calls(values.get("minimum"))
        .pairs(vec![pair]);
    let mut setting = world(values, unguarded().objective(Some(objective)));
    let mut service = service(Weather::Failing { ppm: values.ppm("failing") }, values.get("lasts"));
    service.failing_ppm = values.ppm("always");
    setting.services = vec![service];
    setting
}

//! The rate limit.

use conclave_core::resilience::{
    Priority,
    playground::{Burst, Callers, Setting, Surge},
    rate::Config,
};

use super::{Pattern, Preset, SEED, group, patience, unguarded, world};
use crate::{
    knob::{Knob, Values, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Clients' calls a second", "", (5, 150, 5), 40),
    range("important", "An operator's calls a second", "", (1, 30, 1), 5),
    range("surge", "Clients call so much more for a while", "×", (1, 15, 1), 6),
    range("burst", "Calls that come at once", "", (0, 500, 20), 0),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("on", "Rate limit"),
    range("permits", "Calls a second at most", "", (10, 300, 10), 100),
    range("at_once", "So many at once", "", (1, 400, 1), 100),
    range("normal", "Of which clients get", "%", (50, 95, 5), 80),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "rate",
    name: "Rate limit",
    promise: "so much a while, and so much at once",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Client flood",
            notice: "What is above the rate is told at once when to come back; what is kept for the operator gets through all the time.",
            world: &[],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "All at once",
            notice: "A burst passes as far as the bucket is full, and no farther: how much at once is a setting of its own.",
            world: &[("surge", 1), ("burst", 300)],
            a: &[("at_once", 300)],
            b: Some(&[("at_once", 30)]),
        },
        Preset {
            name: "Nothing is kept",
            notice: "Where clients may use all there is, the operator finds nothing left.",
            world: &[],
            a: &[("normal", 95)],
            b: Some(&[("normal", 60)]),
        },
    ],
    panels: &[
        Panel::First("Clients"),
        Panel::Second("The operator"),
        Panel::Permits,
        Panel::Latency,
    ],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let limit = Config::default()
        .permits(values.get("permits"))
        .burst(values.get("at_once"))
        .background_ppm(values.ppm("normal") / 2)
        .normal_ppm(values.ppm("normal"));
    let policy = unguarded().rate(values.is_on("on").then_some(limit)).timeout(patience(1_000));
    let mut setting = world(values, policy);
    let percent = values.get("surge") * 100;
    if let Some(callers) = setting.callers.first_mut() {
        callers.surge = Some(Surge { from_ms: 15_000, to_ms: 40_000, percent });
        callers.burst = Some(Burst { at_ms: 25_000, calls: values.get("burst") });
    }
    let operator = group(&setting, values.get("important"), None);
    let (surge, burst, priority) = (None, None, Priority::Important);
    setting.callers.extend(operator.map(|it| Callers { priority, surge, burst, ..it }));
    setting
}

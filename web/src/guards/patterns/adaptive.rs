//! Adaptive limits.

use conclave_core::resilience::{
    adaptive::{Algorithm, Config},
    playground::{Service, Setting, Surge, Weather},
};

use super::{Pattern, Preset, SEED, patience, service, unguarded, world};
use crate::{
    knob::{Knob, Values, choice, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (5, 150, 5), 120),
    range("surge", "So much more for a while", "%", (100, 400, 25), 200),
    range("slow", "And all takes so long then", "%", (100, 600, 50), 100),
    range("workers", "The service works on so many at a time", "", (2, 32, 1), 8),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("on", "Adaptive limit"),
    choice("algorithm", "Algorithm", &["Gradient2", "Vegas", "AIMD"]),
    range("initial", "The limit to begin with", "", (2, 200, 1), 20),
    range("window", "Moves once in", "ms", (100, 2_000, 100), 100),
    range("timeout", "An attempt may take", "ms", (200, 10_000, 100), 10_000),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "adaptive",
    name: "Adaptive limit",
    promise: "as many at a time as the other side can do",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "More than it can do",
            notice: "The limit finds what the service can do, so that those it lets in are quick; without it all wait in one long queue.",
            world: &[],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "It gets slower",
            notice: "Nobody calls more often, and each call takes three times as long: the limit follows.",
            world: &[("rate", 90), ("surge", 100), ("slow", 300)],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "By drops or by times",
            notice: "AIMD learns only from calls that were dropped, so its queue is long until they are; Vegas learns from the first that has to wait.",
            world: &[],
            a: &[("algorithm", 1), ("timeout", 1_000)],
            b: Some(&[("algorithm", 2), ("timeout", 1_000)]),
        },
    ],
    panels: &[Panel::Limit, Panel::Calls, Panel::Latency, Panel::Queue],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let algorithm = match values.get("algorithm") {
        0 => Algorithm::GRADIENT2,
        1 => Algorithm::VEGAS,
        _ => Algorithm::Aimd,
    };
    let limit = Config::default()
        .algorithm(algorithm)
        .initial(values.get("initial"))
        .window_ms(values.ms("window"))
        .max(400);
    let policy = unguarded()
        .adaptive(values.is_on("on").then_some(limit))
        .timeout(patience(values.ms("timeout")));
    let mut setting = world(values, policy);
    let percent = values.get("surge");
    if let Some(callers) = setting.callers.first_mut() {
        callers.surge = Some(Surge { from_ms: 15_000, to_ms: 40_000, percent });
    }
    let slow = service(Weather::Slow { percent: values.get("slow") }, 25);
    setting.services = vec![Service { workers: values.get("workers"), queue: 2_000, ..slow }];
    setting
}

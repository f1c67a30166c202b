//! The circuit breaker.

use conclave_core::resilience::{
    breaker::{Config, Window},
    playground::{Service, Setting, Weather},
};

use super::{Pattern, Preset, SEED, patience, service, unguarded, world};
use crate::{
    knob::{Knob, Values, choice, range, switch},
    panel::Panel,
};

pub(super) const TROUBLE: &[&str] =
    &["it is down", "it flaps", "calls fail", "it is slow", "it says nothing", "nothing"];

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (5, 150, 5), 60),
    choice("trouble", "What happens to the service", TROUBLE),
    range("lasts", "For how long", "s", (1, 40, 1), 20),
    range("failing", "Calls that fail then", "%", (5, 100, 5), 60),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("on", "Circuit breaker"),
    range("share", "Opens when so many fail", "%", (5, 100, 5), 50),
    range("slow", "Or so many take over half a second", "%", (5, 100, 5), 100),
    range("window", "Of the calls of the last", "ms", (1_000, 20_000, 500), 5_000),
    range("open", "Stays open for", "ms", (500, 20_000, 500), 3_000),
    range("growth", "And longer each time", "%", (100, 400, 50), 150),
    range("probes", "Probes before it closes", "", (1, 16, 1), 3),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "breaker",
    name: "Circuit breaker",
    promise: "stop calling what fails",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Outage",
            notice: "While the breaker is open, callers are told at once and nearly nothing reaches the service; a few probes find out that it is back.",
            world: &[],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "Flapping service",
            notice: "A service that comes and goes fools a quick breaker again and again; one that stays open longer each time lets less of it through.",
            world: &[("trouble", 1), ("lasts", 40)],
            a: &[("window", 2_000), ("open", 1_000), ("growth", 100), ("probes", 1)],
            b: Some(&[("window", 2_000), ("open", 1_000), ("growth", 300), ("probes", 5)]),
        },
        Preset {
            name: "Slow, not failing",
            notice: "Nothing fails, so a breaker that counts only failures sees nothing; one that counts slow calls too opens.",
            world: &[("trouble", 3)],
            a: &[("slow", 50)],
            b: Some(&[]),
        },
        Preset {
            name: "Half of the calls fail",
            notice: "Where the share that fails is about the threshold, the breaker opens or not by chance: turn the seed and see.",
            world: &[("trouble", 2), ("failing", 50)],
            a: &[],
            b: None,
        },
    ],
    panels: &[Panel::Breaker, Panel::Calls, Panel::Attempts, Panel::Latency],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let breaker = Config::default()
        .window(Window::Ms(values.ms("window")))
        .failure_rate_ppm(Some(values.ppm("share")))
        .slow_rate_ppm((values.get("slow") < 100).then(|| values.ppm("slow")))
        .slow_call_ms(500)
        .open_ms(values.ms("open"))
        .open_growth_percent(values.get("growth"))
        .open_max_ms(60_000)
        .probes(values.get("probes") as u8);
    let policy =
        unguarded().timeout(patience(2_000)).breaker(values.is_on("on").then_some(breaker));
    let mut setting = world(values, policy);
    // With so many workers, what is slow is late and nothing else.
    setting.services = vec![Service { workers: 200, ..trouble(values, values.ppm("failing")) }];
    setting
}

/// The service, in the weather that was chosen by `trouble` and `lasts`.
pub(super) fn trouble(values: &Values<'_>, failing_ppm: u32) -> Service {
    let weather = match values.get("trouble") {
        0 => Weather::Down,
        1 => Weather::Flapping { every_ms: 3_000 },
        2 => Weather::Failing { ppm: failing_ppm },
        3 => Weather::Slow { percent: 1_500 },
        4 => Weather::Silent,
        _ => Weather::Slow { percent: 100 },
    };
    service(weather, values.get("lasts"))
}

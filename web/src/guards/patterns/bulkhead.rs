//! The bulkhead.

use conclave_core::resilience::{
    bulkhead::Config,
    playground::{Service, Setting, Weather},
};

use super::{Pattern, Preset, SEED, group, service, unguarded, world};
use crate::{
    knob::{Knob, Values, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second to the one that gets slow", "", (5, 100, 5), 30),
    range("other", "Calls a second to its neighbour", "", (5, 100, 5), 30),
    range("slow", "It gets so much slower", "×", (1, 100, 1), 50),
    range("lasts", "For how long", "s", (1, 40, 1), 20),
    range("threads", "The host's threads", "", (10, 200, 5), 40),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("on", "Bulkhead"),
    range("concurrent", "Calls to each at a time", "", (1, 60, 1), 10),
    range("line", "So many in line", "", (0, 60, 1), 0),
    range("waits", "For at most", "ms", (100, 5_000, 100), 500),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "bulkhead",
    name: "Bulkhead",
    promise: "what is slow drags down nothing else",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Slow dependency",
            notice: "Calls to the slow one take all threads, and its neighbour, which is well, gets none; behind a bulkhead it doesn't notice.",
            world: &[],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "A place in line",
            notice: "A short line smooths what comes in bursts; a long one holds threads for callers that wait in vain.",
            world: &[("slow", 10)],
            a: &[("line", 5)],
            b: Some(&[("line", 60), ("waits", 5_000)]),
        },
        Preset {
            name: "Too wide",
            notice: "A bulkhead for as many as there are threads divides nothing.",
            world: &[],
            a: &[("concurrent", 40)],
            b: Some(&[("concurrent", 20)]),
        },
    ],
    panels: &[
        Panel::Second("The neighbour"),
        Panel::First("The slow one"),
        Panel::Threads,
        Panel::Latency,
    ],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let bulkhead = Config::default()
        .concurrent(values.get("concurrent"))
        .line(values.get("line"))
        .line_ms(values.ms("waits"));
    let policy = unguarded().bulkhead(values.is_on("on").then_some(bulkhead));
    let mut setting = world(values, policy);
    setting.threads = values.get("threads");
    setting.backlog = values.get("threads");
    let slow = group(&setting, values.get("rate"), Some(0));
    let other = group(&setting, values.get("other"), Some(1));
    setting.callers = slow.into_iter().chain(other).collect();
    let percent = values.get("slow") * 100;
    let slow = service(Weather::Slow { percent }, values.get("lasts"));
    setting.services = vec![Service { queue: 500, ..slow }, Service::default()];
    setting
}

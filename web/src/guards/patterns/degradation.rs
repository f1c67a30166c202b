//! Graceful degradation.

use conclave_core::resilience::{
    Priority, bulkhead,
    degradation::Config,
    playground::{Callers, Service, Setting, Surge},
};

use super::{Pattern, Preset, SEED, group, patience, unguarded, world};
use crate::{
    knob::{Knob, Values, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Clients' calls a second", "", (5, 120, 5), 50),
    range("background", "Calls a second that nobody waits for", "", (0, 120, 5), 50),
    range("surge", "Clients call so much more for a while", "%", (100, 500, 25), 250),
    range("lasts", "For how long", "s", (1, 40, 1), 20),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("on", "Degradation"),
    range("enter", "Degraded when so much is used", "%", (20, 79, 1), 70),
    range("leave", "Over when less than that is", "%", (5, 60, 1), 45),
    range("worsen", "It gets worse after", "ms", (500, 10_000, 500), 2_000),
    range("improve", "And better after", "ms", (500, 20_000, 500), 5_000),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "degradation",
    name: "Degradation",
    promise: "when it is too much, leave out what matters less",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Too many clients",
            notice: "What nobody waits for is left out first, so that most clients are still served; step by step all comes back.",
            world: &[],
            a: &[],
            b: Some(&[("on", 0)]),
        },
        Preset {
            name: "Flapping",
            notice: "Where what is left out comes back at once, the load does too: the level swings. Leaving later, and at less, calms it.",
            world: &[("surge", 100), ("background", 100), ("lasts", 40)],
            a: &[],
            b: Some(&[("leave", 60), ("worsen", 500), ("improve", 500)]),
        },
    ],
    panels: &[
        Panel::Level,
        Panel::First("Clients"),
        Panel::Second("What nobody waits for"),
        Panel::Signal,
    ],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let bulkhead = bulkhead::Config::default()
        .concurrent(12)
        .line(24)
        .line_ms(500)
        .order(bulkhead::Order::Fair);
    let policy = unguarded().bulkhead(Some(bulkhead)).timeout(patience(1_000));
    let mut setting = world(values, policy);
    let nobody = group(&setting, values.get("background").max(1), None);
    let priority = Priority::Background;
    let to_ms = 15_000 + values.ms("lasts") * 1_000;
    if let Some(callers) = setting.callers.first_mut() {
        let percent = values.get("surge");
        callers.surge = Some(Surge { from_ms: 15_000, to_ms, percent });
    }
    setting.callers.extend(nobody.map(|it| Callers { priority, ..it }));
    setting.services = vec![Service { queue: 100, ..Service::default() }];
    let (enter, leave) =
        (values.ppm("enter"), values.ppm("leave").min(values.ppm("enter") - 10_000));
    // Worse levels lie between the first one and full, and are left on the way back to its own.
    let between = |from: u32, part: u32| from + (990_000 - from) / 3 * part;
    let config = Config::default()
        .enter_ppm([enter, between(enter, 2), between(enter, 3)])
        .leave_ppm([leave, leave + 1, leave + 2])
        .worsen_ms(values.ms("worsen"))
        .improve_ms(values.ms("improve").max(values.ms("worsen")));
    setting.degradation = values.is_on("on").then_some(config);
    setting
}

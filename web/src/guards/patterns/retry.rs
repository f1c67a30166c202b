//! Retries.

use conclave_core::resilience::{
    playground::{Burst, Service, Setting, Weather},
    retry::{BudgetConfig, Jitter},
};

use super::{Pattern, Preset, SEED, patience, service, unbudgeted, unguarded, world};
use crate::{
    knob::{Knob, Values, choice, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (5, 150, 1), 128),
    range("silent", "The service says nothing for", "s", (0, 10, 1), 3),
    range("failing", "Calls that fail all the time", "%", (0, 50, 1), 0),
    range("burst", "Calls that come at once", "", (0, 600, 20), 0),
    SEED,
];

const GUARD: &[Knob] = &[
    range("attempts", "Attempts at most", "", (1, 10, 1), 5),
    choice("jitter", "Waits are spread", &["fully", "by half", "decorrelated", "not at all"]),
    range("base", "The first wait", "ms", (50, 3_000, 50), 100),
    range("growth", "Each wait grows to", "%", (100, 300, 50), 200),
    switch("budget", "Retry budget"),
    range("share", "Retries are of all calls at most", "%", (1, 100, 1), 10),
    range("timeout", "An attempt may take", "ms", (100, 5_000, 100), 500),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "retry",
    name: "Retry",
    promise: "try again, but not all at once and not for ever",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Retry storm",
            notice: "Three seconds of silence end, and without a budget the service stays down: it works for callers that have long given up and call again.",
            world: &[],
            a: &[],
            b: Some(&[("budget", 0)]),
        },
        Preset {
            name: "All come back together",
            notice: "A crowd that failed together comes back together, wave after wave, unless waits are spread.",
            world: &[("rate", 20), ("silent", 0), ("burst", 300)],
            a: &[("budget", 0), ("base", 2_000), ("growth", 100), ("timeout", 3_000)],
            b: Some(&[
                ("budget", 0),
                ("base", 2_000),
                ("growth", 100),
                ("timeout", 3_000),
                ("jitter", 3),
            ]),
        },
        Preset {
            name: "A few calls fail",
            notice: "This is what retries are for: of calls that fail by chance, three attempts rescue nearly all.",
            world: &[("rate", 60), ("silent", 0), ("failing", 10)],
            a: &[("attempts", 3), ("share", 20)],
            b: Some(&[("attempts", 1)]),
        },
    ],
    panels: &[Panel::Calls, Panel::Attempts, Panel::Queue, Panel::Latency],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let jitter = match values.get("jitter") {
        0 => Jitter::Full,
        1 => Jitter::Equal,
        2 => Jitter::Decorrelated,
        _ => Jitter::None,
    };
    let mut retry = unbudgeted(values.get("attempts"))
        .jitter(jitter)
        .base_ms(values.ms("base"))
        .growth_percent(values.get("growth"));
    if values.is_on("budget") {
        let budget = BudgetConfig::default().window_ms(30_000).share_ppm(values.ppm("share"));
        retry = retry.budget(budget);
    }
    let policy =
        unguarded().total_ms(10_000).retry(Some(retry)).timeout(patience(values.ms("timeout")));
    let mut setting = world(values, policy);
    setting.threads = 10_000;
    let service = service(Weather::Silent, values.get("silent"));
    let queue = if values.get("burst") > 0 { 64 } else { 400 };
    setting.services = vec![Service { queue, failing_ppm: values.ppm("failing"), ..service }];
    if let Some(callers) = setting.callers.first_mut() {
        callers.burst = Some(Burst { at_ms: 10_000, calls: values.get("burst") });
    }
    setting
}

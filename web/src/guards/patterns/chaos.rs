//! Chaos experiments.

use conclave_core::resilience::{
    chaos::{Config, Fault},
    playground::Setting,
};

use super::{Pattern, Preset, SEED, patience, unbudgeted, unguarded, world};
use crate::{
    knob::{Knob, Values, choice, range},
    panel::Panel,
};

const FAULTS: &[&str] =
    &["fail at once", "take longer", "lose their answer", "are made twice", "reach nobody"];

const WORLD: &[Knob] = &[
    range("rate", "Calls a second", "", (10, 120, 5), 60),
    choice("fault", "Calls that are touched", FAULTS),
    range("share", "Share of calls that is touched", "%", (1, 100, 1), 20),
    range("most", "No more than", "calls", (10, 2_000, 10), 1_000),
    SEED,
];

const GUARD: &[Knob] = &[
    range("attempts", "Attempts at a call", "", (1, 8, 1), 3),
    range("timeout", "An attempt may take", "ms", (100, 2_000, 50), 300),
    range("failed", "Aborted when so many calls fail", "%", (1, 50, 1), 5),
    range("slow", "Or so many take over half a second", "%", (1, 100, 1), 20),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "chaos",
    name: "Chaos",
    promise: "faults on purpose, over as soon as it hurts",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Is it borne?",
            notice: "The hypothesis is that callers don't notice: with three attempts it holds, with one the experiment ends itself within seconds.",
            world: &[],
            a: &[],
            b: Some(&[("attempts", 1)]),
        },
        Preset {
            name: "Answers get lost",
            notice: "Nobody says that a lost answer is lost: only a timeout that is short enough lets another attempt be made in time.",
            world: &[("fault", 2)],
            a: &[],
            b: Some(&[("timeout", 2_000)]),
        },
        Preset {
            name: "A bound on the damage",
            notice: "No more calls are touched than was stated, whatever their share is.",
            world: &[("share", 50), ("most", 200)],
            a: &[("failed", 50), ("attempts", 2)],
            b: None,
        },
    ],
    panels: &[Panel::Experiment, Panel::Injected, Panel::Calls, Panel::Latency],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let fault = match values.get("fault") {
        0 => Fault::Error,
        1 => Fault::Latency { ms: 200, jitter_ms: 200 },
        2 => Fault::Drop,
        3 => Fault::Duplicate,
        _ => Fault::Partition,
    };
    let policy = unguarded()
        .retry(Some(unbudgeted(values.get("attempts")).base_ms(50)))
        .timeout(patience(values.ms("timeout")));
    let mut setting = world(values, policy);
    setting.chaos = Some(
        Config::default()
            .name("playground".into())
            .hypothesis("callers don't notice".into())
            .fault(fault)
            .share_ppm(values.ppm("share"))
            .max_calls(values.ms("most"))
            .baseline_ms(10_000)
            .inject_ms(25_000)
            .recover_ms(15_000)
            .window_ms(5_000)
            .failed_ppm(values.ppm("failed"))
            .slow_ppm(values.ppm("slow"))
            .slow_ms(500)
            .seed(values.ms("seed")),
    );
    setting
}

//! All guards together, in the order in which a call meets them.

use conclave_core::resilience::{
    Priority, adaptive, breaker, bulkhead, degradation,
    objective::{self, Pair},
    playground::{Callers, Service, Setting, Surge},
    rate, retry, timeout,
};

use super::{
    Pattern, Preset, SEED,
    breaker::{TROUBLE, trouble},
    group, patience, unbudgeted, unguarded, world,
};
use crate::{
    knob::{Knob, Values, choice, range, switch},
    panel::Panel,
};

const WORLD: &[Knob] = &[
    range("rate", "Clients' calls a second", "", (5, 120, 5), 80),
    range("background", "Calls a second that nobody waits for", "", (0, 60, 5), 20),
    range("surge", "Clients call so much more for a while", "%", (100, 500, 25), 100),
    choice("trouble", "What happens to the service", TROUBLE),
    range("lasts", "For how long", "s", (1, 40, 1), 15),
    SEED,
];

const GUARD: &[Knob] = &[
    switch("degradation", "Degradation"),
    switch("limit", "Rate limit: 150 a second"),
    switch("bulkhead", "Bulkhead: 40 at a time, 20 in line"),
    switch("adaptive", "Adaptive limit"),
    range("attempts", "Attempts at a call", "", (1, 6, 1), 3),
    switch("budget", "Retry budget: a fifth of calls"),
    switch("breaker", "Circuit breaker"),
    switch("timeout", "Timeouts follow what is measured"),
];

/// Whoever calls by hand: tries five times, waits for two seconds, and knows no other guard.
const BY_HAND: &[(&str, u32)] = &[
    ("degradation", 0),
    ("limit", 0),
    ("bulkhead", 0),
    ("adaptive", 0),
    ("attempts", 5),
    ("budget", 0),
    ("breaker", 0),
    ("timeout", 0),
];

pub(super) const PATTERN: Pattern = Pattern {
    key: "manager",
    name: "All together",
    promise: "every guard, in one order, from one configuration",
    world: WORLD,
    guard: GUARD,
    presets: &[
        Preset {
            name: "Outage",
            notice: "The service says nothing for fifteen seconds: with guards, callers know at once, and all is well soon after it is back; by hand, it never is.",
            world: &[("trouble", 4)],
            a: &[],
            b: Some(BY_HAND),
        },
        Preset {
            name: "Slow dependency",
            notice: "The service doesn't fail, it only gets slow: by hand, everybody waits and tries again; with guards, few wait and the rest know.",
            world: &[("trouble", 3)],
            a: &[],
            b: Some(BY_HAND),
        },
        Preset {
            name: "Client flood",
            notice: "Four times as many clients: each guard takes its part, and what is let in is answered quickly.",
            world: &[("trouble", 5), ("surge", 400)],
            a: &[],
            b: Some(BY_HAND),
        },
        Preset {
            name: "Flapping service",
            notice: "Not every trouble wants every guard: by hand more calls get through, for four times as many attempts. Turn degradation off, and see.",
            world: &[("trouble", 1), ("lasts", 35)],
            a: &[],
            b: Some(BY_HAND),
        },
    ],
    panels: &[
        Panel::Level,
        Panel::Breaker,
        Panel::Calls,
        Panel::Refused,
        Panel::Attempts,
        Panel::Latency,
    ],
    setting,
};

fn setting(values: &Values<'_>) -> Setting {
    let on = |key| values.is_on(key);
    let pair = Pair { long_ms: 15_000, short_ms: 2_000, burn_percent: 500, page: true };
    let objective = objective::Config::default()
        .availability_ppm(950_000)
        .period_ms(60_000)
        .minimum_calls(50)
        .pairs(vec![pair]);
    let breaker = breaker::Config::default()
        .window(breaker::Window::Calls(50))
        .slow_rate_ppm(Some(500_000))
        .slow_call_ms(500)
        .open_ms(2_000)
        .open_growth_percent(150);
    let retry = unbudgeted(values.get("attempts"));
    let budget = retry::BudgetConfig::default().window_ms(30_000);
    let adaptive = timeout::Config::default().initial_ms(1_000).half_life_ms(5_000);
    let policy = unguarded()
        .total_ms(10_000)
        .rate(on("limit").then(|| rate::Config::default().permits(150).burst(150)))
        .bulkhead(on("bulkhead").then(|| bulkhead::Config::default().concurrent(40).line(20)))
        .adaptive(on("adaptive").then(|| adaptive::Config::default().initial(40)))
        .retry(Some(if on("budget") { retry.budget(budget) } else { retry }))
        .breaker(on("breaker").then_some(breaker))
        .timeout(if on("timeout") { adaptive } else { patience(2_000) })
        .objective(Some(objective));
    let mut setting = world(values, policy);
    let nobody = group(&setting, values.get("background").max(1), None);
    let percent = values.get("surge");
    if let Some(callers) = setting.callers.first_mut() {
        callers.surge = Some(Surge { from_ms: 15_000, to_ms: 35_000, percent });
    }
    let priority = Priority::Background;
    setting.callers.extend(nobody.map(|it| Callers { priority, ..it }));
    setting.services = vec![Service { queue: 400, ..trouble(values, 500_000) }];
    setting.degradation = on("degradation")
        .then(|| degradation::Config::default().worsen_ms(1_000).improve_ms(2_000));
    setting
}

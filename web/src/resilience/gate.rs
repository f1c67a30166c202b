//! A replica's gate: how bad it is, why, whom it lets in, and when it turned somebody away.

use conclave_core::{
    ids::{ClientId, NodeId},
    node::{Gate, Why},
    resilience::{
        degradation::Level,
        objective::{Kind, PairState, Standing},
    },
    sim::Host,
    time::Time,
};
use yew::prelude::*;

use super::{
    entrance,
    gauge::{Gauge, Tone, in_ms, ladder, ppm, section},
    strip::Strip,
    ties,
    words::promise,
};
use crate::{
    app::App,
    lab::Lab,
    model::{decimals::decimals, lanes::time_words},
};

/// Clients whose rates are shown one by one.
const CLIENTS: usize = 16;
/// Messages in line that are drawn one by one.
const IN_LINE: u64 = 60;

/// What a replica does for its clients; nothing where there are no guards.
pub(crate) fn view(app: &App, node: NodeId) -> Html {
    let lab = &app.lab;
    let Some(host) = lab.cluster().node(node) else { return Html::default() };
    let now = lab.cluster().now();
    let parts: Html = [
        in_line(lab, host, now),
        entrance::view(lab, host),
        host.node().gate().map(|it| gate(lab, host, it, now)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let ties = ties::view(lab, host, now);
    if parts == Html::default() {
        return ties;
    }
    let title = "In front of the replica: what it takes on of what clients ask. What replicas say to each other never meets it.";
    let gate = section("gate", "What it does for clients", title, parts);
    html! { <>{ gate }{ ties }</> }
}

fn gate(lab: &Lab, host: &Host, gate: &Gate, now: Time) -> Html {
    let strip = strip_of(lab);
    let node = host.replica().id();
    let history = &lab.branch().history;
    html! {
        <>
            { level(gate, now) }
            { budget(gate) }
            { waiting(host, gate) }
            { rates(lab, host, gate, now) }
            if gate.config().degradation.is_some() { { levels(lab, strip, node, gate.level()) } }
            if gate.config().objective.is_some() { { alerts(lab, strip, node) } }
            { strip.bars("too much to do", &history.turned_away(node, Why::Degraded)) }
            { strip.bars("over its rate", &history.turned_away(node, Why::Rate)) }
            { strip.bars("too many wait", &history.turned_away(node, Why::Full)) }
            <p class="hint" data-test="gate-counts">{ counts(gate) }</p>
        </>
    }
}

pub(super) fn strip_of(lab: &Lab) -> Strip {
    Strip { now_us: lab.clock.us as u64, end_us: lab.branch().end_us() as u64 }
}

/// What it let in and turned away, as it counts it itself.
fn counts(gate: &Gate) -> String {
    let counters = gate.snapshot().counters;
    let refused: u64 = counters.refused.iter().sum();
    format!("{} let in, {refused} turned away, {} overdue.", counters.admitted, counters.overdue)
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Normal => Tone::Calm,
        Level::Degraded => Tone::Near,
        Level::Severe | Level::Emergency => Tone::Over,
    }
}

/// How bad it is, the signal that says so, and where it goes.
fn level(gate: &Gate, now: Time) -> Html {
    let Some((snapshot, config)) =
        gate.snapshot().degradation.zip(gate.config().degradation.as_ref())
    else {
        return Html::default();
    };
    let goes = match (snapshot.worsens_at, snapshot.improves_at) {
        (Some(at), _) => format!("worse in {}, if it stays so", in_ms(now.0, at.0)),
        (_, Some(at)) => format!("better in {}, if it stays so", in_ms(now.0, at.0)),
        _ => String::new(),
    };
    let signal = Gauge {
        name: "load".into(),
        title: "The highest of its signals. At each line a worse level is entered, if it stays so.",
        test: "gate-load".into(),
        ppm: u64::from(snapshot.highest_ppm),
        ticks: config.enter_ppm.iter().map(|it| u64::from(*it)).collect(),
        tone: tone(snapshot.level),
        words: format!("{} %", snapshot.highest_ppm / 10_000),
    };
    html! {
        <>
            <p class="level">
                { ladder(Level::ALL.len(), snapshot.level as usize) }
                <b data-test="gate-level">{ snapshot.level.name() }</b>
                <span>{ goes }</span>
            </p>
            { signal.view() }
        </>
    }
}

/// What is left of each error budget, and how quickly it burns.
fn budget(gate: &Gate) -> Html {
    let Some(snapshot) = gate.snapshot().objective else { return Html::default() };
    let all =
        [(Kind::Availability, Some(snapshot.availability)), (Kind::Latency, snapshot.latency)];
    let of = |(kind, standing): (Kind, Option<Standing>)| Some(one_budget(gate, kind, standing?));
    all.into_iter().filter_map(of).collect()
}

fn one_budget(gate: &Gate, kind: Kind, standing: Standing) -> Html {
    let name = match kind {
        Kind::Availability => "availability",
        Kind::Latency => "latency",
    };
    let left = Gauge {
        name: promise(kind).into(),
        title: "What is left of the error budget: of what may go wrong within its period.",
        test: format!("budget-{name}"),
        ppm: standing.left_ppm.unwrap_or(1_000_000),
        ticks: Vec::new(),
        tone: if standing.left_ppm == Some(0) { Tone::Over } else { Tone::Calm },
        words: standing
            .left_ppm
            .map_or_else(|| "too few to tell".into(), |it| format!("{} % left", it / 10_000)),
    };
    let pairs = gate.config().objective.iter().flat_map(|it| &it.pairs).zip(standing.pairs);
    let burns = pairs.filter_map(|(pair, state)| Some((pair, state?))).flat_map(|(pair, state)| {
        let PairState { long_burn_percent, short_burn_percent, firing } = state;
        let windows = [(pair.long_ms, long_burn_percent), (pair.short_ms, short_burn_percent)];
        windows.map(|(ms, burn)| burn_of(ms, burn, u64::from(pair.burn_percent), firing, name))
    });
    html! { <>{ left.view() }{ for burns }</> }
}

/// How quickly a window burns: the line in the middle is where an alert fires, if both windows are
/// beyond it.
fn burn_of(window_ms: u64, burn: u64, fires_at: u64, firing: bool, name: &str) -> Html {
    let times = |percent: u64| decimals(percent as f64 / 100.0, 1);
    let tone = match (firing, burn >= fires_at) {
        (true, _) => Tone::Over,
        (false, true) => Tone::Near,
        (false, false) => Tone::Calm,
    };
    Gauge {
        name: format!("burn, {}", time_words(window_ms as f64 * 1e3, 1e5)),
        title: "How quickly the budget burns in this window: 1 would use it up in just its period. An alert fires while both windows are beyond the line.",
        test: format!("burn-{name}-{window_ms}"),
        ppm: ppm(burn, 2 * fires_at),
        ticks: vec![500_000],
        tone,
        words: format!("{}× of {}×", times(burn), times(fires_at)),
    }
    .view()
}

/// How many wait, of as many as may.
fn waiting(host: &Host, gate: &Gate) -> Html {
    let Some(waiting) = gate.config().waiting.as_ref() else { return Html::default() };
    let (pending, most) = (host.replica().pending() as u64, u64::from(waiting.most));
    Gauge {
        name: "waiting".into(),
        title: "Clients that wait here, of as many as may. Beyond the line only the administrator gets in.",
        test: "gate-waiting".into(),
        ppm: ppm(pending, most),
        ticks: vec![u64::from(waiting.normal_ppm)],
        tone: if ppm(pending, most) >= u64::from(waiting.normal_ppm) { Tone::Over } else { Tone::Calm },
        words: format!("{pending} of {most}"),
    }
    .view()
}

/// What is left of each client's rate.
fn rates(lab: &Lab, host: &Host, gate: &Gate, now: Time) -> Html {
    let clients = lab.clients().iter().take(CLIENTS).copied();
    let rate = |client: ClientId| {
        let (free, most) = gate.permits(now, client)?;
        let held = host.held_back_until(client).filter(|until| *until > now);
        let (words, tone) = match held {
            Some(until) => (format!("not read for {}", in_ms(now.0, until.0)), Tone::Over),
            None if free == 0 => ("none left".to_owned(), Tone::Near),
            None => (format!("{free} of {most}"), Tone::Calm),
        };
        let gauge = Gauge {
            name: format!("client {client}"),
            title: "How often it could ask at once now, of how often it could if it had rested.",
            test: format!("rate-{client}"),
            ppm: ppm(u64::from(free), u64::from(most)),
            ticks: Vec::new(),
            tone,
            words,
        };
        Some(gauge.view())
    };
    clients.filter_map(rate).collect()
}

/// Messages that have arrived and wait until what came before is handled.
fn in_line(lab: &Lab, host: &Host, now: Time) -> Option<Html> {
    let handling_us = u64::from(lab.scenario().network.handling_us);
    let line = host.busy_until().0.saturating_sub(now.0).checked_div(handling_us)?;
    let drawn = line.min(IN_LINE);
    let tone = if line >= IN_LINE { Tone::Over } else { Tone::Calm };
    let gauge = Gauge {
        name: "in line".into(),
        title: "Messages that have arrived and wait until those before them are handled, one after the other.",
        test: "gate-line".into(),
        ppm: ppm(drawn, IN_LINE),
        ticks: Vec::new(),
        tone,
        words: format!("{line} messages"),
    };
    Some(gauge.view())
}

fn levels(lab: &Lab, strip: Strip, node: NodeId, now: Level) -> Html {
    let mut stretches = Vec::new();
    for (us, level) in lab.branch().history.levels(node) {
        stretches.push((us, level as u64, level.name().to_owned()));
    }
    strip.stretches("level", now.name(), &stretches)
}

fn alerts(lab: &Lab, strip: Strip, node: NodeId) -> Html {
    let (mut stretches, mut is_on) = (vec![(0, 0, "none".to_owned())], false);
    for (us, fires) in lab.branch().history.alerts(node) {
        stretches.push((
            us,
            if fires { 3 } else { 0 },
            if fires { "fires" } else { "none" }.to_owned(),
        ));
        is_on = if us <= strip.now_us { fires } else { is_on };
    }
    strip.stretches("alert", if is_on { "fires" } else { "none" }, &stretches)
}

//! A replica's workers, where it depends on a service: what they do, who waits for one, and who was turned
//! away at the compartment of what needs the service.

use conclave_core::{
    node::Why,
    resilience::bulkhead,
    sim::{EntranceSnapshot, Host},
};
use yew::prelude::*;

use super::{
    gate::strip_of,
    gauge::{Gauge, Tone, ppm},
};
use crate::lab::Lab;

/// What a replica's workers do; `None`: it depends on no service.
pub(super) fn view(lab: &Lab, host: &Host) -> Option<Html> {
    let snapshot = host.entrance()?.snapshot();
    let EntranceSnapshot { workers, calling, compartment, turned_away: [need, others] } = snapshot;
    let waits = Gauge {
        name: "workers".into(),
        title: "How many requests it works on, of as many as it has workers; a worker that waits for the service does nothing else.",
        test: "workers".into(),
        ppm: ppm(u64::from(workers.running), u64::from(workers.limit)),
        ticks: Vec::new(),
        tone: tone(&workers),
        words: format!("{} of {}, {calling} wait for the service", workers.running, workers.limit),
    };
    let line = |name: &str, test: &str, it: &bulkhead::Snapshot, room: u32| Gauge {
        name: name.into(),
        title: "Who is in line, of as many as may be.",
        test: test.into(),
        ppm: ppm(u64::from(it.waiting), u64::from(room)),
        ticks: Vec::new(),
        tone: if it.waiting > 0 { Tone::Near } else { Tone::Calm },
        words: format!("{} of {room}", it.waiting),
    };
    let config = lab.scenario().dependency.as_ref()?;
    let apart = compartment.zip(config.compartment.as_ref()).map(|(it, bulkhead)| {
        let holds = Gauge {
            name: format!("{}s apart", config.kind.name()),
            title: "Only so many requests that need the service may be with the workers: the bulkhead.",
            test: "compartment".into(),
            ppm: ppm(u64::from(it.running), u64::from(it.limit)),
            ticks: Vec::new(),
            tone: tone(&it),
            words: format!("{} of {}", it.running, it.limit),
        };
        html! { <>{ holds.view() }{ line("in line for it", "compartment-line", &it, bulkhead.line).view() }</> }
    });
    let times = lab.branch().history.turned_away(host.replica().id(), Why::Full);
    Some(html! {
        <>
            { waits.view() }
            { line("in line", "workers-line", &workers, config.workers.line).view() }
            { apart.unwrap_or_default() }
            { strip_of(lab).bars("turned away", &times) }
            <p class="hint" data-test="entrance-counts">
                { format!("{need} turned away that need the service, {others} that don’t.") }</p>
        </>
    })
}

fn tone(it: &bulkhead::Snapshot) -> Tone {
    match (it.running >= it.limit, it.waiting > 0) {
        (true, true) => Tone::Over,
        (true, false) => Tone::Near,
        _ => Tone::Calm,
    }
}

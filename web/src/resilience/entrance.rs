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
    let gauge = |name: &str, test: &str, title, (is, most): (u32, u32), tone| Gauge {
        name: name.into(),
        title,
        test: test.into(),
        ppm: ppm(u64::from(is), u64::from(most)),
        ticks: Vec::new(),
        tone,
        words: format!("{is} of {most}"),
    };
    let at_work = |it: &bulkhead::Snapshot| (it.running, it.limit);
    let mut works = gauge(
        "workers",
        "workers",
        "How many requests it works on, of as many as it has workers; a worker that waits for the service does nothing else.",
        at_work(&workers),
        tone(&workers),
    );
    works.words = format!("{}, {calling} wait for the service", works.words);
    let line = |name, test, it: &bulkhead::Snapshot, room| {
        let tone = if it.waiting > 0 { Tone::Near } else { Tone::Calm };
        gauge(name, test, "Who is in line, of as many as may be.", (it.waiting, room), tone)
    };
    let config = lab.scenario().dependency.as_ref()?;
    let apart = compartment.zip(config.compartment.as_ref()).map(|(it, bulkhead)| {
        let holds = gauge(
            &format!("{}s apart", config.kind.name()),
            "compartment",
            "Only so many requests that need the service may be with the workers: the bulkhead.",
            at_work(&it),
            tone(&it),
        );
        html! { <>{ holds.view() }{ line("in line for it", "compartment-line", &it, bulkhead.line).view() }</> }
    });
    let times = lab.branch().history.turned_away(host.replica().id(), Why::Full);
    Some(html! {
        <>
            { works.view() }
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

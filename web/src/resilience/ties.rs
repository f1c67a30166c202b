//! A replica's connections to the others, where it has to make them: whether each stands, what its breaker
//! does, and when it is dialed again.

use conclave_core::{
    ids::NodeId,
    resilience::breaker::State,
    sim::{Host, Tie, TieStage},
    time::Time,
};
use yew::prelude::*;

use super::gauge::{Gauge, Tone, in_ms, ppm};
use crate::lab::Lab;

/// How a replica keeps to the others; `None`: connections are always there.
pub(super) fn view(lab: &Lab, host: &Host, now: Time) -> Option<Html> {
    let most = u64::from(lab.scenario().dialing.as_ref()?.failures);
    let one = |(to, tie): (NodeId, &Tie)| gauge(to, tie, most, now).view();
    Some(html! {
        <section class="guard" data-test="ties">
            <h3 title="What it says goes over connections that it made itself. A circuit breaker keeps it from dialing who is away.">
                { "How it keeps to the others" }</h3>
            { for host.ties().map(one) }
        </section>
    })
}

fn gauge(to: NodeId, tie: &Tie, most: u64, now: Time) -> Gauge {
    let breaker = tie.breaker();
    let failed = u64::from(tie.attempts());
    let (words, tone) = match (tie.stage(), breaker.state) {
        (TieStage::Connected, _) => ("connected".into(), Tone::Calm),
        (TieStage::Dials { .. }, State::HalfOpen) => ("half-open, one probe".into(), Tone::Near),
        (TieStage::Dials { .. }, _) => ("dials".into(), Tone::Near),
        (TieStage::Waits { at }, State::Closed) => (in_ms(now.0, at.0), Tone::Near),
        (TieStage::Waits { at }, _) => (format!("open for {}", in_ms(now.0, at.0)), Tone::Over),
    };
    Gauge {
        name: format!("to {to}"),
        title: "Attempts that failed since it was connected. At the line the breaker opens, and nobody is dialed for a while.",
        test: format!("tie-{to}"),
        ppm: ppm(failed, 2 * most),
        ticks: vec![500_000],
        tone,
        words: format!("{words}, {} lost", tie.lost()),
    }
}

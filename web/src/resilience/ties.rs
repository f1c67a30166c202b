//! A replica's connections to the others, where it has to make them: whether each stands, what its breaker
//! does, and when it is dialed again.

use conclave_core::{
    ids::NodeId,
    resilience::breaker::State,
    sim::{Host, Tie, TieStage},
    time::Time,
};
use yew::prelude::*;

use super::gauge::{Gauge, Tone, in_ms, ppm, section};
use crate::lab::Lab;

/// How a replica keeps to the others; nothing where connections are always there.
pub(super) fn view(lab: &Lab, host: &Host, now: Time) -> Html {
    let Some(dialing) = &lab.scenario().dialing else { return Html::default() };
    let most = u64::from(dialing.failures_in_a_row);
    let ways = host.ties().map(|(to, tie)| gauge(to, tie, most, now).view()).collect();
    let title = "A breaker keeps it from dialing who is away.";
    section("ties", "How it keeps to the others", title, ways)
}

fn gauge(to: NodeId, tie: &Tie, most: u64, now: Time) -> Gauge {
    let failed = u64::from(tie.attempts());
    let (words, tone) = match (tie.stage(), tie.breaker().state) {
        (TieStage::Connected, _) => ("connected".into(), Tone::Calm),
        // A way dials once at a time: as long as the breaker is half-open, that is its only probe.
        (TieStage::Dials, State::HalfOpen) => ("half-open: one probe".into(), Tone::Over),
        (TieStage::Dials, _) => ("dials".into(), Tone::Near),
        (TieStage::Waits { at }, State::Closed) => (in_ms(now.0, at.0), Tone::Near),
        (TieStage::Waits { at }, _) => (format!("open for {}", in_ms(now.0, at.0)), Tone::Over),
    };
    Gauge {
        name: format!("to {to}"),
        title: "Failed attempts. At the line the breaker opens.",
        test: format!("tie-{to}"),
        ppm: ppm(failed, 2 * most),
        ticks: vec![500_000],
        tone,
        words,
    }
}

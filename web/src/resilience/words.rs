//! What guards did, in words.

use conclave_core::{
    event::EventKind,
    resilience::{chaos::Phase, objective::Kind},
};

use crate::model::words::number;

/// A sentence, and whether it matters to the story; `None`: this isn't of guards.
pub(crate) fn event(kind: &EventKind) -> Option<(String, bool)> {
    Some(match kind {
        EventKind::RequestPutOff { request, for_us } => {
            let (number, ms) = (number(request.timestamp), for_us / 1_000);
            (format!("asks for #{number} again in {ms} ms, as enough replicas say"), true)
        }
        EventKind::RequestGivenUp { request, why } => {
            (format!("gives up #{}: {why}", number(request.timestamp)), true)
        }
        EventKind::BudgetBurns { objective, pair, over } => {
            let promise = promise(*objective);
            let what = match (pair, over) {
                (Some(_), false) => "burns too quickly: alert",
                (Some(_), true) => "burns slowly again: the alert is over",
                (None, false) => "is used up",
                (None, true) => "isn't used up any more",
            };
            (format!("its error budget ({promise}) {what}"), true)
        }
        EventKind::Experiment { phase } => (format!("the experiment {}", came_to(*phase)), true),
        _ => return None,
    })
}

/// What is promised.
pub(super) const fn promise(objective: Kind) -> &'static str {
    match objective {
        Kind::Availability => "answers at all",
        Kind::Latency => "answers in time",
    }
}

/// What an experiment does from now on.
pub(super) fn came_to(phase: Phase) -> String {
    match phase {
        Phase::Idle => "waits for a permission".into(),
        Phase::Baseline => "looks whether all is steady".into(),
        Phase::Injecting => "injects its fault".into(),
        Phase::Recovering => "has stopped, and looks whether all is steady again".into(),
        Phase::Held => "is over: the hypothesis held".into(),
        Phase::Aborted(why) => format!("is aborted: {why}"),
    }
}

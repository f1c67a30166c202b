//! The chaos experiment: what is expected, what is done, how steady it is, and how it ended.

use conclave_core::{
    resilience::chaos::{Config, Experiment, Phase},
    time::Time,
};
use yew::prelude::*;

use super::{
    gate::strip_of,
    gauge::{Gauge, Tone, in_ms, ppm},
    words::came_to,
};
use crate::{app::App, lab::Lab};

/// The phases, in their order, in words that fit.
const PHASES: [&str; 4] = ["look", "inject", "recover", "held"];

/// The experiment of the run, if there is one.
pub(super) fn view(app: &App) -> Html {
    let cluster = app.lab.cluster();
    let Some(experiment) = cluster.experiment() else { return Html::default() };
    let (config, snapshot) = (experiment.config(), experiment.snapshot());
    let touched = format!(
        "{} calls of {} touched, at {} of {} replicas.",
        snapshot.counters.injected, config.max_calls, snapshot.peers, config.max_peers
    );
    html! {
        <section class="guard" data-test="experiment">
            <h3>{ format!("Experiment: {}", config.name) }</h3>
            <blockquote>{ config.hypothesis.clone() }</blockquote>
            { phases(experiment.phase()) }
            <p data-test="experiment-phase">{ now(experiment, cluster.now()) }</p>
            if matches!(experiment.phase(), Phase::Baseline | Phase::Injecting | Phase::Recovering) {
                { steady(config, experiment) }
            }
            { over_time(&app.lab) }
            <p class="hint" data-test="experiment-touched">{ touched }</p>
        </section>
    }
}

fn now(experiment: &Experiment, now: Time) -> String {
    let phase = experiment.phase();
    let ends = experiment.snapshot().phase_ends.filter(|at| *at > now);
    match ends {
        Some(at) => format!("It {}, for {}.", came_to(phase), in_ms(now.0, at.0)),
        None => format!("It {}.", came_to(phase)),
    }
}

/// Where it stands, as a way with stations; one that is aborted ends in a cross.
fn phases(phase: Phase) -> Html {
    let at = match phase {
        Phase::Idle => 0,
        Phase::Baseline => 1,
        Phase::Injecting => 2,
        Phase::Recovering => 3,
        Phase::Held => 4,
        Phase::Aborted(_) => 5,
    };
    html! {
        <ol class="stations" aria-hidden="true">
            { for PHASES.iter().enumerate().map(|(index, name)| {
                let class = match index + 1 {
                    _ if at == 5 => "left",
                    station if station < at => "done",
                    station if station == at => "now",
                    _ => "left",
                };
                html! { <li {class}>{ *name }</li> }
            }) }
            if at == 5 { <li class="aborted">{ "✗ aborted" }</li> }
        </ol>
    }
}

/// What the steady state is judged by: shares of the calls of a while, and the most they may be.
fn steady(config: &Config, experiment: &Experiment) -> Html {
    let rates = experiment.snapshot().rates;
    let calls = u64::from(rates.calls);
    let share = |name: &str, part: u32, most: u32, title: &'static str| {
        let share = ppm(u64::from(part), calls);
        Gauge {
            name: name.into(),
            title,
            test: format!("steady-{name}"),
            ppm: share,
            ticks: vec![u64::from(most)],
            tone: if share >= u64::from(most) && calls > 0 { Tone::Over } else { Tone::Calm },
            words: format!("{part} of {calls}"),
        }
        .view()
    };
    html! {
        <>
            { share("slow", rates.slow, config.slow_ppm, "Calls of a while that took too long. Beyond the line it isn't steady.") }
            { share("failed", rates.failed, config.failed_ppm, "Calls of a while that failed. Beyond the line it isn't steady.") }
        </>
    }
}

fn over_time(lab: &Lab) -> Html {
    let mut stretches = Vec::new();
    for (us, phase) in lab.branch().history.phases() {
        let height = match phase {
            Phase::Baseline | Phase::Recovering => 1,
            Phase::Injecting => 3,
            Phase::Idle | Phase::Held | Phase::Aborted(_) => 0,
        };
        stretches.push((*us, height, format!("it {}", came_to(*phase))));
    }
    strip_of(lab).stretches("injects", "", &stretches)
}

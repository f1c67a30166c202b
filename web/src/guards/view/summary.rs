//! The few numbers that sum it up, what happened when, and everything as a table.

use conclave_core::resilience::playground::{Played, What};
use yew::prelude::*;

use crate::{
    knob::amount,
    page::Page,
    panel::{Panel, Shown},
};

/// So many rows a table has: each stands for several buckets.
const ROWS: usize = 30;

/// A number for each side.
pub(super) fn view(page: &Page) -> Html {
    let sides: Vec<&Played> = page.sides().collect();
    let tile = |test: &'static str, name: &'static str, of: &dyn Fn(&Played) -> String| {
        html! {
            <div class="tile" data-test={test}><dt>{ name }</dt>
                { for sides.iter().enumerate().map(|(at, it)| html! {
                    <dd>if sides.len() > 1 { <i>{ if at == 0 { "A" } else { "B" } }</i> }{ of(it) }</dd>
                }) }
            </div>
        }
    };
    html! {
        <dl class="tiles">
            { tile("succeeded", "calls succeed", &|it| share(it.totals.all.succeeded, it.totals.all.offered)) }
            { tile("failed", "fail", &|it| share(it.totals.all.failed, it.totals.all.offered)) }
            { tile("refused", "are refused at once", &|it| share(it.totals.all.refused, it.totals.all.offered)) }
            { tile("attempts", "attempts a call", &|it| {
                let called = it.totals.all.offered.saturating_sub(it.totals.all.refused).max(1);
                let tenths = u64::from(it.totals.attempts) * 10 / u64::from(called);
                format!("{}.{}", tenths / 10, tenths % 10)
            }) }
            { tile("p99", "99 of a hundred take at most", &|it| {
                it.totals.p99_us.map_or_else(|| "–".into(), |it| amount(it.div_ceil(1_000), "ms"))
            }) }
        </dl>
    }
}

/// In percent, with a tenth.
fn share(part: u32, of: u32) -> String {
    let tenths = u64::from(part) * 1_000 / u64::from(of.max(1));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

/// What happened, and everything as a table.
pub(super) fn details(page: &Page) -> Html {
    let both = page.played.len() > 1;
    html! {
        <div class="details">
            { for page.sides().enumerate().map(|(at, played)| {
                let side = match (both, at) { (false, _) => "", (true, 0) => "A: ", (true, _) => "B: " };
                html! {
                    <>
                        <details key={format!("e{at}")}><summary>
                            { format!("{side}what happened ({})", played.happened.len()) }</summary>
                            <ol class="story-list">{ for played.happened.iter().map(|it| {
                                let tenths = it.at.as_micros() / 100_000;
                                html! { <li><time>{ format!("{}.{} s", tenths / 10, tenths % 10) }</time>{ happened(it.what) }</li> }
                            }) }</ol>
                        </details>
                        <details key={format!("t{at}")}><summary>{ format!("{side}as a table") }</summary>
                            { table(page, played) }</details>
                    </>
                }
            }) }
        </div>
    }
}

fn happened(what: What) -> String {
    let lower = |it: &dyn core::fmt::Display| it.to_string();
    match what {
        What::Breaker(state) => {
            use conclave_core::resilience::breaker::State;
            let state = match state {
                State::Closed => "closes",
                State::Open => "opens",
                State::HalfOpen => "is half-open",
            };
            format!("the breaker {state}")
        }
        What::Level(level) => {
            use conclave_core::resilience::degradation::Level;
            let level = match level {
                Level::Normal => "normal",
                Level::Degraded => "degraded",
                Level::Severe => "severely degraded",
                Level::Emergency => "emergency",
            };
            format!("the level is {level}")
        }
        What::Fires(true) => "the budget burns too fast: alert".into(),
        What::Fires(false) => "the alert is over".into(),
        What::Experiment(phase) => {
            use conclave_core::resilience::chaos::Phase;
            match phase {
                Phase::Idle => "the experiment waits".into(),
                Phase::Baseline => "the experiment looks whether all is steady".into(),
                Phase::Injecting => "it injects".into(),
                Phase::Recovering => "it has stopped, and looks whether all is steady again".into(),
                Phase::Held => "the hypothesis held".into(),
                Phase::Aborted(why) => format!("aborted: {}", lower(&why)),
            }
        }
        What::Believed { service, up } => {
            format!("the host believes service {service} to be {}", if up { "up" } else { "down" })
        }
    }
}

fn table(page: &Page, played: &Played) -> Html {
    let pattern = page.stand.pattern();
    let charts: Vec<(Panel, &str, _)> = pattern
        .panels
        .iter()
        .filter_map(|panel| match panel.of(played) {
            Shown::Chart { unit, layers } => Some((*panel, unit, layers)),
            Shown::Band(_) => None,
        })
        .collect();
    let step = played.buckets.len().div_ceil(ROWS).max(1);
    html! {
        <div class="scroll" tabindex="0" role="region" aria-label="Everything as a table">
            <table data-test="table">
                <thead>
                    <tr><td />{ for charts.iter().map(|(panel, _, layers)| html! {
                        <th scope="colgroup" colspan={layers.len().to_string()}>{ panel.name() }</th>
                    }) }</tr>
                    <tr><th scope="col">{ "at" }</th>{ for charts.iter().flat_map(|it| &it.2).map(|layer| html! {
                        <th scope="col">{ layer.name }</th>
                    }) }</tr>
                </thead>
                <tbody>{ for (0..played.buckets.len()).step_by(step).map(|at| html! {
                    <tr><th scope="row">{ format!("{} s", at as u64 * played.bucket_us / 1_000_000) }</th>
                        { for charts.iter().flat_map(|(_, unit, layers)| layers.iter().map(move |it| (unit, it))).map(|(unit, layer)| {
                            let value = layer.values.get(at).copied().flatten();
                            html! { <td>{ value.map_or_else(|| "–".into(), |it| amount(it, unit)) }</td> }
                        }) }
                    </tr>
                }) }</tbody>
            </table>
        </div>
    }
}

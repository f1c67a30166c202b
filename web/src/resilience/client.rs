//! A client: when it asks again, and how much of that it may.

use conclave_core::{
    client::{Asking, Patience},
    ids::ClientId,
    resilience::retry::{self, UNLIMITED},
    sim::SimClient,
};
use yew::prelude::*;

use super::{
    gate::strip_of,
    gauge::{Gauge, Tone, in_ms, ppm, section},
    history::Again,
};
use crate::app::App;

/// Attempts that are drawn one by one.
const ATTEMPTS: u32 = 16;

/// How a client asks again; nothing in scenarios without guards.
pub(crate) fn view(app: &App, id: ClientId) -> Html {
    let lab = &app.lab;
    if !lab.scenario().needs_guards() {
        return Html::default();
    }
    let Some(client) = lab.cluster().clients().iter().find(|it| it.id() == id) else {
        return Html::default();
    };
    let now_us = lab.cluster().now().0;
    let enough = usize::from(lab.cluster().members().f()) + 1;
    let (strip, history) = (strip_of(lab), &lab.branch().history);
    let patience = lab.scenario().workload.patience.as_ref();
    let shown = html! {
        <>
            { attempt(client.client().asking(), patience, now_us, enough) }
            { budget(client, patience) }
            { strip.bars("asked again", &history.again(id, Again::Asked)) }
            { strip.bars("put off", &history.again(id, Again::PutOff)) }
            { strip.bars("gave up", &history.again(id, Again::GaveUp)) }
            <p class="hint" data-test="retry-counts">{ counts(client) }</p>
        </>
    };
    let title = "How long it waits for an answer, and how it asks again.";
    section("patience", "How it asks again", title, shown)
}

/// The attempt under way, or what it waits for.
fn attempt(
    asking: Option<Asking>,
    patience: Option<&Patience>,
    now_us: u64,
    enough: usize,
) -> Html {
    let Some(asking) = asking else {
        return html! { <p class="level" data-test="attempt"><span>{ "It asks for nothing now." }</span></p> };
    };
    let wait = in_ms(now_us, asking.next_at.0);
    let words = if asking.sleeps {
        format!("waits {wait}, then asks everybody again")
    } else {
        format!("attempt {}, given up in {wait}", asking.attempt)
    };
    let told = match asking.put_off_by {
        0 => String::new(),
        by => format!("told to come back by {by}; it takes {enough}"),
    };
    let most = patience.map_or(UNLIMITED, |it| it.retry.attempts);
    let drawn = if most == UNLIMITED { asking.attempt } else { most }.min(ATTEMPTS);
    html! {
        <p class="level">
            <svg class="attempts" viewBox={format!("0 0 {} 12", drawn * 9)} width={(drawn * 9).to_string()} height="12" aria-hidden="true" focusable="false">
                { for (0..drawn).map(|it| {
                    let class = match it + 1 {
                        number if number < asking.attempt => "failed",
                        number if number == asking.attempt && !asking.sleeps => "under-way",
                        _ => "left",
                    };
                    html! { <circle {class} cx={(it * 9 + 5).to_string()} cy="6" r="3.4" /> }
                }) }
            </svg>
            <b data-test="attempt">{ words }</b>
            <span>{ told }</span>
        </p>
    }
}

/// How much of what it asks may be asked again.
fn budget(client: &SimClient, patience: Option<&Patience>) -> Html {
    let Some(budget) = patience.map(|it| &it.retry.budget) else { return Html::default() };
    let retry::Snapshot { budget_calls, budget_retries, .. } = client.client().retries();
    let most = (budget_calls * u64::from(budget.share_ppm) / 1_000_000) + u64::from(budget.floor);
    Gauge {
        name: "retry budget".into(),
        title: "Of all that it asks, so much may be asked again: else an outage would end in a flood.",
        test: "retry-budget".into(),
        ppm: ppm(budget_retries, most),
        ticks: Vec::new(),
        tone: if budget_retries >= most { Tone::Over } else { Tone::Calm },
        words: format!("{budget_retries} of {most}"),
    }
    .view()
}

/// How its requests ended so far, as it counts them itself.
fn counts(client: &SimClient) -> String {
    let retry::Counters { calls, retries, first_time, rescued, .. } =
        client.client().retries().counters;
    let timeout = client.client().timeout().as_millis();
    format!(
        "{calls} asked, {first_time} answered at once, {rescued} after asking again, {retries} times again. An attempt may take {timeout} ms."
    )
}

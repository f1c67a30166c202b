//! All at a glance: the experiment, the wave of requests, of each branch on one scale, how each client's
//! request stands, and how bad it is at which replica.

use std::fmt::Write as _;

use conclave_core::{
    node::Gate,
    resilience::degradation::Level,
    sim::{Host, SimClient},
};
use yew::{html::Scope, prelude::*};

use super::{
    beside, experiment,
    gauge::{ladder, section},
    history::WINDOW_US,
};
use crate::{
    app::{App, Msg, World},
    lab::Branch,
    model::scene::Selection,
};

/// How wide and high a wave is drawn.
const WIDTH: u64 = 600;
const HEIGHT: u64 = 90;

/// What belongs to no replica and no client alone; nothing in scenarios without guards.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    if !app.lab.scenario().needs_guards() {
        return Html::default();
    }
    html! {
        <>
            { experiment::view(app) }
            { waves(app, link) }
            { clients(app, link) }
            { gates(app, link) }
        </>
    }
}

/// The requests that arrive at replicas.
fn waves(app: &App, link: &Scope<App>) -> Html {
    let branches = &app.lab.branches;
    let peak = |branch: &Branch| branch.history.arrived().iter().copied().max().unwrap_or(0);
    let top = branches.iter().map(peak).max().unwrap_or(0).max(1);
    let end_us = branches.iter().map(|it| it.end_us() as u64).max().unwrap_or(1);
    let now_us = app.lab.clock.us as u64;
    let wave = |(index, branch): (usize, &Branch)| {
        let (arrived, peak) = (branch.history.arrived(), peak(branch));
        let here = arrived.get((now_us / WINDOW_US) as usize).copied().unwrap_or(0);
        // The first is the scenario as it is told.
        let name = if index == 0 { &branch.recording.run().scenario.title } else { &branch.name };
        let words = format!("{name}: {peak} at most in 50 ms, {here} now");
        let chosen = (index == app.lab.current).then_some("chosen");
        html! {
            <figure key={index} class={classes!("wave", chosen)}>
                <figcaption><span>{ name.clone() }</span>
                    <b data-test={format!("peak-{index}")} title="The most in 50 ms">{ peak.to_string() }</b></figcaption>
                <svg viewBox={format!("0 0 {WIDTH} {HEIGHT}")} preserveAspectRatio="none" role="img" aria-label={words}>
                    <path class="later" d={steps(arrived, top, end_us)} />
                    <path class="bar" d={steps(&arrived[..arrived.len().min((now_us / WINDOW_US) as usize)], top, end_us)} />
                    <path class="ground" d={format!("M0 {HEIGHT}H{WIDTH}")} />
                    <path class="here" d={format!("M{} 0V{HEIGHT}", now_us.min(end_us) * WIDTH / end_us.max(1))} />
                </svg>
            </figure>
        }
    };
    let shown =
        html! { <>{ for branches.iter().enumerate().map(wave) }{ beside::offer(app, link) }</> };
    let title = "Requests that arrive at replicas, in windows of 50 ms";
    section("waves", "Requests that arrive, in 50 ms", title, shown)
}

/// Windows as bars on one scale.
fn steps(arrived: &[u32], top: u32, end_us: u64) -> String {
    let x = |window: u64| (window * WINDOW_US).min(end_us) * WIDTH / end_us.max(1);
    let mut path = format!("M0 {HEIGHT}");
    for (window, count) in (0..).zip(arrived) {
        let y = HEIGHT - u64::from(*count) * HEIGHT / u64::from(top);
        // Writing to a string never fails.
        let _ = write!(path, "V{y}H{}", x(window + 1));
    }
    path + &format!("V{HEIGHT}H0")
}

/// Each client, by how what it asks for stands.
fn clients(app: &App, link: &Scope<App>) -> Html {
    let one = |client: &SimClient| {
        let id = client.id();
        let (state, words) = match client.client().asking() {
            None => ("thinks", "asks for nothing"),
            Some(asking) if asking.sleeps => ("waits", "waits to ask again"),
            Some(asking) if asking.attempt > 1 => ("again", "has asked again"),
            Some(_) => ("asks", "has asked"),
        };
        let name = format!("Client {id} {words}");
        html! {
            <li key={id.0}><button class={state} data-test={format!("client-{id}")} data-state={state}
                title={name.clone()} aria-label={name} onclick={link.callback(move |_| {
                    Msg::Select(World::Simulation, Some(Selection::Client(id)))
                })}>{ id.to_string() }</button></li>
        }
    };
    let shown = html! {
        <>
            <ul class="clients">{ for app.lab.cluster().clients().iter().map(one) }</ul>
            <p class="clients-key" aria-hidden="true">
                <i class="thinks" />{ "thinks" }<i class="asks" />{ "has asked" }<i class="waits" />{ "waits to ask again" }<i class="again" />{ "has asked again" }
            </p>
        </>
    };
    section("clients", "Clients", "Each client has one request under way at most", shown)
}

/// Each replica's gate, as far as they have any.
fn gates(app: &App, link: &Scope<App>) -> Html {
    let hosts = app.lab.cluster().nodes().iter();
    let rows: Vec<Html> =
        hosts.filter_map(|host| Some(one_gate(host, host.node().gate()?, link))).collect();
    if rows.is_empty() {
        return Html::default();
    }
    let shown = html! { <ul class="gates">{ for rows }</ul> };
    section("gates", "Gates", "What each replica takes on of what clients ask", shown)
}

fn one_gate(host: &Host, gate: &Gate, link: &Scope<App>) -> Html {
    let (node, snapshot) = (host.replica().id(), gate.snapshot());
    let refused: u64 = snapshot.counters.refused.iter().sum();
    let degrades = snapshot.degradation.is_some();
    html! {
        <li key={node.0}>
            <button aria-label={format!("Look inside replica {node}")} onclick={link.callback(move |_| {
                Msg::Select(World::Simulation, Some(Selection::Node(node)))
            })}>{ node.to_string() }</button>
            if degrades {
                { ladder(Level::ALL.len(), gate.level() as usize) }
                <b data-test={format!("level-{node}")}>{ gate.level().name() }</b>
            }
            <span data-test={format!("refused-{node}")}>{ format!("{refused} turned away") }</span>
        </li>
    }
}

//! LIVE, PAUSED or STALE, and the nodes of a real cluster.

use conclave_core::ids::NodeId;
use yew::{html::Scope, prelude::*};

use super::picture::Liveness;
use crate::{
    app::{App, Msg, World},
    icons::{Icon, icon},
    live_side::LiveSide,
    model::{
        decimals::decimals,
        scene::{NodeState, Selection},
    },
};

fn age(ms: f64) -> String {
    match ms {
        ms if ms < 1_000.0 => "just now".to_owned(),
        ms if ms < 120_000.0 => format!("{} s ago", decimals(ms / 1e3, 0)),
        ms => format!("{} min ago", decimals(ms / 6e4, 0)),
    }
}

/// The strip above the live pictures.
pub(crate) fn strip(live: &LiveSide, link: &Scope<App>) -> Html {
    let now_ms = js_sys::Date::now();
    let state = live.picture.liveness(now_ms);
    let aged = age(live.picture.age_ms(now_ms));
    let note = match state {
        Liveness::Live => format!("last event {aged}"),
        Liveness::Paused => format!("frozen, {aged}"),
        Liveness::Stale => format!("last sign of life {aged}"),
    };
    let (answering, all) = (live.picture.answering(), live.picture.nodes.len());
    html! {
        <section class="live-strip" aria-label="Live cluster">
            <b class={classes!("live-state", state.words().to_ascii_lowercase())} data-test="live-state">
                { state.words() }
            </b>
            <span data-test="live-answering">{ format!("{answering} of {all} nodes answering") }</span>
            <span class="age">{ note }</span>
            <b class={classes!("level", live.picture.threat.name())} data-test="live-threat">
                { "threat " }{ live.picture.threat.name() }
            </b>
            <button class="act" data-test="live-pause" onclick={link.callback(|_| Msg::LivePause)}>
                if state == Liveness::Paused {
                    { icon(Icon::Play) }<span>{ "Back to now" }</span>
                } else {
                    { icon(Icon::Pause) }<span>{ "Pause" }</span>
                }
            </button>
        </section>
    }
}

/// The nodes as a table, with what may be done to them.
pub(crate) fn nodes(live: &LiveSide, link: &Scope<App>) -> Html {
    html! {
        <section class="inspector" aria-label="Live nodes">
            <h2>{ "Live nodes" }</h2>
            <table class="live-nodes">
                <thead><tr><th>{ "node" }</th><th>{ "state" }</th><th>{ "view" }</th><th>{ "executed" }</th>
                    if live.control { <th><span class="sr">{ "act" }</span></th> }</tr></thead>
                <tbody>
                    { for live.picture.faces().iter().map(|face| {
                        let id = face.id;
                        let chosen = live.selected == Some(Selection::Node(id));
                        let missed = live.picture.nodes.get(&id).map_or(0, |known| known.missed);
                        html! {
                            <tr key={id.0} class={classes!(chosen.then_some("chosen"))}>
                                <td><button class="plain" onclick={link.callback(move |_| {
                                    Msg::Select(World::Live, Some(Selection::Node(id)))
                                })}>{ id.to_string() }if face.primary { <span class="crown">{ " primary" }</span> }</button></td>
                                <td><span class={classes!("state", face.state.key())}>{ face.state.words() }</span></td>
                                <td>{ if face.active { face.view.to_string() } else { format!("→ {}", face.view) } }</td>
                                <td title={format!("{missed} events missed")}>{ face.executed.to_string() }
                                    if missed > 0 { <span class="hint">{ format!(" ({missed} missed)") }</span> }</td>
                                if live.control { <td>{ control(id, face.state, link) }</td> }
                            </tr>
                        }
                    }) }
                </tbody>
            </table>
            <p class="hint">
                { if live.control {
                    "These are processes on this machine. Killing one is a real SIGKILL."
                } else {
                    "Read-only: these are real nodes."
                } }
            </p>
            if live.unreadable > 0 {
                <p class="hint">{ format!("{} events were of kinds that are not shown here.", live.unreadable) }</p>
            }
        </section>
    }
}

fn control(node: NodeId, state: NodeState, link: &Scope<App>) -> Html {
    let (verb, which, name) = if state == NodeState::Up {
        ("kill", Icon::Crash, "Kill")
    } else {
        ("restart", Icon::Restart, "Restart")
    };
    html! {
        <button class="act small" data-test={format!("live-{verb}-{node}")}
            onclick={link.callback(move |_| Msg::LiveControl(node, verb))}>
            { icon(which) }<span>{ name }</span>
        </button>
    }
}

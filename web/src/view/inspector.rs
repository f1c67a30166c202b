//! What is selected, closely: the panel that leads to a replica, a message or a client.

use conclave_core::ids::ClientId;
use yew::{html::Scope, prelude::*};

use super::{actions, inspect_message, inspect_node, trust};
use crate::{
    app::{App, Msg, World},
    icons::{Icon, icon},
    model::{chronicle::Arrow, decimals::decimals, scene::Selection, words},
    resilience,
};

/// Messages under way that are listed.
const LISTED: usize = 24;

/// The panel of the simulation.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let body = match app.lab.selected {
        Some(Selection::Node(node)) => inspect_node::view(app, node, link),
        Some(Selection::Message(message)) => inspect_message::view(app, message, link),
        Some(Selection::Client(client)) => one_client(app, client, link),
        None => nothing(app, link),
    };
    html! {
        <section class="inspector" aria-label="Inspector" data-test="inspector">
            if app.lab.selected.is_some() {
                <button class="tool round close-inspector" aria-label="Select nothing (Esc)"
                    title="Select nothing (Esc)"
                    onclick={link.callback(|_| Msg::Select(World::Simulation, None))}>
                    { icon(Icon::Close) }
                </button>
            }
            { body }
        </section>
    }
}

fn nothing(app: &App, link: &Scope<App>) -> Html {
    let counts = app.lab.cluster().counts();
    html! {
        <>
            <h2>{ "The cluster" }</h2>
            <p class="hint">{ "Select a replica or a message to look inside and to act on it." }</p>
            <div class="sides pick">
                { for app.lab.faces().iter().map(|face| {
                    let node = face.id;
                    html! {
                        <button key={node.0} class="side" aria-label={format!("Look inside replica {node}")}
                            onclick={link.callback(move |_| {
                                Msg::Select(World::Simulation, Some(Selection::Node(node)))
                            })}>{ node.to_string() }</button>
                    }
                }) }
            </div>
            { resilience::cluster(app, link) }
            { trust::matrix(app, link) }
            if counts.read + counts.fallen_back > 0 {
                <p class="hint" data-test="reads">{ format!(
                    "Reads: {} answered in one round, {} fell back to be ordered.",
                    counts.read, counts.fallen_back
                ) }</p>
            }
            { actions::network(app, link) }
            { under_way(app, link) }
        </>
    }
}

fn one_client(app: &App, client: ClientId, link: &Scope<App>) -> Html {
    let now = app.lab.clock.us as u64;
    let asks = app.lab.branch().chronicle.asks().rev();
    let rows =
        asks.filter(|ask| ask.request.client == client && ask.from_us <= now).take(12).map(|ask| {
            let state = match ask.done_us {
                Some(us) if us <= now => {
                    let ordered = if ask.fell_back { "read, then ordered: " } else { "" };
                    let ms = decimals((us - ask.from_us) as f64 / 1e3, 1);
                    format!("{ordered}accepted after {ms} ms")
                }
                _ if ask.again_us.iter().any(|us| *us <= now) => "waits, asked again".to_owned(),
                _ => "waits".to_owned(),
            };
            html! {
                <tr><td>{ format!("#{}", words::number(ask.request.timestamp)) }</td>
                    <td>{ ask.operation.clone() }</td><td>{ state }</td></tr>
            }
        });
    html! {
        <>
            <h2>{ format!("Client {client}") }</h2>
            <p class="hint">{ "Accepts an answer once f+1 replicas agree on it; a read, once a quorum does." }</p>
            { resilience::client(app, client) }
            { actions::client(app, client, link) }
            <table><caption>{ "Requests" }</caption>
                <thead><tr><th>{ "#" }</th><th>{ "operation" }</th><th>{ "state" }</th></tr></thead>
                <tbody>{ for rows }</tbody>
            </table>
        </>
    }
}

/// The messages under way, as a list: what the dots on the ring are for those who can't see them.
fn under_way(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let scene = lab.scene(true);
    let arrows: Vec<&Arrow> =
        scene.chronicle.in_flight(lab.clock.steps, lab.clock.us as u64).collect();
    let count = arrows.len();
    html! {
        <>
            <h3>{ format!("Under way: {count}") }</h3>
            <ul class="flights">
                { for arrows.into_iter().take(LISTED).map(|arrow| {
                    let id = arrow.id;
                    html! {
                        <li key={id.0.to_string() + &arrow.to.to_string()}>
                            <button onclick={link.callback(move |_| {
                                Msg::Select(World::Simulation, Some(Selection::Message(id)))
                            })}>
                                <kbd>{ words::letter(arrow.what.kind) }</kbd>
                                { format!(" {} → {}: {}", arrow.from, arrow.to, words::message(&arrow.what)) }
                            </button>
                        </li>
                    }
                }) }
            </ul>
            if count > LISTED {
                <p class="hint">{ format!("and {} more", count - LISTED) }</p>
            }
        </>
    }
}

//! One replica, inside: what it believes, beside what is true of it.

use conclave_core::{
    ids::NodeId,
    pbft::{Fetching, Known},
    sim::Strategy,
};
use yew::{html::Scope, prelude::*};

use super::{actions, trust};
use crate::{
    app::App,
    lab::phase_number,
    model::{
        scene::{Face, PHASES},
        words,
    },
    resilience,
};

/// Slots that are shown: the newest.
const SLOTS: usize = 10;
/// Keys that are shown.
const KEYS: usize = 24;

/// The panel's inside.
pub(crate) fn view(app: &App, node: NodeId, link: &Scope<App>) -> Html {
    let Some(face) = app.lab.faces().iter().find(|face| face.id == node) else {
        return html! { <p>{ format!("There is no replica {node} in this run.") }</p> };
    };
    html! {
        <>
            <h2>
                { format!("Replica {node}") }
                <span class={classes!("state", face.state.key())}>{ face.state.words() }</span>
            </h2>
            { resilience::node(app, node) }
            { actions::node(app, face, link) }
            { truth(app, face) }
            { trust::against(app, node) }
            { belief(app, node) }
            { slots(app, node) }
            { store(app, node) }
        </>
    }
}

fn truth(app: &App, face: &Face) -> Html {
    let strategies = app.lab.cluster().node(face.id).map_or(&[][..], |host| host.strategies());
    html! {
        <dl class="facts truth">
            <dt>{ "Truth" }</dt>
            <dd>{
                if strategies.is_empty() {
                    match face.state {
                        crate::model::scene::NodeState::Up => "behaves".to_owned(),
                        crate::model::scene::NodeState::Byzantine => "behaves again; what it said can't be unsaid".to_owned(),
                        other => other.words().to_owned(),
                    }
                } else {
                    let verbs: Vec<String> = strategies.iter().map(verb).collect();
                    format!("Byzantine: {}", words::list(&verbs))
                }
            }</dd>
        </dl>
    }
}

/// A strategy in words: "delays pre-prepare and commit to 2 and 3 by 300 ms".
fn verb(strategy: &Strategy) -> String {
    let whom = |to: &[NodeId]| {
        let names: Vec<String> = to.iter().map(ToString::to_string).collect();
        if names.is_empty() { String::new() } else { format!(" to {}", words::list(&names)) }
    };
    let what = |kinds: &[conclave_core::pbft::MessageKind]| {
        let names: Vec<String> = kinds.iter().map(|kind| kind.name().to_owned()).collect();
        if names.is_empty() { "everything".to_owned() } else { words::list(&names) }
    };
    match strategy {
        Strategy::Silent { kinds, to } => format!("sends nothing of {}{}", what(kinds), whom(to)),
        Strategy::Delay { by_ms, kinds, to } => {
            format!("delays {}{} by {by_ms} ms", what(kinds), whom(to))
        }
        Strategy::Equivocate { victims, .. } if victims.is_empty() => {
            "tells some another batch than the others".to_owned()
        }
        Strategy::Equivocate { victims, .. } => {
            let names: Vec<String> = victims.iter().map(ToString::to_string).collect();
            format!("tells {} another batch than the others", words::list(&names))
        }
        other => format!("{}{}", other.name(), whom(other.nodes())),
    }
}

fn belief(app: &App, node: NodeId) -> Html {
    let Some(host) = app.lab.cluster().node(node) else { return Html::default() };
    let replica = host.replica();
    let view = if replica.is_active() {
        format!("{}", replica.view())
    } else {
        format!("changing to {}", replica.view())
    };
    let members: Vec<String> = replica.members().nodes().map(|node| node.to_string()).collect();
    let role = if !replica.members().contains(node) {
        "no member".to_owned()
    } else if replica.is_primary() {
        "primary".to_owned()
    } else {
        format!("backup of {}", replica.primary())
    };
    let mut facts = vec![
        fact(
            "Epoch",
            "A stretch of the log with one membership.",
            "inspect-epoch",
            format!("{}: {}", replica.epoch(), words::list(&members)),
        ),
        fact("View", "A period with one primary.", "inspect-view", view),
        fact("Role", "What it does in its view.", "inspect-role", role),
        fact(
            "Executed",
            "The last position it executed.",
            "inspect-executed",
            replica.last_executed().to_string(),
        ),
        fact(
            "Water marks",
            "The last stable checkpoint, and the last position that it accepts.",
            "inspect-marks",
            format!("{} – {}", replica.low_water_mark(), replica.high_water_mark()),
        ),
    ];
    if let Some(Fetching { seq, fetched, fetched_bytes, missing }) = replica.fetching() {
        facts.push(fact(
            "Fetching",
            "Parts of a state; below a missing one may be more.",
            "inspect-fetching",
            format!("after {seq}: {fetched} parts ({fetched_bytes} bytes), {missing} missing"),
        ));
    }
    if app.lab.scenario().workload.read_ppm > 0 {
        facts.push(fact(
            "Reads",
            "Answered from its state, without ordering.",
            "inspect-reads",
            format!("{} answered, {} wait", app.lab.reads_answered(node), replica.waiting_reads()),
        ));
    }
    if replica.agreed_time().0 > 0 {
        facts.push(fact(
            "Agreed time",
            "Agreed on with the last batch.",
            "inspect-time",
            format!("{} ms", replica.agreed_time().0),
        ));
    }
    facts.push(fact(
        "Waiting",
        "Clients that it knows to be waiting.",
        "inspect-waiting",
        replica.pending().to_string(),
    ));
    html! { <dl class="facts">{ for facts }</dl> }
}

fn fact(name: &'static str, title: &'static str, test: &'static str, value: String) -> Html {
    html! { <><dt {title}>{ name }</dt><dd data-test={test}>{ value }</dd></> }
}

fn slots(app: &App, node: NodeId) -> Html {
    let Some(host) = app.lab.cluster().node(node) else { return Html::default() };
    let replica = host.replica();
    let chronicle = &app.lab.branch().chronicle;
    let all: Vec<_> = replica.slots().collect();
    let members: Vec<NodeId> = app.lab.cluster().members().nodes().collect();
    let votes = |of: &[NodeId]| {
        html! {
            <span class="votes" title={format!("from {}", words::list(&of.iter().map(ToString::to_string).collect::<Vec<_>>()))}>
                { for members.iter().take(16).map(|member| {
                    let class = if of.contains(member) { "yes" } else { "no" };
                    html! { <i class={class}>{ member.to_string() }</i> }
                }) }
                <span class="sr">{ format!("{} votes", of.len()) }</span>
            </span>
        }
    };
    let rows = all.iter().rev().take(SLOTS).map(|slot| {
        let alt = chronicle.is_alt(slot.view, slot.seq, slot.digest);
        let phase = phase_number(slot.phase);
        html! {
            <tr key={slot.seq.0} class={classes!(alt.then_some("alt"))}>
                <td>{ slot.seq.to_string() }</td>
                <td><code>{ slot.digest.short().to_string() }</code></td>
                <td><span class={format!("phase p{phase}")}>{ PHASES[phase as usize] }</span></td>
                <td>{ votes(&slot.prepares) }</td>
                <td>{ votes(&slot.commits) }</td>
            </tr>
        }
    });
    html! {
        <table class="slots">
            <caption>{ format!("Slots ({})", all.len()) }</caption>
            <thead><tr><th title="Position in the log">{ "#" }</th><th title="Digest of the batch">{ "batch" }</th>
                <th>{ "phase" }</th><th>{ "prepares" }</th><th>{ "commits" }</th></tr></thead>
            <tbody>{ for rows }</tbody>
        </table>
    }
}

fn store(app: &App, node: NodeId) -> Html {
    let Some(host) = app.lab.cluster().node(node) else { return Html::default() };
    let replica = host.replica();
    let pairs = replica.application().iter();
    let count = pairs.len();
    let text = |bytes: &[u8]| String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
    // A session is the last request that was answered; ask the table for those we know of.
    let sessions =
        app.lab.clients().iter().filter_map(|client| {
            app.lab
            .branch()
            .chronicle
            .asks()
            .rev()
            .filter(|ask| ask.request.client == *client)
            .find(|ask| matches!(replica.sessions().lookup(ask.request), Known::Answered(_)))
            .map(|ask| html! {
                <tr><td>{ format!("client {client}") }</td>
                    <td>{ format!("#{} {}", words::number(ask.request.timestamp), ask.operation) }</td></tr>
            })
        });
    html! {
        <>
            <table>
                <caption title="The last request of each client that was executed here.">
                    { "Sessions" }</caption>
                <tbody>{ for sessions }</tbody>
            </table>
            <table class="store">
                <caption>{ format!("Keys and values ({count})") }</caption>
                <tbody>
                    { for replica.application().iter().take(KEYS).map(|(key, value)| html! {
                        <tr><td><code>{ text(key) }</code></td><td><code>{ text(value) }</code></td></tr>
                    }) }
                </tbody>
            </table>
        </>
    }
}

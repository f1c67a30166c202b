//! Truth beside belief: who lies, and who thinks so, on what.

use conclave_core::{detector::quarantine::Quarantine, ids::NodeId};
use yew::{html::Scope, prelude::*};

use super::proof;
use crate::{
    app::{App, Msg, World},
    lab::docket_of,
    model::{
        belief::{Agreed, Held, Opinion, standing},
        lanes::time_words,
        scene::{NodeState, Selection},
    },
};

/// Opinions are shown one by one up to this size, and counted above.
const MAX_COLUMNS: usize = 13;

/// How right it is that somebody is held guilty, or that nobody is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rightness {
    /// A liar, and nobody can act on it yet.
    Undetected,
    /// A liar, and enough know.
    Detected,
    /// Honest, and not held guilty.
    Trusted,
    /// Honest, and held guilty.
    Framed,
}

impl Rightness {
    const fn of(lies: bool, is_held: bool) -> Self {
        match (lies, is_held) {
            (true, false) => Self::Undetected,
            (true, true) => Self::Detected,
            (false, false) => Self::Trusted,
            (false, true) => Self::Framed,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Undetected => "not detected",
            Self::Detected => "detected",
            Self::Trusted => "trusted",
            Self::Framed => "falsely held",
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Undetected => "undetected",
            Self::Detected => "detected",
            Self::Trusted => "trusted",
            Self::Framed => "framed",
        }
    }
}

/// The whole cluster: a row for everyone, a column for everyone's opinion.
pub(crate) fn matrix(app: &App, link: &Scope<App>) -> Html {
    let held = app.lab.beliefs();
    let faces = app.lab.faces();
    let enough = usize::from(app.lab.cluster().members().f()) + 1;
    let columns: Vec<NodeId> = if faces.len() <= MAX_COLUMNS {
        faces.iter().map(|face| face.id).collect()
    } else {
        Vec::new()
    };
    let rows = faces.iter().map(|face| {
        let id = face.id;
        let standing = standing(&held, id, face.standing.agreed);
        let lies = face.state == NodeState::Byzantine;
        let rightness = Rightness::of(lies, standing.proven + standing.suspected >= enough);
        let opinions = columns.iter().map(|by| {
            let (class, sign, words) = match held.get(&(id, *by)) {
                _ if *by == id => ("", "", "itself"),
                Some((Opinion::Proven(_), _)) => ("proven", "!", "holds proof"),
                Some(_) => ("suspected", "?", "suspects it"),
                None => ("", "·", "trusts it"),
            };
            html! { <td class={class} title={format!("replica {by} {words}")}>{ sign }</td> }
        });
        html! {
            <tr key={id.0} class={rightness.class()}>
                <th scope="row">
                    <button aria-label={format!("Look inside replica {id}")} onclick={link.callback(move |_| {
                        Msg::Select(World::Simulation, Some(Selection::Node(id)))
                    })}>{ id.to_string() }</button>
                </th>
                <td>{ if lies { "lies" } else { face.state.words() } }</td>
                { for opinions }
                if columns.is_empty() {
                    <td>{ format!("{} ! {} ?", standing.proven, standing.suspected) }</td>
                }
                <td data-test={format!("belief-{id}")}>{ rightness.words() }</td>
                <td class={classes!((standing.agreed != Agreed::Nothing).then_some("agreed"))} data-test={format!("agreed-{id}")}>
                    { standing.agreed.words() }</td>
            </tr>
        }
    });
    html! {
        <table class="trust" data-test="trust">
            <caption title="! holds proof, ? suspects, as each sees it. Agreed: decided through the log.">
                { "Truth beside belief" }
            </caption>
            <thead><tr>
                <th><span class="sr">{ "replica" }</span></th><th>{ "truth" }</th>
                { for columns.iter().map(|by| html! { <th>{ by.to_string() }</th> }) }
                if columns.is_empty() { <th>{ "belief" }</th> }
                <th>{ format!("by {enough}") }</th>
                <th title="Decided through the log: the same for everyone">{ "agreed" }</th>
            </tr></thead>
            <tbody>{ for rows }</tbody>
            <tfoot><tr><td colspan="99">
                <a class="link" href="detector/" data-test="to-detector">{ "How well the detector sees, measured" }</a>
            </td></tr></tfoot>
        </table>
    }
}

/// What others hold against one replica, each with its grounds.
pub(crate) fn against(app: &App, node: NodeId) -> Html {
    let held: Held<'_> = app.lab.beliefs();
    let lies_since = app.lab.branch().chronicle.lies().find(|lie| lie.by == node).map(|lie| lie.us);
    let rows = held.iter().filter(|((about, _), _)| *about == node).map(|((_, by), (opinion, us))| {
        let after = lies_since
            .and_then(|since| us.checked_sub(since))
            .map(|us| format!(", {} after its first lie", time_words(us as f64, 10.0)));
        let grounds = match opinion {
            Opinion::Proven(offence) => format!("holds proof: {}", offence.kind.name()),
            Opinion::Suspected(score, why) => format!("suspects it ({score} of 100): {why}"),
            Opinion::Cleared => String::new(),
        };
        html! { <li key={by.0}>{ format!("replica {by} {grounds}") }<i>{ after.unwrap_or_default() }</i></li> }
    });
    let rows: Vec<Html> = rows.collect();
    html! {
        <>
            <h3>{ format!("What others hold against it ({})", rows.len()) }</h3>
            if rows.is_empty() {
                <p class="hint">{ "Nothing." }</p>
            } else {
                <ul class="against" data-test="against">{ for rows }</ul>
            }
            { decided(app, node) }
            { proofs(app, node) }
        </>
    }
}

/// What all agreed on about one replica, and when.
fn decided(app: &App, node: NodeId) -> Html {
    let docket = docket_of(app.lab.cluster()).and_then(|docket| docket.quarantine());
    let entries = docket.into_iter().flat_map(Quarantine::history);
    let rows: Vec<Html> = entries
        .filter(|entry| entry.node == node)
        .map(|entry| html! { <li key={entry.number}>{ entry }<i>{ format!(", at position {}", entry.position) }</i></li> })
        .collect();
    if rows.is_empty() {
        return Html::default();
    }
    html! {
        <>
            <h3>{ format!("What all agreed on about it ({})", rows.len()) }</h3>
            <ul class="against" data-test="decided">{ for rows }</ul>
        </>
    }
}

/// The proofs against it that any correct replica holds, opened.
fn proofs(app: &App, node: NodeId) -> Html {
    let cluster = app.lab.cluster();
    let hosts = cluster.nodes().iter().filter(|host| !host.is_byzantine());
    let mut shown = Vec::new();
    let mut observer = None;
    for host in hosts {
        for proof in host.node().proofs().iter() {
            let kind = proof.offence.kind;
            if proof.offence.by == node && !shown.iter().any(|(known, _)| *known == kind) {
                shown.push((kind, proof::view(proof)));
                observer.get_or_insert(host.node());
            }
        }
    }
    let proofs = shown.into_iter().map(|(_, html)| html);
    proofs.chain(observer.map(proof::save)).collect()
}

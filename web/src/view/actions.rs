//! What can be done to what is selected. Every act makes a branch at this moment.

use conclave_core::{
    app::Operation,
    ids::{ClientId, MessageId, NodeId, Principal},
    sim::{Action, Damage, Forgery, Strategy},
};
use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
    model::scene::{Face, NodeState},
};

/// How late a liar or a link is, in ms.
const LATE_MS: u32 = 300;

fn button(
    test: impl Into<AttrValue>,
    name: &str,
    title: &str,
    which: Icon,
    action: Action,
    link: &Scope<App>,
) -> Html {
    html! {
        <button class="act" data-test={test.into()} title={title.to_owned()}
            onclick={link.callback(move |_| Msg::Act(action.clone()))}>
            { icon(which) }<span>{ name.to_owned() }</span>
        </button>
    }
}

/// The ways of lying that are offered, and what each does.
fn verbs() -> [(Strategy, &'static str); 12] {
    let (kinds, to, victims) = (Vec::new, Vec::new, Vec::new);
    [
        (Strategy::Silent { kinds: kinds(), to: to() }, "Sends nothing"),
        (
            Strategy::Delay { by_ms: LATE_MS, kinds: kinds(), to: to() },
            "Sends everything 300 ms late",
        ),
        (
            Strategy::Equivocate { victims: victims(), kinds: kinds() },
            "As primary, tells half of the others another batch, and votes so",
        ),
        (Strategy::WrongDigest { kinds: kinds(), to: to() }, "Votes for what nobody proposed"),
        (
            Strategy::WrongPlace { view_by: -1, seq_by: 0, kinds: kinds(), to: to() },
            "Speaks of the view before",
        ),
        (
            Strategy::Forge { how: Forgery::Few, kinds: kinds() },
            "Sends certificates that lack a signature",
        ),
        (
            Strategy::TwoFacedViewChange { victims: victims() },
            "Hides from half of the others what it prepared",
        ),
        (Strategy::Selective { kinds: kinds() }, "Sends to half of the others only"),
        (Strategy::Replay { every: 4 }, "Sends old messages again"),
        (Strategy::Flood { per_second: 1_000, to: to() }, "Sends 1000 useless messages a second"),
        (Strategy::FalseReply {}, "Answers clients with a result that nothing gave"),
        (Strategy::Slow { percent: 80 }, "As primary, proposes as late as it may"),
    ]
}

/// On a replica.
pub(crate) fn node(app: &App, face: &Face, link: &Scope<App>) -> Html {
    let node = face.id;
    let cut_off = app.lab.cluster().is_cut_off(node);
    html! {
        <div class="acts" role="group" aria-label={format!("Act on replica {node}")}>
            if face.state == NodeState::Down {
                { button("act-restart", "Restart", "Start again from its disk", Icon::Restart,
                    Action::Restart { node }, link) }
                { button("act-lose-disk", "Lose disk", "It must recover before it votes again", Icon::Cross,
                    Action::DamageDisk { node, what: Damage::Lost }, link) }
            } else {
                { button("act-crash", "Crash", "Stop at once; what wasn't synced is gone", Icon::Crash,
                    Action::Crash { node }, link) }
            }
            if cut_off {
                { button("act-reconnect", "Reconnect", "Let messages through again", Icon::Plug,
                    Action::Reconnect { node }, link) }
            } else {
                { button("act-cut-off", "Cut off", "Nothing reaches it or leaves it", Icon::Cut,
                    Action::CutOff { node }, link) }
            }
            if face.state == NodeState::Byzantine && !face.verbs.is_empty() {
                { button("act-reform", "Behave again", "What it said can't be unsaid", Icon::Check,
                    Action::Reform { node }, link) }
            } else if face.state != NodeState::Down {
                <fieldset class="verbs">
                    <legend>{ "Make it Byzantine" }</legend>
                    { for verbs().into_iter().map(|(strategy, title)| {
                        let verb = strategy.name();
                        let test = format!("act-byzantine-{}", verb.replace(' ', "-"));
                        let act = Action::Corrupt { node, strategies: vec![strategy] };
                        button(test, verb, title, Icon::Mask, act, link)
                    }) }
                </fieldset>
            }
            { links(app, node, link) }
        </div>
    }
}

/// The links of a replica, each way.
fn links(app: &App, node: NodeId, link: &Scope<App>) -> Html {
    let cluster = app.lab.cluster();
    let members = cluster.members();
    html! {
        <details class="links">
            <summary>{ "Links" }</summary>
            <ul>
                { for members.others(node).take(12).map(|other| {
                    let way = |from: NodeId, to: NodeId| {
                        if cluster.is_cut(Principal::Node(from), Principal::Node(to)) {
                            button("act-restore-link", &format!("restore {from} → {to}"),
                                "Let it through again", Icon::Plug, Action::RestoreLink { from, to }, link)
                        } else {
                            button("act-cut-link", &format!("cut {from} → {to}"),
                                "Nothing travels this way", Icon::Cut, Action::CutLink { from, to }, link)
                        }
                    };
                    html! {
                        <li key={other.0}>
                            { way(node, other) }
                            { way(other, node) }
                            { button("act-slow-link", &format!("slow {node} → {other}"), "300 ms later", Icon::Pending,
                                Action::SlowLink { from: node, to: other, by_ms: LATE_MS }, link) }
                        </li>
                    }
                }) }
            </ul>
        </details>
    }
}

/// On a message.
pub(crate) fn message(_app: &App, message: MessageId, link: &Scope<App>) -> Html {
    html! {
        <div class="acts" role="group" aria-label="Act on this message">
            { button("act-deliver", "Deliver now", "It arrives at once", Icon::Send,
                Action::Deliver { message }, link) }
            { button("act-delay", "Delay", "300 ms later", Icon::Pending,
                Action::Delay { message, by_ms: LATE_MS }, link) }
            { button("act-drop", "Drop", "It never arrives", Icon::Cross, Action::Drop { message }, link) }
            { button("act-duplicate", "Duplicate", "It arrives twice", Icon::Split,
                Action::Duplicate { message }, link) }
        </div>
    }
}

/// On a client.
pub(crate) fn client(app: &App, client: ClientId, link: &Scope<App>) -> Html {
    html! {
        <form class="ask" onsubmit={link.callback(move |event: SubmitEvent| {
            event.prevent_default();
            Msg::Ask(client)
        })}>
            <label><span>{ "key" }</span><input ref={app.ask_key.clone()} value="colour" maxlength="64" /></label>
            <label><span>{ "value" }</span><input ref={app.ask_value.clone()} value="blue" maxlength="64" /></label>
            <button class="act" type="submit" data-test="act-submit">{ icon(Icon::Send) }<span>{ "Put" }</span></button>
        </form>
    }
}

/// The put that the form asks for.
pub(crate) fn put(client: ClientId, key: &str, value: &str) -> Action {
    let operation =
        Operation::Put { key: key.as_bytes().to_vec(), value: value.as_bytes().to_vec() };
    Action::Submit { client, operation }
}

/// On the network: which replicas are on the other side of a split.
pub(crate) fn network(app: &App, link: &Scope<App>) -> Html {
    let members = app.lab.cluster().members();
    let is_cut = !app.lab.scene(true).cuts.is_empty();
    html! {
        <fieldset class="split">
            <legend>{ "Split the network" }</legend>
            <p class="hint">{ "Mark the replicas on the other side." }</p>
            <div class="sides">
                { for members.nodes().map(|node| {
                    let there = app.other_side.contains(&node);
                    html! {
                        <button key={node.0} class="side" aria-pressed={there.to_string()}
                            data-test={format!("side-{node}")}
                            aria-label={format!("Replica {node} on the other side")}
                            onclick={link.callback(move |_| Msg::OtherSide(node))}>{ node.to_string() }</button>
                    }
                }) }
            </div>
            <div class="acts">
                <button class="act" data-test="act-partition" disabled={app.other_side.is_empty()}
                    onclick={link.callback(|_| Msg::Split)}>{ icon(Icon::Split) }<span>{ "Split" }</span></button>
                if is_cut {
                    { button("act-heal", "Heal", "Undo every cut", Icon::Plug, Action::Heal, link) }
                }
            </div>
        </fieldset>
    }
}

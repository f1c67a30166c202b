//! One message, decoded: what it says, who signed it, and the certificates inside.

use conclave_core::{
    app::Operation,
    crypto::{Signature, Signed},
    hex::Hex,
    ids::{MessageId, Principal, Seq},
    pbft::{Batch, Message},
};
use yew::{html::Scope, prelude::*};

use super::actions;
use crate::{
    app::App,
    model::{chronicle::Ending, lanes::time_words, words},
};

/// The panel's inside.
pub(crate) fn view(app: &App, id: MessageId, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    let Some(arrow) = lab.branch().chronicle.arrow(id) else {
        return html! { <p>{ "This branch has no such message." }</p> };
    };
    let flight = lab.cluster().message(id);
    let now = lab.clock.us as u64;
    let fate = match (flight.is_some(), arrow.end) {
        (true, _) => "under way".to_owned(),
        (false, _) if arrow.sent_us > now => "not sent yet".to_owned(),
        (false, Some((us, _, Ending::Delivered))) => {
            format!("arrived after {}", time_words((us - arrow.sent_us) as f64, 10.0))
        }
        (false, Some((_, _, Ending::Lost(why)))) => format!("lost: {}", words::loss(why)),
        (false, None) => "gone".to_owned(),
    };
    html! {
        <>
            <h2><kbd>{ words::letter(arrow.what.kind) }</kbd>{ arrow.what.kind.name() }</h2>
            <p class="hint">{ words::meaning(arrow.what.kind) }</p>
            <dl class="facts">
                <dt>{ "From" }</dt><dd>{ arrow.from.to_string() }</dd>
                <dt>{ "To" }</dt><dd>{ arrow.to.to_string() }</dd>
                <dt>{ "State" }</dt><dd data-test="message-state">{ fate }</dd>
                <dt>{ "Says" }</dt><dd>{ words::message(&arrow.what) }</dd>
                if arrow.alt {
                    <dt>{ "Truth" }</dt><dd class="lie">{ "another batch than the first one proposed here" }</dd>
                }
            </dl>
            { match flight {
                Some(flight) => html! {
                    <>{ actions::message(app, id, link) }{ inside(flight.message()) }</>
                },
                None => html! {
                    <p class="hint">{ "Go to a moment when it is under way to open it and to act on it." }</p>
                },
            } }
        </>
    }
}

fn signature<T>(signed: &Signed<T>) -> Html {
    let bytes = signed.signature.as_bytes();
    let text = Hex(&bytes[..bytes.len().min(6)]).to_string();
    let kind = match signed.signature {
        Signature::Simulated(_) => "simulated",
        Signature::Ed25519(_) => "Ed25519",
    };
    html! { <><dt>{ "Signed by" }</dt><dd>{ signed.by.to_string() }{ " " }<code title={kind}>{ text }{ "…" }</code></dd></> }
}

fn signers(who: impl Iterator<Item = Principal>) -> String {
    let names: Vec<String> = who
        .map(|principal| match principal {
            Principal::Node(node) => node.to_string(),
            Principal::Client(client) => format!("client {client}"),
        })
        .collect();
    format!("{} ({})", words::list(&names), names.len())
}

fn batch(batch: &Batch) -> Html {
    html! {
        <table>
            <caption>{ format!("Batch of {}", batch.requests.len()) }</caption>
            <tbody>
                { for batch.requests.iter().take(20).map(|request| {
                    let operation = Operation::decode(&request.body.operation)
                        .map_or_else(|| "(not an operation)".to_owned(), |o| o.to_string());
                    html! {
                        <tr><td>{ format!("client {} #{}", request.body.id.client, request.body.id.timestamp) }</td>
                            <td>{ operation }</td></tr>
                    }
                }) }
            </tbody>
        </table>
    }
}

fn inside(message: &Message) -> Html {
    match message {
        Message::Request(m) => {
            let operation = Operation::decode(&m.body.operation)
                .map_or_else(|| "(not an operation)".to_owned(), |o| o.to_string());
            html! { <dl class="facts"><dt>{ "Operation" }</dt><dd>{ operation }</dd>{ signature(m) }</dl> }
        }
        Message::PrePrepare(m, content) => html! {
            <>
                <dl class="facts"><dt>{ "Digest" }</dt><dd><code class="long">{ m.body.digest.to_string() }</code></dd>
                    { signature(m) }</dl>
                { batch(content) }
            </>
        },
        Message::Prepare(m) => html! {
            <dl class="facts"><dt>{ "Digest" }</dt><dd><code class="long">{ m.body.digest.to_string() }</code></dd>{ signature(m) }</dl>
        },
        Message::Commit(m) => html! {
            <dl class="facts"><dt>{ "Digest" }</dt><dd><code class="long">{ m.body.digest.to_string() }</code></dd>{ signature(m) }</dl>
        },
        Message::Reply(m) => {
            let result = conclave_core::app::Outcome::decode(&m.body.result)
                .map_or_else(|| "(not an outcome)".to_owned(), |o| o.to_string());
            html! { <dl class="facts"><dt>{ "Result" }</dt><dd>{ result }</dd>{ signature(m) }</dl> }
        }
        Message::Read(m) => {
            let operation = Operation::decode(&m.body.operation)
                .map_or_else(|| "(not an operation)".to_owned(), |o| o.to_string());
            html! { <dl class="facts"><dt>{ "Operation" }</dt><dd>{ operation }</dd>{ signature(m) }</dl> }
        }
        Message::ReadReply(m) => {
            let result = conclave_core::app::Outcome::decode(&m.body.result)
                .map_or_else(|| "(not an outcome)".to_owned(), |o| o.to_string());
            html! { <dl class="facts"><dt>{ "Result" }</dt><dd>{ result }</dd>{ signature(m) }</dl> }
        }
        Message::Checkpoint(m) => html! {
            <dl class="facts"><dt>{ "State" }</dt><dd><code class="long">{ m.body.digest.to_string() }</code></dd>{ signature(m) }</dl>
        },
        Message::ViewChange(m) => html! {
            <>
                <dl class="facts">
                    <dt>{ "Wants view" }</dt><dd>{ m.body.view.to_string() }</dd>
                    <dt>{ "Stable" }</dt><dd>{ m.body.stable.to_string() }</dd>
                    { signature(m.as_ref()) }
                </dl>
                <table>
                    <caption>{ format!("Prepared certificates ({})", m.body.prepared.len()) }</caption>
                    <tbody>{ for m.body.prepared.iter().take(20).map(|certificate| {
                        let p = certificate.pre_prepare.body;
                        html! {
                            <tr><td>{ p.seq.to_string() }</td><td><code>{ p.digest.short().to_string() }</code></td>
                                <td>{ format!("primary {}, prepares of {}", certificate.pre_prepare.by,
                                    signers(certificate.prepares.iter().map(|vote| vote.by))) }</td></tr>
                        }
                    }) }</tbody>
                </table>
            </>
        },
        Message::NewView(m) => html! {
            <>
                <dl class="facts">
                    <dt>{ "View" }</dt><dd>{ m.body.view.to_string() }</dd>
                    <dt>{ "Quorum" }</dt>
                    <dd>{ format!("view changes of {}", signers(m.body.view_changes.iter().map(|v| v.by))) }</dd>
                    { signature(m.as_ref()) }
                </dl>
                <table>
                    <caption>{ format!("Proposed again ({})", m.body.pre_prepares.len()) }</caption>
                    <tbody>{ for m.body.pre_prepares.iter().take(20).map(|p| html! {
                        <tr><td>{ p.body.seq.to_string() }</td><td><code>{ p.body.digest.short().to_string() }</code></td></tr>
                    }) }</tbody>
                </table>
            </>
        },
        Message::Status(m) => html! {
            <dl class="facts">
                <dt>{ "View" }</dt><dd>{ format!("{}{}", m.view, if m.active { "" } else { ", changing" }) }</dd>
                <dt>{ "Stable" }</dt><dd>{ m.stable.to_string() }</dd>
                <dt>{ "Executed" }</dt><dd>{ m.executed.to_string() }</dd>
            </dl>
        },
        Message::Pace(m) => html! {
            <dl class="facts">
                <dt>{ "Turnaround" }</dt><dd>{ format!("{} ms", m.turnaround_us / 1_000) }</dd>
                <dt>{ "Round" }</dt><dd>{ format!("{} ms", m.round_us / 1_000) }</dd>
                <dt>{ "Too slow" }</dt><dd>{ if m.too_slow { "yes" } else { "no" } }</dd>
            </dl>
        },
        Message::RecoveryQuery(m) => html! {
            <dl class="facts"><dt>{ "Life" }</dt><dd>{ m.life.to_string() }</dd></dl>
        },
        Message::RecoveryAnswer(m) => html! {
            <dl class="facts">
                <dt>{ "View" }</dt><dd>{ m.view.to_string() }</dd>
                <dt>{ "Position" }</dt><dd>{ m.position().to_string() }</dd>
            </dl>
        },
        Message::FetchBatch(digest) => html! {
            <dl class="facts"><dt>{ "Digest" }</dt><dd><code class="long">{ digest.to_string() }</code></dd></dl>
        },
        Message::Batch(content) => batch(content),
        Message::Decided(m) => html! {
            <>
                <dl class="facts">
                    <dt>{ "Commits of" }</dt><dd>{ signers(m.commits.iter().map(|vote| vote.by)) }</dd>
                    { signature(&m.pre_prepare) }
                </dl>
                { batch(&m.batch) }
            </>
        },
        Message::Stable(m) => state_facts(
            m.seq(),
            html! {
                <><dt>{ "State" }</dt><dd><code class="long">{ m.digest().to_string() }</code></dd></>
            },
        ),
        Message::FetchState(m) => state_facts(m.seq, count("Parts", m.nodes.len())),
        Message::State(m) => {
            let bytes = m.nodes.iter().map(|node| node.bytes.len()).sum();
            state_facts(
                m.seq,
                html! {
                    <>{ count("Parts", m.nodes.len()) }{ count("Bytes", bytes) }</>
                },
            )
        }
        Message::EpochEnds(ends) => html! {
            <dl class="facts"><dt>{ "Members" }</dt>
                { for ends.iter().map(|end| html! {
                    <dd>{ signers(end.next.members.nodes().map(Principal::Node)) }</dd>
                }) }
            </dl>
        },
        Message::FetchEpochEnds(m) => html! { <dl class="facts">{ signature(m) }</dl> },
    }
}

/// What a message says of the state after a position.
fn state_facts(after: Seq, more: Html) -> Html {
    html! {
        <dl class="facts"><dt>{ "After" }</dt><dd>{ after.to_string() }</dd>{ more }</dl>
    }
}

fn count(of: &'static str, count: usize) -> Html {
    html! { <><dt>{ of }</dt><dd>{ count }</dd></> }
}

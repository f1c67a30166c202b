//! One message, decoded: what it says, who signed it, and the certificates inside.

use core::fmt::Display;

use conclave_core::{
    app::{Operation, Outcome},
    crypto::Signature,
    hex::Hex,
    ids::{MessageId, Principal},
    pbft::{Batch, Message},
    raft::Body,
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
                    <p class="hint">{ "Go to when it is under way, to open it and act on it." }</p>
                },
            } }
        </>
    }
}

/// What a message says, gathered before it becomes HTML: markup is made in one place.
#[derive(Default)]
struct Inside {
    facts: Vec<Html>,
    table: Option<(String, Vec<Html>)>,
}

/// How many rows of a table are shown.
const ROWS: usize = 20;

impl Inside {
    fn fact(mut self, of: &'static str, value: Html) -> Self {
        self.facts.push(html! { <><dt>{ of }</dt><dd>{ value }</dd></> });
        self
    }

    fn says(self, of: &'static str, value: &dyn Display) -> Self {
        self.fact(of, Html::from(value.to_string()))
    }

    fn digest(self, of: &'static str, digest: &dyn Display) -> Self {
        self.fact(of, html! { <code class="long">{ digest.to_string() }</code> })
    }

    fn operation(self, operation: &[u8]) -> Self {
        self.says("Operation", &operation_words(operation))
    }

    fn result(self, result: &[u8]) -> Self {
        let outcome = Outcome::decode(result);
        self.says("Result", &outcome.map_or_else(|| "(not an outcome)".into(), |o| o.to_string()))
    }

    fn signed(self, by: Principal, signature: &Signature) -> Self {
        let bytes = signature.as_bytes();
        let text = Hex(&bytes[..bytes.len().min(6)]).to_string();
        let kind = match signature {
            Signature::Simulated(_) => "simulated",
            Signature::Ed25519(_) => "Ed25519",
        };
        let by = by.to_string();
        self.fact(
            "Signed by",
            html! { <>{ by }{ " " }<code title={kind}>{ text }{ "…" }</code></> },
        )
    }

    /// `rows`: of so many, as many as are shown.
    fn table(mut self, of: &str, count: usize, rows: impl Iterator<Item = [String; 2]>) -> Self {
        let row =
            |[first, second]: [String; 2]| html! { <tr><td>{ first }</td><td>{ second }</td></tr> };
        self.table = Some((format!("{of} ({count})"), rows.take(ROWS).map(row).collect()));
        self
    }

    fn batch(self, batch: &Batch) -> Self {
        let rows = batch.requests().iter().map(|request| {
            let id = request.body.id;
            let asked = format!("client {} #{}", id.client, id.timestamp);
            [asked, operation_words(&request.body.operation)]
        });
        self.table("Batch", batch.requests().len(), rows)
    }

    fn html(self) -> Html {
        let table = self.table.map(|(caption, rows)| {
            html! { <table><caption>{ caption }</caption><tbody>{ for rows }</tbody></table> }
        });
        html! {
            <>
                if !self.facts.is_empty() { <dl class="facts">{ for self.facts }</dl> }
                { table.unwrap_or_default() }
            </>
        }
    }
}

fn operation_words(operation: &[u8]) -> String {
    Operation::decode(operation).map_or_else(|| "(not an operation)".to_owned(), |o| o.to_string())
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

fn inside(message: &Message) -> Html {
    let it = Inside::default();
    let it = match message {
        Message::Request(m) => it.operation(&m.body.operation).signed(m.by, &m.signature),
        Message::PrePrepare(m, content) => {
            it.digest("Digest", &m.body.digest).signed(m.by, &m.signature).batch(content)
        }
        Message::Prepare(m) => it.digest("Digest", &m.body.digest).signed(m.by, &m.signature),
        Message::Commit(m) => it.digest("Digest", &m.body.digest).signed(m.by, &m.signature),
        Message::Reply(m) => it.result(&m.body.result).signed(m.by, &m.signature),
        Message::Read(m) => it.operation(&m.body.operation).signed(m.by, &m.signature),
        Message::ReadReply(m) => it.result(&m.body.result).signed(m.by, &m.signature),
        Message::Checkpoint(m) => it.digest("State", &m.body.digest).signed(m.by, &m.signature),
        Message::ViewChange(m) => {
            let rows = m.body.prepared.iter().map(|certificate| {
                let p = certificate.pre_prepare.body;
                let by = signers(certificate.prepares.iter().map(|vote| vote.by));
                let primary = certificate.pre_prepare.by;
                let digest = p.digest.short();
                [p.seq.to_string(), format!("{digest}: primary {primary}, prepares of {by}")]
            });
            it.says("Wants view", &m.body.view)
                .says("Stable", &m.body.stable)
                .signed(m.by, &m.signature)
                .table("Prepared certificates", m.body.prepared.len(), rows)
        }
        Message::NewView(m) => {
            let changes = signers(m.body.view_changes.iter().map(|change| change.by));
            let again = &m.body.pre_prepares;
            let rows =
                again.iter().map(|p| [p.body.seq.to_string(), p.body.digest.short().to_string()]);
            it.says("View", &m.body.view)
                .says("Quorum", &format!("view changes of {changes}"))
                .signed(m.by, &m.signature)
                .table("Proposed again", again.len(), rows)
        }
        Message::Status(m) => it
            .says("View", &format!("{}{}", m.view, if m.active { "" } else { ", changing" }))
            .says("Stable", &m.stable)
            .says("Executed", &m.executed),
        Message::Pace(m) => it
            .says("Turnaround", &format!("{} ms", m.turnaround_us / 1_000))
            .says("Round", &format!("{} ms", m.round_us / 1_000))
            .says("Too slow", &if m.too_slow { "yes" } else { "no" }),
        Message::RecoveryRequest(m) => it.says("Life", &m.life),
        Message::FetchBatch(digest) => it.digest("Digest", digest),
        Message::Batch(content) => it.batch(content),
        Message::Decided(m) => it
            .says("Commits of", &signers(m.commits.iter().map(|vote| vote.by)))
            .signed(m.pre_prepare.by, &m.pre_prepare.signature)
            .batch(&m.batch),
        Message::Stable(m) => it.says("After", &m.seq()).digest("State", &m.digest()),
        Message::FetchState(m) => it.says("After", &m.seq).says("Parts", &m.nodes.len()),
        Message::State(m) => {
            let answer = &m.body;
            let bytes: usize = answer.nodes.iter().map(|node| node.bytes.len()).sum();
            it.says("After", &answer.seq)
                .says("Parts", &answer.nodes.len())
                .says("Bytes", &bytes)
                .signed(m.by, &m.signature)
        }
        Message::EpochEnds(ends) => ends.iter().fold(it, |it, end| {
            it.says("Members", &signers(end.next.members.nodes().map(Principal::Node)))
        }),
        Message::FetchEpochEnds(m) => it.signed(m.by, &m.signature),
        Message::Raft(m) => {
            let it = it.says("Term", &m.term);
            match &m.body {
                Body::Append(append) => {
                    let first = append.prev.seq.0 + 1;
                    let rows = (first..).zip(&append.entries).map(|(seq, entry)| {
                        let requests = entry.payload.as_ref().map_or(0, |it| it.requests().len());
                        [seq.to_string(), format!("term {}, {requests} requests", entry.term)]
                    });
                    it.says("After", &append.prev.seq).says("Committed", &append.commit).table(
                        "Entries",
                        append.entries.len(),
                        rows,
                    )
                }
                Body::Snapshot { at, digest, .. } => {
                    it.says("Begins after", &at.seq).digest("State", digest)
                }
                Body::AppendReply { commit, .. } => it.says("Committed", commit),
                Body::PreVoteReply { granted, .. } | Body::VoteReply { granted } => {
                    it.says("Vote", &if *granted { "yes" } else { "no" })
                }
                Body::ReadAt { at, .. } => it.says("From", at),
                Body::PreVote { last, .. } | Body::Vote { last, .. } => {
                    it.says("Log ends at", &last.seq)
                }
                Body::TimeoutNow | Body::Read { .. } => it,
            }
        }
        Message::Evidence(m) => it.says("Accuses", &m.accused()),
        Message::Busy(m) => {
            it.says("Why", &m.why).says("Come back after", &format!("{} ms", m.retry_after_ms))
        }
    };
    it.html()
}

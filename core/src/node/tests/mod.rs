//! A node finds, tells, keeps and shows again what convicts; what proves nothing costs who said it.

mod accounts;
mod export;
mod proofs;
mod speaking;
mod suspects;
#[cfg(feature = "guards")]
mod testimony;

use alloc::{sync::Arc, vec::Vec};

use super::Node;
use crate::{
    app::KeyValue,
    crypto::{Digest, Refusal, Signed, Simulated, verify},
    detector::evidence::Evidence,
    event::EventKind,
    ids::{Epoch, NodeId, Principal, Seq, View},
    pbft::{
        Checkpoint, CheckpointCertificate, Config, EpochEnd, Message, Prepare, Record, Roster,
        Status,
    },
    protocol::{Effect, Input, Protocol, To},
    quorum::Membership,
    time::Time,
};

fn keys(id: u16) -> Arc<Simulated> {
    Arc::new(Simulated::new(Principal::Node(NodeId(id)), 7))
}

fn four() -> Membership {
    Membership::new(4).unwrap()
}

fn prepare(by: u16, seq: u64, of: &str) -> Signed<Prepare> {
    let digest = Digest::of_bytes(of.as_bytes());
    Signed::new(Prepare { epoch: Epoch(0), view: View(0), seq: Seq(seq), digest }, &*keys(by))
}

/// Two prepares of one backup for one place.
fn against(by: u16) -> Evidence {
    Evidence::Prepares(prepare(by, 3, "one"), prepare(by, 3, "other"))
}

fn status(proven: u32) -> Message {
    let (epoch, view, zero) = (Epoch(0), View(0), Seq(0));
    Message::Status(Status { epoch, view, active: true, stable: zero, executed: zero, proven })
}

/// An end of the first epoch with this state, as these signed it. The members stay.
fn end(state: &str, by: &[u16]) -> Arc<EpochEnd> {
    let members = four().successor(Seq(100), four().set()).unwrap();
    let next = Roster { members, added: Vec::new() };
    let (seq, digest) = (Seq(100), Digest::of_bytes(state.as_bytes()));
    let body = Checkpoint { epoch: Epoch(0), seq, digest, successor: Some(next.digest()) };
    let checkpoints = by.iter().map(|by| Signed::new(body, &*keys(*by))).collect();
    Arc::new(EpochEnd { certificate: CheckpointCertificate { checkpoints }, next })
}

/// Node 0 of four, at some time, with what it wrote and said.
struct One {
    node: Node<KeyValue>,
    now: Time,
    records: Vec<Record>,
}

impl One {
    fn new() -> Self {
        let (id, config) = (NodeId(0), Config::default());
        let node = Node::new(id, four(), config, keys(0), KeyValue::default()).unwrap();
        Self { node, now: Time::from_millis(1), records: Vec::new() }
    }

    fn restarted(&self) -> Self {
        let (id, config, records) = (NodeId(0), Config::default(), self.records.clone());
        let node = Node::restore(id, four(), config, keys(0), KeyValue::default(), records);
        Self { node: node.unwrap(), now: self.now, records: self.records.clone() }
    }

    /// What comes of an input when the disk is quick.
    fn input(&mut self, input: Input) -> Vec<Effect> {
        self.node.handle(self.now, input);
        let mut effects = Vec::new();
        while let Some(effect) = self.node.poll_effect() {
            if let Effect::Persist(number, record) = &effect {
                self.records.push((**record).clone());
                self.node.handle(self.now, Input::Durable(*number));
            }
            effects.push(effect);
        }
        effects
    }

    /// As a host does it: checked, and then the one or the other.
    fn hear(&mut self, from: u16, message: Message) -> Vec<Effect> {
        let from = NodeId(from);
        match verify(message.clone(), four(), &*keys(0)) {
            Ok(message) => self.input(Input::Message { from, message }),
            Err(why) => self.input(Input::Refused { from, message: message.into(), why }),
        }
    }

    fn score(&self, of: u16) -> u8 {
        self.node.suspicion().score(self.now, NodeId(of)).whole()
    }
}

/// Whom the effects convict, and by whom that was shown.
fn convictions(effects: &[Effect]) -> Vec<(u16, Option<NodeId>)> {
    let convicted = |effect: &Effect| match effect {
        Effect::Event(EventKind::Convicted { offender, shown_by, .. }) => {
            Some((offender.0, *shown_by))
        }
        _ => None,
    };
    effects.iter().filter_map(convicted).collect()
}

/// To whom evidence was sent.
fn shown(effects: &[Effect]) -> Vec<(To, Principal)> {
    let sent = |effect: &Effect| match effect {
        Effect::Send { to, message: Message::Evidence(evidence) } => {
            Some((*to, evidence.accused()))
        }
        _ => None,
    };
    effects.iter().filter_map(sent).collect()
}

//! Byzantine nodes: real replicas whose outputs pass through strategies.
//!
//! A liar signs with its own key only. What it wants to say comes from a correct replica that runs
//! inside it; what it does say is decided here, message by message and receiver by receiver. All
//! liars of a run share one mind, so that one supports the lie of another.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::time::Duration;

use super::action::Strategy;
use crate::{
    crypto::{Authenticator, Digest, Signed},
    event::Tampering,
    ids::{NodeId, Principal, Seq, View},
    pbft::{Batch, Commit, Message, MessageKind, PrePrepare, Prepare},
    quorum::Membership,
};

/// What one primary told one side, and what it told the other.
#[derive(Clone, Debug)]
struct Lie {
    truth: Digest,
    told: Digest,
    batch: Arc<Batch>,
}

/// How many lies are remembered: more than any log holds at a time.
const REMEMBERED: usize = 8_192;

/// What the liars of a run know together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mind {
    lies: BTreeMap<(View, Seq), Lie>,
    /// The last batch that one of them proposed: the stuff of the next lie.
    last: Option<Arc<Batch>>,
}

/// A message as it leaves a Byzantine node.
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) delay: Duration,
}

/// What came of one message to one receiver.
pub(crate) struct Passed {
    /// `None`: withheld.
    pub(crate) outgoing: Option<Outgoing>,
    /// What was done to it, if anything.
    pub(crate) tampering: Option<Tampering>,
}

/// The upper half of the others: who is told the lie when a scenario doesn't say.
fn default_victims(members: Membership, liar: NodeId) -> Vec<NodeId> {
    let others: Vec<_> = members.others(liar).collect();
    others[others.len() - others.len() / 2..].to_vec()
}

fn concerns(kinds: &[MessageKind], nodes: &[NodeId], kind: MessageKind, to: Principal) -> bool {
    let to_one_of_them = match to {
        Principal::Node(node) => nodes.contains(&node),
        Principal::Client(_) => false,
    };
    (kinds.is_empty() || kinds.contains(&kind)) && (nodes.is_empty() || to_one_of_them)
}

impl Mind {
    /// Passes one message of one liar through its strategies.
    pub(crate) fn pass(
        &mut self,
        members: Membership,
        keys: &dyn Authenticator,
        liar: NodeId,
        strategies: &[Strategy],
        to: Principal,
        message: Message,
    ) -> Passed {
        let kind = message.kind();
        let mut outgoing = Outgoing { message, delay: Duration::ZERO };
        let mut tampering = None;
        for strategy in strategies {
            match strategy {
                Strategy::Silent { kinds, to: only } => {
                    if concerns(kinds, only, kind, to) {
                        return Passed { outgoing: None, tampering: Some(Tampering::Withheld) };
                    }
                }
                Strategy::Delay { by_ms, kinds, to: only } => {
                    if concerns(kinds, only, kind, to) {
                        outgoing.delay += Duration::from_millis(u64::from(*by_ms));
                        let by_us = outgoing.delay.as_micros() as u64;
                        tampering = tampering.or(Some(Tampering::Delayed { by_us }));
                    }
                }
                Strategy::Equivocate { victims } => {
                    let Principal::Node(node) = to else { continue };
                    let deceived = if victims.is_empty() {
                        default_victims(members, liar).contains(&node)
                    } else {
                        victims.contains(&node)
                    };
                    if let Some((message, told)) = self.lie(keys, deceived, &outgoing.message) {
                        outgoing.message = message;
                        tampering = Some(Tampering::Equivocated { told });
                    }
                }
            }
        }
        Passed { outgoing: Some(outgoing), tampering }
    }

    /// The other story, if there is one and this receiver is to hear it.
    fn lie(
        &mut self,
        keys: &dyn Authenticator,
        deceived: bool,
        message: &Message,
    ) -> Option<(Message, Digest)> {
        match message {
            Message::PrePrepare(header, batch) => {
                let PrePrepare { view, seq, digest } = header.body;
                let lie = self.invent(view, seq, digest, batch)?;
                if !deceived {
                    return None;
                }
                let body = PrePrepare { view, seq, digest: lie.told };
                let header = Signed::new(body, keys);
                Some((Message::PrePrepare(header.into(), lie.batch), lie.told))
            }
            Message::Prepare(vote) if deceived => {
                let Prepare { view, seq, digest } = vote.body;
                let told = self.told(view, seq, digest)?;
                let body = Prepare { view, seq, digest: told };
                Some((Message::Prepare(Signed::new(body, keys).into()), told))
            }
            Message::Commit(vote) if deceived => {
                let Commit { view, seq, digest } = vote.body;
                let told = self.told(view, seq, digest)?;
                let body = Commit { view, seq, digest: told };
                Some((Message::Commit(Signed::new(body, keys).into()), told))
            }
            _ => None,
        }
    }

    fn told(&self, view: View, seq: Seq, truth: Digest) -> Option<Digest> {
        self.lies.get(&(view, seq)).filter(|lie| lie.truth == truth).map(|lie| lie.told)
    }

    /// The lie for a position: the same requests in another order, or an older batch again, or
    /// nothing at all. Its content is valid by itself, so no receiver can tell from it alone.
    fn invent(&mut self, view: View, seq: Seq, truth: Digest, batch: &Arc<Batch>) -> Option<Lie> {
        if let Some(lie) = self.lies.get(&(view, seq)) {
            return Some(lie.clone());
        }
        let last = self.last.replace(batch.clone());
        let other = if batch.requests.len() > 1 {
            let mut requests = batch.requests.clone();
            requests.reverse();
            Arc::new(Batch { requests })
        } else if batch.is_null() {
            last?
        } else {
            Arc::new(Batch::default())
        };
        let lie = Lie { truth, told: other.digest(), batch: other };
        if lie.told == truth {
            return None;
        }
        self.lies.insert((view, seq), lie.clone());
        if self.lies.len() > REMEMBERED {
            self.lies.pop_first();
        }
        Some(lie)
    }
}

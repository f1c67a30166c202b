//! Byzantine nodes: real replicas whose outputs pass through strategies.
//!
//! A liar signs with its own key only. What it wants to say comes from a correct replica that runs
//! inside it; what it does say is decided here, message by message and receiver by receiver. All
//! liars of a run share one mind, so that one supports the lie of another.
//!
//! ```text
//! replica ─▶ message, receiver ─▶ strategy ─▶ strategy ─▶ … ─▶ none, one or several messages
//!                                     └── one `Tampering` for each that did something ──▶ events
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `strategy` | their names, parameters and bounds |
//! | `withhold` | when a message leaves, if at all: silent, delay, reorder, selective, slow |
//! | `equivocate` | two stories, properly signed |
//! | `falsify` | one false story: digest, place, reply, state |
//! | `forge` | certificates that don't hold |
//! | `change` | view changes that hide, and new views that don't follow |
//! | `accuse` | what isn't so of a primary's pace |
//! | `slander` | what isn't so of others, in the log |
//! | `client` | what Byzantine clients do with their requests |
//! | `repeat` | more than was asked for: replay, flood |

mod accuse;
mod change;
mod client;
mod equivocate;
mod falsify;
mod forge;
mod repeat;
mod slander;
mod strategy;
mod withhold;

pub use client::Mischief;
pub use strategy::{
    Forgery, MAX_CLAIM_MS, MAX_FLOOD_PER_SECOND, MAX_HELD_BACK_MS, MAX_STRATEGIES, Strategy,
};

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    crypto::{Authenticator, Digest},
    event::Tampering,
    ids::{NodeId, Principal},
    pbft::{Config, Message, MessageKind},
    quorum::Membership,
    sorted::SortedSet,
    time::Time,
};

/// What the liars of a run know together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mind {
    /// Who lies now. They don't deceive each other.
    liars: SortedSet<NodeId>,
    stories: equivocate::Stories,
    memory: repeat::Memory,
    accused: accuse::Accused,
    slandered: slander::Slandered,
    /// How many messages passed: what varies from one to the next is taken from it.
    passed: u64,
}

/// A Byzantine node at the moment at which it says something.
pub(crate) struct Liar<'a> {
    pub(crate) now: Time,
    pub(crate) id: NodeId,
    pub(crate) members: Membership,
    pub(crate) config: &'a Config,
    /// Its own key, and no other.
    pub(crate) keys: &'a dyn Authenticator,
    pub(crate) strategies: &'a [Strategy],
}

/// A message as it leaves a Byzantine node.
pub(crate) struct Outgoing {
    pub(crate) message: Message,
    pub(crate) delay: Duration,
}

/// What came of one message to one receiver.
#[derive(Default)]
pub(crate) struct Passed {
    /// Nothing: it was withheld.
    pub(crate) outgoing: Vec<Outgoing>,
    /// What was done, in order, and by which strategy.
    pub(crate) tamperings: Vec<(&'static str, Tampering)>,
}

/// A message on its way through the strategies.
struct Passing {
    /// What the replica wanted to say; strategies may have changed it since.
    kind: MessageKind,
    to: Principal,
    message: Message,
    delay: Duration,
    withheld: bool,
    /// What is sent besides.
    more: Vec<Message>,
}

impl Passing {
    /// Whether a strategy with these restrictions means this message.
    fn concerns(&self, kinds: &[MessageKind], nodes: &[NodeId]) -> bool {
        let to_one_of_them = match self.to {
            Principal::Node(node) => nodes.contains(&node),
            Principal::Client(_) => false,
        };
        (kinds.is_empty() || kinds.contains(&self.kind)) && (nodes.is_empty() || to_one_of_them)
    }
}

/// A digest that isn't this one. Every liar comes to the same, so that their votes agree.
fn other(truth: Digest) -> Digest {
    Digest::of(&truth)
}

impl Mind {
    /// A node joins the liars.
    pub(crate) fn join(&mut self, liar: NodeId) {
        self.liars.insert(liar);
    }

    /// A node lies no more.
    pub(crate) fn leave(&mut self, liar: NodeId) {
        self.liars.remove(&liar);
    }

    /// Whether this receiver is to hear the other story: it is named, or, if nobody is, in the
    /// upper half of those who don't belong to the liars.
    fn deceives(&self, liar: &Liar<'_>, victims: &[NodeId], to: Principal) -> bool {
        let Principal::Node(node) = to else { return false };
        if !victims.is_empty() {
            return victims.contains(&node);
        }
        let honest = liar.members.nodes().filter(|node| !self.liars.contains(node));
        let honest: Vec<_> = honest.collect();
        honest[honest.len() - honest.len() / 2..].contains(&node)
    }

    /// Passes one message of one liar through its strategies.
    pub(crate) fn pass(&mut self, liar: &Liar<'_>, to: Principal, message: Message) -> Passed {
        self.passed += 1;
        let mut passing = Passing {
            kind: message.kind(),
            to,
            message,
            delay: Duration::ZERO,
            withheld: false,
            more: Vec::new(),
        };
        let mut passed = Passed::default();
        for strategy in liar.strategies {
            let tampering = self.apply(liar, strategy, &mut passing);
            passed.tamperings.extend(tampering.map(|it| (strategy.name(), it)));
        }
        let Passing { message, delay, withheld, more, .. } = passing;
        if !withheld {
            passed.outgoing.push(Outgoing { message, delay });
        }
        let more = more.into_iter().map(|message| Outgoing { message, delay: Duration::ZERO });
        passed.outgoing.extend(more);
        passed
    }

    /// A liar heard something: stuff for replays.
    pub(crate) fn hear(&mut self, liar: NodeId, strategies: &[Strategy], message: &Message) {
        if strategies.iter().any(|strategy| matches!(strategy, Strategy::Replay { .. })) {
            self.memory.remember(liar, message);
        }
    }

    /// One strategy on one message; `None`: it left it as it was.
    fn apply(
        &mut self,
        liar: &Liar<'_>,
        strategy: &Strategy,
        it: &mut Passing,
    ) -> Option<Tampering> {
        // What is sent besides doesn't depend on what becomes of the message itself.
        match strategy {
            Strategy::Replay { every } => return self.replay(liar, *every, it),
            Strategy::Flood { per_second, to } => return self.flood(liar, *per_second, to, it),
            Strategy::FalseAccusation { claim_ms, every_ms, to } => {
                return self.accuse(liar, *claim_ms, *every_ms, to, it);
            }
            Strategy::Slander { against, every_ms, proof } => {
                return self.slander(liar, against, *every_ms, *proof, it);
            }
            _ if it.withheld => return None,
            _ => {}
        }
        match strategy {
            Strategy::Equivocate { victims, kinds } => {
                let deceived = self.deceives(liar, victims, it.to);
                self.equivocate(liar, deceived, kinds, it)
            }
            Strategy::TwoFacedViewChange { victims } => {
                let deceived = self.deceives(liar, victims, it.to);
                self.equivocate(liar, deceived, &[MessageKind::ViewChange], it)
            }
            Strategy::Reorder { by_ms, kinds } => {
                it.concerns(kinds, &[]).then(|| it.reorder(*by_ms, self.passed))
            }
            Strategy::WrongDigest { kinds, to } if it.concerns(kinds, to) => {
                it.wrong_digest(liar.keys)
            }
            Strategy::WrongPlace { view_by, seq_by, kinds, to } if it.concerns(kinds, to) => {
                it.wrong_place(liar.keys, *view_by, *seq_by)
            }
            Strategy::Forge { how, kinds } if it.concerns(kinds, &[]) => it.forge(liar.keys, *how),
            Strategy::HidePrepared { to } if it.concerns(&[], to) => it.hide_prepared(liar.keys),
            Strategy::FalseNewView { to } if it.concerns(&[], to) => it.false_new_view(liar.keys),
            Strategy::FalseReply {} => it.false_reply(liar.keys),
            Strategy::FalseState { kinds, to } if it.concerns(kinds, to) => {
                it.false_state(liar.keys)
            }
            other => it.withhold(liar.config, other),
        }
    }
}

//! A liar outside the simulator: a real node whose messages pass through the simulator's strategies.
//! Hosts offer it in development builds only.

use alloc::{string::String, vec, vec::Vec};

use super::adversary::{Liar, Mind, Strategy};
use crate::{
    app::Application,
    ids::{NodeId, Principal},
    pbft::{Message, Replica},
    time::Time,
};

/// What makes a node lie. It says at once what a strategy would hold back.
#[derive(Debug)]
pub struct Tongue {
    mind: Mind,
    strategies: Vec<Strategy>,
}

impl Tongue {
    /// Of a node that tells these others another story than the rest; nobody: half of them.
    pub fn two_faced(own: NodeId, victims: Vec<NodeId>) -> Result<Self, String> {
        let strategy = Strategy::Equivocate { victims, kinds: Vec::new() };
        strategy.validate()?;
        let mut mind = Mind::default();
        mind.join(own);
        Ok(Self { mind, strategies: vec![strategy] })
    }

    /// Of a node that keeps to the protocol among nodes, and answers clients with a result that nothing
    /// gave.
    pub fn of_false_replies(own: NodeId) -> Self {
        let mut mind = Mind::default();
        mind.join(own);
        Self { mind, strategies: vec![Strategy::FalseReply {}] }
    }

    /// What it says to one receiver instead of a message of its replica, and in how many ways that
    /// differs.
    pub fn pass<A: Application>(
        &mut self,
        now: Time,
        replica: &Replica<A>,
        to: Principal,
        message: Message,
    ) -> (Vec<Message>, usize) {
        let liar = Liar {
            now,
            id: replica.id(),
            members: replica.members(),
            config: replica.config(),
            keys: &**replica.authenticator(),
            strategies: &self.strategies,
        };
        let passed = self.mind.pass(&liar, to, message);
        let said = passed.outgoing.into_iter().map(|it| it.message).collect();
        (said, passed.tamperings.len())
    }
}

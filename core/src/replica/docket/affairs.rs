//! Docket and register together: what a request of a member or of the administrator makes of both.
//! The same for a replica, and for whoever checks what replicas do.

use alloc::vec::Vec;

use super::{
    machine::{Docket, Place},
    said::{Override, Said},
};
use crate::{
    analyzer::Recommendation,
    crypto::Authenticator,
    detector::quarantine::{Claim, Entry},
    ids::{NodeId, Principal, Seq},
    pbft::Config,
    replica::{Register, Terms},
    time::WallTime,
};

/// The common affairs, at a position of the log.
pub(crate) struct Affairs<'a> {
    pub(crate) register: &'a mut Register,
    pub(crate) docket: &'a mut Docket,
    pub(crate) config: &'a Config,
    /// Knows the keys of all who ever were members.
    pub(crate) keys: &'a dyn Authenticator,
    pub(crate) at: Seq,
    pub(crate) time: WallTime,
}

/// What was decided.
#[derive(Debug, Default)]
pub(crate) struct Minutes {
    pub(crate) decided: Vec<Entry>,
    /// What should be run, if that is another than before, or for another reason.
    pub(crate) threat: Option<Recommendation>,
    /// The log is to be filled up.
    pub(crate) fill: bool,
}

impl<'a> Affairs<'a> {
    fn place(&self) -> Place<'a> {
        let (seq, time, config) = (self.at, self.time, self.config);
        Place { seq, time, members: self.register.members(), config }
    }

    /// A member's request, with its number.
    pub(crate) fn hear(&mut self, by: NodeId, number: u64, operation: &[u8]) -> Minutes {
        match Said::decode(operation) {
            Some(said) if self.register.members().contains(by) => {
                self.docket.hear(self.place(), by, number, said, self.keys)
            }
            _ => Minutes::default(),
        }
    }

    /// The administrator's request, and the reply's result.
    pub(crate) fn administer(&mut self, number: u64, operation: &[u8]) -> (Vec<u8>, Minutes) {
        if let Some(Override { node, order }) = Override::decode(operation) {
            let claim = Claim::Order { node, order };
            let by = Principal::ADMINISTRATOR;
            let (outcome, minutes) = self.docket.state(self.place(), by, number, claim);
            return (Override::encode_outcome(outcome), minutes);
        }
        let founders = self.register.founders().iter();
        let founders_keys: Vec<_> =
            founders.filter_map(|node| self.keys.key(Principal::Node(node))).collect();
        let terms = Terms { founders_keys: &founders_keys, ..self.terms() };
        let outcome = self.register.execute(self.at, &terms, operation);
        (outcome.encode(), Minutes::default())
    }

    /// After a batch: time has passed, and the register follows what was decided.
    pub(crate) fn conclude(&mut self) -> Minutes {
        if self.docket.is_empty() {
            return Minutes::default();
        }
        let minutes = self.docket.advance(self.place());
        self.register.follow_docket(self.at, &self.terms());
        minutes
    }

    /// The checkpoint at the epoch's end is stable: the next begins.
    pub(crate) fn turn(&mut self) -> Minutes {
        let place = self.place();
        self.register.turn();
        let next = self.register.members();
        self.docket.turn(place, next)
    }

    fn terms(&self) -> Terms<'static> {
        Terms {
            checkpoint_interval: self.config.checkpoint_interval,
            deployment: self.config.deployment,
            convicted: self.docket.convicted().len(),
            suspected: self.docket.suspected().len(),
            restrained: self.docket.restrained(),
            leave_raft_on_proof: self.config.leave_raft_on_proof,
            founders_keys: &[],
        }
    }
}

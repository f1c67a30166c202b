//! Where the node stands, written by the driver after every step and read by anybody.

use std::sync::{Arc, Mutex, PoisonError};

use conclave_core::{
    analyzer::{Level, Protocol},
    detector::{evidence::Offence, suspicion::Standing},
    ids::{Epoch, NodeId, Seq, View},
    node::{Export, Proofs},
    quorum::Membership,
    time::Time,
};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DocketView;

/// Where a replica stands, in one JSON object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its number.
    pub id: NodeId,
    /// The epoch that it is in.
    pub epoch: Epoch,
    /// What orders it.
    pub protocol: Protocol,
    /// Who is a member in it.
    pub members: Vec<NodeId>,
    /// How many members there are.
    pub nodes: u16,
    /// Whether it votes for nothing yet (or any more): it is no member, or still fetches the state
    /// that the epoch began with.
    pub following: bool,
    /// The view it is in, or wants.
    pub view: View,
    /// Whether it takes part in that view.
    pub active: bool,
    /// Whether it lost memory and doesn't vote until it has recovered.
    #[serde(default)]
    pub recovering: bool,
    /// The primary of that view.
    pub primary: NodeId,
    /// The last position executed.
    pub executed: Seq,
    /// The last stable checkpoint.
    pub low_water_mark: Seq,
    /// No proposal above it is accepted.
    pub high_water_mark: Seq,
    /// Positions between the water marks that have a proposal.
    pub slots: usize,
    /// Clients whose requests it waits to see executed.
    pub pending: usize,
    /// What is proven of whom, by evidence that it holds.
    #[serde(default)]
    pub convicted: Vec<Offence>,
    /// Whom it has anything against without proof: the score, whether that is enough to accuse, and
    /// why.
    #[serde(default)]
    pub suspected: Vec<Standing>,
    /// Who is in quarantine by what all agree on: see `/docket`.
    #[serde(default)]
    pub restrained: Vec<NodeId>,
    /// How bad it is by that.
    #[serde(default)]
    pub threat: Level,
    /// Whether it is so bad that nothing is written any more.
    #[serde(default)]
    pub safe_mode: bool,
    /// The other nodes that it reaches right now.
    pub connected: Vec<NodeId>,
    /// Client connections.
    pub clients: usize,
    /// When the node started, in microseconds since 1970.
    pub started_at: Time,
    /// The time of this answer, likewise: the clock of all its events.
    pub now: Time,
    /// The version of the core.
    pub core: String,
    /// Whether it would remember after a crash.
    pub durable: bool,
}

/// Why a node can't serve yet, or right now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotReady {
    /// Too few nodes reach each other for anything to be decided.
    #[error("it reaches {reached} nodes (itself included), a quorum is {quorum}")]
    NoQuorum {
        /// Reached, itself included.
        reached: usize,
        /// Needed.
        quorum: usize,
    },
    /// It gave up on a primary, and the next view hasn't started.
    #[error("it is changing to view {0}")]
    ChangingView(View),
    /// It stands by, or was removed.
    #[error("it is no member of the cluster (epoch {0}); `conclave member add` makes it one")]
    NoMember(Epoch),
    /// It joined, and has nothing to vote on yet.
    #[error("it is fetching the state that epoch {0} began with")]
    Following(Epoch),
    /// It lost memory.
    #[error("its disk had lost something, and it doesn't vote until it has recovered")]
    Recovering,
}

impl Status {
    /// Whether it takes part in a view together with a quorum.
    pub fn ready(&self) -> Result<(), NotReady> {
        if !self.members.contains(&self.id) {
            return Err(NotReady::NoMember(self.epoch));
        }
        // A status is made from a checked configuration; one from elsewhere has no quorum.
        let members = Membership::new(self.nodes).ok().and_then(|it| it.under(self.protocol).ok());
        let quorum = members.map_or(usize::MAX, Membership::quorum);
        let reached = 1 + self.connected.iter().filter(|it| self.members.contains(it)).count();
        if reached < quorum {
            return Err(NotReady::NoQuorum { reached, quorum });
        }
        if self.recovering {
            return Err(NotReady::Recovering);
        }
        if self.following {
            return Err(NotReady::Following(self.epoch));
        }
        if self.active { Ok(()) } else { Err(NotReady::ChangingView(self.view)) }
    }
}

/// The latest [`Status`], and the evidence behind it.
pub struct StatusBoard {
    status: Mutex<Status>,
    evidence: Mutex<Arc<Export>>,
    docket: Mutex<Arc<DocketView>>,
}

impl StatusBoard {
    /// With a first one.
    pub fn new(status: Status) -> Self {
        Self { status: Mutex::new(status), evidence: Mutex::default(), docket: Mutex::default() }
    }

    /// A copy.
    pub fn read(&self) -> Status {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The evidence, to be judged by anybody.
    pub fn evidence(&self) -> Arc<Export> {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What all agree on about who lies.
    pub fn docket(&self) -> Arc<DocketView> {
        self.docket.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows this.
    pub(super) fn show_docket(&self, view: DocketView) {
        let restrained = view.members.iter().filter(|it| it.restrained).map(|it| it.node);
        let restrained = restrained.collect();
        let (threat, safe_mode) = (view.level, view.safe_mode);
        *self.docket.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);
        self.update(|status| {
            (status.restrained, status.threat, status.safe_mode) = (restrained, threat, safe_mode);
        });
    }

    /// Changes the status.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// How many proofs it shows.
    pub(super) fn proofs(&self) -> usize {
        self.evidence.lock().unwrap_or_else(PoisonError::into_inner).proofs.len()
    }

    /// Shows these.
    pub(super) fn show(&self, export: Export, proofs: &Proofs) {
        *self.evidence.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(export);
        self.update(|status| status.convicted = proofs.iter().map(|it| it.offence).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_active_and_connected_to_a_quorum() {
        let mut status = Status {
            id: NodeId(0),
            epoch: Epoch(1),
            protocol: Protocol::Pbft,
            members: [0, 1, 3, 4].map(NodeId).into(),
            nodes: 4,
            following: false,
            view: View(2),
            active: true,
            recovering: false,
            primary: NodeId(2),
            executed: Seq(0),
            low_water_mark: Seq(0),
            high_water_mark: Seq(200),
            slots: 0,
            pending: 0,
            convicted: Vec::new(),
            suspected: Vec::new(),
            restrained: Vec::new(),
            threat: Level::Low,
            safe_mode: false,
            connected: vec![NodeId(1), NodeId(2)],
            clients: 0,
            started_at: Time::ZERO,
            now: Time::ZERO,
            core: String::new(),
            durable: false,
        };
        assert_eq!(status.ready(), Err(NotReady::NoQuorum { reached: 2, quorum: 3 }));
        status.connected.push(NodeId(3));
        assert_eq!(status.ready(), Ok(()));
        status.following = true;
        assert_eq!(status.ready(), Err(NotReady::Following(Epoch(1))));
        status.following = false;
        let removed = Status { id: NodeId(2), ..status.clone() };
        assert_eq!(removed.ready(), Err(NotReady::NoMember(Epoch(1))));
        status.recovering = true;
        assert_eq!(status.ready(), Err(NotReady::Recovering));
        status.recovering = false;
        status.active = false;
        assert_eq!(status.ready(), Err(NotReady::ChangingView(View(2))));
    }
}

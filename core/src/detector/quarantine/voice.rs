//! What each accuser says, and what that weighs. In thirds of a voice, so that all is whole numbers.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    analyzer::Network, crypto::Digest, detector::suspicion::Kind, ids::NodeId, quorum::NodeSet,
    sorted::SortedMap, time::WallTime,
};

/// A voice that was never wrong, in thirds.
pub(super) const WHOLE: usize = 3;
/// A voice that made unfounded accusations: two thirds, the least with which all correct observers
/// together still make f+1 (see the room's map).
const WEAKENED: usize = 2;

/// An accusation of one member by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Accusation {
    /// Since when it waits for others, or was last shared.
    pub(super) since: WallTime,
    /// When it was last said.
    pub(super) said: WallTime,
    pub(super) score: u8,
    pub(super) reasons: Vec<Kind>,
    /// Whether its author stands by it. If not, it is kept until it is judged: who takes it back in
    /// time has still made it.
    pub(super) live: bool,
    pub(super) standing: Standing,
}

/// What came of an accusation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Standing {
    /// It waits for others.
    Pending,
    /// f+1 share it.
    Shared,
    /// Nobody did in time.
    Unfounded,
}

/// One accuser.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Voice {
    /// Of its last statement.
    pub(super) number: u64,
    pub(super) accusations: SortedMap<NodeId, Accusation>,
    /// Whom it accused without foundation, and until when that counts.
    pub(super) unfounded: SortedMap<NodeId, WallTime>,
    /// Until when it isn't heard because it brought a proof that proves nothing.
    pub(super) misled: Option<WallTime>,
    /// Whether it has been said that it isn't heard.
    pub(super) silenced: bool,
    /// What the network around it is like, as it says.
    pub(super) network: Network,
    /// Whom it says it has proof against.
    pub(super) vouched: NodeSet,
    /// Whom it proposes in whose place.
    pub(super) replacement: Option<Digest>,
}

impl Voice {
    /// More than f can't be faulty: who is wrong about more is wrong about a correct one. And nobody
    /// brings a false proof in error, for everybody can check one.
    pub(super) fn is_silenced(&self, f: u16) -> bool {
        self.misled.is_some() || self.unfounded.len() > usize::from(f)
    }

    /// In thirds.
    pub(super) fn weight(&self, f: u16) -> usize {
        match self.unfounded.len() {
            _ if self.is_silenced(f) => 0,
            0 => WHOLE,
            _ => WEAKENED,
        }
    }

    pub(super) fn live(&self, suspect: NodeId) -> Option<&Accusation> {
        self.accusations.get(&suspect).filter(|accusation| accusation.live)
    }

    /// Says it, or says it again.
    pub(super) fn accuse(&mut self, now: WallTime, suspect: NodeId, score: u8, reasons: Vec<Kind>) {
        let fresh = Accusation {
            since: now,
            said: now,
            score,
            reasons,
            live: true,
            standing: Standing::Pending,
        };
        if let Some(known) = self.accusations.get_mut(&suspect) {
            *known = Accusation { since: known.since, standing: known.standing, ..fresh };
        } else {
            self.accusations.insert(suspect, fresh);
        }
    }

    /// f+1 share the accusation: it was none without foundation.
    pub(super) fn share(&mut self, now: WallTime, suspect: NodeId) {
        if let Some(accusation) = self.accusations.get_mut(&suspect) {
            accusation.standing = Standing::Shared;
            accusation.since = now;
            self.unfounded.remove(&suspect);
        }
    }

    /// Nobody shares it any more: if its author still stands by it, it has to be shared anew.
    pub(super) fn unshare(&mut self, now: WallTime, suspect: NodeId) {
        let Some(it) = self.accusations.get_mut(&suspect) else { return };
        if it.standing != Standing::Shared {
            return;
        }
        if it.live {
            it.standing = Standing::Pending;
            it.since = now;
        } else {
            self.accusations.remove(&suspect);
        }
    }

    /// It is over, and counts for a while longer if it was unfounded.
    pub(super) fn end(&mut self, suspect: NodeId, counts_until: WallTime) {
        if let Some(accusation) = self.accusations.get_mut(&suspect) {
            accusation.live = false;
            match accusation.standing {
                Standing::Pending => return,
                Standing::Shared => {}
                Standing::Unfounded => {
                    self.unfounded.insert(suspect, counts_until);
                }
            }
            self.accusations.remove(&suspect);
        }
    }

    /// Unfounded accusations that are over are forgotten in time.
    pub(super) fn forget(&mut self, now: WallTime) {
        self.misled = self.misled.filter(|until| now < *until);
        let Self { accusations, unfounded, .. } = self;
        let stands = |suspect: &NodeId| accusations.get(suspect).is_some_and(|it| it.live);
        unfounded.retain(|suspect, until| stands(suspect) || now < *until);
    }
}

//! Whom to ask next: patience, blame, and the rate.

use alloc::vec::Vec;
use core::time::Duration;

use serde::Serialize;

use super::{MAX_PEERS_ASKED, REQUEST_COSTS_BYTES, SERVED_BYTES_AN_INTERVAL};
use crate::{
    ids::NodeId, pbft::MAX_STATE_ANSWER_BYTES, quorum::NodeSet, sorted::SortedMap, time::Time,
};

/// A receiver asks at half the rate that a sender grants: their intervals need not begin together,
/// so that one of the sender's may see two of the receiver's.
const ASKED_BYTES_AN_INTERVAL: usize = SERVED_BYTES_AN_INTERVAL / 2;

/// Who is in quarantine is asked once all others have failed so often: correct ones that are up don't.
const RESTRAINED_FAILURES: u32 = 8;

#[derive(Clone, Debug, Default, Serialize)]
struct Peer {
    /// How often it answered wrongly, or not in time.
    failures: u32,
    /// When its answer is due, if it was asked.
    due: Option<Time>,
    /// Whether that is for a state that is no longer wanted.
    overtaken: bool,
    /// Which of all asks was its last.
    last_asked: u64,
    /// Until when `asked_bytes` counts.
    interval_ends: Time,
    asked_bytes: usize,
}

impl Peer {
    fn has_room(&self, now: Time) -> bool {
        now >= self.interval_ends
            || self.asked_bytes + REQUEST_COSTS_BYTES + MAX_STATE_ANSWER_BYTES
                <= ASKED_BYTES_AN_INTERVAL
    }
}

/// The peers of one transfer.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Peers {
    peers: SortedMap<NodeId, Peer>,
    asks: u64,
}

impl Peers {
    /// Those who signed the checkpoint are asked first: they had it; and last whom the docket
    /// restrains.
    pub(crate) fn new(
        others: impl Iterator<Item = NodeId>,
        signers: &[NodeId],
        restrained: NodeSet,
    ) -> Self {
        let failures = |id| {
            let unsigned = u32::from(!signers.contains(&id));
            if restrained.contains(id) { RESTRAINED_FAILURES } else { unsigned }
        };
        let peer = |id| Peer { failures: failures(id), ..Peer::default() };
        Self { peers: others.map(|id| (id, peer(id))).collect(), asks: 0 }
    }

    /// Another state is wanted. Whoever was asked still owes its answer: if that were forgotten, a
    /// peer that never answers would never be found out by a replica that follows a busy cluster.
    pub(crate) fn overtake_asks(&mut self) {
        for peer in self.peers.values_mut() {
            peer.overtaken = peer.due.is_some();
        }
    }

    /// Whether a peer owes only what is no longer wanted.
    pub(crate) fn is_overtaken(&self, id: NodeId) -> bool {
        self.peers.get(&id).is_some_and(|peer| peer.due.is_some() && peer.overtaken)
    }

    /// The next to ask: of those who failed least, who was asked longest ago. Whoever answered
    /// wrongly or not at all is asked again only once everyone else did too.
    pub(crate) fn next(&self, now: Time) -> Option<NodeId> {
        let busy = |peer: &&Peer| peer.due.is_some() && !peer.overtaken;
        if self.peers.values().filter(busy).count() >= MAX_PEERS_ASKED {
            return None;
        }
        let least = self.peers.values().map(|peer| peer.failures).min()?;
        self.peers
            .iter()
            .filter(|(_, peer)| peer.failures == least && peer.due.is_none() && peer.has_room(now))
            .min_by_key(|(_, peer)| peer.last_asked)
            .map(|(id, _)| *id)
    }

    pub(crate) fn asked(&mut self, id: NodeId, now: Time, patience: Duration) {
        self.asks += 1;
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if now >= peer.interval_ends {
            peer.interval_ends = now + patience;
            peer.asked_bytes = 0;
        }
        peer.asked_bytes += REQUEST_COSTS_BYTES;
        peer.due = Some(now + patience);
        peer.overtaken = false;
        peer.last_asked = self.asks;
    }

    /// It answered with so many bytes of what it was asked for.
    pub(crate) fn answered(&mut self, id: NodeId, bytes: usize) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.due = None;
        peer.asked_bytes += bytes;
    }

    /// It has nothing of what it was asked for, or says so.
    pub(crate) fn failed(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.due = None;
        peer.failures = peer.failures.saturating_add(1);
    }

    /// Whose answer is overdue.
    pub(crate) fn overdue(&self, now: Time) -> Vec<NodeId> {
        let overdue = |peer: &Peer| peer.due.is_some_and(|due| due <= now);
        self.peers.iter().filter(|(_, peer)| overdue(peer)).map(|(id, _)| *id).collect()
    }

    /// When something changes by itself: an answer is overdue, or a peer may be asked again.
    pub(crate) fn deadline(&self, now: Time) -> Option<Time> {
        let due = self.peers.values().filter_map(|peer| peer.due);
        let room = self.peers.values().filter(|peer| !peer.has_room(now));
        due.chain(room.map(|peer| peer.interval_ends)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(100);

    fn peers(signers: &[u16]) -> Peers {
        let signers: Vec<_> = signers.iter().copied().map(NodeId).collect();
        Peers::new((1..4).map(NodeId), &signers, NodeSet::default())
    }

    #[test]
    fn who_is_in_quarantine_is_asked_when_nobody_else_answers() {
        let mut restrained = NodeSet::default();
        restrained.insert(NodeId(1));
        let mut peers = Peers::new((1..4).map(NodeId), &[NodeId(1), NodeId(2)], restrained);
        let mut asked = Vec::new();
        for _ in 0..20 {
            let id = peers.next(Time(0)).unwrap();
            peers.asked(id, Time(0), PATIENCE);
            peers.failed(id);
            asked.push(id.0);
        }
        let first = asked.iter().position(|id| *id == 1);
        assert!(first.is_some_and(|first| first >= 15), "{asked:?}");
    }

    #[test]
    fn who_signed_the_checkpoint_is_asked_first_and_in_turn() {
        let mut peers = peers(&[2, 3]);
        let mut asked = Vec::new();
        for _ in 0..4 {
            let id = peers.next(Time(0)).unwrap();
            peers.asked(id, Time(0), PATIENCE);
            peers.answered(id, 100);
            asked.push(id.0);
        }
        assert_eq!(asked, [2, 3, 2, 3]);
    }

    #[test]
    fn who_did_not_answer_is_asked_again_only_when_everyone_else_did_not_either() {
        let mut peers = peers(&[1, 2, 3]);
        peers.asked(NodeId(1), Time(0), PATIENCE);
        assert_eq!(peers.overdue(Time(99_999)), []);
        assert_eq!(peers.overdue(Time(100_000)), [NodeId(1)]);
        peers.failed(NodeId(1));
        for _ in 0..5 {
            let id = peers.next(Time(0)).unwrap();
            assert_ne!(id, NodeId(1));
            peers.asked(id, Time(0), PATIENCE);
            peers.answered(id, 100);
        }
        peers.failed(NodeId(2));
        peers.failed(NodeId(3));
        assert_eq!(peers.next(Time(0)), Some(NodeId(1)));
    }

    #[test]
    fn a_question_that_another_target_overtook_is_still_owed_an_answer() {
        let mut peers = peers(&[1, 2, 3]);
        peers.asked(NodeId(1), Time(0), PATIENCE);
        peers.asked(NodeId(2), Time(0), PATIENCE);
        peers.overtake_asks();
        assert_eq!(peers.next(Time(0)), Some(NodeId(3)), "who owes an answer is not asked again");
        peers.asked(NodeId(3), Time(0), PATIENCE);
        assert!(peers.is_overtaken(NodeId(2)) && !peers.is_overtaken(NodeId(3)));
        peers.answered(NodeId(2), 0);
        assert_eq!(peers.next(Time(0)), Some(NodeId(2)), "a late answer is no failure");
        assert_eq!(peers.overdue(Time(100_000)), [NodeId(1), NodeId(3)]);
        peers.failed(NodeId(1));
        peers.answered(NodeId(3), 0);
        assert_eq!(peers.next(Time(100_000)), Some(NodeId(2)));
        peers.asked(NodeId(2), Time(100_000), PATIENCE);
        assert_eq!(peers.next(Time(100_000)), Some(NodeId(3)), "1 is asked last");
    }

    #[test]
    fn a_peer_is_asked_for_no_more_than_half_of_what_it_grants() {
        let mut peers = peers(&[1]);
        let mut bytes = 0;
        while peers.next(Time(0)) == Some(NodeId(1)) {
            peers.asked(NodeId(1), Time(0), PATIENCE);
            peers.answered(NodeId(1), MAX_STATE_ANSWER_BYTES);
            bytes += MAX_STATE_ANSWER_BYTES + REQUEST_COSTS_BYTES;
        }
        assert!(bytes > SERVED_BYTES_AN_INTERVAL / 4 && bytes <= SERVED_BYTES_AN_INTERVAL / 2);
        assert_eq!(peers.deadline(Time(0)), Some(Time(100_000)));
        assert_eq!(peers.next(Time(100_000)), Some(NodeId(1)));
    }
}

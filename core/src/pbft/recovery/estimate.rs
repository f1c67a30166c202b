//! What the answers add up to: a position and a view that nothing forgotten is beyond.

use alloc::vec::Vec;

use serde::Serialize;

use super::super::messages::RecoveryAnswer;
use crate::{
    ids::{Epoch, NodeId, Seq, View},
    quorum::Membership,
    sorted::SortedMap,
};

/// The answers to this life's query, at most one a peer.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Estimate {
    /// The epoch in which they were given.
    epoch: Epoch,
    /// Of each peer the lowest view and position: every answer to this life's query is good, and
    /// the lowest holds the replica back the least.
    answers: SortedMap<NodeId, (View, Seq)>,
    /// Where it may vote again: fixed by the first quorum, so that it doesn't run away.
    position: Option<Seq>,
}

impl Estimate {
    /// Answers of another epoch say nothing of this one.
    pub(crate) fn begin(&mut self, epoch: Epoch) {
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }

    /// Takes an answer; its certificates were checked on the way in.
    pub(crate) fn add(&mut self, from: NodeId, answer: &RecoveryAnswer) {
        let said = (answer.view, answer.position());
        let known = self.answers.entry(from).or_insert(said);
        *known = (known.0.min(said.0), known.1.min(said.1));
    }

    /// The paper's `H_M = L + c_M`, up to the next checkpoint.
    pub(crate) fn settle(&mut self, members: Membership, window: u64, interval: u64) {
        if self.position.is_some() || self.answers.len() < members.quorum() {
            return;
        }
        let highest = self.answers.values().map(|(_, position)| position.0).max().unwrap_or(0);
        // Whatever it voted for in this epoch is above its start.
        let highest = highest.max(members.start().0);
        let bound = highest.saturating_add(window);
        self.position = Some(Seq(bound.div_ceil(interval).saturating_mul(interval)));
    }

    /// The position and the view; `None`: too few answers.
    pub(crate) fn bound(&self, members: Membership) -> Option<(Seq, View)> {
        if self.epoch != members.epoch() {
            return None;
        }
        let mut views: Vec<_> = self.answers.values().map(|(view, _)| *view).collect();
        views.sort_unstable();
        Some((self.position?, *views.get(members.quorum() - 1)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{Digest, Signed, Simulated},
        ids::Principal,
        pbft::{Checkpoint, CheckpointCertificate},
    };

    fn answer(view: u64) -> RecoveryAnswer {
        RecoveryAnswer { life: 1, epoch: Epoch(0), view: View(view), stable: None, prepared: None }
    }

    fn estimate(n: u16, views: &[u64]) -> Option<(Seq, View)> {
        let members = Membership::new(n).unwrap();
        let mut estimate = Estimate::default();
        for (node, view) in (0..).zip(views) {
            estimate.add(NodeId(node), &answer(*view));
            estimate.settle(members, 20, 8);
        }
        estimate.bound(members)
    }

    #[test]
    fn fewer_answers_than_a_quorum_bound_nothing() {
        assert_eq!(estimate(4, &[1, 1]), None);
        assert_eq!(estimate(7, &[1, 1, 1, 1]), None);
    }

    #[test]
    fn the_position_is_not_settled_before_a_quorum_has_answered() {
        let members = Membership::new(4).unwrap();
        let mut estimate = Estimate::default();
        for node in 0..2 {
            estimate.add(NodeId(node), &answer(0));
            estimate.settle(members, 20, 8);
        }
        // The only one that knows how far it had come answers last.
        let (epoch, seq, digest) = (Epoch(0), Seq(40), Digest::default());
        let body = Checkpoint { epoch, seq, digest, successor: None };
        let vote = Signed::new(body, &Simulated::new(Principal::Node(NodeId(2)), 7));
        let stable = Some(CheckpointCertificate { checkpoints: [vote].into() });
        estimate.add(NodeId(2), &RecoveryAnswer { stable, ..answer(0) });
        estimate.settle(members, 20, 8);
        assert_eq!(estimate.bound(members), Some((Seq(64), View(0))));
    }

    #[test]
    fn the_position_is_a_window_above_the_highest_and_a_checkpoint() {
        assert_eq!(estimate(4, &[0, 0, 0]), Some((Seq(24), View(0))));
    }

    #[test]
    fn the_view_is_one_that_a_quorum_of_answers_is_not_beyond() {
        let view = |n, views: &[u64]| estimate(n, views).unwrap().1;
        assert_eq!(view(4, &[3, 1, 2]), View(3));
        // n = 7: one liar beside the one that recovers. Absurdly high or low, it moves nothing.
        assert_eq!(view(7, &[2, 2, 3, 3, 3, u64::MAX]), View(3));
        assert_eq!(view(7, &[2, 2, 3, 3, 3, 0]), View(3));
    }

    #[test]
    fn a_second_answer_of_a_peer_replaces_its_first_only_downwards() {
        let members = Membership::new(4).unwrap();
        let mut estimate = Estimate::default();
        for (node, view) in [(0, 5), (1, 2), (2, 2), (0, 9), (0, 2)] {
            estimate.add(NodeId(node), &answer(view));
        }
        estimate.settle(members, 10, 5);
        assert_eq!(estimate.bound(members), Some((Seq(10), View(2))));
    }
}

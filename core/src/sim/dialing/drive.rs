//! What a cluster does with its nodes' connections.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    super::{
        cluster::{Cluster, Due},
        letter::Letter,
        scenario::Scenario,
    },
    config::Dialing,
    tie::{Attempt, Tie},
};
use crate::{
    config::BadConfig,
    event::LossCause,
    ids::{NodeId, Principal},
    resilience::{Outcome, chaos::Experiment},
    time::Time,
};

/// A node's way to each node there is, its own left unused; none where connections are always there.
pub(in super::super) fn ties(scenario: &Scenario, own: NodeId) -> Result<Vec<Tie>, BadConfig> {
    let Some(config) = &scenario.dialing else { return Ok(Vec::new()) };
    // Waits differ from way to way, or all would come back at once.
    let seed =
        |to: NodeId| scenario.seed.wrapping_add(u64::from(own.0) << 32 | u64::from(to.0) << 16);
    let mut ties = Vec::new();
    for to in scenario.nodes() {
        ties.push(Tie::new(config, seed(to))?);
    }
    Ok(ties)
}

impl Cluster {
    fn tie_mut(&mut self, from: Principal, to: Principal) -> Option<&mut Tie> {
        let (Principal::Node(from), Principal::Node(to)) = (from, to) else { return None };
        self.hosts[usize::from(from.0)].ties.get_mut(usize::from(to.0))
    }

    /// A message of one node to another is to leave. Whether it does: without a connection it is lost.
    pub(in super::super) fn is_tied(
        &mut self,
        from: Principal,
        to: Principal,
        letter: &Letter,
    ) -> bool {
        let tied = self.tie_mut(from, to).is_none_or(Tie::takes_a_message);
        if !tied {
            self.counts.unconnected += 1;
            self.lose_before(from, to, letter, LossCause::Down);
        }
        tied
    }

    /// A message left, and will arrive.
    pub(in super::super) fn got_through(&mut self, from: Principal, to: Principal) {
        if let Some(tie) = self.tie_mut(from, to) {
            tie.got_through();
        }
    }

    /// A message was stopped by a cut.
    pub(in super::super) fn did_not_get_through(&mut self, from: Principal, to: Principal) {
        let now = self.now;
        if self.tie_mut(from, to).is_some_and(|tie| tie.did_not_get_through(now)) {
            self.dial_again(from);
        }
    }

    /// A message found nobody: the connection ends at once.
    pub(in super::super) fn found_nobody(&mut self, from: Principal, to: Principal) {
        let now = self.now;
        if self.tie_mut(from, to).is_some_and(|tie| tie.broke(now)) {
            self.dial_again(from);
        }
    }

    /// A node starts again: nothing is left of the connections that it had, in either
    /// direction, nor of what it knew of its peers.
    pub(in super::super) fn lost_all_ties(&mut self, node: NodeId) {
        let scenario = self.scenario.clone();
        // It was valid at the beginning.
        self.hosts[usize::from(node.0)].ties = ties(&scenario, node).unwrap_or_default();
        for other in scenario.nodes().filter(|other| *other != node) {
            let (one, two) = (Principal::Node(node), Principal::Node(other));
            self.found_nobody(one, two);
            self.found_nobody(two, one);
        }
    }

    fn dial_again(&mut self, from: Principal) {
        if let Principal::Node(from) = from {
            let at = self.now;
            self.push(at, Due::Ties(u64::from(from.0)));
        }
    }

    /// It is time for a node to go on with its connections.
    pub(in super::super) fn look_at_ties(&mut self, node: NodeId) {
        let now = self.now;
        let mut ties = core::mem::take(&mut self.hosts[usize::from(node.0)].ties);
        for (to, tie) in (0..).map(NodeId).zip(&mut ties) {
            tie.go_on(now, || self.dial(node, to));
        }
        let next = ties.iter().filter_map(Tie::next_wake).min();
        self.hosts[usize::from(node.0)].ties = ties;
        if let Some(at) = next {
            self.push(at.max(now), Due::Ties(u64::from(node.0)));
        }
    }

    /// How an attempt ends that begins now. A handshake goes there and back, and once more.
    fn dial(&self, from: NodeId, to: NodeId) -> Attempt {
        let (one, two) = (Principal::Node(from), Principal::Node(to));
        let cut = self.links.cut_by(one, two).or_else(|| self.links.cut_by(two, one));
        let partition = |it: &Experiment| it.cuts(from.0) || it.cuts(to.0);
        let cut = cut.is_some() || self.experiment().is_some_and(partition);
        let timeout = self.scenario.dialing.as_ref().map_or(Duration::ZERO, Dialing::timeout);
        let there = Duration::from_micros(u64::from(self.scenario.network.latency_us));
        let silent = Attempt { outcome: Outcome::Timeout, takes: timeout };
        let answered = if self.hosts[usize::from(to.0)].up {
            Attempt { outcome: Outcome::Success, takes: 4 * there }
        } else {
            Attempt { outcome: Outcome::Failure, takes: 2 * there }
        };
        if cut || answered.takes > timeout { silent } else { answered }
    }

    /// Whether a node has something to do about its connections by then.
    pub(in super::super) fn ties_are_due(&self, node: u64, at: Time) -> bool {
        let host = &self.hosts[node as usize];
        host.up && host.ties.iter().filter_map(Tie::next_wake).any(|next| next <= at)
    }
}

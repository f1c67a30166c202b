//! The sender: which nodes, and how many.

use alloc::{sync::Arc, vec::Vec};

use serde::Serialize;

use super::{super::shell::Shell, REQUEST_COSTS_BYTES, SERVED_BYTES_AN_INTERVAL};
use crate::{
    app::Application,
    crypto::Signed,
    ids::NodeId,
    pbft::{FetchState, MAX_STATE_ANSWER_BYTES, Message, NodeRef, StateNode, StateNodes},
    protocol::To,
    state::{MAX_NODE_BYTES, Node},
    time::Time,
};

const _: () = assert!(MAX_NODE_BYTES <= MAX_STATE_ANSWER_BYTES, "any node can be sent");

/// What a peer was given in the current interval.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Served {
    interval_ends: Time,
    bytes: usize,
}

impl<A: Application> Shell<A> {
    /// Sends what is here of what is asked for, as much as fits into an answer; nothing at all is
    /// an answer too. Who asks for more than its share hears nothing.
    pub(crate) fn on_fetch_state(&mut self, peer: NodeId, fetch: &FetchState) {
        let (now, interval) = (self.now, self.config.status_interval());
        let served = self.served.entry(peer).or_default();
        if now >= served.interval_ends {
            *served = Served { interval_ends: now + interval, bytes: 0 };
        }
        if served.bytes + REQUEST_COSTS_BYTES > SERVED_BYTES_AN_INTERVAL {
            return;
        }
        served.bytes += REQUEST_COSTS_BYTES;
        let left = MAX_STATE_ANSWER_BYTES.min(SERVED_BYTES_AN_INTERVAL - served.bytes);
        let nodes = self.state_nodes(fetch, left);
        let bytes: usize = nodes.iter().map(|node| node.bytes.len()).sum();
        if let Some(served) = self.served.get_mut(&peer) {
            served.bytes += bytes;
        }
        let answer = Signed::new(StateNodes { seq: fetch.seq, nodes }, &*self.authenticator);
        self.send(To::Node(peer), Message::State(Arc::new(answer)));
    }

    fn state_nodes(&self, fetch: &FetchState, mut left: usize) -> Vec<StateNode> {
        let mut nodes = Vec::new();
        for wanted in &fetch.nodes {
            let Some(node) = self.state_node(wanted) else { continue };
            let bytes = node.encode();
            let Some(rest) = left.checked_sub(bytes.len()) else { break };
            left = rest;
            nodes.push(StateNode { digest: wanted.digest, bytes });
        }
        nodes
    }

    /// In the last stable state, the one before it, or one that will be stable.
    fn state_node(&self, wanted: &NodeRef) -> Option<&Arc<Node>> {
        let stable = self.stable.iter().map(|(_, tree)| tree);
        let trees = stable.chain(&self.stable_before).chain(self.checkpoints.own_states());
        trees.into_iter().find_map(|tree| tree.find(&wanted.path, wanted.digest))
    }
}

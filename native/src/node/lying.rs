//! A node that lies, for development: what its replica says passes through a [`Tongue`] first.
//! Exists only with the feature `lies`, and no release build has that.
//!
//! The variable `CONCLAVE_LIES` of its environment says how: `two-faced` (what it is without) tells half
//! of the other nodes another story, `false-replies` answers clients with results that nothing gave.

use std::sync::atomic::{AtomicBool, Ordering};

use conclave_core::{
    ids::{ClientId, NodeId, Principal},
    pbft::Message,
    sim::Tongue,
};

use super::{driver::Driver, storage::Storage};

#[cfg(not(debug_assertions))]
compile_error!("the feature `lies` is for development: no release build can lie");

/// Whether the nodes of this process lie.
static LIES: AtomicBool = AtomicBool::new(false);

/// From here on, nodes that start in this process lie.
pub fn lie_from_now_on() {
    LIES.store(true, Ordering::Relaxed);
}

/// What makes a node of a development cluster lie; no other node's.
pub(super) fn tongue(own: NodeId, development: bool) -> Option<Tongue> {
    if !LIES.load(Ordering::Relaxed) {
        return None;
    }
    if !development {
        tracing::error!("this is no development cluster: the node keeps to the protocol");
        return None;
    }
    let how = std::env::var("CONCLAVE_LIES").unwrap_or_else(|_| "two-faced".into());
    tracing::warn!(how, "this node lies, on purpose");
    match how.as_str() {
        "two-faced" => Tongue::two_faced(own, Vec::new()).ok(), // nobody is named: nothing to refuse
        "false-replies" => Some(Tongue::of_false_replies(own)),
        _ => {
            tracing::error!(how, "CONCLAVE_LIES is neither two-faced nor false-replies");
            None
        }
    }
}

impl<S: Storage> Driver<S> {
    /// Sends to each what it is told, if this node lies. False: it doesn't.
    pub(super) fn lie(&mut self, receivers: &[NodeId], message: &Message) -> bool {
        let Some(mut tongue) = self.tongue.take() else { return false };
        let now = self.observer.clock().now();
        for to in receivers {
            let replica = self.node.replica();
            let (said, lies) = tongue.pass(now, replica, Principal::Node(*to), message.clone());
            if lies > 0 {
                tracing::debug!(%to, "told another story");
            }
            for said in said {
                self.send_to(&[*to], &said);
            }
        }
        self.tongue = Some(tongue);
        true
    }

    /// What a client is told instead of an answer: one message, for this tongue withholds nothing.
    pub(super) fn answer_or_lie(&mut self, client: ClientId, answer: Message) -> Message {
        let Some(tongue) = &mut self.tongue else { return answer };
        let now = self.observer.clock().now();
        let to = Principal::Client(client);
        let (said, _) = tongue.pass(now, self.node.replica(), to, answer.clone());
        said.into_iter().next().unwrap_or(answer)
    }
}

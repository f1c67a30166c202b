//! A node that lies, for development: what its replica says passes through a [`Tongue`] first.
//! Exists only with the feature `lies`, and no release build has that.

use std::sync::atomic::{AtomicBool, Ordering};

use conclave_core::{
    ids::{NodeId, Principal},
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

/// What makes a node of a development cluster two-faced; no other node's.
pub(super) fn tongue(own: NodeId, development: bool) -> Option<Tongue> {
    if !LIES.load(Ordering::Relaxed) {
        return None;
    }
    if !development {
        tracing::error!("this is no development cluster: the node keeps to the protocol");
        return None;
    }
    tracing::warn!("this node lies, on purpose");
    Tongue::two_faced(own, Vec::new()).ok() // nobody is named: nothing to refuse
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
}

//! Order: "the state reflects the sequential execution of all requests with lower numbers".

use alloc::{format, vec, vec::Vec};

use super::{super::Invariant, Broken};
use crate::ids::{NodeId, Seq};

/// The last position that each replica executed.
#[derive(Clone, Debug)]
pub(in super::super) struct Order(Vec<Seq>);

impl Order {
    pub(in super::super) fn new(n: u16) -> Self {
        Self(vec![Seq(0); n as usize])
    }

    pub(in super::super) fn executed(&mut self, node: NodeId, seq: Seq) -> Result<(), Broken> {
        let Some(last) = self.0.get_mut(node.0 as usize) else { return Ok(()) };
        let before = core::mem::replace(last, seq);
        if seq == before.next() {
            return Ok(());
        }
        Err((Invariant::Order, format!("node {node} executed {seq} right after {before}")))
    }

    /// A restart or a state transfer puts a replica somewhere else, rightfully.
    pub(in super::super) fn moved(&mut self, node: NodeId, to: Seq) {
        if let Some(last) = self.0.get_mut(node.0 as usize) {
            *last = to;
        }
    }
}

//! What can be done to a running cluster, by a scenario at a time or by a person at a step.

use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    adversary::{Mischief, Strategy},
    disk::Damage,
};
use crate::{
    analyzer::Protocol,
    app::Operation,
    detector::quarantine::Order,
    ids::{ClientId, MessageId, NodeId},
    pbft::MessageKind,
    replica::Override,
};

/// One act. Scenario files write it as `act = { crash = { node = 0 } }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The node stops at once; what its disk had not synced is gone.
    Crash {
        /// Which.
        node: NodeId,
    },
    /// A crashed node starts again from its disk.
    Restart {
        /// Which.
        node: NodeId,
    },
    /// Something happens to a node's disk. A node that runs notices when it next starts.
    DamageDisk {
        /// Whose.
        node: NodeId,
        /// What.
        what: Damage,
    },
    /// Nothing reaches the node or leaves it, clients included.
    CutOff {
        /// Which.
        node: NodeId,
    },
    /// Undoes `CutOff`.
    Reconnect {
        /// Which.
        node: NodeId,
    },
    /// Nodes talk only within their group; those that no group names form one of their own.
    Partition {
        /// The groups.
        groups: Vec<Vec<NodeId>>,
    },
    /// Undoes every partition, cut-off and cut link.
    Heal,
    /// Nothing travels from one node to another (one way).
    CutLink {
        /// From here
        from: NodeId,
        /// to here.
        to: NodeId,
    },
    /// Undoes `CutLink`.
    RestoreLink {
        /// From here
        from: NodeId,
        /// to here.
        to: NodeId,
    },
    /// Everything that travels from one node to another takes this much longer; 0 undoes it.
    SlowLink {
        /// From here
        from: NodeId,
        /// to here.
        to: NodeId,
        /// Added delay in milliseconds.
        by_ms: u32,
    },
    /// The node turns Byzantine: its outputs pass through these strategies, in order.
    Corrupt {
        /// Which.
        node: NodeId,
        /// How it lies.
        strategies: Vec<Strategy>,
    },
    /// The client turns Byzantine.
    CorruptClient {
        /// Who.
        client: ClientId,
        /// What it does with its requests.
        how: Mischief,
    },
    /// The node behaves again. It still counts as faulty: what it said can't be unsaid.
    Reform {
        /// Which.
        node: NodeId,
    },
    /// A message in flight arrives now.
    Deliver {
        /// Which.
        message: MessageId,
    },
    /// A message in flight arrives this much later.
    Delay {
        /// Which.
        message: MessageId,
        /// Added delay in milliseconds.
        by_ms: u32,
    },
    /// A message in flight is lost.
    Drop {
        /// Which.
        message: MessageId,
    },
    /// A message in flight arrives twice.
    Duplicate {
        /// Which.
        message: MessageId,
    },
    /// The administrator asks for a change of membership: spares join, members leave.
    Reconfigure {
        /// Who joins.
        #[serde(default)]
        add: Vec<NodeId>,
        /// Who leaves.
        #[serde(default)]
        remove: Vec<NodeId>,
    },
    /// The administrator asks for another protocol.
    Switch {
        /// Which.
        protocol: Protocol,
        /// Who comes last as primary, if trust orders them.
        #[serde(default)]
        last: Vec<NodeId>,
    },
    /// The administrator overrules what is agreed about a node.
    Overrule {
        /// Which.
        node: NodeId,
        /// To hold it or to free it; left out: the rules hold again.
        #[serde(default)]
        order: Option<Order>,
    },
    /// A client asks for an operation, besides its workload.
    Submit {
        /// Who.
        client: ClientId,
        /// What.
        operation: Operation,
    },
    /// Links lose messages of these kinds, clients' links too.
    Lose {
        /// Which kinds; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// How many of a million; 0 undoes it.
        ppm: u32,
    },
}

impl Action {
    /// The node that this is done to, if it is one.
    pub fn node(&self) -> Option<NodeId> {
        match self {
            Self::Crash { node }
            | Self::Restart { node }
            | Self::DamageDisk { node, .. }
            | Self::CutOff { node }
            | Self::Reconnect { node }
            | Self::Corrupt { node, .. }
            | Self::Overrule { node, .. }
            | Self::Reform { node } => Some(*node),
            _ => None,
        }
    }
}

/// In words, as a caption: "node 0 crashes".
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { node } => write!(f, "node {node} crashes"),
            Self::Restart { node } => write!(f, "node {node} restarts from its disk"),
            Self::DamageDisk { node, what } => {
                write!(f, "the disk of node {node} {}", what.name())
            }
            Self::CutOff { node } => write!(f, "node {node} is cut off"),
            Self::Reconnect { node } => write!(f, "node {node} is reconnected"),
            Self::Partition { groups } => {
                f.write_str("the network splits:")?;
                for (index, group) in groups.iter().enumerate() {
                    f.write_str(if index == 0 { " " } else { " | " })?;
                    for (index, node) in group.iter().enumerate() {
                        write!(f, "{}{node}", if index == 0 { "" } else { " " })?;
                    }
                }
                Ok(())
            }
            Self::Heal => f.write_str("the network heals"),
            Self::CutLink { from, to } => write!(f, "the link {from} → {to} is cut"),
            Self::RestoreLink { from, to } => write!(f, "the link {from} → {to} is restored"),
            Self::SlowLink { from, to, by_ms } => {
                write!(f, "the link {from} → {to} is slower by {by_ms} ms")
            }
            Self::Corrupt { node, strategies } => {
                write!(f, "node {node} turns Byzantine:")?;
                (0..).zip(strategies).try_for_each(|(index, strategy)| {
                    write!(f, "{} {}", if index == 0 { "" } else { "," }, strategy.name())
                })
            }
            Self::CorruptClient { client, how } => {
                write!(f, "client {client} turns Byzantine: {}", how.name())
            }
            Self::Reform { node } => write!(f, "node {node} behaves again"),
            Self::Deliver { message } => write!(f, "message {message} is delivered now"),
            Self::Delay { message, by_ms } => {
                write!(f, "message {message} is delayed by {by_ms} ms")
            }
            Self::Drop { message } => write!(f, "message {message} is dropped"),
            Self::Duplicate { message } => write!(f, "message {message} is duplicated"),
            Self::Switch { protocol, last } => {
                write!(f, "the administrator asks for {}", protocol.name())?;
                last.iter().try_for_each(|node| write!(f, ", {node} last"))
            }
            Self::Overrule { node, order } => {
                let order = Override { node: *node, order: *order };
                write!(f, "the administrator asks: {order}")
            }
            Self::Reconfigure { add, remove } => {
                f.write_str("the administrator asks:")?;
                add.iter().try_for_each(|node| write!(f, " +{node}"))?;
                remove.iter().try_for_each(|node| write!(f, " −{node}"))
            }
            Self::Submit { client, operation } => write!(f, "client {client} asks: {operation}"),
            Self::Lose { kinds, ppm } => {
                write!(f, "links lose {ppm} of a million messages")?;
                kinds.iter().try_for_each(|kind| write!(f, ", {}", kind.name()))
            }
        }
    }
}

//! Chaos experiments on a running node: the core's [`Experiment`](conclave_core::resilience::chaos),
//! between this node's links to its peers and what it knows of its clients' requests.
//!
//! ```text
//!  operator ──permission──▶ Chaos ◀──accepted, executed, turned away── what happens at the node
//!                             │
//!                             ▼ what to do to this message
//!  driver ──▶ queue to a peer ──▶ link ──▶ connection        peer ──▶ connection ─✗ (partition)
//!                             ▼ what to do to this request
//!                 client ──▶ connection ──▶ driver
//! ```
//!
//! * Injected at the call: a link asks when it is about to write a message, inside of the queue and its
//!   bound. What is held back keeps its place there.
//! * What clients ask for is touched where an experiment lists the node's own number among its peers,
//!   and only then: once it was read and checked, before it is handed over. The node itself counts as one
//!   of the peers that may be touched. Reads aren't touched: nothing here would notice.
//! * Never without permission: a development cluster, or the administrator's signature under this very
//!   experiment ([`Permission`](conclave_core::resilience::chaos::Permission)). To end one needs none.
//! * One at a time, to no more peers than may be faulty (but for development), and nothing of it is
//!   written down: a restart ends it.
//! * A node knows only itself. A node under an experiment counts as one of the f, so that no more than
//!   f nodes are is up to who starts them: `conclave chaos start` asks all nodes first.
//!
//! | file | holds |
//! |---|---|
//! | `board` | [`Chaos`]: the experiment, and who may begin one |
//! | `requests` | what the steady state is measured by |
//! | `refusal` | [`NotStarted`]: why none begins |
//! | `seen` | [`ChaosSeen`]: what is to be seen of it |
//! | `told` | what the log says of it |

mod board;
mod refusal;
mod requests;
mod seen;
#[cfg(test)]
pub(crate) mod tests;
mod told;

pub use board::{Asked, Chaos};
pub use refusal::NotStarted;
pub use seen::{ChaosSeen, ExperimentSeen, PermittedBy, Totals};

//! A client of a cluster: the core's [`Client`](conclave_core::client::Client) with connections.
//!
//! ```text
//!  ask ──▶ task with the core's client ──requests──▶ one link a node ──TLS──▶ nodes
//!                    ▲──────────checked replies──────────┘
//! ```
//!
//! A result is believed once f+1 nodes gave the same one, each signed; the answer to a read that is
//! not ordered, once a quorum did. A reply that f+1 others contradict is shown to all nodes: it is proof
//! that who signed it lied.

mod handle;
mod link;

pub use handle::{Answer, AskError, ClientHandle, ClientOptions};

//! Conclave on real machines.
//!
//! The core decides; this crate brings what the core refuses to have: sockets, clocks, disks,
//! randomness, processes.
//!
//! | room | holds |
//! |---|---|
//! | [`config`] | what a cluster is, and private keys |
//! | [`transport`] | TCP, TLS 1.3 with pinned identities, frames, queues |
//! | [`node`] | one node around the core's replica |
//! | [`resilience`] | the core's guards around calls, on tokio |
//! | [`chaos`] | faults on purpose, on a running node |
//! | [`admin`] | what a node tells about itself over HTTP |
//! | [`client`] | asks a cluster, believes f+1 matching replies |
//! | [`development`] | a whole cluster of processes on one machine |
//! | [`web`] | the lab's web server |
//! | [`cli`] | the command line |
//! | [`http`] | what all HTTP servers here share |
//! | `http_get` | asks a node's admin address |
//! | [`failure`] | how a command ends when it doesn't end well |

pub mod admin;
pub mod chaos;
pub mod cli;
pub mod client;
pub mod config;
pub mod development;
pub mod failure;
pub mod http;
mod http_get;
pub mod node;
pub mod resilience;
pub mod transport;
pub mod web;

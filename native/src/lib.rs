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
//! | [`admin`] | what a node tells about itself over HTTP |
//! | [`http`] | what all HTTP servers here share |
//! | [`failure`] | how a command ends when it doesn't end well |

pub mod admin;
pub mod config;
pub mod failure;
pub mod http;
pub mod node;
pub mod transport;

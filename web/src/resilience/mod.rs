//! Guards around calls, as the lab shows them: what each does at the moment that is shown, and what it
//! did when. Everything is read from the core's snapshots and events; nothing is worked out here that
//! decides anything.
//!
//! ```text
//! events ─▶ history (what happened when) ─▶ strip ─┐
//! snapshots ─▶ gate · client · experiment ─▶ gauge ─┴▶ the inspector
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `history` | a branch's events, by time |
//! | `gate` | a replica: whom it lets in, and how bad it is |
//! | `entrance` | its workers, where it depends on a service |
//! | `ties` | its connections to the others, where it has to make them |
//! | `client` | a client: when it asks again |
//! | `cluster` | all replicas at a glance, and the wave of requests |
//! | `experiment` | the chaos experiment |
//! | `beside` | scenarios that are told side by side |
//! | `gauge`, `strip` | how that is drawn |
//! | `words` | events in words |
//!
//! A build without guards has `without` in its place.

mod beside;
mod client;
mod cluster;
mod entrance;
mod experiment;
mod gate;
mod gauge;
mod history;
mod strip;
mod ties;
mod words;

pub(crate) use self::{
    beside::{Msg, update},
    client::view as client,
    cluster::view as cluster,
    gate::view as node,
    history::History,
    words::event,
};

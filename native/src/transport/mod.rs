//! Bytes between principals: TCP, TLS 1.3 with pinned Ed25519 identities, frames with a limit.
//!
//! ```text
//!  node i ──one connection for what i says to j──▶ node j      (and one the other way)
//!  client ◀──────requests out, replies back──────▶ node j
//! ```
//!
//! A connection proves who is at the other end; what it *says* is checked by the core's `verify`
//! on the connection's own task, never on the protocol's. Whoever misbehaves costs only itself:
//! every queue and size has a bound, and a peer that reads slowly loses messages, which the
//! protocol repairs.
//!
//! | file | holds |
//! |---|---|
//! | `limits` | every bound, with its reason |
//! | `tls` | [`Tls`]: raw public keys (RFC 7250), pinned; no X.509 anywhere |
//! | `frame` | length-prefixed frames, refused before they are read if too long |
//! | `links` | [`Links`]: the ways to all other nodes, as the membership changes them |
//! | `outbound` | [`Outbound`]: the queue and connection to one peer, with backoff |
//! | `disturbed` | what a chaos experiment makes of a message on its way out |
//! | `asked` | the same, of what a client asks for |
//! | `inbound` | the listener, and who is at the other end of each connection |
//! | `connection` | reading and checking what one says |
//! | `restraint` | [`Restraint`]: how much of what a member in quarantine says is read |
//! | `peer_health` | [`PeerHealth`]: who says nothing any more, to whom more is lost: advice |
//! | `clients` | [`Clients`]: where replies go, and who is held back |
//! | `trust` | [`Trust`]: whose word counts right now, as epochs change it |

mod asked;
mod clients;
mod connection;
mod disturbed;
mod frame;
mod inbound;
pub mod limits;
mod links;
mod outbound;
mod peer_health;
mod restraint;
mod tls;
mod trust;

pub use clients::Clients;
pub use connection::{Arrived, Inbound};
pub use frame::{FrameError, FrameReader, frame, keepalive};
pub use inbound::{Listening, Peers, listen};
pub use links::{Guarding, Links};
pub use outbound::{Outbound, QueueSeen, Undelivered, backoff};
pub use peer_health::{PeerHealth, PeerSeen};
pub use restraint::{RestrainedSeen, Restraint};
pub use tls::{Tls, TlsError};
pub use trust::Trust;

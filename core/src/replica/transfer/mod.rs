//! State transfer: a replica that is behind fetches the state of a stable checkpoint.
//!
//! ```text
//!  behind                                    peers
//!    │ status ──────────────────────────────▶ │  "its log doesn't reach back so far"
//!    │ ◀────────────── stable: 2f+1 checkpoints │
//!    │ fetch-state: root ───────────────────▶ │  one peer
//!    │ ◀─────────────────────── state: its bytes │  what is here already is not asked for
//!    │ fetch-state: up to 32 nodes ─────────▶ │  several peers at a time, and so on down
//!    │ ◀────────────────────────────── state … │
//!    └ all of it is here: install, go on by proofs of decision
//! ```
//!
//! After the state transfer of Castro & Liskov (TOCS 2002, and Castro's thesis, 2001): top-down,
//! only what differs, from any peer, none of whom is trusted. There a replica believes digests that
//! f+1 replicas or one whole parent vouch for; here every node proves itself by the digest that its parent, and at the
//! top the certificate, names. So wrong bytes never get past the check of messages, and whoever
//! sent them has just not answered. It has signed them, though, and that is proof against it.
//!
//! | file | holds |
//! |---|---|
//! | `fetch` | the receiver: what is wanted, from whom, until it is complete |
//! | `kept` | what a disk kept of a transfer that a crash cut short |
//! | `peers` | whom to ask next: patience, blame, and the rate |
//! | `serve` | the sender: which nodes, and how many |
//!
//! # Crashes
//!
//! What came is written down ([`Record::Fetched`](super::Record::Fetched)), and a replica that starts
//! again fetches only the rest. That needs no trust in the disk: what is read is checked as what peers
//! send is, by its digest, and what is lost, or isn't what its digest says, is fetched again. So nothing
//! waits until it is written, and a disk that falls behind is not given more.
//!
//! # Bounds
//!
//! * A receiver asks at most [`MAX_PEERS_ASKED`] peers at a time, each for one answer of at most
//!   [`MAX_STATE_ANSWER_BYTES`](crate::pbft::MAX_STATE_ANSWER_BYTES).
//! * It holds, beside its own state, at most the nodes of two certified states: the one that it
//!   fetches, and what it had fetched of the one before. 2 × (bytes of the state), whatever peers
//!   send, because nothing is kept that no certificate names. Compacted, its disk holds no more of a
//!   transfer, and nothing once that state or a later one is stable.
//! * A sender gives each peer at most [`SERVED_BYTES_AN_INTERVAL`] in a status interval, and looks
//!   at no more than its request's 32 places, each by O(depth) steps.

mod fetch;
mod kept;
mod peers;
mod serve;

pub use fetch::Fetching;
pub(crate) use fetch::Transfer;
pub(crate) use kept::Kept;
pub(crate) use serve::Served;

/// How many peers are asked at the same time: enough to hide a slow one, few enough that a
/// replica that comes back doesn't slow a whole cluster down.
pub(crate) const MAX_PEERS_ASKED: usize = 4;

/// How much a peer is given in one status interval: 32 MiB/s by default. More is not answered.
pub(crate) const SERVED_BYTES_AN_INTERVAL: usize = 8 * 1024 * 1024;

/// What looking at a request costs beside the bytes that it brings, so that asking for nothing
/// is bounded too.
pub(crate) const REQUEST_COSTS_BYTES: usize = 4 * 1024;

const _: () = assert!(
    SERVED_BYTES_AN_INTERVAL >= 8 * crate::pbft::MAX_STATE_ANSWER_BYTES,
    "the receiver's half of it holds several answers"
);

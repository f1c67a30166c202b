//! A client: asks, retransmits, accepts what f+1 replicas say alike (OSDI'99 §4.1).
//!
//! Like a replica it is a value without I/O: [`Client::submit`] and [`Client::handle_reply`] in,
//! [`Client::poll_effect`] out, [`Client::tick`] when [`Client::deadline`] has come.
//!
//! What only reads can go by [`Client::submit_read`]: to all replicas, in one round, accepted once
//! a *quorum* answers alike. If answers differ too much, or don't come in time, the client has the
//! very same request ordered, as if it had been submitted so.
//!
//! # Asking again
//!
//! ```text
//!  sent ──▶ no answer in time ──────────▶ wait (backoff, jitter) ──▶ sent to all ──▶ …
//!     └───▶ f+1 say "come back later" ──▶ wait, but no less ───────▶ sent to all ──▶ …
//! ```
//!
//! How long an attempt may take, and how long is waited before the next, is [`Patience`]'s to say, by
//! [`crate::resilience::timeout`] and [`crate::resilience::retry`]. A replica that turns a request away
//! says when to come back ([`Busy`](crate::node::Busy)). Up to f may lie: so a client waits as long as
//! f+1 of them say at least, of whom one is correct. What fewer say counts for nothing, and an answer
//! that comes all the same is taken.
//!
//! # False replies
//!
//! Of up to f liars a client believes nothing. It may also say so ([`Client::show_lies`]): a reply that
//! f+1 others contradict is proof against who signed it, and the client shows it to all replicas, for
//! none of them sees another's replies.
//!
//! A client that gives up ([`ClientEffect::GaveUp`]) doesn't know whether its request takes effect.
//!
//! | file | holds |
//! |---|---|
//! | `machine` | [`Client`]: asks, counts answers, follows the membership |
//! | `again` | [`Patience`]: when it asks again |
//! | `testimony` | what it makes of replies that f+1 others contradict |
//! | `doubling` | the same as `again`, where there is one way only (without the feature `guards`) |

#[cfg(feature = "guards")]
mod again;
#[cfg(any(test, not(feature = "guards")))]
mod doubling;
mod machine;
#[cfg(feature = "guards")]
mod testimony;
#[cfg(test)]
mod tests;

#[cfg(feature = "guards")]
pub use again::Patience;
#[cfg(feature = "guards")]
use again::{Again, Attempt};
#[cfg(not(feature = "guards"))]
pub use doubling::Patience;
#[cfg(not(feature = "guards"))]
use doubling::{Again, Attempt};
#[cfg(feature = "guards")]
pub use machine::Asking;
pub use machine::{Client, ClientEffect, SubmitError, Way};
#[cfg(feature = "guards")]
pub use testimony::Shows;
#[cfg(feature = "guards")]
use testimony::Testimony;

/// The longest wait between two retransmissions of [`Patience::doubling`], as a multiple of the first.
pub(crate) const MAX_BACKOFF: u32 = 8;

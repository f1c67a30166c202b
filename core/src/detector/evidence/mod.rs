//! Proofs of misbehaviour: messages that their own author signed, and that no correct replica signs.
//!
//! ```text
//!  verified messages ─▶ Watch ─▶ Evidence ─▶ verify(…, members, keys) ─▶ Offence, or NotProven
//!  refused messages ──▶   │         ▲                 by anyone, anywhere, at any time
//!                         └─▶ Transcript ─▶ accuse: what several correct replicas hold, together
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `offence` | what can be proven, of whom, on which assumption |
//! | `proof` | [`Evidence`]: a type for every offence, and its encoding |
//! | `rules` | what two statements of one author can't both be |
//! | `statements` | what it holds, for people |
//! | `verify` | whether evidence proves what it is said to |
//! | `book` | what was said, by place and author, and what of it contradicts what |
//! | `watch` | one observer's book, bounded |
//! | `answers` | a client's, of the replies that it gets |
//! | `forensics` | when more than *f* lied: who, from what correct replicas hold |
//!
//! # Why no correct replica is ever convicted
//!
//! A rule stands only if the protocol, as it is built here, keeps a correct replica from signing
//! what convicts it: whatever all others and the network do, and however often it crashes.
//!
//! | a correct replica never signs | because |
//! |---|---|
//! | two pre-prepares for one place | the primary assigns a position once a view (§4.2); what it accepted is durable before it leaves; after a crash it goes on above that (`durable`); O comes first and it goes on above it (`view_change`) |
//! | two prepares for one place | "it has not accepted a pre-prepare message for view v and sequence number n containing a different digest" (§4.2); what it accepted is durable before the prepare leaves |
//! | two commits for one place | it commits what it accepted there, once prepared (§4.2) |
//! | a prepare or pre-prepare, and a commit for another batch at that place | the same |
//! | a pre-prepare as backup, a prepare as primary | the primary of a view is its number modulo n (§4); "replica i multicasts prepare" only as a backup |
//! | two checkpoints for one position | what it voted for is durable before the vote leaves, and never contradicted (`checkpoint`), also if it executes another history later |
//! | two view changes for one view | it asks for a view once, on its way up; the message is durable before it leaves, and what is sent again is that message; who forgot it says nothing more in that epoch (the replica's `renewal`) |
//! | two new views for one view | it starts a view once; the message is durable before it leaves; who forgot it says nothing more in that epoch |
//! | a commit, and a later view change without it | the certificate is durable before the commit leaves, and P has "a set `P_m` for each request m that prepared at i with a sequence number higher than n" (§4.4) |
//! | a view change or new view that is invalid | it puts in only what it has itself checked, and computes O from that (§4.4) |
//! | other bytes under a node's digest | it names a node by the digest of its bytes (`state`) |
//! | a reply that f+1 others contradict | one of the f+1 is correct, and correct replicas execute the same: *if* at most f are faulty, and unless the protocol is a crash-only one, under which one liar is enough for them to differ |
//!
//! Epochs: a statement names its epoch, views begin again in each, and no rule looks across.
//! Retransmission and replay bring the same statement again, which contradicts nothing. What a
//! replica signs a second time after a crash (its votes for what it accepted) says the same.
//!
//! # What can't be proven
//!
//! * *Silence, delay, floods, reordering*: an honest node with a bad link does the same.
//! * *Votes for another view or position* (unless out of role): they are for another place.
//! * *A header whose batch is another*: the batch is not signed with it, anyone could have put the
//!   two together. So with false contents of what proves itself (`Batch`, `Decided`) and with
//!   spoilt certificates that nobody signs as a whole (`Stable`, `Decided`).
//! * *Answers to reads*: states differ from moment to moment, so two answers may differ.
//! * *A view change with nothing prepared*, of whom no commit is known: it may have prepared
//!   nothing.
//!
//! # Which assumption a proof needs
//!
//! [`Assumption::Absolute`] means: whatever the number of faulty. [`Assumption::AtMostF`] rests on
//! agreement itself: that replies are equal, that the members of a later epoch are who the verifier
//! thinks (roles and quorums follow from that). Where more than *f* lie, agreement may be broken, and then correct replicas may differ.
//!
//! What all of this rests on is that a replica's disk keeps what it was told to keep. A replica
//! whose disk lost something is one of the *f* while it recovers, and says nothing more in that epoch
//! (the replica's `renewal`), however many others lie. One thing is left: if more than *f* are faulty,
//! there can be two epochs of one number, and a replica that lost its disk in one of them may be led
//! into the other. So the deployment must: give a replica that lost its disk a new number and a new key
//! if it can't be sure of the others; give each start after a loss a life that was never used; and
//! never start a replica from a copy of an old disk, or twice with one key.
//!
//! # Sizes
//!
//! Evidence is one or two messages: a few hundred bytes for votes, at most [`MAX_EVIDENCE_BYTES`].

mod answers;
mod book;
mod forensics;
mod offence;
mod proof;
mod rules;
mod statements;
#[cfg(test)]
mod tests;
mod verify;
mod watch;

pub use answers::Answers;
pub use forensics::{Transcript, accuse};
pub use offence::{Assumption, NotProven, Offence, OffenceKind, Place};
pub use proof::{BadEvidence, Evidence, MAX_EVIDENCE_BYTES};
pub use statements::Said;
pub(crate) use verify::signatures_hold;
pub use verify::verify;
pub use watch::Watch;

//! The docket: what all correct replicas agree on about who lies, because it is decided in the log.
//!
//! ```text
//!  a member's request ─ accuse, prove, look, measure, … ─┐
//!  the administrator's ────────────────────── orders ───┼─▶ quarantine ─▶ facts ─▶ analyzer
//!  agreed time ─────────────────────────────────────────┘       │                     │
//!                  who is restrained: primary last, asked last, ◀┘    level, what to run ◀┘
//!                  costs less; who is convicted: no Raft
//! ```
//!
//! It is a piece of the replicated state: digests and checkpoints cover it, transfer carries it, and
//! a replica that starts from its disk has it as of its checkpoint, and executes the rest again. Until
//! a member says something it is empty, and nobody pays for it.
//!
//! | file | holds |
//! |---|---|
//! | `said` | what a member says, and what the administrator orders |
//! | `machine` | [`Docket`]: quarantine, the analyzer, and by whom proofs are judged |
//! | `affairs` | docket and register together: what a request makes of both |
//! | `renewals` | the lives of members that lost their memory |
//! | `effects` | what it means to a replica |
//!
//! # Members speak by requests
//!
//! Of [`ClientId::member`](crate::ids::ClientId::member), signed with the member's own key; ordered
//! like any other, executed once, by the docket and not by the application. A batch that holds one
//! carries a time, for without it no term begins. Nobody is answered: who spoke executes it, too.
//!
//! What the network around it is like, each says when that changes; what f+1 say is one more thing that
//! the analyzer goes by ([`quarantine`](crate::detector::quarantine), with the argument).
//!
//! Who is proven to lie may be replaced, if the policy says so (`replace_convicted`): members propose
//! whom their configuration has standing by and whom they hear, and what f+1 propose is a change of
//! membership as the administrator's are (`affairs`, with the argument). Nobody at hand, nothing changes.
//!
//! Of whom f+1 say that it lost its memory and asks for another life, the next epoch knows by that life
//! (`renewals`, and the replica's `renewal` with the argument); for that alone an epoch ends.
//!
//! # Proofs are judged again by each
//!
//! By the membership of the epoch that they are of, from what is in the state and the keys that all
//! members of this epoch have: so all come to the same. Memberships of the last [`MAX_PAST`] epochs are
//! kept; an older proof is not judged, and costs nobody anything. What proves nothing costs who
//! brought it its voice, for it could have checked. A proof that is longer than an operation may be
//! isn't put in the log; those who hold it vouch for it, and what f+1 vouch for convicts.
//!
//! # What is restrained
//!
//! * *Is not primary*: replicas leave a view that it leads, and pass over those that it would lead
//!   (PBFT's `restrained`, with the argument); when an epoch begins, it comes last (`rotation`).
//! * *Is asked last for parts of the state*: only once all others have failed several times. Parts
//!   prove themselves, so a liar can only waste time, and a correct one that was wronged may be the
//!   last who has them.
//! * *May cost a quarter* of what others may (`allowance`).
//! * *Is above f in safe mode.* As soon as more than f are convicted, no request changes the
//!   application, and what is read is marked as unsafe: agreement may be broken, and then replicas
//!   that go on only make it worse. The log goes on, for the docket and for the administrator.
//! * *Votes as before*, so no quorum shrinks, and at most f are restrained unless more are proven to
//!   lie.

mod affairs;
mod effects;
mod machine;
mod renewals;
mod said;
#[cfg(test)]
mod tests;

pub(crate) use affairs::Affairs;
pub use machine::{Docket, MAX_PAST};
pub use said::{Override, Said};

//! Epochs: how replicas are added, removed and replaced, and how the protocol is switched, at an
//! agreed position in the log.
//!
//! ```text
//!  epoch e                                             │ epoch e+1
//!  ── p: change executes ── null requests … ── E ──────┼── E+1 ── view 0, other replicas
//!                                              ▲
//!                 checkpoint: signed by a quorum of epoch e, names the next membership
//! ```
//!
//! * A change is a request of the administrator, ordered like any other. It executes at its
//!   position *p*; the epoch ends at *E*, the first checkpoint at or after *p*. One change at a
//!   time (as in SMART, Lorch et al., `EuroSys` 2006: the old replicas finish, the new ones begin).
//! * The old primary proposes up to *E* and not beyond; nothing above *E* executes in the old
//!   epoch, whatever was proposed, prepared or committed there.
//! * The checkpoint at *E* is durable at a replica *before* its vote for it leaves. So whoever holds
//!   the certificate finds the state at f+1 correct replicas of the old epoch, whatever crashes.
//! * The certificate names the next membership and the keys of who joins: an [`EpochEnd`]. From a
//!   membership that one trusts, a chain of them leads to every later one.
//! * A replica without the state that its epoch began with follows: it votes for nothing. So does
//!   one that is no member: a spare that was not added yet, or one that was removed.
//! * A switch of protocol is such a change: the old protocol orders up to *E*, the new one from there,
//!   by its own thresholds. What was answered stays answered, for sessions are part of the state;
//!   what waits is ordered by the new one. It is agreed only if what the new protocol takes for
//!   granted holds by what is declared and agreed (`analyzer`).
//! * Who lost its memory is known by another life from the next epoch on (`renewal`), and for that
//!   alone an epoch ends, too.
//!
//! A replica's number stands for one key and is never used again; "replace" is "remove one number,
//! add another" in one change. So the chain has at most [`MAX_NODES`](crate::quorum::MAX_NODES)
//! changes that add, and each link holds a quorum of signatures and whom it adds: some 10 kB at
//! most for clusters of a hundred. Whoever switches protocols back and forth adds a link each time, and
//! so does a member that loses its memory: at most 14 in its first day, and two or three in each after it.
//!
//! | file | holds |
//! |---|---|
//! | `change` | what the administrator asks, and what comes of it |
//! | `register` | the replicated state: who is a member, which numbers are used, what is under way |
//! | `chain` | the proof of each epoch's end, and how a chain of them is checked |
//! | `turn` | a replica's step from one epoch into the next |

mod chain;
mod change;
mod register;
mod turn;

pub(crate) use chain::check_chain;
pub use chain::{EpochEnd, MAX_LINKS, Roster};
pub use change::{Change, ChangeOutcome, ChangeRefused, MAX_CONTACT_BYTES, NewMember};
pub use register::Register;
pub(crate) use register::Terms;

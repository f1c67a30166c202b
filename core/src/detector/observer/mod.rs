//! A thin observer: turns what a replica sees of its peers into signals of [`suspicion`](super::suspicion).
//!
//! Goes in: `now`, and what arrived ([`Observer::heard`], [`Observer::refused`]) or happened
//! ([`Observer::saw`]). Comes out: a [`Suspicion`](super::suspicion::Suspicion) that is fed. It
//! changes nothing of what the replica does.
//!
//! | what is expected | of whom | judged when | else |
//! |---|---|---|---|
//! | a prepare and a commit for each position | each peer (the primary: a commit) | a grace time after it was executed here, by the commits of a quorum | `Failure` |
//! | that a commit agrees with what its view decided | each peer | then, too | `InconsistentVote` |
//! | votes soon after the proposal | each peer, against the others | a second after the second of the proposal | `Response` |
//! | any sign of life | each peer, while most are heard | in each period of silence | `Silence` |
//! | as many messages as others send | each peer, against the others | in each window | `Flood` |
//! | that a wanted view is wanted by others | who asks for it | after twice the time that a view change takes | `ViewChangeAbuse` |
//! | the checkpoint that a quorum vouches for | each peer | when both are known | `CheckpointDisagreement` |
//! | a lead as quick as the backups' rounds | the primary | some positions after the replica found it too slow, if the network was calm meanwhile | `SlowLead` |
//!
//! # What the network is like
//!
//! By the same votes, of all peers but the f worst, over the latest 64 positions: how long an answer to
//! a proposal takes (the median of peers' medians, between one and two ways through the network), how
//! many commits never come (lost), and how many answers come later than two repetitions would take
//! (late: no bound holds). So f silent or slow peers say nothing of the network. A *primary* that keeps
//! others waiting can make it look worse than it is; what comes of that is what the policy says of bad
//! networks, longer timeouts, and never another assumption. Where nothing is ordered, or Raft orders, it
//! isn't measured, and stays what it was.
//!
//! # What it doesn't hold against anyone
//!
//! * **A prepare for something else than what was decided**, and that no commit follows it. It may be
//!   the honest victim of a primary that equivocates; that primary is proven guilty elsewhere.
//! * **A position that was decided elsewhere**, and came here by repair: then few votes came, and
//!   nobody can say whose fault that is.
//! * **A position that a proven liar proposed.** It may have told others something else, or nothing. What
//!   was held against them before the proof came is forgiven then.
//! * **That who says that it left the view doesn't vote in it.** A correct replica must not, until the
//!   others follow (§4.4). That it left alone is a signal of its own.
//! * **What was proposed before it began to take part in an epoch.** Who joins has to fetch the state
//!   first, and then answers all that waits for it at once.
//! * **What the observer slept through.** What is due is judged on time or not at all, so a replica
//!   that was stopped for a while doesn't blame the others for its own absence.
//! * **A pause of a second**, however many answers it makes late (`answers`).
//! * **Answers to its own questions.** Repair and state transfer come in bursts; they are no flood.
//!
//! # What it can't tell apart
//!
//! A silent node and a cut link; a slow node and a slow line; a node that left a view because it
//! doesn't hear the primary, and one that pretends. From one place they look the same. That is why a
//! score means something to its observer only, and why it takes f+1 observers in different places to
//! act: a line is bad for one of them, a node for all.
//!
//! From all places the same look a backup that withholds its votes and one whom the *primary* keeps
//! without proposals: what it isn't told, it can't vote for. Until somebody passes proposals on, a
//! primary can make one backup at a time look silent.
//!
//! | file | holds |
//! |---|---|
//! | `position` | the votes for one position, and what is made of them |
//! | `traffic` | signs of life, and how much is sent |
//! | `answers` | how many measurements answers are: one for each second |
//! | `calm` | what the network is like, and whether it is calm enough to blame a primary |
//! | `checkpoints` | who vouches for which state |
//! | `doubts` | statements that others should see: they may know that their author said the opposite |
//! | `observe` | [`Observer`]: what comes in, and when what is judged |
//!
//! Bounded: [`MAX_POSITIONS`] positions with two votes of each peer, and a few entries for each peer.

mod answers;
mod calm;
mod checkpoints;
mod doubts;
mod observe;
mod position;
#[cfg(test)]
mod tests;
mod traffic;

pub use doubts::{Doubt, MAX_DOUBTS};
pub use observe::{MAX_POSITIONS, Observer};

//! Model checking: every behaviour of the actual replicas within stated bounds.
//!
//! `stateright` walks through all of them. What runs is [`conclave_core::pbft::Replica`] itself, not
//! a model of it; what is bounded is what goes in: n = 4, some liars, so many requests and log
//! positions, views 0 and 1.
//!
//! | file | holds |
//! |---|---|
//! | `world` | the states that a correct replica can be in, each kept once, and its steps |
//! | `liar` | everything that the liars can say |
//! | `explore` | states of the cluster, what can happen next, the properties |
//!
//! # Why the space is finite, and still complete within the bounds
//!
//! * *The network is a set that only grows.* A message that was sent may arrive at any later time,
//!   in any order, again, or never. Whatever a network can do is one of these.
//! * *What changes nothing is no step.* A message after which a replica's state hash is what it was
//!   needs no exploring: equal states, equal futures.
//! * *Time is an input.* A replica's timer may fire at any moment at which it is set.
//! * *Silent deliveries are put off.* A vote that only lies in a log until others join it can't be
//!   seen from outside, so it may as well arrive together with those that make it count: one step
//!   delivers the fewest messages that make a replica speak. (What arrives and is never counted
//!   is as good as lost: a vote of a view that was left is replaced by the next of its replica.)
//! * *Whose votes make a quorum is not told apart*, only which quorums there are: of several sets of
//!   messages that make a replica say and do the same, one is delivered, with liars' votes first,
//!   which are there from the beginning.
//! * Status messages and what only they cause (repair) are taken to be lost.

mod explore;
mod liar;
mod world;

pub use explore::{
    AGREEMENT, Bounds, COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1, Explored, VALIDITY, explore,
};

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
//! * Status messages and what only they cause (repair) are taken to be lost. So are votes that
//!   arrive before or after their view, and statements about a view that was entered.
//!
//! # Why a view change doesn't make it too large
//!
//! All properties last: what was executed or committed once stays so. So of the many orders of the
//! same steps one is enough, if it ends in the same state (partial order reduction: Godefroid, 1996).
//!
//! * *Stages.* What a replica does within view 0 reads only what was said within view 0. So all of
//!   that comes before anybody leaves. A timer reads nothing but its own replica, so those that
//!   fire do it next, in order of numbers. Then everything else: replicas that join two others or
//!   a new view, and view 1. What belongs to an earlier stage is not explored any more; its effect
//!   was, on the way that took that step in time.
//! * *What is determined is not put off.* After those two stages a replica that takes part in
//!   view 1 has no choice but which proposal to accept, and a backup that waits for the new view
//!   of a correct primary no choice at all: there is only one. The liars' proposals are there from
//!   the beginning, what was said stays there, nobody has patience to lose. So if there is one move
//!   there will never be another instead, and no move of others takes it away or depends on its
//!   not having happened: it alone is explored (a persistent set of one; there are no cycles, for
//!   every move says or does something that can't be unsaid). With more positions there may be
//!   more moves than one; then all are explored.
//!
//! # What it comes to
//!
//! n = 4, one request or nothing to agree on, one position, views 0 and 1; in the dev profile on two
//! cores that others were using too.
//!
//! | the liar is | states | different | moves deep | states of one replica | messages | s |
//! |---|---|---|---|---|---|---|
//! | the second primary (in the suite) | 187,445 | 135,477 | 20 | 51,720 | 94 | 17 |
//! | a backup | 478,152 | 255,855 | 27 | 82,979 | 85 | 41 |
//! | the first primary | 2,042,529 | 1,348,862 | 29 | 451,569 | 193 | 260 |

mod explore;
mod liar;
mod world;

pub use explore::{
    AGREEMENT, Bounds, COMMITS_IN_VIEW_0, COMMITS_IN_VIEW_1, Explored, VALIDITY, explore,
};

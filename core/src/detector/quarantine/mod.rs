//! Quarantine: what all correct replicas make of their suspicions, because it is decided in the log.
//!
//! A replicated state machine. Goes in: a position, its agreed time, and a signed [`Statement`].
//! Comes out: what was decided, with reasons. It has no clock and no keys; signatures and proofs were
//! checked before. What quarantine *means* (no primary, no source of state, little rate) is up to who
//! reads [`Quarantine::restrained`]; it votes as before, so **no quorum ever shrinks**.
//!
//! In what follows f is the number of those that may lie ([`Membership::byzantine_f`]), whatever orders the
//! epoch.
//!
//! [`Membership::byzantine_f`]: crate::quorum::Membership::byzantine_f
//!
//! # Rules
//!
//! 1. **f+1 observers.** An accusation is one voice. A member is held when the voices of live
//!    accusations reach f+1; so one of them at least is correct.
//! 2. **A term.** 5 minutes, twice as long for each repeated offence. It ends when its time has come
//!    *and* the accusations are gone; while they stand it is extended by as much again. Sooner, and
//!    without counting as an offence, if somebody was proven to lie since it began, no later than a first
//!    term after: what looks like an offence may be a liar's work (to whom an equivocating primary sends
//!    nothing, falls silent). Then it ends as soon as fewer than f+1 voices stand.
//! 3. **Accusing falsely costs.** An accusation that f+1 don't share within a minute is
//!    *unfounded*. Who has made one speaks with two thirds of a voice; who has made them about more
//!    than f members isn't heard. It is forgotten an hour after the accusation ends, or when the
//!    accused turns out to be what it was accused of.
//! 4. **Proof needs no voices.** Evidence convicts, for as long as the offender is a member. Who brings
//!    what proves nothing isn't heard for an hour: it could have checked. Proof that assumes that at most
//!    f lie ([`Assumption`](crate::detector::evidence::Assumption)) convicts while that may be true: f+1
//!    liars can make it against a correct member. Once more than f are convicted by proof that assumes
//!    nothing, those whom nothing else convicts are acquitted, and no such proof of this epoch or an
//!    earlier one counts again. If more than f are convicted by both kinds together, more than f lie as
//!    well, for proof that assumed the contrary would not be there; but not who. So all stay
//!    convicted, nobody is replaced, and when members leave so that no more than f are, those are
//!    acquitted whom only an assumption convicts that was wrong.
//!    Of a proof that is too long for the log, each member that holds it says so, and f+1 that do
//!    convict, as proof does that assumes that at most f lie: for then one of them is correct, and has
//!    judged it. In the next epoch they say so again.
//! 5. **The administrator** can hold anyone and free anyone, also the convicted. It is recorded.
//! 6. **Never more than f.** Up to f members can be faulty; if more look so, some observers are
//!    wrong, and who restrains more does the liars' work. Proof goes before orders, orders before
//!    accusations: for an offender who is convicted when all places are taken, the accused with the
//!    fewest voices leaves, then the one held by order. For an accusation nobody leaves: the first
//!    stay and the next waits, or else liars could free one of theirs by having another accused. If
//!    more than f are *convicted*, all of them stay, for that is the truth, and the deployment is
//!    beyond what any quorum can stand.
//!
//! # Why f liars can't use it
//!
//! *They hold nobody who isn't accused by a correct observer*: f voices are fewer than f+1. And f
//! liars who accuse all the time, so that one correct observer's error would do, have two thirds of
//! a voice each: with that error it is 2f/3 + 1 < f+1.
//!
//! *They convict nobody*: f of them vouch in vain, and proof is judged by each.
//!
//! *They silence no correct observer* that accuses only faulty members: there are f of those, and it
//! takes unfounded accusations about more than f. (A liar can make one accuser look wrong by
//! misbehaving towards nobody else.)
//!
//! *They can't free each other by being convicted*: that ends no term early that began long before, and
//! none while f+1 voices stand. It can cut short what is left of one's first minutes, for another's place
//! among the members, and who goes on as before is accused anew.
//!
//! *They are not safe from weakened observers*: the n−f ≥ 2f+1 correct ones together always have
//! two thirds of 2f+1 voices at least, and that is f+1 or more for every f ≥ 1.
//!
//! # What the network is like
//!
//! Each member says what is true around it ([`Network`](crate::analyzer::Network), from calm to
//! asynchronous), when that changes. Agreed is the worst that f+1 of them say, or something worse still.
//! *f liars can't make it worse than every correct member says*: among f+1 is a correct one. *They
//! can't make it better than every correct member says*: without them there are 2f+1 others at least,
//! and f+1 of those say as bad as the best of them. So all that liars choose is which of the correct
//! members is believed. The word of a convicted member is void, and counts as calm.
//!
//! | file | holds |
//! |---|---|
//! | `statement` | what is said, and why it is refused |
//! | `config` | terms and windows, and how they are checked |
//! | `voice` | what each accuser says, and what that weighs |
//! | `record` | what each member stands for: holds, convictions, orders, offences |
//! | `history` | what was decided, and why |
//! | `machine` | [`Quarantine`]: the state, and what statements do to it |
//! | `settle` | what follows: who was right, who is held, who is free again |
//!
//! Bounded: an accuser has at most f+1 accusations, and vouches for as many proofs; a member has one
//! record, and the history its limit.

mod config;
mod history;
mod machine;
mod record;
mod settle;
mod statement;
#[cfg(test)]
mod tests;
mod voice;

pub use config::Config;
pub use history::{Entry, MAX_HISTORY, What};
pub use machine::{Applied, Kept, Quarantine};
pub use record::{Hold, Record};
pub use statement::{Claim, MAX_REASONS, Order, Refused, Statement};

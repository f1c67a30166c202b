//! Guards around calls to something that may fail: another replica, a disk, a service.
//!
//! ```text
//!  call ─▶ degradation ─▶ rate limit ─▶ bulkhead ─▶ retry ( breaker ─▶ timeout ─▶ the call itself )
//! ```
//!
//! Each guard is a value. Goes in: `now`, and what happened. Comes out: a decision, the moment at
//! which it wants to be asked again (`next_wake`), events and counters. None has a clock, a thread
//! or a task of its own, so whoever makes the calls drives it, and a simulator drives it as a real
//! host does. The way is always the same:
//!
//! 1. `admit(now, …)` gives a permit, or a rejection that says when to come back.
//! 2. The host makes the call.
//! 3. `settle(now, permit, outcome)` takes the permit back. It can't be given twice.
//!
//! What all of them keep to:
//!
//! * Nothing is allocated between construction and drop, whatever is admitted or settled.
//! * A configuration is checked once, when a guard is made or reconfigured; what can't work is
//!   refused with the reason.
//! * A clock that jumps neither wedges a guard nor fools it (`steady`).
//! * Integers only: shares are parts per million, so that every machine decides the same.
//!
//! | file | holds |
//! |---|---|
//! | [`adaptive`] | as many at a time as the other side can do |
//! | [`breaker`] | stop calling what fails |
//! | [`bulkhead`] | so many at a time, so many in line |
//! | [`chaos`] | faults on purpose, few, bounded, over as soon as it hurts |
//! | [`degradation`] | do less of what matters less |
//! | [`health`] | whether a peer is up, and how many have to say so |
//! | [`manager`] | all of them, from one configuration, in one order |
//! | [`objective`] | what is promised, and how quickly that is used up |
//! | [`rate`] | so much a while, and so much at once |
//! | [`playground`] | a small world to try all of them in |
//! | [`retry`] | try again, but not too often, too soon or too late; and send a second copy |
//! | [`timeout`] | how long an attempt may take |
//! | `leases` | how many calls are under way, those that are lost not for ever |
//! | `priority` | how much a call matters |
//! | `shares` | how much of what there is each priority may use |
//! | `settings` | how a configuration, its defaults and its builder are declared, once |
//! | `outcome` | how a call ended |
//! | `steady` | time that only goes forward |
//! | `journal` | the last events, bounded |
#![doc = include_str!("behaviours.md")]

pub mod adaptive;
pub mod breaker;
pub mod bulkhead;
pub mod chaos;
pub mod degradation;
pub mod health;
mod journal;
mod leases;
pub mod manager;
pub mod objective;
mod outcome;
pub mod playground;
mod priority;
pub mod rate;
pub mod retry;
pub(crate) mod settings;
pub(crate) mod shares;
mod steady;
pub mod timeout;

pub use outcome::Outcome;
pub use priority::Priority;

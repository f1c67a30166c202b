//! Bulkheads: so many at a time, so many in line, so that what is slow drags down nothing else.
//!
//! ```text
//!  admit ──▶ room? ──▶ Go(permit) ──▶ the work ──▶ release
//!              │ no                       │ the caller gives up
//!              ▼                          ▼
//!           in line ──▶ its turn       abandon ──▶ the work really ends ──▶ release
//!              │ its deadline, or somebody who matters more
//!              ▼
//!           rejected
//! ```
//!
//! Goes in: `now`, a [`Priority`](super::Priority), a deadline. Comes out: a permit, a ticket for the
//! line, or a rejection that says when to come back. Whose turn it is comes from
//! [`Bulkhead::poll_turn`], to be asked after every other call and at the time of
//! [`Bulkhead::next_wake`].
//!
//! What goes wrong with bulkheads, and can't here: *a slot is freed while abandoned work still runs*,
//! so that more runs than there may. A caller that gives up hands its permit to whoever runs the
//! work, and it is released when that ends. Permits are of a slot and its generation: one that was
//! reclaimed by an operator releases nothing later.
//!
//! | file | holds |
//! |---|---|
//! | `config` | how many, how long, in which order |
//! | `slots` | who runs |
//! | `line` | who waits |
//! | `machine` | [`Bulkhead`] |

mod config;
mod line;
mod machine;
mod slots;
#[cfg(test)]
mod tests;

pub use config::{Config, MAX_CONCURRENT, MAX_LINE, Order};
pub use line::Ticket;
pub use machine::{Admission, Bulkhead, Counters, Event, Rejected, Snapshot, Turn, Why};
pub use slots::{Abandoned, Permit};

//! A call and an attempt under way. They belong to the host, and go back to the manager.

use alloc::boxed::Box;

use super::{errors::Rejected, machine::Key};
use crate::{
    resilience::{
        Priority, adaptive, breaker, bulkhead,
        chaos::Injection,
        retry,
        steady::Steady,
        timeout::{self, Deadline},
    },
    time::Time,
};

/// A call that may be attempted. Is to be finished or abandoned.
#[must_use = "a call that nobody finishes takes up its place in the bulkhead"]
#[derive(Debug)]
pub struct Call {
    pub(super) key: Key,
    pub(super) priority: Priority,
    /// In steady time, as the deadline is: clocks that are set back make nothing longer.
    pub(super) started: Time,
    pub(super) deadline: Deadline,
    pub(super) slot: Option<bulkhead::Permit>,
    /// For the first attempt; others ask anew.
    pub(super) room: Option<adaptive::Permit>,
    pub(super) attempts: Option<retry::Attempts>,
    /// Of the attempt under way and its copies. Boxed: most calls have none, and all are moved.
    pub(super) race: Option<Box<retry::Race>>,
    /// Whether any attempt was made.
    pub(super) worked: bool,
}

impl Call {
    /// Until when it may take in all, by the host's clock as it goes now.
    pub(super) fn until(&self, clock: Steady) -> Deadline {
        Deadline { at: clock.to_host(self.deadline.at), ..self.deadline }
    }

    /// What it is a call of.
    pub fn key(&self) -> Key {
        self.key
    }
}

/// A call in line. [`super::Manager::poll_turn`] names its ticket when something becomes of it.
#[must_use = "whoever doesn't wait any more is to leave"]
#[derive(Debug)]
pub struct Waiting {
    pub(super) call: Call,
    pub(super) ticket: bulkhead::Ticket,
    pub(super) until: Time,
}

impl Waiting {
    /// What it is a call of.
    pub fn key(&self) -> Key {
        self.call.key
    }

    /// It is in line until then at most: whose turn it is is to be asked then.
    pub fn until(&self) -> Time {
        self.until
    }

    /// Its place in line.
    pub fn ticket(&self) -> bulkhead::Ticket {
        self.ticket
    }
}

/// What has become of who asked for a call.
#[must_use]
#[derive(Debug)]
pub enum Begun {
    /// It may be attempted.
    Go(Call),
    /// It is in line.
    Wait(Waiting),
}

/// One attempt. Is to be settled with how it ended.
#[must_use = "an attempt that nobody settles counts for nothing, or as lost"]
#[derive(Debug)]
pub struct Attempt {
    pub(super) room: Option<adaptive::Permit>,
    pub(super) breaker: Option<breaker::Permit>,
    pub(super) timeout: timeout::Permit,
    pub(super) injection: Option<Injection>,
    /// The how manyth copy it is; zero for the first.
    pub(super) copy: u8,
}

impl Attempt {
    /// Until when it may take, and who says so. If it isn't done by then, it is to be settled as
    /// [`crate::resilience::Outcome::Timeout`].
    pub fn deadline(&self) -> Deadline {
        self.timeout.deadline()
    }

    /// What chaos does to it, for the host to carry out.
    pub fn injection(&self) -> Option<Injection> {
        self.injection
    }
}

/// What to do instead of an attempt, or after one.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instead {
    /// Nothing: it is done.
    Done,
    /// Another attempt, then.
    Again {
        /// When.
        at: Time,
    },
    /// None. After an attempt, that attempt's own error stands.
    GiveUp(Rejected),
}

/// What to do while an attempt lasts.
#[must_use]
#[derive(Debug)]
pub enum Hedge {
    /// This copy of it is to be made, beside it.
    Send(Attempt),
    /// Ask again then.
    Wait {
        /// When.
        until: Time,
    },
    /// There will be no copy, or no other.
    Enough,
}

/// A call whose caller has given up, and whose work still runs. Is to be ended when that does.
#[must_use = "its place in the bulkhead is taken until it has ended"]
#[derive(Debug)]
pub struct AbandonedCall {
    pub(super) key: Key,
    pub(super) slot: Option<bulkhead::Abandoned>,
}

impl AbandonedCall {
    /// What it was a call of.
    pub fn key(&self) -> Key {
        self.key
    }
}

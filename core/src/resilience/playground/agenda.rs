//! What happens when: events in the order of their time, and of those of one time in the order in
//! which they were noted.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use crate::time::Time;

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A bucket is full.
    Bucket,
    /// A caller calls.
    Call {
        /// Of which group.
        group: u8,
    },
    /// A group's burst.
    Burst {
        /// Of which group.
        group: u8,
    },
    /// A service's weather changes, so that what it works on may be lost.
    Weather {
        /// Whose.
        service: u16,
    },
    /// A service has done some work.
    Done {
        /// Which service.
        service: u16,
        /// By which number it knows the work.
        work: u64,
    },
    /// An attempt reaches its service, held back on purpose.
    Reach(Trial),
    /// An attempt is answered without having been worked on.
    Answer {
        /// Which attempt.
        trial: Trial,
        /// Because the service has no room, or is down else.
        full: bool,
    },
    /// An attempt's time is over.
    Over(Trial),
    /// A call is to be attempted again.
    Again(Trial),
    /// A service is asked whether it is up.
    Check {
        /// Which.
        service: u16,
    },
    /// It is time for a service's heartbeat.
    Heartbeat {
        /// Whose.
        service: u16,
    },
    /// A service is to be suspected if it has said nothing since this was noted.
    Suspect {
        /// Which.
        service: u16,
    },
    /// The manager wants to be asked.
    Wake,
}

/// An attempt at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Trial {
    /// The call's place.
    pub(super) slot: u32,
    /// Which of the calls that have had that place.
    pub(super) serial: u32,
    /// The how manyth attempt, from 1.
    pub(super) number: u32,
}

/// Events to come.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<(Time, u64, Due)>>,
    noted: u64,
}

impl Agenda {
    pub(super) fn note(&mut self, at: Time, due: Due) {
        self.noted += 1;
        self.heap.push(Reverse((at, self.noted, due)));
    }

    pub(super) fn next(&mut self) -> Option<(Time, Due)> {
        self.heap.pop().map(|Reverse((at, _, due))| (at, due))
    }
}

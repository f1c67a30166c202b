//! What a leader knows of one follower.
//!
//! ```text
//!            answered: it agrees                 too much is on its way
//!   Probe ───────────────────────▶ Pipeline ─────────────────────────▶ (waits)
//!     ▲  one message at a time       │  ▲
//!     └──────── it disagrees ────────┘  │ it has the state
//!     └─ below the snapshot ─▶ Snapshot ┘
//! ```

use alloc::collections::VecDeque;

use serde::Serialize;

use crate::{ids::Seq, time::Time};

/// How a follower is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) enum Mode {
    /// It isn't known where its log agrees: one message at a time.
    Probe {
        /// One is on its way; a heartbeat asks again.
        sent: bool,
    },
    /// It agrees: entries follow each other without waiting for answers.
    Pipeline,
    /// It needs a state that is no longer in the log; heartbeats repeat which.
    Snapshot,
}

/// One follower.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Progress {
    /// Figure 2's `matchIndex`.
    pub(super) matched: Seq,
    /// Figure 2's `nextIndex`.
    pub(super) next: Seq,
    pub(super) mode: Mode,
    /// The last positions of messages with entries that are not answered. At most
    /// `Config::in_flight`.
    pub(super) in_flight: VecDeque<Seq>,
    pub(super) heard_at: Time,
    /// The last round that it answered.
    pub(super) round: u64,
    /// How far it was told that entries are committed.
    pub(super) told: Seq,
    /// How far it knows it.
    pub(super) knows: Seq,
}

impl Progress {
    /// At the beginning of a term: nothing is known, and the log is assumed to agree.
    pub(super) fn new(next: Seq, now: Time) -> Self {
        Self {
            matched: Seq(0),
            next,
            mode: Mode::Probe { sent: false },
            in_flight: VecDeque::new(),
            heard_at: now,
            round: 0,
            told: Seq(0),
            knows: Seq(0),
        }
    }

    /// It agrees up to here; the log begins at `base`.
    pub(super) fn matched(&mut self, upto: Seq, base: Seq) {
        self.matched = self.matched.max(upto);
        while self.in_flight.front().is_some_and(|last| *last <= upto) {
            self.in_flight.pop_front();
        }
        let is_answer = match self.mode {
            Mode::Pipeline => true,
            // An answer to an earlier message says nothing about the one that is out.
            Mode::Probe { .. } => upto.next() >= self.next,
            Mode::Snapshot => upto >= base,
        };
        if is_answer {
            self.mode = Mode::Pipeline;
            self.next = self.next.max(self.matched.next());
        }
    }

    /// It has no room: nothing more until the next heartbeat.
    pub(super) fn is_full(&mut self, upto: Seq) {
        self.matched = self.matched.max(upto);
        self.back_to(self.matched.next());
        self.mode = Mode::Probe { sent: true };
    }

    /// It doesn't agree where it should; it may here.
    pub(super) fn back_to(&mut self, next: Seq) {
        self.next = next.max(self.matched.next());
        self.mode = Mode::Probe { sent: false };
        self.in_flight.clear();
    }

    /// Whether something that it refused at this position says anything new.
    pub(super) fn is_news(&self, rejected: Seq) -> bool {
        match self.mode {
            Mode::Probe { .. } => rejected.next() == self.next,
            Mode::Pipeline => rejected > self.matched,
            Mode::Snapshot => false,
        }
    }
}

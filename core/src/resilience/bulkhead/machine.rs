//! Who may, who waits, whose turn it is.

use alloc::collections::VecDeque;
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{
    config::{Config, Order},
    line::{Line, Ticket},
    slots::{Abandoned, Permit, Slots},
};
use crate::{
    config::BadConfig,
    resilience::{Priority, journal::Journal, settings::MILLION, steady::Steady},
    time::Time,
};

/// What becomes of who asks.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may begin.
    Go(Permit),
    /// It is in line: [`Bulkhead::poll_turn`] names its ticket when something becomes of it.
    Wait(Ticket),
}

/// What has become of somebody in line.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    /// Whose turn it is.
    pub ticket: Ticket,
    /// It may begin, or it has waited in vain.
    pub result: Result<Permit, Rejected>,
}

/// Work that isn't to be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("no room: {why}")]
pub struct Rejected {
    /// Why not.
    pub why: Why,
    /// When there should be room, if it is known how long such work takes.
    pub retry_at: Option<Time>,
}

/// Why work isn't to be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// All slots are taken and the line is full.
    #[error("as many run and wait as there may")]
    Full,
    /// Somebody who matters more has its place in line.
    #[error("somebody who matters more has its place in line")]
    Displaced,
    /// It was in line for as long as it may be.
    #[error("it was in line for too long")]
    Waited,
    /// Its deadline is over.
    #[error("its deadline is over")]
    Deadline,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The first was rejected since there was room.
    Full,
    /// There is room again.
    Room {
        /// How many were rejected in between.
        rejected: u64,
    },
    /// A caller gave up, and its work still runs.
    Abandoned,
    /// An operator freed slots whose work never ended.
    Reclaimed(u32),
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Work that began at once.
    pub admitted: u64,
    /// Work that began after it was in line.
    pub admitted_later: u64,
    /// Work that found no room, not even in line.
    pub full: u64,
    /// Work that lost its place in line.
    pub displaced: u64,
    /// Work that was in line for too long.
    pub waited: u64,
    /// Work whose deadline was over when it came.
    pub expired: u64,
    /// Work that left the line of its own.
    pub left: u64,
    /// Work whose caller gave up.
    pub abandoned: u64,
    /// Slots that an operator freed.
    pub reclaimed: u64,
    /// Permits that came back after that.
    pub late: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// How many may run.
    pub limit: u32,
    /// How many do.
    pub running: u32,
    /// Those of them whose callers have given up.
    pub abandoned: u32,
    /// How many are in line.
    pub waiting: u32,
    /// How much of it is used, in parts per million.
    pub used_ppm: u32,
    /// For how long the one that began first has run, in microseconds.
    pub oldest_us: u64,
    /// How long work usually takes, in microseconds; zero as long as it isn't known.
    pub usual_us: u64,
    /// For metrics.
    pub counters: Counters,
}

/// A bulkhead.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    config: Config,
    clock: Steady,
    slots: Slots,
    line: Line,
    /// Those who lost their places and haven't been told.
    displaced: VecDeque<Ticket>,
    usual_us: u64,
    rejected: u64,
    counters: Counters,
    events: Journal<Event>,
}

impl Bulkhead {
    /// One in which nothing runs.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            slots: Slots::new(config.concurrent),
            line: Line::new(config.line),
            displaced: VecDeque::with_capacity(config.line as usize),
            config,
            clock: Steady::default(),
            usual_us: 0,
            rejected: 0,
            counters: Counters::default(),
            events: Journal::default(),
        })
    }

    /// Asks to begin. Nobody overtakes those in line.
    pub fn admit(
        &mut self,
        now: Time,
        priority: Priority,
        deadline: Option<Time>,
    ) -> Result<Admission, Rejected> {
        let steady = self.clock.read(now);
        if self.line.is_empty()
            && let Some(permit) = self.slots.take(steady)
        {
            self.counters.admitted = self.counters.admitted.saturating_add(1);
            if self.rejected > 0 {
                let rejected = core::mem::take(&mut self.rejected);
                self.events.note(Event::Room { rejected });
            }
            return Ok(Admission::Go(permit));
        }
        self.wait(now, steady, priority, deadline)
    }

    /// The work has ended.
    pub fn release(&mut self, now: Time, permit: impl Into<Permit>) {
        let now = self.clock.read(now);
        match self.slots.release(permit.into()) {
            // An eighth of the way from what was usual.
            Some(since) => {
                let took = now.micros_since(since);
                let usual = if self.usual_us == 0 { took } else { self.usual_us };
                self.usual_us = (usual - usual / 8).saturating_add(took / 8).max(1);
            }
            None => self.counters.late = self.counters.late.saturating_add(1),
        }
    }

    /// No work was done: the place goes back, and says nothing of how long work takes.
    pub fn give_back(&mut self, permit: Permit) {
        if self.slots.release(permit).is_none() {
            self.counters.late = self.counters.late.saturating_add(1);
        }
    }

    /// The caller has given up; its slot stays taken until the work has ended.
    pub fn abandon(&mut self, permit: Permit) -> Abandoned {
        self.counters.abandoned = self.counters.abandoned.saturating_add(1);
        self.events.note(Event::Abandoned);
        self.slots.abandon(permit)
    }

    /// Somebody doesn't want to wait any more.
    pub fn leave(&mut self, ticket: Ticket) {
        let told = self.displaced.iter().position(|it| *it == ticket);
        if let Some(at) = told {
            self.displaced.remove(at);
        } else if self.line.leave(ticket) {
            self.counters.left = self.counters.left.saturating_add(1);
        }
    }

    /// What has become of somebody in line. If it may begin and has vanished, its permit is to be
    /// released by whoever asks this.
    pub fn poll_turn(&mut self, now: Time) -> Option<Turn> {
        let steady = self.clock.read(now);
        if let Some(ticket) = self.displaced.pop_front() {
            return Some(self.in_vain(now, ticket, Why::Displaced));
        }
        if self.line.is_empty() {
            return None;
        }
        if let Some(ticket) = self.line.expire(steady) {
            return Some(self.in_vain(now, ticket, Why::Waited));
        }
        if !self.slots.has_room() {
            return None;
        }
        let ticket = self.line.next(self.config.order)?;
        let permit = self.slots.take(steady)?;
        self.counters.admitted_later = self.counters.admitted_later.saturating_add(1);
        Some(Turn { ticket, result: Ok(permit) })
    }

    /// When somebody in line will have waited for too long.
    pub fn next_wake(&self) -> Option<Time> {
        self.line.next_end().map(|at| self.clock.to_host(at))
    }

    /// Frees what has run for longer than so long, for operators who know that it never ends. How
    /// many those were.
    pub fn reclaim(&mut self, now: Time, longer_than: Duration) -> u32 {
        let now = self.clock.read(now);
        let longer_us = u64::try_from(longer_than.as_micros()).unwrap_or(u64::MAX);
        let reclaimed = self.slots.reclaim(Time(now.0.saturating_sub(longer_us)));
        if reclaimed > 0 {
            self.counters.reclaimed += u64::from(reclaimed);
            self.events.note(Event::Reclaimed(reclaimed));
        }
        reclaimed
    }

    /// Others from now on. Who runs goes on, who is in line stays.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        self.slots.resize(config.concurrent);
        self.line.resize(config.line);
        self.displaced.reserve((config.line as usize).saturating_sub(self.displaced.len()));
        self.config = config;
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many run, those whose callers have given up included.
    pub fn running(&self) -> u32 {
        self.slots.running()
    }

    /// How much of it is used, in parts per million; more than all where it has been made smaller.
    pub fn used_ppm(&self) -> u32 {
        let (running, limit) = (u64::from(self.slots.running()), u64::from(self.slots.limit()));
        u32::try_from(running * u64::from(MILLION) / limit).unwrap_or(u32::MAX)
    }

    /// All that is to be seen of it. Looks at every slot.
    pub fn snapshot(&self) -> Snapshot {
        let (running, limit) = (self.slots.running(), self.slots.limit());
        let since = |at| self.clock.now().micros_since(at);
        Snapshot {
            limit,
            running,
            abandoned: self.slots.abandoned(),
            waiting: self.line.len(),
            used_ppm: self.used_ppm(),
            oldest_us: self.slots.oldest().map_or(0, since),
            usual_us: self.usual_us,
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    #[cold]
    fn wait(
        &mut self,
        now: Time,
        steady: Time,
        priority: Priority,
        deadline: Option<Time>,
    ) -> Result<Admission, Rejected> {
        let longest = steady + Duration::from_millis(self.config.line_ms);
        let until = deadline.map_or(longest, |at| self.clock.of_host(at).min(longest));
        if until <= steady {
            return Err(self.reject(now, Why::Deadline));
        }
        if self.line.is_full() && !self.make_room(priority) {
            return Err(self.reject(now, Why::Full));
        }
        Ok(Admission::Wait(self.line.join(priority, until)))
    }

    /// Takes the place of who matters less. Who was displaced and hasn't been told counts as in
    /// line, so that a host that doesn't ask whose turn it is can't make that list grow.
    fn make_room(&mut self, priority: Priority) -> bool {
        if self.config.order != Order::Priority || self.displaced.len() >= self.config.line as usize
        {
            return false;
        }
        let displaced = self.line.displace(priority);
        self.displaced.extend(displaced);
        displaced.is_some()
    }

    fn in_vain(&mut self, now: Time, ticket: Ticket, why: Why) -> Turn {
        Turn { ticket, result: Err(self.reject(now, why)) }
    }

    #[cold]
    fn reject(&mut self, now: Time, why: Why) -> Rejected {
        let count = match why {
            Why::Full => &mut self.counters.full,
            Why::Displaced => &mut self.counters.displaced,
            Why::Waited => &mut self.counters.waited,
            Why::Deadline => &mut self.counters.expired,
        };
        *count = count.saturating_add(1);
        if self.rejected == 0 {
            self.events.note(Event::Full);
        }
        self.rejected = self.rejected.saturating_add(1);
        // Those ahead are done a few at a time.
        let ahead = u64::from(self.line.len()) + 1;
        let wait_us = self.usual_us.saturating_mul(ahead) / u64::from(self.slots.limit());
        let wait = Duration::from_micros(wait_us.max(1));
        Rejected { why, retry_at: (self.usual_us > 0).then(|| now + wait) }
    }
}

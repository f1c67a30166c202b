//! The limit, who is under way, and when the limit moves.

use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{
    algorithm::{Memory, Moved, ONE, Seen},
    config::Config,
};
use crate::{
    config::BadConfig,
    resilience::{
        Outcome, Priority,
        journal::Journal,
        leases::{Lease, Leases},
        shares,
        steady::Steady,
    },
    time::Time,
};

/// The right to make one call. Is to be settled with its outcome, once the work has really ended.
#[must_use = "a call that nobody settles takes up room until its lease ends, and then is a drop"]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    started: Time,
    lease: Lease,
}

/// A call that isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("too many calls are under way: {why}")]
pub struct Rejected {
    /// Why not.
    pub why: Why,
    /// When one of them should be done, if it is known how long they take.
    pub retry_at: Option<Time>,
}

/// Why a call isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// As many are under way as there may be.
    #[error("as many as there may be")]
    Full,
    /// What is left is kept for calls that matter more.
    #[error("what is left is kept for calls that matter more")]
    Reserved,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The limit fell because calls were dropped.
    Dropped {
        /// So many.
        drops: u32,
        /// From this limit.
        from: u32,
        /// To this.
        to: u32,
    },
    /// The limit moved because of how long calls take.
    Moved {
        /// From this.
        from: u32,
        /// To this.
        to: u32,
    },
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that found it full.
    pub full: u64,
    /// Calls for which what was left wasn't.
    pub reserved: u64,
    /// Calls that were dropped: timeouts, overloads, and those that nobody settled.
    pub dropped: u64,
    /// Those of them that nobody settled.
    pub lost: u64,
    /// Calls that were settled after they had been given up.
    pub late: u64,
    /// How often the limit fell because of drops.
    pub fell: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// How many may be under way.
    pub limit: u32,
    /// How many are.
    pub under_way: u32,
    /// How long calls take: on the long run for the gradient, at the quickest for Vegas, in the last
    /// window else; zero as long as it isn't known.
    pub usual_us: u64,
    /// For metrics.
    pub counters: Counters,
}

/// An adaptive limit for one operation.
#[derive(Clone, Debug)]
pub struct AdaptiveLimiter {
    config: Config,
    clock: Steady,
    limit_milli: u64,
    limits: [u64; 4],
    leases: Leases,
    seen: Seen,
    window_ends: Time,
    /// Calls that began earlier say nothing of drops: the limit has fallen since.
    fell_at: Time,
    memory: Memory,
    last_mean_us: u64,
    counters: Counters,
    events: Journal<Event>,
}

impl AdaptiveLimiter {
    /// One that has seen nothing.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        let limit_milli = u64::from(config.initial) * ONE;
        Ok(Self {
            limits: limits(&config, limit_milli),
            limit_milli,
            leases: Leases::new(config.lease_ms),
            clock: Steady::default(),
            seen: Seen::default(),
            window_ends: Time::ZERO,
            fell_at: Time::ZERO,
            memory: Memory::default(),
            last_mean_us: 0,
            counters: Counters::default(),
            events: Journal::default(),
            config,
        })
    }

    /// Asks for a call.
    pub fn admit(&mut self, now: Time, priority: Priority) -> Result<Permit, Rejected> {
        let now = self.pass(now);
        let under_way = self.leases.count();
        if u64::from(under_way) >= self.limits[priority.index()] {
            return Err(self.reject(now, priority));
        }
        self.seen.most = self.seen.most.max(under_way + 1);
        self.counters.admitted = self.counters.admitted.saturating_add(1);
        Ok(Permit { started: now, lease: self.leases.begin() })
    }

    /// Takes a permit back: how the call ended.
    #[expect(clippy::needless_pass_by_value, reason = "a permit is given back once")]
    pub fn settle(&mut self, now: Time, permit: Permit, outcome: Outcome) {
        let now = self.pass(now);
        if !self.leases.end(permit.lease) {
            self.counters.late = self.counters.late.saturating_add(1);
            return;
        }
        if outcome == Outcome::Success {
            let took = now.micros_since(permit.started);
            self.seen.calls = self.seen.calls.saturating_add(1);
            self.seen.sum_us = self.seen.sum_us.saturating_add(took);
        } else if outcome.is_drop() {
            self.counters.dropped = self.counters.dropped.saturating_add(1);
            let since = permit.started >= self.fell_at;
            self.seen.drops = self.seen.drops.saturating_add(u32::from(since));
        }
        if now >= self.window_ends {
            self.end_window(now);
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.pass(now);
        if now >= self.window_ends {
            self.end_window(now);
        }
    }

    /// When time alone changes something: a call that nobody settled becomes a drop.
    pub fn next_wake(&self) -> Option<Time> {
        self.leases.next_end().map(|at| self.clock.to_host(at))
    }

    /// Others from now on. The limit stays, within the new bounds; what an algorithm has learned
    /// stays, if it is the same algorithm.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        if config.algorithm != self.config.algorithm {
            self.limit_milli = self.memory.before().unwrap_or(self.limit_milli);
            self.memory = Memory::default();
        }
        self.leases.reconfigure(config.lease_ms);
        self.config = config;
        self.set_limit(self.limit_milli);
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How many may be under way.
    pub fn limit(&self) -> u32 {
        (self.limit_milli / ONE) as u32
    }

    /// How many are under way.
    pub fn under_way(&self) -> u32 {
        self.leases.count()
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let learned = self.memory.usual_ns / 1_000;
        Snapshot {
            limit: self.limit(),
            under_way: self.leases.count(),
            usual_us: if learned > 0 { learned } else { self.last_mean_us },
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    /// What time it is; those that nobody settled until now are drops.
    fn pass(&mut self, now: Time) -> Time {
        let now = self.clock.read(now);
        let lost = self.leases.turn(now);
        if lost > 0 {
            self.seen.drops = self.seen.drops.saturating_add(lost);
            self.counters.dropped = self.counters.dropped.saturating_add(u64::from(lost));
            self.counters.lost = self.counters.lost.saturating_add(u64::from(lost));
        }
        now
    }

    #[cold]
    fn end_window(&mut self, now: Time) {
        if self.seen.calls < self.config.minimum_calls && self.seen.drops == 0 {
            return;
        }
        let seen = core::mem::take(&mut self.seen);
        self.seen.most = self.leases.count();
        self.window_ends = now + Duration::from_millis(self.config.window_ms);
        if seen.calls > 0 {
            self.last_mean_us = seen.mean_us();
        }
        let from = self.limit();
        let Config { algorithm, drop_percent, .. } = self.config;
        let (next, moved) = self.memory.next(algorithm, self.limit_milli, drop_percent, &seen);
        self.set_limit(next);
        let to = self.limit();
        match moved {
            Moved::Drops => {
                self.fell_at = now;
                self.counters.fell = self.counters.fell.saturating_add(1);
                self.events.note(Event::Dropped { drops: seen.drops, from, to });
            }
            Moved::Times if from != to => self.events.note(Event::Moved { from, to }),
            Moved::Times => {}
        }
    }

    fn set_limit(&mut self, milli: u64) {
        let (min, max) = (u64::from(self.config.min) * ONE, u64::from(self.config.max) * ONE);
        self.limit_milli = milli.clamp(min, max);
        self.limits = limits(&self.config, self.limit_milli);
    }

    #[cold]
    fn reject(&mut self, now: Time, priority: Priority) -> Rejected {
        let under_way = u64::from(self.leases.count());
        let reserved = under_way < u64::from(self.limit()) && priority != Priority::Consensus;
        let (why, count) = if reserved {
            (Why::Reserved, &mut self.counters.reserved)
        } else {
            (Why::Full, &mut self.counters.full)
        };
        *count = count.saturating_add(1);
        // Of so many that take so long, one ends each so-manyth of that.
        let each = (self.last_mean_us > 0).then(|| self.last_mean_us.div_ceil(under_way.max(1)));
        let retry_at = each.map(|us| self.clock.to_host(now + Duration::from_micros(us)));
        Rejected { why, retry_at }
    }
}

fn limits(config: &Config, limit_milli: u64) -> [u64; 4] {
    let Config { background_ppm, normal_ppm, important_ppm, .. } = *config;
    shares::of(limit_milli / ONE, 1, background_ppm, normal_ppm, important_ppm)
}

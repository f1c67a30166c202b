//! The level, and what follows from it.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::config::{Config, Level};
use crate::{
    config::BadConfig,
    resilience::{Priority, journal::Journal, settings::MILLION, steady::Steady},
    time::Time,
};

/// A call that isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("too much to do: calls that matter as little are left out")]
pub struct Rejected {
    /// How bad it is.
    pub level: Level,
    /// When it may be better, if all goes well from now on; `None` if an operator wants it so.
    pub retry_at: Option<Time>,
}

/// No such feature is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no feature of that name is configured")]
pub struct NoSuchFeature;

/// No such signal is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("there is no signal {signal}: {signals} are configured, numbered from 0")]
pub struct NoSuchSignal {
    /// Which.
    pub signal: u8,
    /// How many there are.
    pub signals: u8,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It got worse or better, by one level.
    Moved {
        /// From this.
        from: Level,
        /// To this.
        to: Level,
        /// The highest signal then, in parts per million.
        highest_ppm: u32,
    },
    /// An operator holds it at a level, or doesn't any more.
    Held(Option<Level>),
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls of each priority that were made, rising.
    pub admitted: [u64; 4],
    /// Calls of each priority that weren't.
    pub shed: [u64; 4],
    /// How often it got worse.
    pub worsened: u64,
    /// How often it got better.
    pub improved: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// How bad it is.
    pub level: Level,
    /// What an operator holds it at.
    pub held: Option<Level>,
    /// The highest signal, in parts per million.
    pub highest_ppm: u32,
    /// When it will get worse, if that stays so high.
    pub worsens_at: Option<Time>,
    /// When it will get better, if that stays so low.
    pub improves_at: Option<Time>,
    /// For metrics.
    pub counters: Counters,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Signal {
    ppm: u32,
    until: Time,
}

/// Degradation.
#[derive(Clone, Debug, Serialize)]
pub struct Degradation {
    config: Config,
    clock: Steady,
    level: Level,
    held: Option<Level>,
    signals: Vec<Signal>,
    /// When it gets worse or better, if nothing changes until then.
    worsens: Option<Time>,
    improves: Option<Time>,
    /// What share is shed now, and what is owed of it.
    shares: [u32; 4],
    owed: [u32; 4],
    counters: Counters,
    events: Journal<Event>,
}

impl Degradation {
    /// Nothing is known, and all is normal.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        let nothing = Signal { ppm: 0, until: Time::ZERO };
        Ok(Self {
            signals: vec![nothing; usize::from(config.signals)],
            config,
            clock: Steady::default(),
            level: Level::Normal,
            held: None,
            worsens: None,
            improves: None,
            shares: [0; 4],
            owed: [0; 4],
            counters: Counters::default(),
            events: Journal::default(),
        })
    }

    /// Whether a call of that priority is made. What replicas say to agree always is.
    pub fn admit(&mut self, now: Time, priority: Priority) -> Result<(), Rejected> {
        let at = priority.index();
        let share = self.shares[at];
        if share > 0 {
            // Exactly that share, evenly: each call owes it, and a whole one is shed.
            self.owed[at] += share;
            if self.owed[at] >= MILLION {
                self.owed[at] -= MILLION;
                return Err(self.shed(now, at));
            }
        }
        self.counters.admitted[at] = self.counters.admitted[at].saturating_add(1);
        Ok(())
    }

    /// How high a signal is, in parts per million of what there may be; more is as much.
    pub fn observe(&mut self, now: Time, signal: u8, ppm: u64) -> Result<(), NoSuchSignal> {
        let now = self.clock.read(now);
        let signals = self.config.signals;
        let known = self.signals.get_mut(usize::from(signal));
        let known = known.ok_or(NoSuchSignal { signal, signals })?;
        let until = now + Duration::from_millis(self.config.stale_ms);
        *known = Signal { ppm: ppm.min(u64::from(MILLION)) as u32, until };
        self.step(now);
        Ok(())
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.step(now);
    }

    /// When time alone changes something: the level, or that a signal says nothing any more.
    pub fn next_wake(&self) -> Option<Time> {
        let now = self.clock.now();
        let stale =
            self.signals.iter().filter(|it| it.ppm > 0 && it.until > now).map(|it| it.until);
        let next = stale.chain(self.worsens).chain(self.improves).min();
        next.map(|at| self.clock.to_host(at))
    }

    /// What an operator holds it at, whatever signals say; or not any more, then it begins there.
    pub fn hold(&mut self, now: Time, level: Option<Level>) {
        let now = self.clock.read(now);
        self.held = level;
        (self.worsens, self.improves) = (None, None);
        self.events.note(Event::Held(level));
        if let Some(level) = level {
            self.set(level);
        }
        self.step(now);
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Whether a feature is on.
    pub fn is_on(&self, feature: &str) -> Result<bool, NoSuchFeature> {
        let known = self.config.features.iter().find(|it| it.name == feature);
        known.map(|it| self.level < it.off_from).ok_or(NoSuchFeature)
    }

    /// Other thresholds and levels from now on. The level stays; signals do, as far as there are so
    /// many.
    pub fn reconfigure(&mut self, now: Time, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        let now = self.clock.read(now);
        self.signals.resize(usize::from(config.signals), Signal { ppm: 0, until: Time::ZERO });
        self.config = config;
        (self.worsens, self.improves) = (None, None);
        self.set(self.level);
        self.step(now);
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let to_host = |at: Option<Time>| at.map(|at| self.clock.to_host(at));
        Snapshot {
            level: self.level,
            held: self.held,
            highest_ppm: self.highest_ppm(self.clock.now()),
            worsens_at: to_host(self.worsens),
            improves_at: to_host(self.improves),
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    fn highest_ppm(&self, now: Time) -> u32 {
        let fresh = self.signals.iter().filter(|it| it.until > now);
        fresh.map(|it| it.ppm).max().unwrap_or(0)
    }

    /// At most one level at a time: what it is then has its own thresholds and dwell.
    fn step(&mut self, now: Time) {
        if self.held.is_some() {
            return;
        }
        let highest = self.highest_ppm(now);
        let enters = self
            .level
            .worse()
            .is_some_and(|_| highest >= self.config.enter_ppm[self.level as usize]);
        let leaves = self
            .level
            .better()
            .is_some_and(|better| highest < self.config.leave_ppm[better as usize]);
        self.worsens = pending(self.worsens, enters, now, self.config.worsen_ms);
        self.improves = pending(self.improves, leaves, now, self.config.improve_ms);
        let due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let to = if due(self.worsens) {
            self.counters.worsened = self.counters.worsened.saturating_add(1);
            self.level.worse()
        } else if due(self.improves) {
            self.counters.improved = self.counters.improved.saturating_add(1);
            self.level.better()
        } else {
            None
        };
        if let Some(to) = to {
            self.events.note(Event::Moved { from: self.level, to, highest_ppm: highest });
            self.set(to);
            (self.worsens, self.improves) = (None, None);
            self.step(now);
        }
    }

    fn set(&mut self, level: Level) {
        self.level = level;
        let Config { shed_background_ppm, shed_normal_ppm, shed_important_ppm, .. } = self.config;
        let row = |row: [u32; 3]| level.better().map_or(0, |better| row[better as usize]);
        let rows = [shed_background_ppm, shed_normal_ppm, shed_important_ppm].map(row);
        self.shares = [rows[0], rows[1], rows[2], 0];
        self.owed = [0; 4];
    }

    #[cold]
    fn shed(&mut self, now: Time, at: usize) -> Rejected {
        let now = self.clock.read(now);
        self.counters.shed[at] = self.counters.shed[at].saturating_add(1);
        let soonest = now + Duration::from_millis(self.config.improve_ms);
        let improves = self.improves.filter(|at| *at > now).unwrap_or(soonest);
        let retry_at = self.held.is_none().then(|| self.clock.to_host(improves));
        Rejected { level: self.level, retry_at }
    }
}

/// When something that has to hold for so long has, given since when it does.
fn pending(due: Option<Time>, holds: bool, now: Time, dwell_ms: u64) -> Option<Time> {
    holds.then(|| due.unwrap_or(now + Duration::from_millis(dwell_ms)))
}

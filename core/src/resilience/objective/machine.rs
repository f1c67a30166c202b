//! Availability and latency, each with its budget.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    burn::{Burn, Change},
    config::{BUCKETS, Config, MAX_PAIRS},
};
use crate::{
    config::BadConfig,
    resilience::{Outcome, journal::Journal, steady::Steady},
    time::Time,
};

/// Which objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// That calls succeed.
    Availability,
    /// That those which do are quick.
    Latency,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Both windows of a pair burn at its rate.
    Fires {
        /// Of which objective.
        kind: Kind,
        /// Which pair, from 0.
        pair: u8,
        /// Whether somebody is to be woken.
        page: bool,
        /// How quickly the long one burns, in hundredths.
        burn_percent: u64,
    },
    /// They don't any more.
    Clears {
        /// Of which objective.
        kind: Kind,
        /// Which pair.
        pair: u8,
    },
    /// Nothing is left for this period.
    Exhausted(Kind),
    /// Something is again.
    Replenished(Kind),
}

/// How a pair stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PairState {
    /// How quickly the long window burns, in hundredths of the rate that lasts for just the period.
    pub long_burn_percent: u64,
    /// How quickly the short one does.
    pub short_burn_percent: u64,
    /// Whether both do at the pair's rate.
    pub firing: bool,
}

/// How an objective stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Calls of the period.
    pub calls: u64,
    /// Those of them that were bad.
    pub bad: u64,
    /// What is left of the budget, in parts per million of it; unknown of too few calls.
    pub left_ppm: Option<u64>,
    /// In how many microseconds it will be used up, if it goes on like this.
    pub lasts_us: Option<u64>,
    /// Each pair, in the order of the configuration.
    pub pairs: [Option<PairState>; MAX_PAIRS],
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that were counted.
    pub calls: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that succeeded and were slow.
    pub slow: u64,
    /// How often a pair fired.
    pub fired: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it, as of the last granule that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// How availability stands.
    pub availability: Standing,
    /// How latency does, where something is promised.
    pub latency: Option<Standing>,
    /// How near any pair is to firing, in parts per million of what it fires at.
    pub heat_ppm: u64,
    /// For metrics.
    pub counters: Counters,
}

/// The error budgets of one operation.
#[derive(Clone, Debug, Serialize)]
pub struct ErrorBudget {
    config: Config,
    clock: Steady,
    granule_us: u64,
    began: Time,
    ends: Time,
    availability: Burn,
    latency: Option<Burn>,
    counters: Counters,
    events: Journal<Event>,
}

impl ErrorBudget {
    /// Of which nothing is used.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        let shortest_ms = config.pairs.iter().map(|pair| pair.short_ms).min().unwrap_or(BUCKETS);
        let granule_us = shortest_ms * 1_000 / BUCKETS;
        Ok(Self {
            granule_us,
            began: Time::ZERO,
            ends: Time(granule_us),
            availability: Burn::new(&config, config.availability_ppm),
            latency: config.latency_ms.map(|_| Burn::new(&config, config.quick_ppm)),
            config,
            clock: Steady::default(),
            counters: Counters::default(),
            events: Journal::default(),
        })
    }

    /// How a call ended, and how long it took.
    pub fn settle(&mut self, now: Time, outcome: Outcome, took: Duration) {
        self.settle_us(now, outcome, (Time::ZERO + took).0);
    }

    /// The same in microseconds.
    pub(crate) fn settle_us(&mut self, now: Time, outcome: Outcome, took_us: u64) {
        let now = self.clock.read(now);
        if now >= self.ends {
            self.turn(now);
        }
        if outcome == Outcome::Neutral {
            return;
        }
        let failed = outcome.is_failure();
        self.counters.calls = self.counters.calls.saturating_add(1);
        self.counters.failed = self.counters.failed.saturating_add(u64::from(failed));
        self.availability.count(failed);
        if let Some((latency, ms)) = self.latency.as_mut().zip(self.config.latency_ms)
            && !failed
        {
            let slow = took_us > ms.saturating_mul(1_000);
            self.counters.slow = self.counters.slow.saturating_add(u64::from(slow));
            latency.count(slow);
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        if now >= self.ends {
            self.turn(now);
        }
    }

    /// When the next granule is over.
    pub fn next_wake(&self) -> Time {
        self.clock.to_host(self.ends)
    }

    /// How near any pair is to firing, in parts per million of what it fires at: for whoever
    /// degrades before it does.
    pub fn heat_ppm(&self) -> u64 {
        let latency = self.latency.as_ref().map_or(0, Burn::hottest_ppm);
        self.availability.hottest_ppm().max(latency)
    }

    /// Other promises from now on. What was counted stays in each window that does, if what is promised
    /// and over what period stays; else it is about another promise. What fired and isn't watched any
    /// more is cleared.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        if config == self.config {
            return Ok(());
        }
        // What was counted last is in its windows before they change.
        let now = self.clock.now();
        self.turn(now);
        let mut new = Self::new(config)?;
        let Self { config: before, availability, latency, events, .. } = self;
        let period = new.config.period_ms == before.period_ms;
        let available = period && new.config.availability_ppm == before.availability_ppm;
        let quick = |it: &Config| (it.latency_ms, it.quick_ppm);
        let quick = period && quick(&new.config) == quick(before);
        let next = available.then_some(&mut new.availability);
        availability.hand_over(next, |it| events.note(event(Kind::Availability, it, 0, before)));
        if let Some(latency) = latency {
            let next = new.latency.as_mut().filter(|_| quick);
            latency.hand_over(next, |it| events.note(event(Kind::Latency, it, 0, before)));
        }
        (new.clock, new.counters) = (self.clock, self.counters);
        core::mem::swap(&mut new.events, &mut self.events);
        new.begin(now);
        *self = new;
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            availability: self.availability.standing(),
            latency: self.latency.as_ref().map(Burn::standing),
            heat_ppm: self.heat_ppm(),
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    #[cold]
    fn turn(&mut self, now: Time) {
        let Self { availability, latency, events, counters, config, began, .. } = self;
        let mut note = |kind, change, burn_percent| {
            let fires = matches!(change, Change::Fires(_));
            counters.fired = counters.fired.saturating_add(u64::from(fires));
            events.note(event(kind, change, burn_percent, config));
        };
        availability.turn(*began, now, |change, burn| note(Kind::Availability, change, burn));
        if let Some(latency) = latency {
            latency.turn(*began, now, |change, burn| note(Kind::Latency, change, burn));
        }
        self.begin(now);
    }

    /// A granule, within which now is.
    fn begin(&mut self, now: Time) {
        self.began = Time(now.0 / self.granule_us * self.granule_us);
        self.ends = Time(self.began.0.saturating_add(self.granule_us));
    }
}

fn event(kind: Kind, change: Change, burn_percent: u64, config: &Config) -> Event {
    match change {
        Change::Fires(at) => {
            let page = config.pairs.get(at).is_some_and(|pair| pair.page);
            Event::Fires { kind, pair: at as u8, page, burn_percent }
        }
        Change::Clears(at) => Event::Clears { kind, pair: at as u8 },
        Change::Exhausted => Event::Exhausted(kind),
        Change::Replenished => Event::Replenished(kind),
    }
}

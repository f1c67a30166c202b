//! Callers, services and their weather, guards; and how they are checked.

use alloc::vec::Vec;

use thiserror::Error;

use super::health::Watch;
use crate::{
    config::{BadConfig, must},
    resilience::{
        Priority, chaos, degradation,
        manager::{BadPolicy, Config, Policy},
        settings::{MILLION, must_be_time},
    },
};

/// The longest that is played: ten minutes.
pub const MAX_DURATION_MS: u64 = 600_000;
/// The most groups of callers.
pub const MAX_GROUPS: usize = 4;
/// The most callers of a group: each has a place on the agenda.
pub const MAX_CALLERS: u32 = 2_000;
/// The most services.
pub const MAX_SERVICES: usize = 8;
/// The most spells of weather of a service.
const MAX_SPELLS: usize = 8;
/// The most buckets.
const MAX_BUCKETS: u16 = 600;
/// The most calls that all groups together ask for in a second, surges included.
const MAX_PER_SECOND: u64 = 5_000;
/// The most calls of a burst.
const MAX_BURST: u32 = 5_000;
/// The most threads of a host, and the most that wait for one.
const MAX_THREADS: u32 = 10_000;
/// The most workers of a service, and the most in its queue.
const MAX_WORKERS: u32 = 10_000;

/// All of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What everything is drawn from.
    pub seed: u64,
    /// How long it is played, in milliseconds.
    pub duration_ms: u64,
    /// Into how many buckets that is cut.
    pub buckets: u16,
    /// So many calls of the host at a time, whatever they call: each holds a thread from its
    /// beginning to its end, waits between attempts included.
    pub threads: u32,
    /// So many calls may wait for one.
    pub backlog: u32,
    /// Who calls.
    pub callers: Vec<Callers>,
    /// What is called. The first is the one that the series watch.
    pub services: Vec<Service>,
    /// The guards of each service.
    pub policy: Policy,
    /// The host's degradation.
    pub degradation: Option<degradation::Config>,
    /// How the host finds out which services are up. Without, it takes all of them to be.
    pub watch: Option<Watch>,
    /// An experiment that is permitted from the start to the end. Its fault is one that can be done
    /// to a call here: latency, error, drop, duplicate, reorder or partition.
    pub chaos: Option<chaos::Config>,
}

/// Callers of one kind. Each calls again after a while that is drawn anew each time, from nothing to
/// twice the mean; none waits for its last call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callers {
    /// How many.
    pub number: u32,
    /// How often each of them calls in a minute.
    pub each_per_minute: u32,
    /// How much it matters.
    pub priority: Priority,
    /// Which service; whichever is up, in turns, if `None`.
    pub to: Option<u16>,
    /// How long each waits for an answer, in milliseconds, if not for as long as the policy lets it.
    pub patience_ms: Option<u64>,
    /// They call more often for a while.
    pub surge: Option<Surge>,
    /// They all call at once.
    pub burst: Option<Burst>,
}

/// Callers call more often, or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surge {
    /// From then on, in milliseconds.
    pub from_ms: u64,
    /// Until then.
    pub to_ms: u64,
    /// So often, in percent of what they do else.
    pub percent: u32,
}

/// Many calls at the same moment: a cache that ran out, a line that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Burst {
    /// When, in milliseconds.
    pub at_ms: u64,
    /// How many.
    pub calls: u32,
}

/// A service: works on so many calls at a time, in the order of arrival. Who has given up is worked
/// for all the same, since nobody tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// So many calls at a time.
    pub workers: u32,
    /// So many in its queue; who comes when it is full is told so.
    pub queue: u32,
    /// How long a call takes in the middle, in milliseconds.
    pub takes_ms: u64,
    /// It takes by up to so much less or more, in percent, each as likely as the other.
    pub spread_percent: u32,
    /// Such a share of calls takes ten times as long, in parts per million.
    pub stragglers_ppm: u32,
    /// Such a share of calls fails after having taken its time, in parts per million.
    pub failing_ppm: u32,
    /// What becomes of it.
    pub weather: Vec<Spell>,
}

impl Default for Service {
    fn default() -> Self {
        let (workers, queue, takes_ms, spread_percent) = (8, 64, 50, 50);
        let (stragglers_ppm, failing_ppm, weather) = (0, 0, Vec::new());
        Self { workers, queue, takes_ms, spread_percent, stragglers_ppm, failing_ppm, weather }
    }
}

/// Some weather for a while. Where spells overlap, the first that is listed counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// From then on, in milliseconds.
    pub from_ms: u64,
    /// Until then.
    pub to_ms: u64,
    /// What it is like.
    pub weather: Weather,
}

/// What a service may go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It is down: what it works on fails, who calls is refused.
    Down,
    /// It is down for so long, up for so long, and so on.
    Flapping {
        /// So long each time, in milliseconds.
        every_ms: u64,
    },
    /// It says nothing, and goes on where it was when that is over.
    Silent,
    /// All takes so much longer, in percent of what it takes else.
    Slow {
        /// How long.
        percent: u32,
    },
    /// Such a share of calls fails, in parts per million, besides those that do anyway.
    Failing {
        /// How many.
        ppm: u32,
    },
}

/// A world that can't be played.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BadSetting {
    /// Of the world itself.
    #[error(transparent)]
    World(#[from] BadConfig),
    /// Of its guards.
    #[error(transparent)]
    Guards(#[from] BadPolicy),
}

impl Setting {
    /// A quiet world with these guards: one group of callers, one service that bears them easily.
    pub fn quiet(policy: Policy) -> Self {
        let (number, each_per_minute, priority) = (20, 60, Priority::Normal);
        let (to, patience_ms, surge, burst) = (None, None, None, None);
        let callers = Callers { number, each_per_minute, priority, to, patience_ms, surge, burst };
        Self {
            seed: 1,
            duration_ms: 60_000,
            buckets: 120,
            threads: 1_000,
            backlog: 1_000,
            callers: [callers].into(),
            services: [Service::default()].into(),
            policy,
            degradation: None,
            watch: None,
            chaos: None,
        }
    }

    /// The guards, as the manager is given them.
    pub(super) fn manager(&self) -> Config {
        Config::default()
            .peers(self.services.len() as u16)
            .degradation(self.degradation.clone())
            .operations([(super::world::OPERATION.into(), self.policy.clone())].into())
    }

    /// Refuses what can't be played, saying which field and why. What is wrong with guards the
    /// manager says.
    pub fn validate(&self) -> Result<(), BadSetting> {
        let duration = (1_000..=MAX_DURATION_MS).contains(&self.duration_ms);
        must(duration, "duration_ms", self.duration_ms, "from one second to ten minutes")?;
        let buckets = (2..=MAX_BUCKETS).contains(&self.buckets);
        must(buckets, "buckets", u64::from(self.buckets), "from 2 to 600")?;
        let threads = (1..=MAX_THREADS).contains(&self.threads);
        must(threads, "threads", u64::from(self.threads), "from 1 to 10000")?;
        let backlog = self.backlog <= MAX_THREADS;
        must(backlog, "backlog", u64::from(self.backlog), "at most 10000")?;
        let (groups, services) = (self.callers.len(), self.services.len());
        must((1..=MAX_GROUPS).contains(&groups), "callers", groups as u64, "from 1 to 4 groups")?;
        must((1..=MAX_SERVICES).contains(&services), "services", services as u64, "from 1 to 8")?;
        self.callers.iter().try_for_each(|it| it.validate(services))?;
        let rate: u64 = self.callers.iter().map(Callers::most_per_second).sum();
        must(
            rate <= MAX_PER_SECOND,
            "each_per_minute",
            rate,
            "at most 5000 calls a second in all",
        )?;
        self.services.iter().try_for_each(Service::validate)?;
        if let Some(watch) = &self.watch {
            watch.validate(services)?;
        }
        if let Some(chaos) = &self.chaos {
            chaos.validate()?;
            must(possible(chaos.fault), "fault", 0, "it can't be done to a call here")?;
        }
        Ok(())
    }
}

fn possible(fault: chaos::Fault) -> bool {
    use chaos::Fault::{Drop, Duplicate, Error, Latency, Partition, Reorder};
    matches!(fault, Latency { .. } | Error | Drop | Duplicate | Reorder { .. } | Partition)
}

impl Callers {
    fn most_per_second(&self) -> u64 {
        let most = self.surge.map_or(100, |it| it.percent.max(100));
        let each = u64::from(self.number) * u64::from(self.each_per_minute);
        each * u64::from(most) / 6_000
    }

    fn validate(&self, services: usize) -> Result<(), BadConfig> {
        let number = (1..=MAX_CALLERS).contains(&self.number);
        must(number, "number", u64::from(self.number), "from 1 to 2000 callers")?;
        let often = (1..=60_000).contains(&self.each_per_minute);
        must(often, "each_per_minute", u64::from(self.each_per_minute), "from 1 to 60000")?;
        if let Some(to) = self.to {
            let there = usize::from(to) < services;
            must(there, "to", u64::from(to), "there is no service of that number")?;
        }
        if let Some(ms) = self.patience_ms {
            must_be_time("patience_ms", ms)?;
        }
        if let Some(Surge { from_ms, to_ms, percent }) = self.surge {
            must_be_while(from_ms, to_ms)?;
            let percent_fits = (10..=10_000).contains(&percent);
            must(percent_fits, "percent", u64::from(percent), "from 10 to 10000")?;
        }
        if let Some(Burst { at_ms, calls }) = self.burst {
            must(at_ms <= MAX_DURATION_MS, "at_ms", at_ms, "within ten minutes")?;
            must(calls <= MAX_BURST, "calls", u64::from(calls), "at most 5000 at once")?;
        }
        Ok(())
    }
}

impl Service {
    fn validate(&self) -> Result<(), BadConfig> {
        let workers = (1..=MAX_WORKERS).contains(&self.workers);
        must(workers, "workers", u64::from(self.workers), "from 1 to 10000")?;
        must(self.queue <= MAX_WORKERS, "queue", u64::from(self.queue), "at most 10000")?;
        must_be_time("takes_ms", self.takes_ms)?;
        let spread = self.spread_percent;
        must(
            spread <= 100,
            "spread_percent",
            u64::from(spread),
            "nothing takes less than no time",
        )?;
        must_be_part("stragglers_ppm", self.stragglers_ppm)?;
        must_be_part("failing_ppm", self.failing_ppm)?;
        let spells = self.weather.len();
        must(spells <= MAX_SPELLS, "weather", spells as u64, "at most 8 spells")?;
        self.weather.iter().try_for_each(Spell::validate)
    }
}

impl Spell {
    fn validate(&self) -> Result<(), BadConfig> {
        must_be_while(self.from_ms, self.to_ms)?;
        match self.weather {
            Weather::Flapping { every_ms } => {
                let slow = every_ms >= 100;
                must(slow, "every_ms", every_ms, "from 100 ms: quicker, it would just fail")
            }
            Weather::Slow { percent } => {
                let fits = (1..=100_000).contains(&percent);
                must(fits, "percent", u64::from(percent), "from 1 to 100000")
            }
            Weather::Failing { ppm } => must_be_part("ppm", ppm),
            Weather::Down | Weather::Silent => Ok(()),
        }
    }
}

fn must_be_part(field: &'static str, ppm: u32) -> Result<(), BadConfig> {
    must(ppm <= MILLION, field, u64::from(ppm), "all is 1000000 parts per million")
}

fn must_be_while(from_ms: u64, to_ms: u64) -> Result<(), BadConfig> {
    must(from_ms <= to_ms, "to_ms", to_ms, "it can't end before it begins")?;
    must(to_ms <= MAX_DURATION_MS, "to_ms", to_ms, "within ten minutes")
}

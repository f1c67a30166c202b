//! Rise and fall: so many checks in a row change the state.

use core::time::Duration;

use serde::Serialize;

use crate::{
    config::{BadConfig, must},
    resilience::{
        Outcome,
        journal::Journal,
        settings::{must_be_time, settings},
        steady::Steady,
    },
    time::Time,
};

settings! {
    /// How a check is set up.
    pub struct CheckConfig {
        /// Up after so many that succeeded in a row.
        rise: u32 = 2, "one may be luck";
        /// Down after so many that failed in a row.
        fall: u32 = 3, "one may be bad luck, and going down costs more than going up";
        /// The next begins so many milliseconds after the last began.
        interval_ms: u64 = 2_000, "down is known within a few times this";
        /// A check without result after so many milliseconds has failed.
        timeout_ms: u64 = 1_000, "who answers later is of no use";
    }
}

impl CheckConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(self.rise > 0, "rise", 0, "it would be up before any check")?;
        must(self.fall > 0, "fall", 0, "it would be down before any check")?;
        must_be_time("interval_ms", self.interval_ms)?;
        must_be_time("timeout_ms", self.timeout_ms)?;
        must(
            self.timeout_ms <= self.interval_ms,
            "timeout_ms",
            self.timeout_ms,
            "one that hangs would hold up the next: it can't be above interval_ms",
        )
    }
}

/// Whether it is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nobody knows yet.
    #[default]
    Unknown,
    /// It is.
    Up,
    /// It isn't.
    Down,
}

/// A check under way.
#[must_use = "a check that nobody settles has failed when its time is over"]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Probe {
    number: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckEvent {
    /// It is up.
    Up,
    /// It is down.
    Down,
    /// A check had no result in time.
    Hung,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckCounters {
    /// Checks that succeeded.
    pub succeeded: u64,
    /// Checks that failed, those that hung included.
    pub failed: u64,
    /// Checks that had no result in time.
    pub hung: u64,
    /// Results that came after that.
    pub late: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CheckSnapshot {
    /// Whether it is up.
    pub state: State,
    /// Checks in a row that say otherwise.
    pub against: u32,
    /// For metrics.
    pub counters: CheckCounters,
}

/// A check that is made again and again.
#[derive(Clone, Debug)]
pub struct Check {
    config: CheckConfig,
    clock: Steady,
    pub(super) state: State,
    succeeded_in_a_row: u32,
    failed_in_a_row: u32,
    next: Time,
    issued: u64,
    /// The one under way, and when its time is over.
    under_way: Option<(u64, Time)>,
    counters: CheckCounters,
    events: Journal<CheckEvent>,
}

impl Check {
    /// One that is due at once.
    pub fn new(config: CheckConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            config,
            clock: Steady::default(),
            state: State::Unknown,
            succeeded_in_a_row: 0,
            failed_in_a_row: 0,
            next: Time::ZERO,
            issued: 0,
            under_way: None,
            counters: CheckCounters::default(),
            events: Journal::default(),
        })
    }

    /// A check to be made now, if one is due. To be asked at the time of [`Self::next_wake`].
    pub fn poll(&mut self, now: Time) -> Option<Probe> {
        let now = self.clock.read(now);
        if let Some((_, ends)) = self.under_way
            && ends <= now
        {
            self.under_way = None;
            self.counters.hung = self.counters.hung.saturating_add(1);
            self.events.note(CheckEvent::Hung);
            self.count(false);
        }
        if self.under_way.is_some() || now < self.next {
            return None;
        }
        self.issued += 1;
        self.next = now + Duration::from_millis(self.config.interval_ms);
        self.under_way = Some((self.issued, now + Duration::from_millis(self.config.timeout_ms)));
        Some(Probe { number: self.issued })
    }

    /// How a check ended.
    #[expect(clippy::needless_pass_by_value, reason = "a check ends once")]
    pub fn settle(&mut self, now: Time, probe: Probe, outcome: Outcome) {
        let now = self.clock.read(now);
        let in_time =
            self.under_way.is_some_and(|(number, ends)| number == probe.number && now < ends);
        if !in_time {
            self.counters.late = self.counters.late.saturating_add(1);
            return;
        }
        self.under_way = None;
        if outcome != Outcome::Neutral {
            self.count(!outcome.is_failure());
        }
    }

    /// When the next is due, or the time of one that hangs is over.
    pub fn next_wake(&self) -> Time {
        let wake = self.under_way.map_or(self.next, |(_, ends)| ends);
        self.clock.to_host(wake)
    }

    /// Others from now on. The state stays; the next begins so long after the last as it says now.
    pub fn reconfigure(&mut self, config: CheckConfig) -> Result<(), BadConfig> {
        config.validate()?;
        if self.issued > 0 {
            let began = Time(self.next.0.saturating_sub(self.config.interval_ms * 1_000));
            self.next = began + Duration::from_millis(config.interval_ms);
        }
        self.config = config;
        Ok(())
    }

    /// Whether it is up.
    pub fn state(&self) -> State {
        self.state
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> CheckSnapshot {
        let against = match self.state {
            State::Up => self.failed_in_a_row,
            State::Down => self.succeeded_in_a_row,
            State::Unknown => self.failed_in_a_row.max(self.succeeded_in_a_row),
        };
        CheckSnapshot { state: self.state, against, counters: self.counters }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<CheckEvent> {
        self.events.take()
    }

    fn count(&mut self, succeeded: bool) {
        let (row, other) = if succeeded {
            (&mut self.succeeded_in_a_row, &mut self.failed_in_a_row)
        } else {
            (&mut self.failed_in_a_row, &mut self.succeeded_in_a_row)
        };
        *row = row.saturating_add(1);
        *other = 0;
        if succeeded {
            self.counters.succeeded = self.counters.succeeded.saturating_add(1);
        } else {
            self.counters.failed = self.counters.failed.saturating_add(1);
        }
        if self.state != State::Up && self.succeeded_in_a_row >= self.config.rise {
            self.state = State::Up;
            self.events.note(CheckEvent::Up);
        } else if self.state != State::Down && self.failed_in_a_row >= self.config.fall {
            self.state = State::Down;
            self.events.note(CheckEvent::Down);
        }
    }
}

//! The states, and what leads from one to another.

use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{
    config::{Config, Mode},
    probes::Probes,
    window::{Calls, Rates},
};
use crate::{
    config::BadConfig,
    resilience::{Outcome, journal::Journal, steady::Steady},
    time::Time,
};

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Calls go through.
    Closed,
    /// None do.
    Open,
    /// A few do, to find out.
    HalfOpen,
}

#[expect(clippy::large_enum_variant, reason = "one a breaker; a box would be allocated on the way")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stand {
    Closed,
    Open { until: Time },
    HalfOpen(Probes),
}

/// The right to make one call. Is to be settled with its outcome, by whoever made the call.
#[must_use = "a call that nobody settles counts for nothing, and a probe without result as failed"]
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Permit {
    pub(super) started: Time,
    pub(super) generation: u64,
    pub(super) probe: Option<u32>,
}

impl Permit {
    /// Whether it is one of the few that find out whether to close.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }

    /// The same one for a copy of the breaker that it is of, as the simulator copies moments: each copy
    /// takes back its own.
    #[cfg(feature = "guards")]
    pub(crate) fn in_a_copy(&self) -> Self {
        Self { ..*self }
    }
}

/// A call that isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize)]
#[error("the circuit is open: {why}")]
pub struct Rejected {
    /// Why not.
    pub why: Why,
    /// When it is worth asking again, if that is known.
    pub retry_at: Option<Time>,
}

/// Why a call isn't to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Open.
    #[error("too many calls failed")]
    Open,
    /// Half-open, and all probes are under way.
    #[error("a few calls are finding out whether it still fails")]
    Probing,
    /// An operator wants it so.
    #[error("an operator opened it")]
    Forced,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// It opened.
    Opened {
        /// By these rates, or by failures in a row, or by probes that failed.
        rates: Rates,
        /// The how manyth time since it was last closed.
        in_a_row: u32,
        /// Until then.
        until: Time,
    },
    /// It would have, in [`Mode::MetricsOnly`].
    WouldOpen {
        /// By these rates.
        rates: Rates,
    },
    /// It is half-open.
    HalfOpened,
    /// A probe's lease ended without result.
    ProbeLost,
    /// It closed.
    Closed,
    /// An operator set another mode.
    ModeSet(Mode),
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that were let through.
    pub admitted: u64,
    /// Calls that were not.
    pub rejected: u64,
    /// Results of calls that were let through by an earlier state: they change nothing.
    pub late: u64,
    /// How often it opened.
    pub opened: u64,
    /// How often it closed.
    pub closed: u64,
    /// Probes without result.
    pub probes_lost: u64,
    /// How often it would have opened, in [`Mode::MetricsOnly`].
    pub would_open: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Where it stands.
    pub state: State,
    /// What an operator made of it.
    pub mode: Mode,
    /// What is counted now.
    pub rates: Rates,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// Until when it is open, if it is.
    pub open_until: Option<Time>,
    /// Probes under way, that succeeded and that failed, while half-open.
    pub probes: [u8; 3],
    /// For metrics.
    pub counters: Counters,
}

/// A circuit breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    config: Config,
    clock: Steady,
    mode: Mode,
    pub(super) stand: Stand,
    pub(super) generation: u64,
    pub(super) calls: Calls,
    pub(super) failures_in_a_row: u32,
    pub(super) opened_in_a_row: u32,
    /// How long the last probe took that said anything, in microseconds.
    probe_us: Option<u64>,
    counters: Counters,
    events: Journal<Event>,
}

/// Of no generation: what [`Mode::Disabled`] lets through.
const UNCOUNTED: u64 = 0;

impl Breaker {
    /// A closed one.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            calls: Calls::new(config.window),
            mode: config.mode,
            config,
            clock: Steady::default(),
            stand: Stand::Closed,
            generation: UNCOUNTED + 1,
            failures_in_a_row: 0,
            opened_in_a_row: 0,
            probe_us: None,
            counters: Counters::default(),
            events: Journal::default(),
        })
    }

    /// Asks for a call.
    #[inline]
    pub fn admit(&mut self, now: Time) -> Result<Permit, Rejected> {
        let now = self.clock.read(now);
        match (self.mode, &self.stand) {
            (Mode::Normal | Mode::MetricsOnly, Stand::Closed) => {
                Ok(self.permit(now, self.generation, None))
            }
            (Mode::Disabled, _) => Ok(self.permit(now, UNCOUNTED, None)),
            (Mode::ForcedOpen, _) => Err(self.reject(Why::Forced, None)),
            _ => self.admit_unless_open(now),
        }
    }

    /// Takes a permit back: how the call ended.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a permit is given back once")]
    pub fn settle(&mut self, now: Time, permit: Permit, outcome: Outcome) {
        let now = self.clock.read(now);
        let Permit { started, generation, probe } = permit;
        if generation != self.generation {
            let late = u64::from(generation != UNCOUNTED);
            self.counters.late = self.counters.late.saturating_add(late);
            return;
        }
        let slow = self.config.is_slow(started, now);
        match probe {
            None if outcome != Outcome::Neutral => self.count(now, outcome.is_failure(), slow),
            None => {}
            Some(number) => {
                if outcome != Outcome::Neutral {
                    self.probe_us = Some(now.0.saturating_sub(started.0));
                }
                self.settle_probe(now, number, outcome, slow);
            }
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        self.lose_probes(now);
        if self.config.scheduled {
            self.half_open_if_due(now);
        }
    }

    /// When time alone changes something.
    pub fn next_wake(&self) -> Option<Time> {
        let wake = match &self.stand {
            Stand::Open { until } if self.config.scheduled => Some(*until),
            Stand::HalfOpen(probes) => probes.next_end(),
            _ => None,
        };
        wake.map(|wake| self.clock.to_host(wake))
    }

    /// What an operator makes of it. Begins closed and with nothing counted, and what is under way
    /// counts no more.
    pub fn set_mode(&mut self, now: Time, mode: Mode) {
        self.clock.read(now);
        self.become_so(mode);
    }

    /// Other thresholds and times, from now on. State and counters stay, unless it is half-open and as
    /// many probes succeeded as are enough now; what the window holds stays if the window does. Another
    /// mode is set as [`Self::set_mode`] does; where it is the same, what was set by hand stays.
    pub fn reconfigure(&mut self, config: Config) -> Result<(), BadConfig> {
        config.validate()?;
        if config.mode != self.config.mode {
            self.become_so(config.mode);
        }
        if config.window != self.config.window {
            self.calls = Calls::new(config.window);
        }
        self.config = config;
        // Where fewer probes are enough, as many may have succeeded already: no other would be made.
        self.close_if_enough_succeeded();
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self.stand {
            Stand::Closed => State::Closed,
            Stand::Open { .. } => State::Open,
            Stand::HalfOpen(_) => State::HalfOpen,
        }
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let (open_until, probes) = match &self.stand {
            Stand::Closed => (None, [0; 3]),
            Stand::Open { until } => (Some(self.clock.to_host(*until)), [0; 3]),
            Stand::HalfOpen(it) => (None, [it.under_way(), it.succeeded, it.failed]),
        };
        Snapshot {
            state: self.state(),
            mode: self.mode,
            rates: self.calls.rates(self.clock.now()),
            failures_in_a_row: self.failures_in_a_row,
            open_until,
            probes,
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    fn permit(&mut self, started: Time, generation: u64, probe: Option<u32>) -> Permit {
        self.counters.admitted = self.counters.admitted.saturating_add(1);
        Permit { started, generation, probe }
    }

    fn reject(&mut self, why: Why, retry_at: Option<Time>) -> Rejected {
        self.counters.rejected = self.counters.rejected.saturating_add(1);
        Rejected { why, retry_at: retry_at.map(|at| self.clock.to_host(at)) }
    }

    #[cold]
    fn admit_unless_open(&mut self, now: Time) -> Result<Permit, Rejected> {
        self.lose_probes(now);
        self.half_open_if_due(now);
        match &mut self.stand {
            Stand::Closed => Ok(self.permit(now, self.generation, None)),
            Stand::Open { until } => {
                let until = *until;
                Err(self.reject(Why::Open, Some(until)))
            }
            Stand::HalfOpen(probes) => {
                match probes.issue(now + self.config.probe_lease(), self.config.probes) {
                    Some(number) => Ok(self.permit(now, self.generation, Some(number))),
                    None => {
                        let lost = probes.next_end().unwrap_or(Time::MAX);
                        let soon = now + self.probes_take();
                        Err(self.reject(Why::Probing, Some(soon.min(lost))))
                    }
                }
            }
        }
    }

    fn count(&mut self, now: Time, failed: bool, slow: bool) {
        self.failures_in_a_row = if failed { self.failures_in_a_row.saturating_add(1) } else { 0 };
        let rates = self.calls.count(now, failed, slow);
        let too_many =
            self.config.failures_in_a_row.is_some_and(|most| self.failures_in_a_row >= most);
        if too_many || rates.are_too_high(&self.config) {
            self.trip(now, rates);
        }
    }

    #[cold]
    fn trip(&mut self, now: Time, rates: Rates) {
        if self.mode == Mode::MetricsOnly {
            self.counters.would_open += 1;
            self.enter(Stand::Closed);
            self.events.note(Event::WouldOpen { rates });
        } else {
            self.open(now, rates);
        }
    }

    fn settle_probe(&mut self, now: Time, number: u32, outcome: Outcome, slow: bool) {
        self.lose_probes(now);
        let Stand::HalfOpen(probes) = &mut self.stand else {
            self.counters.late = self.counters.late.saturating_add(1);
            return;
        };
        if !probes.give_back(number) {
            self.counters.late = self.counters.late.saturating_add(1);
            return;
        }
        if outcome == Outcome::Neutral {
            return;
        }
        if outcome.is_failure() || (slow && self.config.slow_rate_ppm.is_some()) {
            self.fail_probe(now);
            return;
        }
        probes.succeeded += 1;
        self.close_if_enough_succeeded();
    }

    fn close_if_enough_succeeded(&mut self) {
        if let Stand::HalfOpen(probes) = &self.stand
            && probes.succeeded >= self.config.probes
        {
            self.enter(Stand::Closed);
            self.opened_in_a_row = 0;
            self.counters.closed += 1;
            self.events.note(Event::Closed);
        }
    }

    fn fail_probe(&mut self, now: Time) {
        let Stand::HalfOpen(probes) = &mut self.stand else { return };
        probes.failed += 1;
        if probes.failed > self.config.probes_may_fail {
            let failed = u32::from(probes.failed);
            let calls = failed + u32::from(probes.succeeded);
            self.open(now, Rates { calls, failed, slow: 0 });
        }
    }

    fn lose_probes(&mut self, now: Time) {
        while let Stand::HalfOpen(probes) = &mut self.stand {
            if !probes.lose(now) {
                break;
            }
            self.counters.probes_lost += 1;
            self.events.note(Event::ProbeLost);
            self.fail_probe(now);
        }
    }

    /// In how long something should have come of the probes: as long as nobody knows what they take, what
    /// an operator finds long enough for a peer to come back.
    fn probes_take(&self) -> Duration {
        let known = self.probe_us.map(|us| Duration::from_micros(us.max(1_000)));
        known.unwrap_or(Duration::from_millis(self.config.open_ms))
    }

    fn half_open_if_due(&mut self, now: Time) {
        if let Stand::Open { until } = self.stand
            && until <= now
        {
            self.enter(Stand::HalfOpen(Probes::default()));
            self.events.note(Event::HalfOpened);
        }
    }

    fn open(&mut self, now: Time, rates: Rates) {
        self.opened_in_a_row = self.opened_in_a_row.saturating_add(1);
        let until = now + self.config.open_time(self.opened_in_a_row);
        self.enter(Stand::Open { until });
        self.counters.opened += 1;
        let (in_a_row, until) = (self.opened_in_a_row, self.clock.to_host(until));
        self.events.note(Event::Opened { rates, in_a_row, until });
    }

    fn become_so(&mut self, mode: Mode) {
        self.mode = mode;
        self.enter(Stand::Closed);
        self.opened_in_a_row = 0;
        self.events.note(Event::ModeSet(mode));
    }

    /// Another state: nothing that was let through before counts from here on.
    fn enter(&mut self, stand: Stand) {
        self.stand = stand;
        self.generation += 1;
        self.calls.clear();
        self.failures_in_a_row = 0;
    }
}

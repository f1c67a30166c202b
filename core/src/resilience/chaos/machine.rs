//! Phases, decisions, and when it is over.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::config::{Config, Fault};
use crate::{
    config::BadConfig,
    dice::Dice,
    resilience::{
        Outcome,
        breaker::{Calls, Rates, Window},
        journal::Journal,
        settings::MILLION,
        steady::Steady,
    },
    time::Time,
};

/// A call that is about to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Target {
    /// Whom.
    pub peer: u16,
    /// What.
    pub operation: u16,
}

/// What to do to a call.
#[must_use = "what isn't carried out exercises nothing"]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Injection {
    /// What.
    pub fault: Fault,
    /// For how long it is held back, if it is.
    pub delay: Duration,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nobody has permitted it.
    Idle,
    /// Looks whether all is steady before anything is done.
    Baseline,
    /// Injects.
    Injecting,
    /// Looks whether all is steady again.
    Recovering,
    /// It is over, and all stayed as it was expected to.
    Held,
    /// It is over because of that.
    Aborted(Aborted),
}

/// Why an experiment was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aborted {
    /// It wasn't steady before anything was done: nothing would be learned.
    #[error("it wasn't steady before anything was done")]
    NotSteady,
    /// Too few calls were made to tell.
    #[error("too few calls were made before anything was done to tell whether it was steady")]
    TooQuiet,
    /// It wasn't steady while faults were injected.
    #[error("the hypothesis is refuted: it wasn't steady any more")]
    Refuted,
    /// Since then too few calls were made to tell.
    #[error("too few calls were made any more to tell whether it was still steady")]
    Blind,
    /// It wasn't steady again when they had stopped for long.
    #[error("the hypothesis is refuted: it didn't recover")]
    NotRecovered,
    /// An operator wanted it so.
    #[error("an operator aborted it")]
    Operator,
    /// The permission is over.
    #[error("the permission is over")]
    PermissionOver,
    /// Fewer may be faulty than when it began.
    #[error("it may touch more than may be faulty now")]
    Scope,
}

/// It may not begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the permission ends before anything could be injected")]
pub struct NotPermitted;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// Another phase.
    Entered(Phase),
    /// A peer is touched for the first time.
    Touches {
        /// Which.
        peer: u16,
    },
    /// No more calls may be touched.
    Spent,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls in its scope while it injected.
    pub in_scope: u64,
    /// Those that were touched.
    pub injected: u64,
    /// Those that would have been, had their peer been one of the few.
    pub spared: u64,
    /// Events that nobody took.
    pub events_lost: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Where it stands.
    pub phase: Phase,
    /// When that ends, if time ends it.
    pub phase_ends: Option<Time>,
    /// Calls that the steady state is taken of; once it is over, those that it was judged by.
    pub rates: Rates,
    /// Peers that were touched.
    pub peers: u16,
    /// For metrics.
    pub counters: Counters,
}

/// An experiment.
#[derive(Clone, Debug)]
pub struct Experiment {
    config: Config,
    clock: Steady,
    dice: Dice,
    phase: Phase,
    began: Time,
    ends: Time,
    permitted_until: Time,
    calls: Calls,
    /// What was judged when the phase before ended.
    judged: Rates,
    /// Those that were touched: no others are any more once there are as many as may be.
    peers: Vec<u16>,
    spent: bool,
    counters: Counters,
    events: Journal<Event>,
}

/// The stream of a seed that decisions are drawn from.
const DECISIONS: u64 = 0x0063_6861_6f73;

impl Experiment {
    /// One that nobody has permitted.
    pub fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            clock: Steady::default(),
            dice: Dice::new(config.seed, DECISIONS),
            phase: Phase::Idle,
            began: Time::ZERO,
            ends: Time::MAX,
            permitted_until: Time::ZERO,
            calls: Calls::new(Window::Ms(config.window_ms)),
            judged: Rates::default(),
            peers: Vec::with_capacity(usize::from(config.max_peers)),
            spent: false,
            counters: Counters::default(),
            events: Journal::default(),
            config,
        })
    }

    /// Permits it until then: it begins, anew if it is over. The host asks for this only in a
    /// development cluster, or if an operator has said so.
    pub fn permit(&mut self, now: Time, until: Time) -> Result<(), NotPermitted> {
        let now = self.clock.read(now);
        let until = self.clock.of_host(until);
        let baseline = Duration::from_millis(self.config.baseline_ms);
        if until <= now + baseline {
            return Err(NotPermitted);
        }
        self.permitted_until = until;
        if !self.runs() {
            self.dice = Dice::new(self.config.seed, DECISIONS);
            self.counters = Counters::default();
            self.peers.clear();
            self.spent = false;
            self.enter(now, Phase::Baseline, self.config.baseline_ms);
        }
        Ok(())
    }

    /// Stops it, if it runs.
    pub fn abort(&mut self, now: Time, why: Aborted) {
        let now = self.clock.read(now);
        if self.runs() {
            self.enter_for_good(now, Phase::Aborted(why));
        }
    }

    /// Whether it has begun and isn't over.
    pub fn runs(&self) -> bool {
        matches!(self.phase, Phase::Baseline | Phase::Injecting | Phase::Recovering)
    }

    /// What to do to a call that is about to be made. To be asked inside of all other guards.
    #[inline]
    pub fn inject(&mut self, now: Time, target: Target) -> Option<Injection> {
        if self.phase == Phase::Injecting { self.decide(now, target) } else { None }
    }

    /// Whether nothing reaches a peer now, nor comes from it: nobody can connect to it either.
    pub fn cuts(&self, peer: u16) -> bool {
        self.phase == Phase::Injecting
            && self.config.fault == Fault::Partition
            && self.config.operations.is_empty()
            && !self.spent
            && self.peers.contains(&peer)
    }

    /// How a call ended, as its caller sees it, outside of all other guards.
    pub fn settle(&mut self, now: Time, outcome: Outcome, took: Duration) {
        self.tick(now);
        if !self.runs() || outcome == Outcome::Neutral {
            return;
        }
        let slow = took >= Duration::from_millis(self.config.slow_ms);
        let now = self.clock.now();
        let rates = self.calls.count(now, outcome.is_failure(), slow);
        if !self.is_steady(rates) {
            match self.phase {
                Phase::Baseline => self.enter_for_good(now, Phase::Aborted(Aborted::NotSteady)),
                Phase::Injecting => self.enter_for_good(now, Phase::Aborted(Aborted::Refuted)),
                // What was hurt may still fail for a while: it is judged at the end.
                _ => {}
            }
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        let now = self.clock.read(now);
        let runs = matches!(self.phase, Phase::Baseline | Phase::Injecting);
        if runs && self.permitted_until <= now {
            self.enter_for_good(now, Phase::Aborted(Aborted::PermissionOver));
        }
        let due = self.ends <= now;
        // Who can't see whether it hurts may not go on.
        let looks = self.phase == Phase::Injecting && self.sees_from() <= now;
        if !due && !looks {
            return;
        }
        let rates = self.calls.rates(now);
        let quiet = rates.calls < self.config.minimum_calls;
        match self.phase {
            Phase::Injecting if looks && quiet => {
                self.enter_for_good(now, Phase::Aborted(Aborted::Blind));
            }
            _ if !due => {}
            Phase::Baseline if quiet => {
                self.enter_for_good(now, Phase::Aborted(Aborted::TooQuiet));
            }
            Phase::Recovering if quiet => {
                self.enter_for_good(now, Phase::Aborted(Aborted::Blind));
            }
            Phase::Baseline => self.enter(now, Phase::Injecting, self.config.inject_ms),
            Phase::Injecting => self.enter(now, Phase::Recovering, self.config.recover_ms),
            Phase::Recovering if self.is_steady(rates) => self.enter_for_good(now, Phase::Held),
            Phase::Recovering => {
                self.enter_for_good(now, Phase::Aborted(Aborted::NotRecovered));
            }
            Phase::Idle | Phase::Held | Phase::Aborted(_) => {}
        }
    }

    /// When time alone changes something.
    pub fn next_wake(&self) -> Option<Time> {
        let runs = matches!(self.phase, Phase::Baseline | Phase::Injecting);
        let until = if runs { self.permitted_until } else { Time::MAX };
        let looks = match self.phase {
            Phase::Injecting => {
                let slice = Duration::from_millis((self.config.window_ms / 10).max(1));
                self.sees_from().max(self.clock.now() + slice)
            }
            _ => Time::MAX,
        };
        let wake = self.ends.min(until).min(looks);
        (wake < Time::MAX).then(|| self.clock.to_host(wake))
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            phase: self.phase,
            phase_ends: (self.ends < Time::MAX).then(|| self.clock.to_host(self.ends)),
            rates: if self.runs() { self.calls.rates(self.clock.now()) } else { self.judged },
            peers: self.peers.len() as u16,
            counters: Counters { events_lost: self.events.lost(), ..self.counters },
        }
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.take()
    }

    #[cold]
    fn decide(&mut self, now: Time, target: Target) -> Option<Injection> {
        self.tick(now);
        let listed = |list: &[u16], it| list.is_empty() || list.contains(&it);
        let in_scope = listed(&self.config.peers, target.peer)
            && listed(&self.config.operations, target.operation);
        if self.phase != Phase::Injecting || !in_scope {
            return None;
        }
        self.counters.in_scope = self.counters.in_scope.saturating_add(1);
        let partition = self.config.fault == Fault::Partition;
        let drawn = self.dice.chance(if partition { MILLION } else { self.config.share_ppm });
        if !drawn || !self.may_touch(target.peer) {
            return None;
        }
        self.counters.injected += 1;
        let (fault, ms) = (self.config.fault, |ms: u64| Duration::from_millis(ms));
        let delay = match fault {
            Fault::Latency { ms: least, jitter_ms } => {
                ms(least) + Duration::from_micros(self.dice.below(jitter_ms * 1_000 + 1))
            }
            Fault::Reorder { ms: most } => ms(most),
            _ => Duration::ZERO,
        };
        Some(Injection { fault, delay })
    }

    /// Whether the blast radius has room for it.
    fn may_touch(&mut self, peer: u16) -> bool {
        if self.counters.injected >= self.config.max_calls {
            if !self.spent {
                self.spent = true;
                self.events.note(Event::Spent);
            }
            return false;
        }
        if self.peers.contains(&peer) {
            return true;
        }
        if self.peers.len() >= usize::from(self.config.max_peers) {
            self.counters.spared = self.counters.spared.saturating_add(1);
            return false;
        }
        self.peers.push(peer);
        self.events.note(Event::Touches { peer });
        true
    }

    fn is_steady(&self, rates: Rates) -> bool {
        let over = |part: u32, ppm: u32| {
            u64::from(part) * u64::from(MILLION) >= u64::from(rates.calls) * u64::from(ppm)
        };
        rates.calls < self.config.minimum_calls
            || !(over(rates.failed, self.config.failed_ppm)
                || over(rates.slow, self.config.slow_ppm))
    }

    /// From when on its window holds nothing of the phase before.
    fn sees_from(&self) -> Time {
        self.began + Duration::from_millis(self.config.window_ms)
    }

    fn enter(&mut self, now: Time, phase: Phase, for_ms: u64) {
        self.phase = phase;
        self.began = now;
        self.judged = self.calls.rates(now);
        self.ends = now + Duration::from_millis(for_ms);
        self.calls.clear();
        self.events.note(Event::Entered(phase));
    }

    fn enter_for_good(&mut self, now: Time, phase: Phase) {
        self.enter(now, phase, 0);
        self.ends = Time::MAX;
    }
}

//! What changed, and when: read off the guards' own snapshots after everything that happens.

use alloc::vec::Vec;

use crate::{
    resilience::{breaker::State, chaos::Phase, degradation::Level},
    time::Time,
};

/// So many changes are kept, the first ones: what flaps more often is seen in the series.
pub const MAX_HAPPENED: usize = 500;

/// Something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happened {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What can change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The first service's breaker.
    Breaker(State),
    /// The host's degradation.
    Level(Level),
    /// The error budget's alert: whether any pair fires.
    Fires(bool),
    /// The experiment.
    Experiment(Phase),
    /// What the host believes of a service.
    Believed {
        /// Which.
        service: u16,
        /// Whether it is up.
        up: bool,
    },
}

/// How everything stood when last looked at.
#[derive(Debug, Default)]
pub(super) struct Story {
    pub(super) happened: Vec<Happened>,
    breaker: Option<State>,
    level: Level,
    fires: bool,
    experiment: Option<Phase>,
    down: Vec<u16>,
}

impl Story {
    pub(super) fn breaker(&mut self, at: Time, now: Option<State>) {
        let before = self.breaker.unwrap_or(State::Closed);
        if let Some(now) = now
            && before != now
        {
            self.breaker = Some(now);
            self.note(at, What::Breaker(now));
        }
    }

    pub(super) fn level(&mut self, at: Time, now: Level) {
        if self.level != now {
            self.level = now;
            self.note(at, What::Level(now));
        }
    }

    pub(super) fn fires(&mut self, at: Time, now: bool) {
        if self.fires != now {
            self.fires = now;
            self.note(at, What::Fires(now));
        }
    }

    pub(super) fn experiment(&mut self, at: Time, now: Option<Phase>) {
        if let Some(phase) = now
            && self.experiment != now
        {
            self.experiment = now;
            self.note(at, What::Experiment(phase));
        }
    }

    pub(super) fn believed(&mut self, at: Time, service: u16, up: bool) {
        let known = self.down.iter().position(|it| *it == service);
        match (known, up) {
            (Some(place), true) => {
                self.down.swap_remove(place);
            }
            (None, false) => self.down.push(service),
            _ => return,
        }
        self.note(at, What::Believed { service, up });
    }

    fn note(&mut self, at: Time, what: What) {
        if self.happened.len() < MAX_HAPPENED {
            self.happened.push(Happened { at, what });
        }
    }
}

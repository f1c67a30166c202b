//! Who says that who is down: it counts once so many distinct ones say so that one of them is
//! correct.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use serde::Serialize;
use thiserror::Error;

use crate::{
    config::{BadConfig, must},
    resilience::{
        journal::Journal,
        settings::{must_be_time, settings},
        steady::Steady,
    },
    time::Time,
};

/// The most members: who says what of whom is a square of this.
pub const MAX_MEMBERS: u16 = 256;

settings! {
    /// How reports are counted.
    pub struct CorroborationConfig {
        /// How many there are, numbered from 0.
        members: u16 = 4, "the least that bear one liar";
        /// How many of them may be faulty: one more have to say so.
        faulty: u16 = 1, "a third of the others";
        /// What somebody says counts for so many milliseconds, unless it is said again.
        report_ms: u64 = 10_000, "a few checks";
    }
}

impl CorroborationConfig {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (2..=MAX_MEMBERS).contains(&self.members),
            "members",
            u64::from(self.members),
            "from 2 (nobody reports itself) to 256",
        )?;
        must(
            self.faulty + 1 < self.members,
            "faulty",
            u64::from(self.faulty),
            "one more than may be faulty have to say so, and nobody says so of itself",
        )?;
        must_be_time("report_ms", self.report_ms)
    }
}

/// There is no such member, or it is the one that is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("member {by} of {members} can't report member {of}")]
pub struct NoSuchMember {
    /// Who reports.
    pub by: u16,
    /// Who is reported.
    pub of: u16,
    /// How many there are.
    pub members: u16,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CorroborationEvent {
    /// Enough say that it is down.
    Down(u16),
    /// Not enough do any more.
    Up(u16),
}

/// Who says that who is down.
#[derive(Clone, Debug)]
pub struct Corroboration {
    config: CorroborationConfig,
    clock: Steady,
    /// Until when each report counts: of a row, by a column.
    reports: Vec<Time>,
    down: Vec<bool>,
    events: Journal<CorroborationEvent>,
}

impl Corroboration {
    /// Nobody says anything.
    pub fn new(config: CorroborationConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        let members = usize::from(config.members);
        Ok(Self {
            reports: vec![Time::ZERO; members * members],
            down: vec![false; members],
            config,
            clock: Steady::default(),
            events: Journal::default(),
        })
    }

    /// Somebody says that another is down, or that it isn't. One voice each, however often it is
    /// raised.
    pub fn report(&mut self, now: Time, by: u16, of: u16, down: bool) -> Result<(), NoSuchMember> {
        let members = self.config.members;
        if by == of || by >= members || of >= members {
            return Err(NoSuchMember { by, of, members });
        }
        let now = self.clock.read(now);
        let until = now + Duration::from_millis(self.config.report_ms);
        self.reports[usize::from(of) * usize::from(members) + usize::from(by)] =
            if down { until } else { Time::ZERO };
        self.count(of);
        Ok(())
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) {
        self.clock.read(now);
        (0..self.config.members).for_each(|of| self.count(of));
    }

    /// When what somebody says counts no more.
    pub fn next_wake(&self) -> Option<Time> {
        let now = self.clock.now();
        let next = self.reports.iter().filter(|until| **until > now).min();
        next.map(|until| self.clock.to_host(*until))
    }

    /// Whether enough say so.
    pub fn is_down(&self, member: u16) -> bool {
        self.down.get(usize::from(member)).copied().unwrap_or(false)
    }

    /// How many say so.
    pub fn reports(&self, of: u16) -> u16 {
        let (members, now) = (usize::from(self.config.members), self.clock.now());
        let row = self.reports.chunks(members).nth(usize::from(of)).unwrap_or_default();
        row.iter().filter(|until| **until > now).count() as u16
    }

    /// The oldest event that nobody has taken.
    pub fn poll_event(&mut self) -> Option<CorroborationEvent> {
        self.events.take()
    }

    fn count(&mut self, of: u16) {
        let enough = self.reports(of) > self.config.faulty;
        let down = &mut self.down[usize::from(of)];
        if *down != enough {
            *down = enough;
            let event =
                if enough { CorroborationEvent::Down(of) } else { CorroborationEvent::Up(of) };
            self.events.note(event);
        }
    }
}

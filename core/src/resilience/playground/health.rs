//! Which services the host believes to be up: by checks of its own, by who fails more often than the
//! others, and by heartbeats.

use alloc::vec::Vec;

use super::{
    agenda::{Agenda, Due},
    heartbeats::{Heartbeats, Pulses},
};
use crate::{
    config::BadConfig,
    resilience::{
        Outcome,
        health::{Check, CheckConfig, OutlierConfig, Outliers, Probe, State},
    },
    time::Time,
};

/// How the host finds out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// By asking each now and then.
    pub check: Option<CheckConfig>,
    /// By comparing how calls to them end. Needs three services.
    pub outliers: Option<OutlierConfig>,
    /// By what they send by themselves.
    pub heartbeats: Option<Heartbeats>,
}

impl Watch {
    pub(super) fn validate(&self, services: usize) -> Result<(), BadConfig> {
        self.check.as_ref().map_or(Ok(()), CheckConfig::validate)?;
        self.compared(services).map_or(Ok(()), |it| it.validate())?;
        self.heartbeats.as_ref().map_or(Ok(()), Heartbeats::validate)
    }

    fn compared(&self, services: usize) -> Option<OutlierConfig> {
        self.outliers.clone().map(|it| it.peers(services as u16))
    }
}

/// What the host believes.
#[derive(Debug)]
pub(super) struct Belief {
    services: usize,
    checks: Vec<Check>,
    /// Those under way, each with the number of its question.
    probes: Vec<Option<(u32, Probe)>>,
    asked: u32,
    outliers: Option<Outliers>,
    pulses: Option<Pulses>,
    /// Whose turn it is.
    turn: usize,
}

impl Belief {
    /// Nothing is known. Notes the first checks and heartbeats.
    pub(super) fn new(
        watch: Option<&Watch>,
        services: usize,
        seed: u64,
        agenda: &mut Agenda,
    ) -> Result<Self, BadConfig> {
        let mut checks = Vec::new();
        if let Some(config) = watch.and_then(|it| it.check.as_ref()) {
            for service in 0..services as u16 {
                checks.push(Check::new(config.clone())?);
                agenda.note(Time::ZERO, Due::Check { service });
            }
        }
        let compared = watch.and_then(|it| it.compared(services));
        let outliers = compared.map(Outliers::new).transpose()?;
        let heartbeats = watch.and_then(|it| it.heartbeats.as_ref());
        let pulses = heartbeats.map(|it| Pulses::new(it, services, seed, agenda)).transpose()?;
        let probes = checks.iter().map(|_| None).collect();
        Ok(Self { services, checks, probes, asked: 0, outliers, pulses, turn: 0 })
    }

    /// Whether that service is to be called.
    pub(super) fn is_up(&self, service: u16) -> bool {
        let down = |it: &Check| it.state() == State::Down;
        let ejected = self.outliers.as_ref().is_some_and(|it| it.is_ejected(service));
        let late = self.pulses.as_ref().is_some_and(|it| it.leaves_out(service));
        !ejected && !late && !self.checks.get(usize::from(service)).is_some_and(down)
    }

    /// Whose turn it is of those that are up; of all if none is.
    pub(super) fn choose(&mut self) -> u16 {
        let any = (0..self.services as u16).any(|it| self.is_up(it));
        for _ in 0..self.services {
            self.turn = (self.turn + 1) % self.services;
            if !any || self.is_up(self.turn as u16) {
                break;
            }
        }
        self.turn as u16
    }

    /// How a call ended.
    pub(super) fn settle(&mut self, now: Time, service: u16, outcome: Outcome) {
        if let Some(outliers) = &mut self.outliers {
            outliers.settle(now, service, outcome);
        }
    }

    /// A check that is to be made now, by its number; notes when to ask again.
    pub(super) fn check(&mut self, now: Time, service: u16, agenda: &mut Agenda) -> Option<u32> {
        let at = usize::from(service);
        let (check, place) = self.checks.get_mut(at).zip(self.probes.get_mut(at))?;
        let probe = check.poll(now);
        agenda.note(check.next_wake(), Due::Check { service });
        self.asked += 1;
        *place = Some((self.asked, probe?));
        Some(self.asked)
    }

    /// How a check ended. One that had hung and was followed by another says nothing.
    pub(super) fn checked(&mut self, now: Time, service: u16, number: u32, outcome: Outcome) {
        let at = usize::from(service);
        let Some((check, place)) = self.checks.get_mut(at).zip(self.probes.get_mut(at)) else {
            return;
        };
        if place.as_ref().is_some_and(|it| it.0 == number)
            && let Some((_, probe)) = place.take()
        {
            check.settle(now, probe, outcome);
        }
    }

    /// What services send by themselves, where they do.
    pub(super) fn pulses(&mut self) -> Option<&mut Pulses> {
        self.pulses.as_mut()
    }

    /// Whether anybody is watched at all.
    pub(super) fn watches(&self) -> bool {
        let heard = self.pulses.as_ref().is_some_and(Pulses::decides);
        !self.checks.is_empty() || self.outliers.is_some() || heard
    }
}

//! Heartbeats that services send by themselves, and what the host makes of when they come: the real
//! [`PhiAccrual`].

use alloc::vec::Vec;
use core::time::Duration;

use super::agenda::{Agenda, Due};
use crate::{
    config::{BadConfig, must},
    dice::Dice,
    resilience::{
        health::{PhiAccrual, PhiConfig},
        settings::must_be_time,
    },
    time::Time,
};

/// The streams of a seed that services draw from.
const BEATS: u64 = 0x6265_6174_0000;

/// What services send, and how the host judges it. One that is down or silent sends nothing; one that is
/// slow or fails sends as ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeats {
    /// One every so many milliseconds,
    pub every_ms: u64,
    /// by up to so much sooner or later, in percent, each as likely as the other.
    pub jitter_percent: u32,
    /// How they are judged.
    pub phi: PhiConfig,
    /// Whether the host leaves out who is suspected, or only looks.
    pub decides: bool,
}

impl Heartbeats {
    pub(super) fn validate(&self) -> Result<(), BadConfig> {
        must_be_time("every_ms", self.every_ms)?;
        let jitter = self.jitter_percent;
        let fits = jitter <= 100;
        must(fits, "jitter_percent", u64::from(jitter), "none comes before the last")?;
        self.phi.validate()
    }
}

/// What the host hears.
#[derive(Debug)]
pub(super) struct Pulses {
    heartbeats: Heartbeats,
    services: Vec<(PhiAccrual, Dice)>,
    /// Of the first service, since somebody asked.
    highest_milli: u64,
}

impl Pulses {
    /// Nothing has been heard. Notes the first heartbeats.
    pub(super) fn new(
        heartbeats: &Heartbeats,
        services: usize,
        seed: u64,
        agenda: &mut Agenda,
    ) -> Result<Self, BadConfig> {
        let mut all = Vec::new();
        for service in 0..services as u16 {
            let dice = Dice::new(seed, BEATS + u64::from(service));
            all.push((PhiAccrual::new(heartbeats.phi.clone())?, dice));
            agenda.note(Time::ZERO, Due::Heartbeat { service });
        }
        Ok(Self { heartbeats: heartbeats.clone(), services: all, highest_milli: 0 })
    }

    /// It is time for a heartbeat, which comes unless the service says nothing. Notes the next, and when
    /// the service is to be suspected if none comes.
    pub(super) fn beat(&mut self, now: Time, service: u16, comes: bool, agenda: &mut Agenda) {
        self.look(now, service);
        let every_us = self.heartbeats.every_ms * 1_000;
        let spread_us = every_us * u64::from(self.heartbeats.jitter_percent) / 100;
        let Some((phi, dice)) = self.services.get_mut(usize::from(service)) else { return };
        let wait_us = (every_us - spread_us + dice.below(2 * spread_us + 1)).max(1);
        agenda.note(now + Duration::from_micros(wait_us), Due::Heartbeat { service });
        if comes {
            phi.heartbeat(now);
            if let Some(at) = phi.next_wake() {
                agenda.note(at, Due::Suspect { service });
            }
        }
    }

    /// Time has passed for a service.
    pub(super) fn look(&mut self, now: Time, service: u16) {
        let Some((phi, _)) = self.services.get_mut(usize::from(service)) else { return };
        phi.tick(now);
        if service == 0 {
            self.highest_milli = self.highest_milli.max(phi.snapshot().phi_milli);
        }
    }

    /// Whether the host leaves a service out.
    pub(super) fn leaves_out(&self, service: u16) -> bool {
        let known = self.services.get(usize::from(service));
        self.decides() && known.is_some_and(|(phi, _)| phi.is_suspected())
    }

    pub(super) fn decides(&self) -> bool {
        self.heartbeats.decides
    }

    /// The highest phi of the first service since this was asked, and from which on it is suspected.
    pub(super) fn highest_milli(&mut self, now: Time) -> [u64; 2] {
        self.look(now, 0);
        [core::mem::take(&mut self.highest_milli), self.heartbeats.phi.threshold_milli]
    }
}

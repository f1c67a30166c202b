//! The calls under way, each in a place that the next one takes over.

use alloc::vec::Vec;

use super::agenda::Trial;
use crate::{
    resilience::{
        Outcome,
        bulkhead::Ticket,
        manager::{AbandonedCall, Attempt, Call, Waiting},
    },
    time::Time,
};

/// How far a call has come.
#[derive(Debug)]
pub(super) enum Stage {
    /// In the bulkhead's line.
    InLine(Waiting),
    /// Between two attempts, or before the first.
    Between(Call),
    /// An attempt is under way.
    Trying(Call, Attempt),
    /// Its caller is gone, and services still work for it.
    Gone(AbandonedCall),
}

/// A call under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) serial: u32,
    pub(super) group: u8,
    pub(super) service: u16,
    pub(super) asked: Time,
    /// Always there but while somebody holds it.
    pub(super) stage: Option<Stage>,
    /// Attempts that were made.
    pub(super) made: u32,
    /// Work that services do for it, or will.
    pub(super) works: u32,
    /// How its last attempt ended.
    pub(super) last: Outcome,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    places: Vec<Option<Running>>,
    free: Vec<u32>,
    serial: u32,
}

impl Calls {
    /// A new one. Its place.
    pub(super) fn add(&mut self, group: u8, service: u16, asked: Time, stage: Stage) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        let (serial, made, works, last) = (self.serial, 0, 0, Outcome::Overload);
        let stage = Some(stage);
        let call = Running { serial, group, service, asked, stage, made, works, last };
        if let Some(slot) = self.free.pop()
            && let Some(place) = self.places.get_mut(slot as usize)
        {
            *place = Some(call);
            return slot;
        }
        self.places.push(Some(call));
        self.places.len() as u32 - 1
    }

    pub(super) fn get(&mut self, slot: u32) -> Option<&mut Running> {
        self.places.get_mut(slot as usize)?.as_mut()
    }

    /// The call of an attempt, if it is still the one that has the place.
    pub(super) fn of(&mut self, trial: Trial) -> Option<&mut Running> {
        self.get(trial.slot).filter(|it| it.serial == trial.serial)
    }

    /// Takes one out; its place may be another's from now on.
    pub(super) fn take(&mut self, slot: u32) -> Option<Running> {
        let call = self.places.get_mut(slot as usize)?.take();
        if call.is_some() {
            self.free.push(slot);
        }
        call
    }

    /// Who waits with this ticket for that service.
    pub(super) fn waiting(&self, service: u16, ticket: Ticket) -> Option<u32> {
        let waits = |it: &Running| match &it.stage {
            Some(Stage::InLine(waiting)) => it.service == service && waiting.ticket() == ticket,
            _ => false,
        };
        self.places.iter().position(|it| it.as_ref().is_some_and(waits)).map(|it| it as u32)
    }
}

//! When callers call: each after a while from nothing to twice the mean.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    agenda::{Agenda, Due},
    setting::{Callers, Setting},
};
use crate::{dice::Dice, time::Time};

/// The streams of a seed that groups draw from: nothing else draws from them, so that guards don't
/// change who calls when.
const ARRIVALS: u64 = 0x6361_6c6c;

/// The dice of every group.
#[derive(Debug)]
pub(super) struct Arrivals {
    dice: Vec<Dice>,
}

impl Arrivals {
    /// Notes everybody's first call, and bursts.
    pub(super) fn begin(setting: &Setting, agenda: &mut Agenda) -> Self {
        let groups = 0..setting.callers.len() as u8;
        let dice = groups.clone().map(|it| Dice::new(setting.seed, ARRIVALS + u64::from(it)));
        let mut arrivals = Self { dice: dice.collect() };
        for (group, callers) in groups.zip(&setting.callers) {
            for _ in 0..callers.number {
                arrivals.next(Time::ZERO, group, callers, agenda);
            }
            if let Some(burst) = callers.burst {
                agenda.note(Time::from_millis(burst.at_ms), Due::Burst { group });
            }
        }
        arrivals
    }

    /// Notes when a caller that calls now will do so again.
    pub(super) fn next(&mut self, now: Time, group: u8, callers: &Callers, agenda: &mut Agenda) {
        let Some(dice) = self.dice.get_mut(usize::from(group)) else { return };
        let surge = callers.surge.filter(|it| {
            (Time::from_millis(it.from_ms)..Time::from_millis(it.to_ms)).contains(&now)
        });
        let percent = u64::from(surge.map_or(100, |it| it.percent));
        let mean_us = 60_000_000 / u64::from(callers.each_per_minute) * 100 / percent;
        let wait = Duration::from_micros(1 + dice.below(2 * mean_us));
        // One that calls rarely notices a surge when it begins.
        let mut at = now + wait;
        if let Some(surge) = callers.surge {
            let begins = Time::from_millis(surge.from_ms);
            if now < begins && at > begins && surge.percent > 100 {
                let left = at.since(begins).as_micros() as u64 * 100 / u64::from(surge.percent);
                at = begins + Duration::from_micros(left);
            }
        }
        agenda.note(at, Due::Call { group });
    }
}

//! A service at work: so much at a time, in the order of arrival, in its weather.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{
    agenda::{Agenda, Due, Trial},
    setting::{Service, Spell, Weather},
};
use crate::{dice::Dice, time::Time};

/// The streams of a seed that services draw from.
const WORK: u64 = 0x0077_6f72_6b00;
/// Who takes longer takes so many times as long.
const STRAGGLER: u64 = 10;

/// For whom something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum For {
    /// An attempt, whose caller is told what comes of it, or isn't.
    Trial {
        /// Which.
        trial: Trial,
        /// Whether an answer gets through.
        answered: bool,
    },
    /// The host's own question whether it is up.
    Check {
        /// Which question.
        number: u32,
    },
}

/// What a service says to who comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It works on it, or will.
    Yes,
    /// It has no room.
    Full,
    /// It is down.
    Down,
}

/// Some work that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    /// For whom it was.
    pub(super) whom: For,
    /// Whether it failed.
    pub(super) failed: bool,
}

#[derive(Clone, Copy, Debug)]
struct Work {
    number: u64,
    whom: For,
    fails: bool,
}

/// One service.
#[derive(Debug)]
pub(super) struct Worker {
    id: u16,
    service: Service,
    dice: Dice,
    working: Vec<Work>,
    queue: VecDeque<For>,
    given: u64,
}

impl Worker {
    /// One that has nothing to do. Notes when its weather changes.
    pub(super) fn new(id: u16, service: &Service, seed: u64, agenda: &mut Agenda) -> Self {
        for spell in &service.weather {
            match spell.weather {
                Weather::Down => {
                    agenda.note(Time::from_millis(spell.from_ms), Due::Weather { service: id });
                }
                Weather::Flapping { every_ms } => {
                    let falls = (spell.from_ms..spell.to_ms).step_by(2 * every_ms as usize);
                    for at in falls {
                        agenda.note(Time::from_millis(at), Due::Weather { service: id });
                    }
                }
                _ => {}
            }
        }
        Self {
            id,
            service: service.clone(),
            dice: Dice::new(seed, WORK + u64::from(id)),
            working: Vec::new(),
            queue: VecDeque::new(),
            given: 0,
        }
    }

    /// Somebody comes.
    pub(super) fn take(&mut self, now: Time, whom: For, agenda: &mut Agenda) -> Taken {
        if self.is_down(now) {
            return Taken::Down;
        }
        if self.working.len() < self.service.workers as usize {
            self.begin(now, whom, agenda);
        } else if self.queue.len() < self.service.queue as usize {
            self.queue.push_back(whom);
        } else {
            return Taken::Full;
        }
        Taken::Yes
    }

    /// Some work is done, unless it was lost before.
    pub(super) fn done(&mut self, now: Time, work: u64, agenda: &mut Agenda) -> Option<Finished> {
        let at = self.working.iter().position(|it| it.number == work)?;
        let Work { whom, fails, .. } = self.working.swap_remove(at);
        if let Some(next) = self.queue.pop_front() {
            self.begin(now, next, agenda);
        }
        Some(Finished { whom, failed: fails })
    }

    /// All that is lost if it is down now: what it works on, and its queue.
    pub(super) fn lose(&mut self, now: Time) -> Vec<For> {
        if !self.is_down(now) {
            return Vec::new();
        }
        let working = self.working.drain(..).map(|it| it.whom);
        working.chain(self.queue.drain(..)).collect()
    }

    /// How many it works on, and how many are in its queue.
    pub(super) fn busy(&self) -> (u32, u32) {
        (self.working.len() as u32, self.queue.len() as u32)
    }

    pub(super) fn is_down(&self, now: Time) -> bool {
        self.weather(now).is_some_and(|it| match it.weather {
            Weather::Down => true,
            Weather::Flapping { every_ms } => {
                let since = now.since(Time::from_millis(it.from_ms)).as_millis() as u64;
                (since / every_ms).is_multiple_of(2)
            }
            _ => false,
        })
    }

    /// Whether it sends anything by itself.
    pub(super) fn beats(&self, now: Time) -> bool {
        let silent = self.weather(now).is_some_and(|it| it.weather == Weather::Silent);
        !silent && !self.is_down(now)
    }

    fn weather(&self, now: Time) -> Option<&Spell> {
        self.service
            .weather
            .iter()
            .find(|it| (Time::from_millis(it.from_ms)..Time::from_millis(it.to_ms)).contains(&now))
    }

    fn begin(&mut self, now: Time, whom: For, agenda: &mut Agenda) {
        let weather = self.weather(now).map(|it| it.weather);
        let took = self.draw_time_us(weather);
        let mut fails = self.dice.chance(self.service.failing_ppm);
        if let Some(Weather::Failing { ppm }) = weather {
            fails |= self.dice.chance(ppm);
        }
        self.given += 1;
        self.working.push(Work { number: self.given, whom, fails });
        let ends = self.ends(now, took);
        agenda.note(ends, Due::Done { service: self.id, work: self.given });
    }

    fn draw_time_us(&mut self, weather: Option<Weather>) -> u64 {
        let middle = self.service.takes_ms * 1_000;
        let spread = middle * u64::from(self.service.spread_percent) / 100;
        let mut took = middle - spread + self.dice.below(2 * spread + 1);
        if self.dice.chance(self.service.stragglers_ppm) {
            took = took.saturating_mul(STRAGGLER);
        }
        if let Some(Weather::Slow { percent }) = weather {
            took = took.saturating_mul(u64::from(percent)) / 100;
        }
        took.max(1)
    }

    /// When work that takes so long is done: nothing gets on while the service is silent.
    fn ends(&self, now: Time, took_us: u64) -> Time {
        let mut ends = now + Duration::from_micros(took_us);
        for spell in &self.service.weather {
            let (from, to) = (Time::from_millis(spell.from_ms), Time::from_millis(spell.to_ms));
            if spell.weather == Weather::Silent && from < ends && now < to {
                let rest = ends.since(from.max(now));
                ends = to + rest;
            }
        }
        ends
    }
}

//! Hysteresis with a dwell time: up at once, down only after it was clearly lower for long enough.
//!
//! Each rung has two thresholds. Beyond the upper one it is entered at once, for a threat doesn't
//! wait. It is left only once the value has been below the lower one for the whole dwell time, and
//! then to the highest rung that was right within that time.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// A value on a ladder of rungs, which are numbered from the best on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ladder {
    at: u8,
    falling: Option<Falling>,
}

/// Since when it has been lower, and the highest rung since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Falling {
    since: Time,
    highest: u8,
}

impl Ladder {
    pub(super) fn at(&self) -> u8 {
        self.at
    }

    /// Where it is among all rungs.
    pub(super) fn of<T: Copy + Default>(&self, all: &[T]) -> T {
        all.get(usize::from(self.at)).copied().unwrap_or_default()
    }

    /// `enters`: the rung by the upper thresholds. `stays`: by the lower ones, so never below it.
    pub(super) fn observe(&mut self, now: Time, enters: u8, stays: u8, dwell: Duration) {
        if enters >= self.at || stays >= self.at {
            *self = Self { at: self.at.max(enters), falling: None };
            return;
        }
        let mut falling = self.falling.unwrap_or(Falling { since: now, highest: stays });
        falling.highest = falling.highest.max(stays);
        *self = if falling.since + dwell <= now {
            Self { at: falling.highest, falling: None }
        } else {
            Self { at: self.at, falling: Some(falling) }
        };
    }

    /// When the dwell time is over, if it runs.
    pub(super) fn next_wake(&self, dwell: Duration) -> Option<Time> {
        self.falling.as_ref().map(|falling| falling.since + dwell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DWELL: Duration = Duration::from_secs(10);

    fn at(secs: u64) -> Time {
        Time::from_millis(secs * 1_000)
    }

    #[test]
    fn up_at_once_and_down_after_the_whole_dwell_time() {
        let mut ladder = Ladder::default();
        ladder.observe(at(0), 2, 2, DWELL);
        assert_eq!(ladder.at(), 2);
        ladder.observe(at(1), 0, 0, DWELL);
        assert_eq!((ladder.at(), ladder.next_wake(DWELL)), (2, Some(at(11))));
        ladder.observe(at(10), 0, 0, DWELL);
        assert_eq!(ladder.at(), 2);
        ladder.observe(at(11), 0, 0, DWELL);
        assert_eq!((ladder.at(), ladder.next_wake(DWELL)), (0, None));
    }

    #[test]
    fn between_the_thresholds_it_stays_and_the_dwell_time_begins_again() {
        let mut ladder = Ladder::default();
        ladder.observe(at(0), 2, 2, DWELL);
        for round in 0..100 {
            ladder.observe(at(1 + round * 10), 0, 0, DWELL);
            ladder.observe(at(6 + round * 10), 1, 2, DWELL);
            assert_eq!(ladder.at(), 2);
        }
    }

    #[test]
    fn it_falls_to_the_highest_that_was_right_meanwhile() {
        let mut ladder = Ladder::default();
        ladder.observe(at(0), 3, 3, DWELL);
        ladder.observe(at(1), 0, 0, DWELL);
        ladder.observe(at(5), 1, 1, DWELL);
        ladder.observe(at(9), 0, 0, DWELL);
        ladder.observe(at(11), 0, 0, DWELL);
        assert_eq!(ladder.at(), 1);
    }
}

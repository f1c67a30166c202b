//! How quickly peers answer, judged against each other.
//!
//! Each peer's answers of the last while have a median; those medians have a median *M* and a
//! median absolute deviation (Hampel's; half of the peers can be anything without moving either
//! beyond what correct peers show). A peer is late beyond
//!
//! ```text
//! M + max(floor, M, 6 × MAD)
//! ```
//!
//! The floor stands for what distance explains: peers in one room and one on another continent are
//! all correct, and their deviation is nothing. It takes 2f+1 peers with enough answers to judge any,
//! so that f of them, quick or slow, don't set the scale.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    config::Config,
    points::{Points, decayed},
    signal::{LATE_AT_TWICE, LATE_PER_DOUBLING},
    window::MILLION,
};
use crate::time::Time;

/// How many answers a median is over: more would only make it slower to change.
const KEPT: usize = 16;
/// With fewer answers a peer isn't judged: "five strikes", and a median that two can't move.
const FEWEST: usize = 5;
/// How many deviations beyond the median are still the peers' own variation. For a bell curve the
/// deviation is two thirds of its sigma, so this is four of them.
const DEVIATIONS: u32 = 6;

/// The latest answers of one peer: when, and after how many microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Responses(VecDeque<(Time, u32)>);

impl Responses {
    pub(super) fn add(&mut self, now: Time, took: Duration) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((now, u32::try_from(took.as_micros()).unwrap_or(u32::MAX)));
    }

    /// Of the answers in the window, if they are enough.
    pub(super) fn median(&self, now: Time, window_us: u64) -> Option<u32> {
        let recent = |at: &Time| now.0.saturating_sub(at.0) < window_us;
        let fresh: Vec<u32> =
            self.0.iter().filter(|(at, _)| recent(at)).map(|(_, took)| *took).collect();
        (fresh.len() >= FEWEST).then(|| median(fresh))
    }

    /// What this peer's lateness weighs, by the scale of all. Without new answers it decays.
    pub(super) fn points(&self, now: Time, scale: Option<Scale>, config: &Config) -> Points {
        let (Some(Scale { late_us }), Some(own_us)) = (scale, self.median(now, config.window_us()))
        else {
            return Points::ZERO;
        };
        let last = self.0.back().map_or(now, |(at, _)| *at);
        decayed(weight(own_us, late_us), now.0.saturating_sub(last.0), config.half_life_us())
    }
}

/// The middle one, or the later of the two in the middle: in doubt for the peer.
pub(super) fn median(mut of: Vec<u32>) -> u32 {
    of.sort_unstable();
    of.get(of.len() / 2).copied().unwrap_or(0)
}

/// Nothing up to the threshold; from there in a straight line to twice the threshold, and then by
/// doublings.
fn weight(own_us: u32, late_us: u32) -> Points {
    let (own, late) = (u64::from(own_us), u64::from(late_us.max(1)));
    if own <= late {
        return Points::ZERO;
    }
    if own < 2 * late {
        return LATE_AT_TWICE.share(((own - late) * u64::from(MILLION) / late) as u32);
    }
    LATE_AT_TWICE.and(LATE_PER_DOUBLING.times((own / (2 * late)).ilog2()))
}

/// From where on a peer is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scale {
    late_us: u32,
}

impl Scale {
    /// From all peers' medians; `None`: too few to tell.
    pub(super) fn of(medians: &[u32], needed: usize, floor_us: u32) -> Option<Self> {
        if medians.len() < needed {
            return None;
        }
        let middle = median(medians.to_vec());
        let deviation = median(medians.iter().map(|it| it.abs_diff(middle)).collect());
        let slack = floor_us.max(middle).max(deviation.saturating_mul(DEVIATIONS));
        Some(Self { late_us: middle.saturating_add(slack) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u32 = 1_000;

    #[test]
    fn f_quick_liars_do_not_make_a_correct_peer_late() {
        // Given nine peers of which three (f) answer in no time and six after 200 ms,
        let medians = [0, 0, 0, 200 * MS, 200 * MS, 200 * MS, 200 * MS, 200 * MS, 200 * MS];
        // then the scale is that of the correct ones.
        let scale = Scale::of(&medians, 7, 50 * MS).unwrap();
        assert_eq!(scale.late_us, 400 * MS);
        // With just 2f+1 heard, f of them liars, it is still that of a correct one.
        let scale = Scale::of(&medians[..7], 7, 50 * MS).unwrap();
        assert!(scale.late_us >= 400 * MS);
        assert_eq!(Scale::of(&medians[..6], 7, 50 * MS), None, "too few to tell");
    }

    #[test]
    fn the_weight_rises_without_a_jump_and_then_with_doublings() {
        let late = 100 * MS;
        let whole = |own| weight(own, late).whole();
        assert_eq!([whole(100 * MS), whole(150 * MS), whole(199 * MS)], [0, 27, 54]);
        assert_eq!([whole(200 * MS), whole(399 * MS), whole(400 * MS)], [55, 55, 65]);
        assert_eq!(weight(u32::MAX, 0).whole(), 100, "no overflow; the kind's cap is taken later");
    }
}

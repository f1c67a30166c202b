//! All that an observer holds about one peer. Of constant size.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{
    config::Config,
    points::{Decaying, Points, SUSPICION_CAP},
    response::{Responses, Scale},
    signal::{Kind, Reason, Signal},
    window::{MILLION, Totals, Window},
};
use crate::time::Time;

/// How far a ratio of failures has to be above what is tolerated to weigh all of its points: a peer
/// of which four messages in ten fail, where none does for others, is of no use.
const RATIO_SPAN_PPM: u32 = 300_000;

/// What all peers show together: the scale that each is judged by.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Group {
    /// The median of all peers' ratios of failures.
    pub(super) failure_ppm: u32,
    pub(super) late: Option<Scale>,
}

/// One peer's ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    outcomes: Window,
    /// Failures since the last success.
    in_a_row: Decaying,
    pub(super) responses: Responses,
    weighed: [Decaying; Kind::COUNT],
    counts: [u32; Kind::COUNT],
    /// Whether the observer accuses it now.
    pub(super) accused: bool,
}

impl Ledger {
    pub(super) fn note(&mut self, now: Time, signal: Signal, config: &Config) {
        let half_life = config.half_life_us();
        match signal {
            Signal::Success => {
                self.outcomes.count(now, false, config.window_us());
                self.in_a_row = Decaying::default();
            }
            Signal::Failure => {
                self.outcomes.count(now, true, config.window_us());
                self.count(Kind::Failures);
                let (weight, cap) = (Kind::Failures.weight(), Kind::Failures.cap());
                self.in_a_row.add(now, weight, cap, half_life);
            }
            Signal::Response { took } => self.responses.add(now, took),
            _ => {}
        }
        if let Some((kind, weight)) = signal.weighs() {
            self.count(kind);
            self.weighed[kind as usize].add(now, weight, kind.cap(), half_life);
        }
    }

    pub(super) fn forgive_failures(&mut self) {
        (self.outcomes, self.in_a_row) = (Window::default(), Decaying::default());
    }

    fn count(&mut self, kind: Kind) {
        let count = &mut self.counts[kind as usize];
        *count = count.saturating_add(1);
    }

    pub(super) fn counted(&self, kind: Kind) -> u32 {
        self.counts[kind as usize]
    }

    pub(super) fn outcomes(&self, now: Time, config: &Config) -> Totals {
        self.outcomes.totals(now, config.window_us())
    }

    /// What one kind weighs now.
    fn points(&self, kind: Kind, now: Time, group: &Group, config: &Config) -> Points {
        let added = self.weighed[kind as usize].at(now, config.half_life_us());
        let measured = match kind {
            Kind::Failures => self.failure_points(now, group, config),
            Kind::Late => self.responses.points(now, group.late, config),
            _ => Points::ZERO,
        };
        added.max(measured).min(kind.cap())
    }

    /// In a row or by ratio, whichever is more; both less what fails for everybody. Where one of
    /// twelve fails for everybody, rows come by chance, and only the ratio can accuse.
    fn failure_points(&self, now: Time, group: &Group, config: &Config) -> Points {
        let row = self.in_a_row.at(now, config.half_life_us());
        let row = row.share(MILLION.saturating_sub(group.failure_ppm.saturating_mul(2)));
        let tolerated = group.failure_ppm.saturating_add(config.failure_tolerance_ppm);
        let own = self.outcomes(now, config).failure_ppm();
        let above = own.saturating_sub(tolerated).min(RATIO_SPAN_PPM);
        let share = u64::from(above) * u64::from(MILLION) / u64::from(RATIO_SPAN_PPM);
        row.max(Kind::Failures.cap().share(share as u32))
    }

    pub(super) fn score(&self, now: Time, group: &Group, config: &Config) -> Points {
        Kind::ALL
            .iter()
            .fold(Points::ZERO, |sum, kind| sum.and(self.points(*kind, now, group, config)))
            .min(SUSPICION_CAP)
    }

    /// Whether time alone changes nothing that is decided: nobody is accused, and there is nothing
    /// measured in the window (a ratio rises when successes leave it).
    pub(super) fn is_settled(&self, now: Time, config: &Config) -> bool {
        !self.accused
            && self.outcomes(now, config).failures == 0
            && self.responses.median(now, config.window_us()).is_none()
    }

    /// What weighs anything, the heaviest first.
    pub(super) fn reasons(&self, now: Time, group: &Group, config: &Config) -> Vec<Reason> {
        let reason = |kind: &Kind| {
            let points = self.points(*kind, now, group, config);
            let count = self.counted(*kind);
            (points > Points::ZERO).then_some(Reason { kind: *kind, points, count })
        };
        let mut reasons: Vec<_> = Kind::ALL.iter().filter_map(reason).collect();
        reasons.sort_by_key(|reason| core::cmp::Reverse(reason.points));
        reasons
    }
}

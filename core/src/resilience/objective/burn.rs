//! One objective: its windows and what they say.

use alloc::vec::Vec;

use serde::Serialize;

use super::{
    config::{Config, MAX_PAIRS, Pair},
    machine::{PairState, Standing},
    sliding::{Counts, Sliding},
};
use crate::{resilience::settings::MILLION, time::Time};

#[derive(Clone, Debug, Serialize)]
struct Watch {
    pair: Pair,
    long: Sliding,
    short: Sliding,
    firing: bool,
}

/// One objective.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Burn {
    /// What share may be bad.
    allowed_ppm: u64,
    minimum_calls: u64,
    period_us: u64,
    watches: Vec<Watch>,
    period: Sliding,
    pub(super) granule: Counts,
    exhausted: bool,
}

/// What has changed with a granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Fires(usize),
    Clears(usize),
    Exhausted,
    Replenished,
}

impl Burn {
    pub(super) fn new(config: &Config, objective_ppm: u32) -> Self {
        let watch = |pair: &Pair| Watch {
            pair: *pair,
            long: Sliding::new(pair.long_ms),
            short: Sliding::new(pair.short_ms),
            firing: false,
        };
        Self {
            allowed_ppm: u64::from(MILLION - objective_ppm),
            minimum_calls: u64::from(config.minimum_calls),
            period_us: config.period_ms * 1_000,
            watches: config.pairs.iter().map(watch).collect(),
            period: Sliding::new(config.period_ms),
            granule: Counts::default(),
            exhausted: false,
        }
    }

    /// Others watch from now on: those that watch the same promise, if any do, know what it knows.
    /// What fires and isn't watched any more is cleared.
    pub(super) fn hand_over(&self, next: Option<&mut Self>, mut changed: impl FnMut(Change)) {
        let windows = |watch: &Watch| (watch.pair.long_ms, watch.pair.short_ms);
        let known = next.as_ref().map_or(&[][..], |next| &next.watches);
        for (at, watch) in self.watches.iter().enumerate() {
            let stays = known.get(at).is_some_and(|next| windows(next) == windows(watch));
            if watch.firing && !stays {
                changed(Change::Clears(at));
            }
        }
        let Some(next) = next else {
            if self.exhausted {
                changed(Change::Replenished);
            }
            return;
        };
        for (at, watch) in next.watches.iter_mut().enumerate() {
            let before = self.watches.get(at).filter(|before| windows(before) == windows(watch));
            watch.firing = before.is_some_and(|before| before.firing);
            for window in [&mut watch.long, &mut watch.short] {
                let mut all = self.watches.iter().flat_map(|it| [&it.long, &it.short]);
                if let Some(same) = all.find(|it| it.is_as_long_as(window)) {
                    window.clone_from(same);
                }
            }
        }
        next.period.clone_from(&self.period);
        next.exhausted = self.exhausted;
    }

    #[inline]
    pub(super) fn count(&mut self, bad: bool) {
        self.granule.calls += 1;
        self.granule.bad += u64::from(bad);
    }

    /// A granule that began then is over by now: what of it changes.
    pub(super) fn turn(&mut self, began: Time, now: Time, mut changed: impl FnMut(Change, u64)) {
        let granule = core::mem::take(&mut self.granule);
        for at in 0..self.watches.len() {
            let watch = &mut self.watches[at];
            for window in [&mut watch.long, &mut watch.short] {
                window.add(began, granule);
                window.turn(now);
            }
            let burns = self.heat_ppm(at) >= u64::from(MILLION);
            let watch = &mut self.watches[at];
            if burns != watch.firing {
                watch.firing = burns;
                let change = if burns { Change::Fires(at) } else { Change::Clears(at) };
                let burn = self.burn_percent(self.watches[at].long.all());
                changed(change, burn);
            }
        }
        self.period.add(began, granule);
        self.period.turn(now);
        let exhausted = self.left_ppm() == Some(0);
        if exhausted != self.exhausted {
            self.exhausted = exhausted;
            let change = if exhausted { Change::Exhausted } else { Change::Replenished };
            changed(change, self.burn_percent(self.period.all()));
        }
    }

    /// How near the pair is to firing: what burns least of its two windows, as a share of what it
    /// fires at.
    fn heat_ppm(&self, at: usize) -> u64 {
        let watch = &self.watches[at];
        let (long, short) = (watch.long.all(), watch.short.all());
        let fires = |counts: Counts| {
            u128::from(counts.calls)
                * u128::from(self.allowed_ppm)
                * u128::from(watch.pair.burn_percent)
        };
        // Of so few that one bad call is more than that rate, nothing follows.
        let whole = fires(long) >= 100 * u128::from(MILLION);
        if long.calls < self.minimum_calls || !whole {
            return 0;
        }
        let share = |counts: Counts| {
            let burn = u128::from(counts.bad) * 100 * u128::from(MILLION) * u128::from(MILLION);
            burn.checked_div(fires(counts)).map_or(0, |it| u64::try_from(it).unwrap_or(u64::MAX))
        };
        share(long).min(share(short))
    }

    /// Of all pairs, the one that is nearest.
    pub(super) fn hottest_ppm(&self) -> u64 {
        (0..self.watches.len()).map(|at| self.heat_ppm(at)).max().unwrap_or(0)
    }

    /// At how many hundredths of the rate at which it lasts for just its period.
    fn burn_percent(&self, counts: Counts) -> u64 {
        let burn = u128::from(counts.bad) * 100 * u128::from(MILLION);
        let lasts = u128::from(counts.calls) * u128::from(self.allowed_ppm);
        burn.checked_div(lasts).map_or(0, |it| u64::try_from(it).unwrap_or(u64::MAX))
    }

    /// What is left of the budget, in parts per million of it; unknown of so few calls that not a
    /// single one of them may be bad.
    fn left_ppm(&self) -> Option<u64> {
        let all = self.period.all();
        let million = u128::from(MILLION);
        let may_be_bad = u128::from(all.calls) * u128::from(self.allowed_ppm);
        if all.calls < self.minimum_calls || may_be_bad < million {
            return None;
        }
        let used = u128::from(all.bad) * million * million / may_be_bad;
        Some(million.saturating_sub(used) as u64)
    }

    /// In how long it will be used up, if the longest of the windows that wake somebody goes on as
    /// it does.
    fn lasts_us(&self) -> Option<u64> {
        let watch = self.watches.iter().filter(|it| it.pair.page).max_by_key(|it| it.pair.long_ms);
        let recent = watch.or(self.watches.first())?.long.all();
        let left = u128::from(self.left_ppm()?);
        if recent.calls < self.minimum_calls || recent.bad == 0 {
            return None;
        }
        // left × period / burn, where burn = bad × 10⁶ / (calls × allowed).
        let us = left * u128::from(self.period_us) * u128::from(recent.calls) / u128::from(MILLION)
            * u128::from(self.allowed_ppm)
            / (u128::from(recent.bad) * u128::from(MILLION));
        u64::try_from(us).ok()
    }

    pub(super) fn standing(&self) -> Standing {
        let mut pairs = [None; MAX_PAIRS];
        for (state, watch) in pairs.iter_mut().zip(&self.watches) {
            *state = Some(PairState {
                long_burn_percent: self.burn_percent(watch.long.all()),
                short_burn_percent: self.burn_percent(watch.short.all()),
                firing: watch.firing,
            });
        }
        let all = self.period.all();
        Standing {
            calls: all.calls,
            bad: all.bad,
            left_ppm: self.left_ppm(),
            lasts_us: self.lasts_us(),
            pairs,
        }
    }
}

//! How many retries all calls together may make.
//!
//! A retry counts from when it is decided until a window's time after it is made. So those that
//! sleep count, also if their caller has vanished and they are never made; and nobody has to give
//! anything back. For that, the ring of buckets reaches as far ahead as it reaches back.

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MAX_MS, MILLION, settings},
    time::Time,
};

/// Into how many buckets the window is cut.
const BUCKETS: u64 = 16;
/// As far back as ahead.
const RING: u64 = 2 * BUCKETS;

settings! {
    /// How many retries all calls together may make.
    pub struct BudgetConfig {
        /// Calls and retries of the last so many milliseconds are counted.
        window_ms: u64 = 60_000, "longer than any wait before a retry, so that those count that sleep";
        /// Retries may be such a share of the calls, in parts per million.
        share_ppm: u32 = 200_000, "an outage costs the other side a fifth more load, not several times";
        /// And so many more, however few calls there are.
        floor: u32 = 10, "who calls rarely may retry";
    }
}

impl BudgetConfig {
    pub(super) fn validate(&self) -> Result<(), BadConfig> {
        must(
            (BUCKETS..=MAX_MS).contains(&self.window_ms),
            "window_ms",
            self.window_ms,
            "from 16 ms (it is cut into sixteen) to one day",
        )?;
        must(
            self.share_ppm <= 10 * MILLION,
            "share_ppm",
            u64::from(self.share_ppm),
            "up to 10000000 parts per million: ten retries for each call",
        )
    }
}

/// What is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    share_ppm: u32,
    floor: u32,
    bucket_us: u64,
    newest: u64,
    /// When the newest bucket ends.
    ends: Time,
    calls: [u32; BUCKETS as usize],
    retries: [u32; RING as usize],
    all_calls: u64,
    all_retries: u64,
}

impl Budget {
    pub(super) fn new(config: &BudgetConfig) -> Self {
        Self {
            share_ppm: config.share_ppm,
            floor: config.floor,
            bucket_us: config.window_ms * 1_000 / BUCKETS,
            newest: 0,
            ends: Time(config.window_ms * 1_000 / BUCKETS),
            calls: [0; BUCKETS as usize],
            retries: [0; RING as usize],
            all_calls: 0,
            all_retries: 0,
        }
    }

    /// Another share, floor and window. What is counted stays; where the window is another one, as if it
    /// had all been now, so that nothing that was used comes back at once.
    pub(super) fn reconfigure(&mut self, config: &BudgetConfig) {
        let mut new = Self::new(config);
        if new.bucket_us == self.bucket_us {
            (self.share_ppm, self.floor) = (new.share_ppm, new.floor);
            return;
        }
        // The last moment of the newest bucket: it is that late at most.
        new.newest = self.ends.0.saturating_sub(1) / new.bucket_us;
        new.ends = new.end();
        let all = |counts: &[u32]| counts.iter().fold(0, |all: u32, it| all.saturating_add(*it));
        let (calls, retries) = (all(&self.calls), all(&self.retries));
        new.calls[(new.newest % BUCKETS) as usize] = calls;
        new.retries[(new.newest % RING) as usize] = retries;
        (new.all_calls, new.all_retries) = (u64::from(calls), u64::from(retries));
        *self = new;
    }

    /// A retry that was to be made at once isn't made.
    pub(super) fn take_back(&mut self, now: Time) {
        self.turn(now);
        let here = &mut self.retries[(self.newest % RING) as usize];
        if *here > 0 {
            *here -= 1;
            self.all_retries -= 1;
        }
    }

    /// A call begins.
    pub(super) fn call(&mut self, now: Time) {
        self.turn(now);
        let here = &mut self.calls[(self.newest % BUCKETS) as usize];
        if *here < u32::MAX {
            *here += 1;
            self.all_calls += 1;
        }
    }

    /// A retry that is to be made then, if there is room for it; else when there may be.
    pub(super) fn retry(&mut self, now: Time, then: Time) -> Result<(), Time> {
        self.turn(now);
        let million = u64::from(MILLION);
        let most = self.all_calls * u64::from(self.share_ppm) + u64::from(self.floor) * million;
        if (self.all_retries + 1) * million > most {
            return Err(self.ends);
        }
        let bucket = (then.0 / self.bucket_us).clamp(self.newest, self.newest + BUCKETS);
        self.retries[(bucket % RING) as usize] += 1;
        self.all_retries += 1;
        Ok(())
    }

    /// Calls and retries that count.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.all_calls, self.all_retries)
    }

    #[inline]
    fn turn(&mut self, now: Time) {
        if now >= self.ends {
            self.forget(now);
        }
    }

    #[cold]
    fn forget(&mut self, now: Time) {
        let newest = now.0 / self.bucket_us;
        for passed in (self.newest + 1..=newest).rev().take(RING as usize) {
            let calls = &mut self.calls[(passed % BUCKETS) as usize];
            self.all_calls -= u64::from(core::mem::take(calls));
            // What left the window, whose place is now the farthest ahead.
            let retries = &mut self.retries[((passed + BUCKETS) % RING) as usize];
            self.all_retries -= u64::from(core::mem::take(retries));
        }
        self.newest = newest;
        self.ends = self.end();
    }

    fn end(&self) -> Time {
        Time(self.newest.saturating_add(1).saturating_mul(self.bucket_us))
    }
}

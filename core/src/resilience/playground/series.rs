//! What is counted and seen, bucket by bucket of time.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    setting::{MAX_GROUPS, Setting},
    story::Happened,
};
use crate::{
    resilience::{
        Outcome,
        breaker::State,
        chaos::Phase,
        degradation::Level,
        manager::{Rejected, Snapshot},
        objective,
    },
    time::Time,
};

/// Calls of which no attempt was made, by who said no. They are not among those that failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// The host had no thread, and no room to wait for one; or its caller had gone when it had.
    pub host: u32,
    /// Degradation.
    pub degraded: u32,
    /// The rate limit.
    pub rate: u32,
    /// The bulkhead, at once or in line.
    pub bulkhead: u32,
    /// The adaptive limit.
    pub adaptive: u32,
    /// The breaker.
    pub breaker: u32,
    /// The deadline.
    pub deadline: u32,
}

impl Refused {
    pub(super) fn count(&mut self, why: &Rejected) {
        let place = match why {
            Rejected::Degraded(_) => &mut self.degraded,
            Rejected::Rate(_) => &mut self.rate,
            Rejected::Bulkhead(_) => &mut self.bulkhead,
            Rejected::Adaptive(_) => &mut self.adaptive,
            Rejected::Breaker(_) => &mut self.breaker,
            Rejected::Expired(_) | Rejected::Retry(_) => &mut self.deadline,
        };
        *place += 1;
    }

    /// In the order of the fields: the order in which a call comes to them.
    pub fn by_guard(&self) -> [u32; 7] {
        let Self { host, degraded, rate, bulkhead, adaptive, breaker, deadline } = *self;
        [host, degraded, rate, bulkhead, adaptive, breaker, deadline]
    }

    /// All of them.
    pub fn all(&self) -> u32 {
        self.by_guard().into_iter().sum()
    }

    fn add(&mut self, other: &Self) {
        self.host += other.host;
        self.degraded += other.degraded;
        self.rate += other.rate;
        self.bulkhead += other.bulkhead;
        self.adaptive += other.adaptive;
        self.breaker += other.breaker;
        self.deadline += other.deadline;
    }
}

/// What became of one group's calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Calls that it asked for.
    pub offered: u32,
    /// Those that ended well.
    pub succeeded: u32,
    /// Those that were attempted and failed.
    pub failed: u32,
    /// Those that weren't attempted.
    pub refused: u32,
}

/// A bucket of time. Counters are of what happened in it; what is seen is as it was at its end, of
/// the first service where there are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Each group, in the order of the setting.
    pub groups: [Group; MAX_GROUPS],
    /// Calls that weren't attempted, by who said no.
    pub refused: Refused,
    /// Attempts that were made.
    pub attempts: u32,
    /// Those of them that weren't a call's first.
    pub retries: u32,
    /// Those that chaos touched.
    pub injected: u32,
    /// Those whose time was over before an answer came.
    pub timed_out: u32,
    /// Work that a service did for nobody: whoever had asked for it had given up.
    pub wasted: u32,
    /// How long calls took that ended well, in microseconds: half of them no longer than this,
    pub p50_us: Option<u32>,
    /// and all but one of a hundred no longer than this.
    pub p99_us: Option<u32>,
    /// The host's threads that are taken.
    pub threads: u32,
    /// What the service works on.
    pub working: u32,
    /// What is in its queue.
    pub queued: u32,
    /// Whether it is down by its weather.
    pub down: bool,
    /// Services that the host believes to be up.
    pub believed_up: u16,
    /// The highest phi of its heartbeats in it, in thousandths, and from which on it is suspected.
    pub phi_milli: Option<[u64; 2]>,
    /// Permits that the rate limit would give a normal call at once.
    pub permits: Option<u32>,
    /// Slots of the bulkhead that are taken, and places in its line.
    pub bulkhead: Option<[u32; 2]>,
    /// The adaptive limit, and how much of it is used.
    pub adaptive: Option<[u32; 2]>,
    /// Retries that count against the budget.
    pub sleeping: u32,
    /// Where the breaker stands.
    pub breaker: Option<State>,
    /// Its failures among the calls that it counts, in parts per million.
    pub failure_ppm: Option<u32>,
    /// How long an attempt may take, in microseconds.
    pub timeout_us: u64,
    /// How quickly the error budget burns in the first pair's long and short window, in hundredths.
    pub burn_percent: Option<[u64; 2]>,
    /// What is left of it, in parts per million.
    pub left_ppm: Option<u64>,
    /// Whether any pair fires.
    pub fires: bool,
    /// The host's degradation.
    pub level: Level,
    /// The highest of its signals, in parts per million.
    pub signal_ppm: u32,
    /// Where the experiment stands.
    pub experiment: Option<Phase>,
}

impl Bucket {
    const EMPTY: Self = {
        let group = Group { offered: 0, succeeded: 0, failed: 0, refused: 0 };
        let refused = Refused {
            host: 0,
            degraded: 0,
            rate: 0,
            bulkhead: 0,
            adaptive: 0,
            breaker: 0,
            deadline: 0,
        };
        Self {
            groups: [group; MAX_GROUPS],
            refused,
            attempts: 0,
            retries: 0,
            injected: 0,
            timed_out: 0,
            wasted: 0,
            p50_us: None,
            p99_us: None,
            threads: 0,
            working: 0,
            queued: 0,
            down: false,
            believed_up: 0,
            phi_milli: None,
            permits: None,
            bulkhead: None,
            adaptive: None,
            sleeping: 0,
            breaker: None,
            failure_ppm: None,
            timeout_us: 0,
            burn_percent: None,
            left_ppm: None,
            fires: false,
            level: Level::Normal,
            signal_ppm: 0,
            experiment: None,
        }
    };

    /// All groups together.
    pub fn all(&self) -> Group {
        let mut all = Group::default();
        for group in &self.groups {
            all.add(group);
        }
        all
    }

    /// Takes over what guards show.
    pub(super) fn see(&mut self, guards: &Snapshot, objective: Option<&objective::Snapshot>) {
        self.permits = guards.rate.map(|it| it.free[1]);
        self.bulkhead = guards.bulkhead.map(|it| [it.running, it.waiting]);
        self.adaptive = guards.adaptive.map(|it| [it.limit, it.under_way]);
        self.sleeping = guards.retry.map_or(0, |it| it.budget_retries as u32);
        self.breaker = guards.breaker.map(|it| it.state);
        self.failure_ppm = guards.breaker.map(|it| {
            let failed = u64::from(it.rates.failed) * 1_000_000;
            (failed / u64::from(it.rates.calls.max(1))) as u32
        });
        self.timeout_us = guards.timeout.timeout_us;
        if let Some(objective) = objective {
            let pairs = objective.availability.pairs;
            self.burn_percent = pairs[0].map(|it| [it.long_burn_percent, it.short_burn_percent]);
            self.left_ppm = objective.availability.left_ppm;
            let latency = objective.latency.map(|it| it.pairs).unwrap_or_default();
            self.fires = pairs.iter().chain(&latency).flatten().any(|it| it.firing);
        }
    }
}

impl Group {
    fn add(&mut self, other: &Self) {
        self.offered += other.offered;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.refused += other.refused;
    }
}

/// All of it together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Each group, in the order of the setting.
    pub groups: [Group; MAX_GROUPS],
    /// All groups.
    pub all: Group,
    /// Calls that weren't attempted, by who said no.
    pub refused: Refused,
    /// Attempts that were made.
    pub attempts: u32,
    /// Those of them that weren't a call's first.
    pub retries: u32,
    /// Those whose time was over.
    pub timed_out: u32,
    /// Those that chaos touched.
    pub injected: u32,
    /// Work that services did for nobody.
    pub wasted: u32,
    /// How long calls took that ended well, in microseconds: half of them no longer than this,
    pub p50_us: Option<u32>,
    /// and all but one of a hundred no longer than this.
    pub p99_us: Option<u32>,
}

/// What was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Played {
    /// In the order of time, all equally long.
    pub buckets: Vec<Bucket>,
    /// How long each is, in microseconds.
    pub bucket_us: u64,
    /// What changed, and when.
    pub happened: Vec<Happened>,
    /// All together.
    pub totals: Totals,
    /// Whether it was stopped because too much happened: buckets from there on are missing.
    pub cut_short: bool,
}

/// Counts.
#[derive(Debug)]
pub(super) struct Recorder {
    bucket_us: u64,
    pub(super) now: Bucket,
    /// Of this bucket's calls that ended well, and of all.
    latencies: Vec<u32>,
    all_latencies: Vec<u32>,
    buckets: Vec<Bucket>,
}

impl Recorder {
    pub(super) fn new(setting: &Setting) -> Self {
        Self {
            bucket_us: setting.duration_ms * 1_000 / u64::from(setting.buckets),
            now: Bucket::EMPTY,
            latencies: Vec::new(),
            all_latencies: Vec::new(),
            buckets: Vec::with_capacity(usize::from(setting.buckets)),
        }
    }

    /// When the bucket that is open will be full.
    pub(super) fn full_at(&self) -> Time {
        Time((self.buckets.len() as u64 + 1) * self.bucket_us)
    }

    pub(super) fn group(&mut self, group: u8) -> &mut Group {
        // At most so many are checked for; the last one is nobody's else.
        let at = usize::from(group).min(MAX_GROUPS - 1);
        &mut self.now.groups[at]
    }

    /// A call that was attempted has ended.
    pub(super) fn ended(&mut self, group: u8, outcome: Outcome, took: Duration) {
        if outcome == Outcome::Success {
            self.group(group).succeeded += 1;
            self.latencies.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        } else {
            self.group(group).failed += 1;
        }
    }

    /// A call wasn't attempted.
    pub(super) fn refused(&mut self, group: u8, why: &Rejected) {
        self.now.refused.count(why);
        self.group(group).refused += 1;
    }

    /// The host had no thread for a call.
    pub(super) fn no_thread(&mut self, group: u8) {
        self.now.refused.host += 1;
        self.group(group).refused += 1;
    }

    /// The bucket is full.
    pub(super) fn close(&mut self) {
        self.now.p50_us = quantile(&mut self.latencies, 50);
        self.now.p99_us = quantile(&mut self.latencies, 99);
        self.all_latencies.append(&mut self.latencies);
        self.buckets.push(core::mem::replace(&mut self.now, Bucket::EMPTY));
    }

    pub(super) fn finish(mut self, happened: Vec<Happened>, cut_short: bool) -> Played {
        let mut totals = Totals::default();
        for bucket in &self.buckets {
            for (sum, group) in totals.groups.iter_mut().zip(&bucket.groups) {
                sum.add(group);
                totals.all.add(group);
            }
            totals.refused.add(&bucket.refused);
            totals.attempts += bucket.attempts;
            totals.retries += bucket.retries;
            totals.timed_out += bucket.timed_out;
            totals.injected += bucket.injected;
            totals.wasted += bucket.wasted;
        }
        totals.p50_us = quantile(&mut self.all_latencies, 50);
        totals.p99_us = quantile(&mut self.all_latencies, 99);
        let Self { buckets, bucket_us, .. } = self;
        Played { buckets, bucket_us, happened, totals, cut_short }
    }
}

/// What so many percent of them are no longer than; sorts them.
fn quantile(of: &mut [u32], percent: usize) -> Option<u32> {
    of.sort_unstable();
    let rank = (of.len() * percent).div_ceil(100);
    of.get(rank.checked_sub(1)?).copied()
}

//! All of it together: what is known, what it means, what to run.

use alloc::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    ladder::Ladder,
    level::{Facts, Level},
    network::{Conditions, Network},
    policy::{BadPolicy, Policy},
    recommend::Recommendation,
    trend::{Shares, Trend},
};
use crate::time::Time;

/// How many recommendations are remembered: weeks, as nothing flaps. The oldest leaves.
pub const MAX_HISTORY: usize = 64;

/// What was recommended, and from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// From when on.
    pub at: Time,
    /// What, and why.
    pub recommendation: Recommendation,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// How often it looked.
    pub observations: u64,
    /// How often each level was entered, from Low to Critical.
    pub entered: [u64; 4],
    /// How long each level lasted so far, in microseconds.
    pub lasted_us: [u64; 4],
    /// How often another protocol was recommended.
    pub switches: u64,
}

/// The analyzer of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Analyzer {
    policy: Policy,
    level: Ladder<Level>,
    network: Ladder<Network>,
    trend: Ladder<Trend>,
    /// Whether more than f are known to misbehave.
    above: Ladder<bool>,
    shares: Shares,
    last: Option<Observed>,
    current: Option<Recommendation>,
    history: VecDeque<Entry>,
    counters: Counters,
}

/// What it saw last.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Observed {
    at: Time,
    facts: Facts,
    conditions: Conditions,
}

impl Analyzer {
    /// With a policy that is sound.
    pub fn new(policy: Policy) -> Result<Self, BadPolicy> {
        policy.validate()?;
        Ok(Self {
            policy,
            level: Ladder::default(),
            network: Ladder::default(),
            trend: Ladder::default(),
            above: Ladder::default(),
            shares: Shares::default(),
            last: None,
            current: None,
            history: VecDeque::new(),
            counters: Counters::default(),
        })
    }

    /// Takes in what is agreed now. Returns what is to be run, if that is another than before, or
    /// for another reason.
    pub fn observe(
        &mut self,
        now: Time,
        facts: Facts,
        conditions: Conditions,
    ) -> Option<Recommendation> {
        let now = self.last.map_or(now, |last| now.max(last.at));
        let (dwell, leave_percent) = (self.policy.dwell(), self.policy.leave_percent);
        let before = (self.last.map(|last| last.at), self.level.at());
        let enters = Level::of(facts);
        self.level.observe(now, enters, Level::by(facts, leave_percent), dwell);
        let bounds = self.policy.bounds;
        let enters = Network::by(conditions, bounds.enter());
        self.network.observe(now, enters, Network::by(conditions, bounds.leave()), dwell);
        let trend = self.shares.note(now, facts, self.policy.trend_window_us());
        self.trend.observe(now, trend, trend, dwell);
        let above = facts.is_above_f();
        self.above.observe(now, above, above, dwell);
        self.last = Some(Observed { at: now, facts, conditions });
        self.count(now, before);
        self.decide(now, facts)
    }

    /// The same as before, later: call it when the time of [`Self::next_wake`] has come.
    pub fn tick(&mut self, now: Time) -> Option<Recommendation> {
        let Observed { facts, conditions, .. } = self.last?;
        self.observe(now, facts, conditions)
    }

    /// When time alone changes something.
    pub fn next_wake(&self) -> Option<Time> {
        let dwell = self.policy.dwell();
        [
            self.level.next_wake(dwell),
            self.network.next_wake(dwell),
            self.trend.next_wake(dwell),
            self.above.next_wake(dwell),
            self.shares.next_wake(self.policy.trend_window_us()),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The level.
    pub fn level(&self) -> Level {
        self.level.at()
    }

    /// The trend.
    pub fn trend(&self) -> Trend {
        self.trend.at()
    }

    /// The network.
    pub fn network(&self) -> Network {
        self.network.at()
    }

    /// What it follows.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What is to be run by what was observed last, if anything was.
    pub fn recommendation(&self) -> Option<&Recommendation> {
        self.current.as_ref()
    }

    /// The last [`MAX_HISTORY`] recommendations, oldest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.history.iter()
    }

    /// For metrics.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn count(&mut self, now: Time, (since, level): (Option<Time>, Level)) {
        let counters = &mut self.counters;
        counters.observations = counters.observations.saturating_add(1);
        if let Some(since) = since {
            let lasted = &mut counters.lasted_us[level as usize];
            *lasted = lasted.saturating_add(now.0.saturating_sub(since.0));
        }
        if since.is_none() || self.level.at() != level {
            counters.entered[self.level.at() as usize] += 1;
        }
    }

    fn decide(&mut self, now: Time, facts: Facts) -> Option<Recommendation> {
        let case = (self.level.at(), self.network.at(), self.trend.at());
        let new = self.policy.recommend(case, facts, self.above.at());
        self.current = Some(new);
        let last = self.history.back();
        let same = |old: &Recommendation| {
            (old.protocol, old.parameters, old.because, old.level)
                == (new.protocol, new.parameters, new.because, new.level)
        };
        if last.is_some_and(|last| same(&last.recommendation)) {
            return None;
        }
        let switches = last.is_some_and(|last| last.recommendation.protocol != new.protocol);
        self.counters.switches += u64::from(switches);
        let number = last.map_or(0, |last| last.number) + 1;
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Entry { number, at: now, recommendation: new });
        Some(new)
    }
}

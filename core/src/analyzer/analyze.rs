//! All of it together: what is known, what it means, what to run.

use alloc::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{
    ladder::Ladder,
    level::{Facts, Level},
    network::Network,
    policy::Policy,
    protocol::Deployment,
    recommend::Recommendation,
    trend::{Shares, Trend},
};
use crate::time::Time;

/// How many recommendations are remembered: weeks, as nothing flaps. The oldest leaves.
pub const MAX_HISTORY: usize = 64;

/// What was recommended, and from when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// From when on.
    pub at: Time,
    /// What, and why.
    pub recommendation: Recommendation,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// What a deployment's configuration says: the same at all members, so no state.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    /// What is declared about the members.
    pub deployment: Deployment,
    /// The table: sound ([`Policy::validate`]) for that.
    pub policy: &'a Policy,
}

/// The analyzer of a cluster.
///
/// What is encoded is what it decides by; what it recommends follows from that, from what is
/// declared and from the facts ([`Self::resume`]). History and counters are of this copy: they begin
/// anew where one is decoded, and the numbers of entries go on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Analyzer {
    level: Ladder,
    network: Ladder,
    trend: Ladder,
    /// Whether more than f are proven to lie.
    above: Ladder,
    shares: Shares,
    /// When it looked last.
    at: Option<Time>,
    /// How many recommendations there ever were.
    decided: u64,
    #[serde(skip)]
    current: Option<Recommendation>,
    #[serde(skip)]
    history: VecDeque<Entry>,
    #[serde(skip)]
    counters: Counters,
}

impl Analyzer {
    /// Takes in what is agreed now. Returns what is to be run, if that is another than before, or
    /// for another reason: also where only level, trend or network are other ones.
    pub fn observe(
        &mut self,
        now: Time,
        facts: Facts,
        network: Network,
        declared: Declared<'_>,
    ) -> Option<Recommendation> {
        let policy = declared.policy;
        let now = self.at.map_or(now, |last| now.max(last));
        let dwell = policy.dwell();
        let before = (self.at, self.level());
        let stays = Level::by(facts, policy.leave_percent);
        self.level.observe(now, Level::of(facts) as u8, stays as u8, dwell);
        self.network.observe(now, network as u8, network as u8, dwell);
        let trend = self.shares.note(now, facts, policy.trend_window_us()) as u8;
        self.trend.observe(now, trend, trend, dwell);
        let above = u8::from(facts.is_above_f());
        self.above.observe(now, above, above, dwell);
        self.at = Some(now);
        self.count(now, before);
        self.decide(now, facts, declared)
    }

    /// When time alone changes something.
    pub fn next_wake(&self, policy: &Policy) -> Option<Time> {
        let dwell = policy.dwell();
        let ladders = [self.level, self.network, self.trend, self.above];
        let falls = ladders.iter().filter_map(|ladder| ladder.next_wake(dwell));
        falls.chain(self.shares.next_wake(policy.trend_window_us())).min()
    }

    /// The level.
    pub fn level(&self) -> Level {
        self.level.of(&Level::ALL)
    }

    /// The trend.
    pub fn trend(&self) -> Trend {
        self.trend.of(&Trend::ALL)
    }

    /// The network.
    pub fn network(&self) -> Network {
        self.network.of(&Network::ALL)
    }

    /// What is to be run by what was observed last, if anything was.
    pub fn recommendation(&self) -> Option<&Recommendation> {
        self.current.as_ref()
    }

    /// How many recommendations there ever were: the last one's number.
    pub fn decided(&self) -> u64 {
        self.decided
    }

    /// The last [`MAX_HISTORY`] recommendations that this copy saw, oldest first.
    pub fn history(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.history.iter()
    }

    /// For metrics.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Works out again what follows, after it was decoded; with the facts of that moment.
    pub fn resume(&mut self, facts: Facts, declared: Declared<'_>) {
        if self.at.is_some() {
            self.current = Some(self.recommend(facts, declared));
        }
    }

    fn recommend(&self, facts: Facts, declared: Declared<'_>) -> Recommendation {
        let case = (self.level(), self.network(), self.trend());
        declared.policy.recommend(case, facts, self.above.at() > 0, declared.deployment)
    }

    fn count(&mut self, now: Time, (since, level): (Option<Time>, Level)) {
        let entered = self.level();
        let counters = &mut self.counters;
        counters.observations = counters.observations.saturating_add(1);
        if let Some(since) = since {
            let lasted = &mut counters.lasted_us[level as usize];
            *lasted = lasted.saturating_add(now.0.saturating_sub(since.0));
        }
        if since.is_none() || entered != level {
            counters.entered[entered as usize] += 1;
        }
    }

    fn decide(
        &mut self,
        now: Time,
        facts: Facts,
        declared: Declared<'_>,
    ) -> Option<Recommendation> {
        let new = self.recommend(facts, declared);
        let last = self.current.replace(new);
        let same = |old: &Recommendation| {
            let case =
                |it: &Recommendation| (it.level, it.trend, it.network, it.facts.may_be_above_f());
            (old.protocol, old.parameters, old.because, case(old))
                == (new.protocol, new.parameters, new.because, case(&new))
        };
        if last.as_ref().is_some_and(same) {
            return None;
        }
        let switches = last.is_some_and(|last| last.protocol != new.protocol);
        self.counters.switches += u64::from(switches);
        self.decided += 1;
        if self.history.len() == MAX_HISTORY {
            self.history.pop_front();
        }
        self.history.push_back(Entry { number: self.decided, at: now, recommendation: new });
        Some(new)
    }
}

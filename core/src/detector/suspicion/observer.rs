//! One observer's suspicion of all its peers, and what it decides.

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    config::Config,
    ledger::{Group, Ledger},
    points::Points,
    response::{Scale, median},
    signal::{Kind, Reason, Signal},
    window::Totals,
};
use crate::{config::BadConfig, ids::NodeId, quorum::Membership, sorted::SortedMap, time::Time};

/// How often decaying scores are looked at again: an eighth of the half-life loses 8 %.
const LOOKS_PER_HALF_LIFE: u64 = 8;

/// What an observer thinks of its peers.
///
/// ```text
/// note(now, peer, signal) ──▶ ledgers ──▶ decide(now): accuse, withdraw
///                                    └──▶ score, reasons, snapshot: for people
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Suspicion {
    own: NodeId,
    members: Membership,
    config: Config,
    ledgers: SortedMap<NodeId, Ledger>,
}

/// What an observer has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Of whom.
    pub suspect: NodeId,
    /// What.
    pub verdict: Verdict,
    /// Its score now.
    pub score: Points,
    /// Why: the heaviest first.
    pub reasons: Vec<Reason>,
}

/// To accuse, or not any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The score reached the threshold.
    Accuse,
    /// The score fell to where the observer doesn't stand by it any more.
    Withdraw,
}

/// One peer in a [`Suspicion::snapshot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Who.
    pub suspect: NodeId,
    /// Its score.
    pub score: Points,
    /// Whether the observer accuses it.
    pub accused: bool,
    /// Why: the heaviest first.
    pub reasons: Vec<Reason>,
}

impl Suspicion {
    /// Of a member that suspects nobody yet.
    pub fn new(own: NodeId, members: Membership, config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        let ledgers = members.others(own).map(|peer| (peer, Ledger::default())).collect();
        Ok(Self { own, members, config, ledgers })
    }

    /// How it judges.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The membership is another: who left is forgotten, who joined is unknown, who stays is the
    /// same key and keeps its ledger.
    pub fn turn(&mut self, members: Membership) {
        self.members = members;
        let mut before = core::mem::take(&mut self.ledgers);
        let ledgers = members.others(self.own);
        self.ledgers =
            ledgers.map(|peer| (peer, before.remove(&peer).unwrap_or_default())).collect();
    }

    /// Takes note of a signal. What is said of anyone but a peer is ignored.
    pub fn note(&mut self, now: Time, suspect: NodeId, signal: Signal) {
        if let Some(ledger) = self.ledgers.get_mut(&suspect) {
            ledger.note(now, signal, &self.config);
        }
    }

    /// What failed until now is held against nobody any more; what was counted stays counted.
    pub fn forgive_failures(&mut self) {
        self.ledgers.values_mut().for_each(Ledger::forgive_failures);
    }

    /// A peer's score, from 0 to [`SUSPICION_CAP`](super::SUSPICION_CAP).
    pub fn score(&self, now: Time, suspect: NodeId) -> Points {
        let group = self.group(now);
        self.ledgers
            .get(&suspect)
            .map_or(Points::ZERO, |ledger| ledger.score(now, &group, &self.config))
    }

    /// Why a peer has its score: the heaviest first.
    pub fn reasons(&self, now: Time, suspect: NodeId) -> Vec<Reason> {
        let group = self.group(now);
        let ledger = self.ledgers.get(&suspect);
        ledger.map_or_else(Vec::new, |ledger| ledger.reasons(now, &group, &self.config))
    }

    /// How many signals of a kind there ever were about a peer.
    pub fn counted(&self, suspect: NodeId, kind: Kind) -> u32 {
        self.ledgers.get(&suspect).map_or(0, |ledger| ledger.counted(kind))
    }

    /// A peer's expected messages in the window.
    pub fn outcomes(&self, now: Time, suspect: NodeId) -> Totals {
        self.ledgers
            .get(&suspect)
            .map_or_else(Totals::default, |ledger| ledger.outcomes(now, &self.config))
    }

    /// What it thinks of every peer, in order.
    pub fn snapshot(&self, now: Time) -> Vec<Standing> {
        let group = self.group(now);
        let standing = |(suspect, ledger): (&NodeId, &Ledger)| Standing {
            suspect: *suspect,
            score: ledger.score(now, &group, &self.config),
            accused: ledger.accused,
            reasons: ledger.reasons(now, &group, &self.config),
        };
        self.ledgers.iter().map(standing).collect()
    }

    /// Whom it accuses: whose score reached the threshold, and has not fallen since.
    pub fn accused(&self) -> impl Iterator<Item = NodeId> {
        self.ledgers.iter().filter(|(_, ledger)| ledger.accused).map(|(peer, _)| *peer)
    }

    /// What it has to say since the last time.
    pub fn decide(&mut self, now: Time) -> Vec<Decision> {
        let group = self.group(now);
        let (accuse_at, withdraw_at) = (self.config.accuse_at(), self.config.withdraw_at());
        let mut decisions = Vec::new();
        for (suspect, ledger) in self.ledgers.iter_mut() {
            let score = ledger.score(now, &group, &self.config);
            let verdict = match ledger.accused {
                false if score >= accuse_at => Verdict::Accuse,
                true if score <= withdraw_at => Verdict::Withdraw,
                _ => continue,
            };
            ledger.accused = verdict == Verdict::Accuse;
            let reasons = ledger.reasons(now, &group, &self.config);
            decisions.push(Decision { suspect: *suspect, verdict, score, reasons });
        }
        decisions
    }

    /// When [`Self::decide`] should be asked even if nothing is noted: several times in a half-life,
    /// while there is anything that time alone can change.
    pub fn next_wake(&self, now: Time) -> Option<Time> {
        let changes = self.ledgers.values().any(|ledger| !ledger.is_settled(now, &self.config));
        let look = self.config.half_life_us() / LOOKS_PER_HALF_LIFE;
        changes.then(|| now + Duration::from_micros(look.max(1)))
    }

    /// How long an answer takes in the window: the median of peers' medians, which f of them don't
    /// move beyond what the others show. `None`: too few are known.
    pub(crate) fn typical_us(&self, now: Time) -> Option<u32> {
        let medians = self.medians(now);
        (medians.len() > 2 * usize::from(self.members.f())).then(|| median(medians))
    }

    fn medians(&self, now: Time) -> Vec<u32> {
        let window = self.config.window_us();
        self.ledgers.values().filter_map(|ledger| ledger.responses.median(now, window)).collect()
    }

    fn group(&self, now: Time) -> Group {
        let floor = self.config.late_floor_us();
        let medians = self.medians(now);
        let mut ratios: Vec<u32> = self
            .ledgers
            .values()
            .map(|ledger| ledger.outcomes(now, &self.config).raw_failure_ppm())
            .collect();
        ratios.sort_unstable();
        Group {
            failure_ppm: ratios.get(ratios.len() / 2).copied().unwrap_or(0),
            late: Scale::of(&medians, 2 * usize::from(self.members.f()) + 1, floor),
        }
    }
}

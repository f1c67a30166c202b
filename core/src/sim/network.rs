//! Links: how long a message takes, and whether it arrives at all.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use serde::{Deserialize, Serialize};

use super::rng::Dice;
use crate::{
    event::LossCause,
    ids::{NodeId, Principal},
    time::Time,
};

/// How links behave. Times in microseconds, chances in parts per million.
///
/// # Default
///
/// A data centre's: 5 ms and up to 2 ms more, nothing lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// The least time that a message takes.
    pub latency_us: u32,
    /// Up to this much more, uniformly. More jitter than spacing reorders messages.
    pub jitter_us: u32,
    /// Chance that a message is lost.
    pub loss_ppm: u32,
    /// Chance that a message arrives twice.
    pub duplicate_ppm: u32,
    /// Chance that a message takes up to ten times as long, and so is overtaken.
    pub reorder_ppm: u32,
    /// From this time on (ms) nothing is lost, duplicated or held up any more: the paper's
    /// "eventually synchronous" (GST). 0: from the start.
    pub calm_at_ms: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency_us: 5_000,
            jitter_us: 2_000,
            loss_ppm: 0,
            duplicate_ppm: 0,
            reorder_ppm: 0,
            calm_at_ms: 0,
        }
    }
}

/// When a message arrives: not, once or twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Lost(LossCause),
    Arrives { first: Time, second: Option<Time> },
}

/// The links as they are now.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    network: Network,
    dice: Dice,
    /// Each node's group; nodes of different groups don't hear each other. Empty: no partition.
    groups: Vec<u16>,
    cut_off: Vec<bool>,
    cut: BTreeSet<(NodeId, NodeId)>,
    slow: BTreeMap<(NodeId, NodeId), u32>,
}

impl Links {
    pub(crate) fn new(network: Network, n: u16, seed: u64) -> Self {
        Self {
            network,
            dice: Dice::new(seed, 1),
            groups: Vec::new(),
            cut_off: alloc::vec![false; n as usize],
            cut: BTreeSet::new(),
            slow: BTreeMap::new(),
        }
    }

    pub(crate) fn partition(&mut self, groups: &[Vec<NodeId>]) {
        self.groups = alloc::vec![u16::MAX; self.cut_off.len()];
        for (group, members) in (0..).zip(groups) {
            for node in members {
                if let Some(of) = self.groups.get_mut(node.0 as usize) {
                    *of = group;
                }
            }
        }
    }

    pub(crate) fn set_cut_off(&mut self, node: NodeId, cut_off: bool) -> bool {
        match self.cut_off.get_mut(node.0 as usize) {
            Some(now) if *now != cut_off => {
                *now = cut_off;
                true
            }
            _ => false,
        }
    }

    pub(crate) fn is_cut_off(&self, node: NodeId) -> bool {
        self.cut_off.get(node.0 as usize).copied().unwrap_or(false)
    }

    pub(crate) fn set_cut(&mut self, from: NodeId, to: NodeId, cut: bool) -> bool {
        if cut { self.cut.insert((from, to)) } else { self.cut.remove(&(from, to)) }
    }

    pub(crate) fn slow(&mut self, from: NodeId, to: NodeId, by_ms: u32) {
        if by_ms == 0 {
            self.slow.remove(&(from, to));
        } else {
            self.slow.insert((from, to), by_ms);
        }
    }

    /// Undoes partitions, cut-offs and cut links. Whether there were any.
    pub(crate) fn heal(&mut self) -> bool {
        let any = !self.groups.is_empty()
            || !self.cut.is_empty()
            || self.cut_off.iter().any(|cut_off| *cut_off);
        self.groups.clear();
        self.cut.clear();
        self.cut_off.fill(false);
        any
    }

    /// Whether nothing is cut, partitioned or slowed.
    pub(crate) fn is_whole(&self) -> bool {
        self.groups.is_empty()
            && self.cut.is_empty()
            && self.slow.is_empty()
            && !self.cut_off.iter().any(|cut_off| *cut_off)
    }

    /// Whether nothing gets from here to there.
    pub(crate) fn is_cut(&self, from: Principal, to: Principal) -> bool {
        let isolated = |principal| match principal {
            Principal::Node(node) => self.is_cut_off(node),
            Principal::Client(_) => false,
        };
        if isolated(from) || isolated(to) {
            return true;
        }
        let (Principal::Node(from), Principal::Node(to)) = (from, to) else { return false };
        let group = |node: NodeId| self.groups.get(node.0 as usize);
        group(from) != group(to) || self.cut.contains(&(from, to))
    }

    /// Decides about one message.
    pub(crate) fn send(&mut self, now: Time, from: Principal, to: Principal) -> Fate {
        if self.is_cut(from, to) {
            return Fate::Lost(LossCause::Cut);
        }
        let Network { latency_us, jitter_us, loss_ppm, duplicate_ppm, reorder_ppm, calm_at_ms } =
            self.network;
        let calm = now >= Time::from_millis(u64::from(calm_at_ms));
        let mut latency = u64::from(latency_us) + self.dice.below(u64::from(jitter_us) + 1);
        if let (Principal::Node(from), Principal::Node(to)) = (from, to)
            && let Some(by_ms) = self.slow.get(&(from, to))
        {
            latency += u64::from(*by_ms) * 1_000;
        }
        let mut second = None;
        if !calm {
            if self.dice.chance(loss_ppm) {
                return Fate::Lost(LossCause::Network);
            }
            if self.dice.chance(reorder_ppm) {
                latency += self.dice.below(latency * 9 + 1);
            }
            if self.dice.chance(duplicate_ppm) {
                second = Some(Time(now.0 + latency + 1 + self.dice.below(latency * 4 + 1)));
            }
        }
        Fate::Arrives { first: Time(now.0 + latency), second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u16) -> Principal {
        Principal::Node(NodeId(id))
    }

    #[test]
    fn a_partition_separates_groups_and_the_unnamed_form_one() {
        let mut links = Links::new(Network::default(), 5, 1);
        links.partition(&[alloc::vec![NodeId(0), NodeId(1)], alloc::vec![NodeId(2)]]);
        assert!(!links.is_cut(node(0), node(1)));
        assert!(links.is_cut(node(1), node(2)));
        assert!(!links.is_cut(node(3), node(4)));
        assert!(links.is_cut(node(2), node(3)));
        assert!(links.heal());
        assert!(!links.is_cut(node(1), node(2)));
        assert!(!links.heal());
    }

    #[test]
    fn a_cut_link_is_one_way_and_a_cut_off_node_hears_no_client() {
        let mut links = Links::new(Network::default(), 4, 1);
        links.set_cut(NodeId(0), NodeId(1), true);
        assert!(links.is_cut(node(0), node(1)) && !links.is_cut(node(1), node(0)));
        links.set_cut_off(NodeId(2), true);
        assert!(links.is_cut(Principal::Client(crate::ids::ClientId(1)), node(2)));
    }

    #[test]
    fn nothing_is_lost_or_doubled_once_the_network_is_calm() {
        let network = Network {
            loss_ppm: 500_000,
            duplicate_ppm: 500_000,
            reorder_ppm: 500_000,
            calm_at_ms: 10,
            ..Network::default()
        };
        let mut links = Links::new(network, 4, 1);
        let mut fates =
            |now| (0..200).map(|_| links.send(now, node(0), node(1))).collect::<Vec<_>>();
        let rough = fates(Time(0));
        assert!(rough.contains(&Fate::Lost(LossCause::Network)));
        assert!(rough.iter().any(|fate| matches!(fate, Fate::Arrives { second: Some(_), .. })));
        let latest = Time::from_millis(10 + 7);
        assert!(fates(Time::from_millis(10)).iter().all(|fate| {
            matches!(fate, Fate::Arrives { first, second: None } if *first <= latest)
        }));
    }
}

//! Links: how long a message takes, and whether it arrives at all.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{
    dice::Dice,
    ids::{NodeId, Principal},
    pbft::MessageKind,
    sorted::SortedMap,
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
    /// How long a node takes over each message that arrives, one after the other; 0: no time at all.
    pub handling_us: u32,
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
            handling_us: 0,
            calm_at_ms: 0,
        }
    }
}

/// When a message arrives: not, once or twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Somebody cut the way.
    Cut(CutBy),
    /// The network lost it: by habit, or because somebody saw to it.
    Lost(Option<CutBy>),
    Arrives {
        first: Time,
        second: Option<Time>,
        /// The network held it up, so that others may overtake it.
        held_up: bool,
        /// The slowed link that it took.
        slowed_by: Option<CutBy>,
    },
}

/// The number of the injection that cut or slowed a way.
pub(crate) type CutBy = usize;

/// The links as they are now.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    network: Network,
    dice: Dice,
    /// Each node's group; nodes of different groups don't hear each other. Empty: no partition.
    groups: Vec<u16>,
    partitioned_by: CutBy,
    cut_off: Vec<Option<CutBy>>,
    cut: SortedMap<(NodeId, NodeId), CutBy>,
    slow: SortedMap<(NodeId, NodeId), (u32, CutBy)>,
    /// Kinds of message of which so many of a million are lost.
    losing: Vec<(MessageKind, u32, CutBy)>,
    /// Whether any way is cut: every message asks twice.
    any_cut: bool,
}

impl Links {
    pub(crate) fn new(network: Network, n: u16, seed: u64) -> Self {
        Self {
            network,
            dice: Dice::new(seed, 1),
            groups: Vec::new(),
            partitioned_by: 0,
            cut_off: alloc::vec![None; n as usize],
            cut: SortedMap::new(),
            slow: SortedMap::new(),
            losing: Vec::new(),
            any_cut: false,
        }
    }

    fn note_cuts(&mut self) {
        self.any_cut = !self.groups.is_empty()
            || !self.cut.is_empty()
            || self.cut_off.iter().any(Option::is_some);
    }

    pub(crate) fn partition(&mut self, groups: &[Vec<NodeId>], by: CutBy) {
        self.partitioned_by = by;
        self.groups = alloc::vec![u16::MAX; self.cut_off.len()];
        for (group, members) in (0..).zip(groups) {
            for node in members {
                if let Some(of) = self.groups.get_mut(node.0 as usize) {
                    *of = group;
                }
            }
        }
        self.note_cuts();
    }

    /// `None` reconnects. Whether that changed anything.
    pub(crate) fn set_cut_off(&mut self, node: NodeId, by: Option<CutBy>) -> bool {
        match self.cut_off.get_mut(node.0 as usize) {
            Some(now) if now.is_some() != by.is_some() => {
                *now = by;
                self.note_cuts();
                true
            }
            _ => false,
        }
    }

    pub(crate) fn is_cut_off(&self, node: NodeId) -> bool {
        self.cut_off_by(node).is_some()
    }

    fn cut_off_by(&self, node: NodeId) -> Option<CutBy> {
        *self.cut_off.get(node.0 as usize)?
    }

    /// `None` restores. Whether that changed anything.
    pub(crate) fn set_cut(&mut self, from: NodeId, to: NodeId, by: Option<CutBy>) -> bool {
        let changed = match by {
            Some(by) => self.cut.insert((from, to), by).is_none(),
            None => self.cut.remove(&(from, to)).is_some(),
        };
        self.note_cuts();
        changed
    }

    /// 0 undoes it. Whether that undid anything.
    pub(crate) fn slow(&mut self, from: NodeId, to: NodeId, by_ms: u32, by: CutBy) -> bool {
        if by_ms == 0 {
            self.slow.remove(&(from, to)).is_some()
        } else {
            self.slow.insert((from, to), (by_ms, by));
            false
        }
    }

    /// 0 undoes it. Whether that undid anything.
    pub(crate) fn lose(&mut self, kinds: &[MessageKind], ppm: u32, by: CutBy) -> bool {
        let kinds = if kinds.is_empty() { &MessageKind::ALL } else { kinds };
        let before = self.losing.len();
        self.losing.retain(|(kind, ..)| !kinds.contains(kind));
        if ppm > 0 {
            self.losing.extend(kinds.iter().map(|kind| (*kind, ppm, by)));
            false
        } else {
            self.losing.len() < before
        }
    }

    /// Undoes partitions, cut-offs and cut links. Whether there were any.
    pub(crate) fn heal(&mut self) -> bool {
        let any = self.any_cut;
        self.groups.clear();
        self.cut.clear();
        self.cut_off.fill(None);
        self.note_cuts();
        any
    }

    /// Whether nothing is cut, partitioned, slowed or lost.
    pub(crate) fn is_whole(&self) -> bool {
        !self.any_cut && self.slow.is_empty() && self.losing.is_empty()
    }

    /// Who saw to it that nothing gets from here to there.
    pub(crate) fn cut_by(&self, from: Principal, to: Principal) -> Option<CutBy> {
        if self.any_cut { self.found_cut_by(from, to) } else { None }
    }

    fn found_cut_by(&self, from: Principal, to: Principal) -> Option<CutBy> {
        let isolated = |principal| match principal {
            Principal::Node(node) => self.cut_off_by(node),
            Principal::Client(_) => None,
        };
        if let Some(by) = isolated(from).or_else(|| isolated(to)) {
            return Some(by);
        }
        let (Principal::Node(from), Principal::Node(to)) = (from, to) else { return None };
        let group = |node: NodeId| self.groups.get(node.0 as usize);
        let apart = (group(from) != group(to)).then_some(self.partitioned_by);
        apart.or_else(|| self.cut.get(&(from, to)).copied())
    }

    /// Who saw to it that this message gets lost.
    fn lost_by(&mut self, kind: impl FnOnce() -> MessageKind) -> Option<CutBy> {
        if self.losing.is_empty() {
            return None;
        }
        let kind = kind();
        let (_, ppm, by) = self.losing.iter().copied().find(|losing| losing.0 == kind)?;
        self.dice.chance(ppm).then_some(by)
    }

    /// Decides about one message.
    pub(crate) fn send(
        &mut self,
        now: Time,
        from: Principal,
        to: Principal,
        kind: impl FnOnce() -> MessageKind,
    ) -> Fate {
        if let Some(by) = self.cut_by(from, to) {
            return Fate::Cut(by);
        }
        if let Some(by) = self.lost_by(kind) {
            return Fate::Lost(Some(by));
        }
        let Network {
            latency_us, jitter_us, loss_ppm, duplicate_ppm, reorder_ppm, calm_at_ms, ..
        } = self.network;
        let calm = now >= Time::from_millis(u64::from(calm_at_ms));
        let mut latency = u64::from(latency_us) + self.dice.below(u64::from(jitter_us) + 1);
        let mut slowed_by = None;
        if let (Principal::Node(from), Principal::Node(to)) = (from, to)
            && let Some((by_ms, by)) = self.slow.get(&(from, to))
        {
            latency += u64::from(*by_ms) * 1_000;
            slowed_by = Some(*by);
        }
        let (mut second, mut held_up) = (None, false);
        if !calm {
            if self.dice.chance(loss_ppm) {
                return Fate::Lost(None);
            }
            if self.dice.chance(reorder_ppm) {
                latency += self.dice.below(latency * 9 + 1);
                held_up = true;
            }
            if self.dice.chance(duplicate_ppm) {
                second = Some(Time(now.0 + latency + 1 + self.dice.below(latency * 4 + 1)));
            }
        }
        Fate::Arrives { first: Time(now.0 + latency), second, held_up, slowed_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u16) -> Principal {
        Principal::Node(NodeId(id))
    }

    fn is_cut(links: &Links, from: u16, to: u16) -> bool {
        links.cut_by(node(from), node(to)).is_some()
    }

    #[test]
    fn a_partition_separates_groups_and_the_unnamed_form_one() {
        let mut links = Links::new(Network::default(), 5, 1);
        links.partition(&[alloc::vec![NodeId(0), NodeId(1)], alloc::vec![NodeId(2)]], 7);
        assert_eq!(links.cut_by(node(1), node(2)), Some(7));
        assert!(!is_cut(&links, 0, 1));
        assert!(is_cut(&links, 1, 2));
        assert!(!is_cut(&links, 3, 4));
        assert!(is_cut(&links, 2, 3));
        assert!(links.heal());
        assert!(!is_cut(&links, 1, 2));
        assert!(!links.heal());
    }

    #[test]
    fn a_cut_link_is_one_way_and_a_cut_off_node_hears_no_client() {
        let mut links = Links::new(Network::default(), 4, 1);
        links.set_cut(NodeId(0), NodeId(1), Some(0));
        assert!(is_cut(&links, 0, 1) && !is_cut(&links, 1, 0));
        links.set_cut_off(NodeId(2), Some(1));
        assert_eq!(links.cut_by(Principal::Client(crate::ids::ClientId(1)), node(2)), Some(1));
    }

    #[test]
    fn of_messages_that_get_lost_by_kind_others_do_not_and_it_can_be_undone() {
        let mut links = Links::new(Network::default(), 4, 1);
        let lost = |links: &mut Links, kind| {
            let fates = (0..200).map(|_| links.send(Time(0), node(0), node(1), || kind));
            fates.filter(|fate| *fate == Fate::Lost(Some(7))).count()
        };
        let both = [MessageKind::Reply, MessageKind::Commit];
        assert!(!links.lose(&both, 500_000, 7) && !links.is_whole());
        assert!((50..150).contains(&lost(&mut links, MessageKind::Reply)));
        assert_eq!(lost(&mut links, MessageKind::Prepare), 0);
        assert!(links.lose(&[MessageKind::Reply], 0, 8));
        assert_eq!(lost(&mut links, MessageKind::Reply), 0);
        assert!(lost(&mut links, MessageKind::Commit) > 50);
        assert!(links.lose(&[], 0, 9) && links.is_whole(), "no kind: all of them");
        assert!(!links.lose(&[], 0, 9));
        links.lose(&[], 1_000_000, 7);
        assert!(MessageKind::ALL.iter().all(|kind| lost(&mut links, *kind) == 200));
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
        let mut fates = |now| {
            (0..200)
                .map(|_| links.send(now, node(0), node(1), || MessageKind::Reply))
                .collect::<Vec<_>>()
        };
        let rough = fates(Time(0));
        assert!(rough.contains(&Fate::Lost(None)));
        assert!(rough.iter().any(|fate| matches!(fate, Fate::Arrives { second: Some(_), .. })));
        let latest = Time::from_millis(10 + 7);
        assert!(fates(Time::from_millis(10)).iter().all(|fate| {
            matches!(fate, Fate::Arrives { first, second: None, held_up: false, .. } if *first <= latest)
        }));
    }
}

//! What follows from statements and from time: who was right, who is held, who is free again.

use alloc::vec::Vec;
use core::{cmp::Reverse, mem};

use super::{
    history::What,
    machine::Quarantine,
    record::Hold,
    voice::{Standing, Voice, WHOLE},
};
use crate::{
    ids::{NodeId, Seq},
    time::WallTime,
};

impl Quarantine {
    /// What time alone decides about accusations.
    pub(super) fn pass(&mut self, position: Seq, agreed_time: WallTime) {
        self.kept.now = self.kept.now.max(agreed_time);
        for accuser in self.members.nodes() {
            for suspect in self.judge(accuser) {
                self.enter(position, accuser, What::Unfounded { suspect });
            }
        }
    }

    /// Judges what is due, ends what wasn't said again, forgets what is long over. Returns whom it
    /// turns out to have accused without foundation.
    fn judge(&mut self, accuser: NodeId) -> Vec<NodeId> {
        let (now, config) = (self.kept.now, self.config);
        let Some(voice) = self.kept.voices.get_mut(&accuser) else { return Vec::new() };
        let Voice { accusations, unfounded, .. } = voice;
        let mut found = Vec::new();
        let mut ended = Vec::new();
        for (suspect, it) in accusations.iter_mut() {
            let due = it.since.after_ms(config.corroborate_within_ms);
            if due <= now && it.standing == Standing::Pending {
                it.standing = Standing::Unfounded;
                if unfounded.insert(*suspect, due.after_ms(config.unfounded_ms)).is_none() {
                    found.push(*suspect);
                }
            }
            let lapses = it.said.after_ms(config.accusation_lasts_ms);
            if !it.live || lapses <= now {
                ended.push((*suspect, if it.live { lapses } else { due }));
            }
        }
        for (suspect, at) in ended {
            voice.end(suspect, at.after_ms(config.unfounded_ms));
        }
        voice.forget(now);
        found
    }

    /// Brings holds in line with accusations, proofs and orders, until nothing more follows: who is
    /// right about one has a stronger voice about another, and a place that is free is taken.
    pub(super) fn settle(&mut self, position: Seq) {
        let unfounded =
            |it: &Self| it.kept.voices.values().map(|voice| voice.unfounded.len()).sum();
        loop {
            let before: (u64, usize) = (self.kept.decided, unfounded(self));
            self.settle_once(position);
            if (self.kept.decided, unfounded(self)) == before {
                break;
            }
        }
        let f = self.members.byzantine_f();
        for node in self.members.nodes() {
            let voice = self.kept.voices.entry(node).or_default();
            let silenced = voice.is_silenced(f);
            if mem::replace(&mut voice.silenced, silenced) != silenced {
                let what = if silenced { What::Silenced } else { What::Heard };
                self.enter(position, node, what);
            }
        }
    }

    fn settle_once(&mut self, position: Seq) {
        self.make_room(position);
        // f+1, also where members are trusted not to lie, and one word would be the truth.
        let needed = usize::from(self.members.byzantine_f()) + 1;
        for suspect in self.members.nodes() {
            let shared = self.voices_against(suspect) >= WHOLE * needed;
            self.review(position, suspect, shared);
            let held = self.kept.records.get(&suspect).is_some_and(|record| record.hold.is_some());
            let now = self.kept.now;
            for voice in self.kept.voices.values_mut() {
                if shared {
                    voice.share(now, suspect);
                } else if !held {
                    voice.unshare(now, suspect);
                }
            }
        }
    }

    /// In thirds.
    fn voices_against(&self, suspect: NodeId) -> usize {
        let f = self.members.byzantine_f();
        let against = self.kept.voices.values().filter(|voice| voice.live(suspect).is_some());
        against.map(|voice| voice.weight(f)).sum()
    }

    /// Whether one member is to be held, stay or go.
    fn review(&mut self, position: Seq, suspect: NodeId, shared: bool) {
        let (now, config) = (self.kept.now, self.config);
        let full = self.restrained().len() >= self.members.byzantine_f();
        let Some(record) = self.kept.records.get_mut(&suspect) else { return };
        match record.hold {
            Some(hold) if hold.excused && !shared => {
                record.acquit();
                self.enter(position, suspect, What::Acquitted);
            }
            Some(hold) if hold.until <= now => {
                if shared {
                    let until = now.after_ms(config.term_ms(record.offences));
                    record.hold = Some(Hold { until, ..hold });
                    self.enter(position, suspect, What::Extended { until });
                } else {
                    record.hold = None;
                    self.enter(position, suspect, What::Released);
                }
            }
            None if shared && record.convicted.is_none() && record.order.is_none() => {
                let waited = mem::replace(&mut record.waits, full);
                if !full {
                    self.hold(position, suspect);
                } else if !waited {
                    self.enter(position, suspect, What::Waits);
                }
                return;
            }
            _ => {}
        }
        if let Some(record) = self.kept.records.get_mut(&suspect) {
            record.waits = false;
        }
    }

    fn hold(&mut self, position: Seq, suspect: NodeId) {
        let (now, config) = (self.kept.now, self.config);
        let Some(record) = self.kept.records.get_mut(&suspect) else { return };
        let offence = record.offend(now, &config);
        let until = now.after_ms(config.term_ms(offence));
        record.hold = Some(Hold { since: now, until, excused: false });
        let by = self.accusers(suspect);
        let mut reasons = Vec::new();
        for accusation in self.kept.voices.values().filter_map(|voice| voice.live(suspect)) {
            for kind in &accusation.reasons {
                if !reasons.contains(kind) {
                    reasons.push(*kind);
                }
            }
        }
        reasons.sort_unstable();
        self.enter(position, suspect, What::Held { until, offence, by, reasons });
    }

    /// No more than f: the accused with the fewest voices leaves first, then who is held by order.
    /// The convicted stay.
    fn make_room(&mut self, position: Seq) {
        while self.restrained().len() > self.members.byzantine_f() {
            let leaves = |node: &NodeId| {
                let record = self.kept.records.get(node)?;
                match (record.by_accusation(), record.convicted) {
                    (true, _) => Some((false, self.voices_against(*node))),
                    (false, None) => Some((true, 0)),
                    (false, Some(_)) => None,
                }
            };
            let first = self
                .restrained()
                .iter()
                .filter_map(|node| Some((leaves(&node)?, Reverse(node))))
                .min();
            let Some((_, Reverse(node))) = first else { return };
            if let Some(record) = self.kept.records.get_mut(&node) {
                record.hold = None;
                record.order = None;
            }
            self.enter(position, node, What::Displaced);
        }
    }
}

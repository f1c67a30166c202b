//! Random conspiracies of f+1 to 2f replicas, within a view and across views, on the messages alone:
//! whenever two correct replicas decide differently, what correct replicas hold convicts f+1 of the
//! conspirators and nobody else.
//!
//! The correct replicas here do what the protocol says and nothing more: they accept what O holds,
//! else whatever the primary first tells them; they show in view changes what last prepared. They
//! hold as little as the argument in `forensics` needs: who decides, the commits; who enters a view,
//! its new view. The conspirators sign whatever helps, and show in view changes what they like.

use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    detector::evidence::{Assumption, Transcript, accuse},
    pbft::owed,
    sorted::SortedSet,
};

const BATCHES: [&str; 2] = ["a", "b"];
const VIEWS: u64 = 6;

/// Draws from a seed.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 += 1;
        (Digest::of(&self.0).prefix() % bound as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// So many of them, at random.
    fn some<T: Copy>(&mut self, of: &[T], count: usize) -> Vec<T> {
        let mut left = of.to_vec();
        while left.len() > count {
            left.swap_remove(self.below(left.len()));
        }
        left
    }
}

/// One position of a cluster under attack.
struct Attack {
    draw: Draw,
    members: Membership,
    conspirators: Vec<u16>,
    correct: Vec<u16>,
    /// Every certificate that ever came about.
    certificates: Vec<PreparedCertificate>,
    /// What last prepared at each replica.
    prepared: Vec<Option<PreparedCertificate>>,
    decided: Vec<Option<(u64, &'static str)>>,
    held: Vec<Transcript>,
}

impl Attack {
    fn new(seed: u64) -> Self {
        let mut draw = Draw(seed << 32);
        let f = 1 + draw.below(3);
        let n = 3 * f + 1;
        let count = f + 1 + draw.below(f);
        let all: Vec<u16> = (0..n as u16).collect();
        let conspirators = draw.some(&all, count);
        let correct = all.into_iter().filter(|id| !conspirators.contains(id)).collect();
        Self {
            draw,
            members: Membership::new(n as u16).unwrap(),
            conspirators,
            correct,
            certificates: vec![],
            prepared: vec![None; n],
            decided: vec![None; n],
            held: vec![Transcript::default(); n],
        }
    }

    /// Who enters the view, and what O holds at the position.
    fn start(&mut self, view: u64, primary: u16) -> (Vec<u16>, Option<Digest>) {
        if view == 0 {
            return (self.correct.clone(), None);
        }
        let others = self.members.quorum() - self.conspirators.len();
        let mut wanting = self.draw.some(&self.correct.clone(), others);
        wanting.extend(&self.conspirators);
        let mut view_changes = vec![];
        for id in wanting {
            let shown = if self.correct.contains(&id) {
                self.prepared[id as usize].clone()
            } else {
                let at = self.draw.below(self.certificates.len() + 1);
                self.certificates.get(at).cloned()
            };
            let body = ViewChange { prepared: shown.into_iter().collect(), ..asks_for(view) };
            view_changes.push(Signed::new(body, &node(id)));
        }
        let o: Vec<_> = owed(Seq(0), &view_changes).collect();
        let carried = o.first().map(|(_, digest)| *digest);
        let (epoch, view) = (EPOCH, View(view));
        let pre_prepares = o
            .into_iter()
            .map(|(seq, digest)| {
                Signed::new(PrePrepare { epoch, view, seq, digest }, &node(primary))
            })
            .collect();
        let body = NewView { epoch, view, view_changes, pre_prepares };
        let new_view = Arc::new(Signed::new(body, &node(primary)));
        let count = 1 + self.draw.below(self.correct.len());
        let entered = self.draw.some(&self.correct.clone(), count);
        for id in &entered {
            self.held[*id as usize].new_views.push(new_view.clone());
        }
        (entered, carried)
    }

    fn view(&mut self, view: u64) {
        let primary = (view % u64::from(self.members.n())) as u16;
        let (entered, carried) = self.start(view, primary);
        let lies = self.conspirators.contains(&primary);
        let one = self.draw.below(2);
        let told: Vec<_> =
            entered.iter().map(|id| (*id, if lies { self.draw.below(2) } else { one })).collect();
        for (index, batch) in BATCHES.into_iter().enumerate() {
            if carried.is_some_and(|it| it != digest(batch)) || (!lies && index != one) {
                continue;
            }
            let accepts =
                |(id, what): &(u16, usize)| (carried.is_some() || *what == index).then_some(*id);
            let group: Vec<u16> = told.iter().filter_map(accepts).collect();
            self.vote(view, primary, batch, &group);
        }
    }

    fn vote(&mut self, view: u64, primary: u16, batch: &'static str, group: &[u16]) {
        let quorum = self.members.quorum();
        let everyone: Vec<u16> = group.iter().chain(&self.conspirators).copied().collect();
        let backups: Vec<u16> = everyone.iter().copied().filter(|id| *id != primary).collect();
        if backups.len() < quorum - 1 || !everyone.contains(&primary) {
            return;
        }
        let prepares = self.draw.some(&backups, quorum - 1);
        let certificate = PreparedCertificate {
            pre_prepare: pre_prepare(primary, view, 1, batch).into(),
            prepares: prepares.iter().map(|id| prepare(*id, view, 1, batch).into()).collect(),
        };
        self.certificates.push(certificate.clone());
        let mut committing = self.conspirators.clone();
        for id in group {
            if self.draw.coin() {
                self.prepared[*id as usize] = Some(certificate.clone());
                committing.push(*id);
            }
        }
        // Also who isn't in the view can be shown that it was decided.
        let decider = self.correct[self.draw.below(self.correct.len())];
        if committing.len() < quorum || self.decided[decider as usize].is_some() {
            return;
        }
        self.decided[decider as usize] = Some((view, batch));
        let commits = self.draw.some(&committing, quorum);
        let commits = commits.iter().map(|id| Arc::new(commit(*id, view, 1, batch)));
        self.held[decider as usize].commits.extend(commits);
    }

    /// How many views lie between two different decisions; `None`: agreement holds.
    fn fork(&self) -> Option<u64> {
        let decided: Vec<_> = self.decided.iter().flatten().collect();
        let pairs = decided.iter().flat_map(|a| decided.iter().map(move |b| (a, b)));
        pairs.filter(|(a, b)| a.1 != b.1).map(|(a, b)| a.0.abs_diff(b.0)).max()
    }
}

#[test]
fn whenever_agreement_breaks_f_plus_one_are_convicted_and_nobody_correct() {
    let (mut within, mut across) = (0, 0);
    for seed in 0..3_000 {
        let mut attack = Attack::new(seed);
        for view in 0..VIEWS {
            attack.view(view);
        }
        let held: Vec<_> =
            attack.correct.iter().map(|id| attack.held[*id as usize].clone()).collect();
        let found = accuse(&held, attack.members, &node(attack.correct[0]));
        let mut culprits = SortedSet::default();
        for evidence in &found {
            let offence = verify(evidence, attack.members, &node(attack.correct[0])).unwrap();
            assert_eq!(offence.assumption, Assumption::Absolute);
            assert!(attack.conspirators.contains(&offence.by.0), "seed {seed}: {offence}");
            culprits.insert(offence.by);
        }
        match attack.fork() {
            None => continue,
            Some(0) => within += 1,
            Some(_) => across += 1,
        }
        let f = attack.members.f() as usize;
        assert!(culprits.len() > f, "seed {seed}: only {culprits:?}, f = {f}");
    }
    assert!(within > 50 && across > 200, "{within} forks within a view, {across} across views");
}

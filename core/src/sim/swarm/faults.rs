//! What happens to the cluster of a storm: crashes, cuts, slow links, liars, changes of members.
//!
//! At most f nodes are *faulty*: they lie, crash and stay down, or lose what was on their disk.
//! Every other node keeps the promise of a correct one, whatever else happens to it: it may crash
//! and come back with its disk, be cut off, be slow. When it is calm all of those are up and
//! connected again, so that progress is owed. Clients may lie as they like, all but one: somebody
//! must be owed an answer.

use alloc::{vec, vec::Vec};

use super::{
    super::{action::Action, adversary::Mischief, disk::Damage, scenario::TimedAction},
    changes::Changes,
    choice::Choice,
    lies,
};
use crate::{
    ids::{ClientId, NodeId},
    quorum::Membership,
};

/// What can happen to a disk.
const DAMAGES: [Damage; 4] = [Damage::Sector, Damage::Torn, Damage::Lost, Damage::Lies];

/// What a client can do.
const MISCHIEFS: [Mischief; 5] = [
    Mischief::TwoFaced,
    Mischief::Selective,
    Mischief::BadSignature,
    Mischief::FarAhead,
    Mischief::Flood,
];

/// The most faults of one kind.
const MOST_OF_A_KIND: u32 = 4;

/// Faults in the making.
struct Plan {
    members: Membership,
    nodes: Vec<NodeId>,
    calm_at_ms: u32,
    faults: Vec<TimedAction>,
}

/// What happens, in order, and how many nodes wait to join. Nodes lie only where they may.
pub(super) fn draw(
    seed: u64,
    members: Membership,
    clients: u16,
    calm_at_ms: u32,
    may_lie: bool,
) -> (Vec<TimedAction>, u16) {
    let nodes: Vec<_> = members.nodes().collect();
    let mut plan = Plan { members, nodes, calm_at_ms, faults: Vec::new() };
    let mut faulty = plan.faulty(&mut Choice::new(seed, 10));
    let mut features = Choice::new(seed, 11);
    // Drawn all, whichever are used: leaving one out leaves the others as they are.
    let [stays_down, crashes, splits, cut_offs, cuts, slow] = [0; 6].map(|_: u32| features.coin());
    // There are many ways of lying, so liars are in more than half.
    let lies = !features.one_in(4) && may_lie;
    let damage = features.one_in(4);
    let changes = features.one_in(4);
    let mischief = features.one_in(4);
    let [accuses, newcomers_lie, loses] = [3, 2, 4].map(|cases| features.one_in(cases));
    let changes = if changes {
        Changes::draw(members, &faulty, calm_at_ms, &mut Choice::new(seed, 20))
    } else {
        Changes::default()
    };
    let lying_newcomers = if lies && newcomers_lie {
        changes.liars(members, &faulty, &mut Choice::new(seed, 22))
    } else {
        Vec::new()
    };
    if damage && let Some(node) = faulty.pop() {
        plan.damage(node, &mut Choice::new(seed, 19));
    }
    if stays_down
        && (faulty.len() > 1 || !lies)
        && let Some(node) = faulty.pop()
    {
        plan.crash_for_good(node, &mut Choice::new(seed, 12));
    }
    if lies {
        plan.corrupt(&faulty, &mut Choice::new(seed, 13));
        plan.corrupt(&lying_newcomers, &mut Choice::new(seed, 23));
        if accuses {
            plan.accuse(&mut Choice::new(seed, 24));
        }
    }
    if crashes {
        plan.crash(&mut Choice::new(seed, 14));
    }
    if splits {
        plan.split(&mut Choice::new(seed, 15));
    }
    if cut_offs {
        plan.cut_off(&mut Choice::new(seed, 16));
    }
    if cuts {
        plan.cut_links(&mut Choice::new(seed, 17));
    }
    if slow {
        plan.slow_links(&mut Choice::new(seed, 18));
    }
    if loses {
        plan.lose(&mut Choice::new(seed, 25));
    }
    if mischief {
        plan.corrupt_clients(clients, &mut Choice::new(seed, 21));
    }
    plan.faults.extend(changes.faults);
    plan.faults.sort_by_key(|fault| fault.at_ms);
    (plan.faults, changes.spares)
}

impl Plan {
    fn at(&mut self, at_ms: u32, action: Action) {
        self.faults.push(TimedAction { at_ms, action });
    }

    /// Up to f nodes. The primary of view 0 is one of them more often than by chance: most of
    /// what a liar can do, it does as primary.
    fn faulty(&self, draw: &mut Choice) -> Vec<NodeId> {
        let f = self.members.f() as usize;
        let count = draw.between(1..f as u32 + 1) as usize;
        let mut left = self.nodes.clone();
        if draw.coin() {
            left.rotate_left(draw.between(0..self.nodes.len() as u32) as usize);
        }
        let mut chosen = vec![left.remove(0)];
        while chosen.len() < count {
            chosen.push(left.swap_remove(draw.between(0..left.len() as u32) as usize));
        }
        chosen
    }

    fn crash_for_good(&mut self, node: NodeId, draw: &mut Choice) {
        let at = draw.between(0..self.calm_at_ms);
        self.at(at, Action::Crash { node });
    }

    /// A disk that loses what it said was safe makes its node a faulty one: what it promised is
    /// forgotten. It crashes, to notice, and has until calm to come back.
    fn damage(&mut self, node: NodeId, draw: &mut Choice) {
        let what = draw.one_of(&DAMAGES);
        let at = draw.between(0..self.calm_at_ms / 2);
        let down = draw.between(at + 1..self.calm_at_ms - 1);
        let up = draw.between(down + 1..self.calm_at_ms);
        self.at(at, Action::DamageDisk { node, what });
        self.at(down, Action::Crash { node });
        self.at(up, Action::Restart { node });
    }

    fn corrupt(&mut self, faulty: &[NodeId], draw: &mut Choice) {
        // Colluding liars lie alike as often as each in its own way.
        let alike = draw.coin();
        let mut common = None;
        for node in faulty {
            let own = lies::draw(self.members, *node, draw);
            let strategies = common.get_or_insert_with(|| own.clone()).clone();
            let strategies = if alike { strategies } else { own };
            let at = draw.between(0..self.calm_at_ms * 2 / 3);
            self.at(at, Action::Corrupt { node: *node, strategies });
        }
    }

    /// Some of those who lie accuse primaries besides.
    fn accuse(&mut self, draw: &mut Choice) {
        for fault in &mut self.faults {
            if let Action::Corrupt { node, strategies } = &mut fault.action
                && !draw.one_in(3)
            {
                strategies.push(lies::accusation(self.members, *node, draw));
            }
        }
    }

    /// All but one at most.
    fn corrupt_clients(&mut self, clients: u16, draw: &mut Choice) {
        for client in 0..draw.between(0..u32::from(clients)) {
            let how = draw.one_of(&MISCHIEFS);
            let at = draw.between(0..self.calm_at_ms * 2 / 3);
            let client = ClientId(u64::from(client));
            self.at(at, Action::CorruptClient { client, how });
        }
    }

    /// Crashes and restarts. Any node, also a liar; also more than f at once: safety must hold all
    /// the same, because a crashed node remembers what it said.
    fn crash(&mut self, draw: &mut Choice) {
        let down: Vec<_> = self.down_for_good();
        for _ in 0..draw.between(1..MOST_OF_A_KIND) {
            let node = draw.one_of(&self.nodes);
            let (at, until) = self.span(draw);
            if !down.contains(&node) {
                self.at(at, Action::Crash { node });
                self.at(until, Action::Restart { node });
            }
        }
    }

    fn down_for_good(&self) -> Vec<NodeId> {
        let crashed = |fault: &TimedAction| match fault.action {
            Action::Crash { node } => Some(node),
            _ => None,
        };
        self.faults.iter().filter_map(crashed).collect()
    }

    /// Two sides, or three: those that no group names are one.
    fn split(&mut self, draw: &mut Choice) {
        for _ in 0..draw.between(1..MOST_OF_A_KIND - 1) {
            let mut nodes = draw.some_of(&self.nodes, self.nodes.len());
            let mut groups = vec![nodes.split_off(draw.between(1..nodes.len() as u32) as usize)];
            if draw.one_in(3) && nodes.len() > 1 {
                groups.push(nodes.split_off(draw.between(1..nodes.len() as u32) as usize));
            }
            let (at, until) = self.span(draw);
            self.at(at, Action::Partition { groups });
            self.at(until, Action::Heal);
        }
    }

    fn cut_off(&mut self, draw: &mut Choice) {
        for _ in 0..draw.between(1..MOST_OF_A_KIND - 1) {
            let node = draw.one_of(&self.nodes);
            let (at, until) = self.span(draw);
            self.at(at, Action::CutOff { node });
            self.at(until, Action::Reconnect { node });
        }
    }

    /// One way only.
    fn cut_links(&mut self, draw: &mut Choice) {
        for _ in 0..draw.between(1..2 * MOST_OF_A_KIND) {
            let (from, to) = self.link(draw);
            let (at, until) = self.span(draw);
            self.at(at, Action::CutLink { from, to });
            self.at(until, Action::RestoreLink { from, to });
        }
    }

    fn slow_links(&mut self, draw: &mut Choice) {
        for _ in 0..draw.between(1..2 * MOST_OF_A_KIND) {
            let (from, to) = self.link(draw);
            let (at, until) = self.span(draw);
            let by_ms = draw.between(10..1_000);
            self.at(at, Action::SlowLink { from, to, by_ms });
            self.at(until, Action::SlowLink { from, to, by_ms: 0 });
        }
    }

    /// Some kinds of message get lost, others don't.
    fn lose(&mut self, draw: &mut Choice) {
        for _ in 0..draw.between(1..MOST_OF_A_KIND - 1) {
            let mut kinds = draw.some_kinds();
            kinds.truncate(MOST_OF_A_KIND as usize);
            let ppm = draw.between(50_000..1_000_001);
            let (at, until) = self.span(draw);
            self.at(at, Action::Lose { kinds: kinds.clone(), ppm });
            self.at(until, Action::Lose { kinds, ppm: 0 });
        }
    }

    fn link(&self, draw: &mut Choice) -> (NodeId, NodeId) {
        let from = draw.one_of(&self.nodes);
        let others: Vec<_> = self.members.others(from).collect();
        (from, draw.one_of(&others))
    }

    /// From when until when; calm comes after it.
    fn span(&self, draw: &mut Choice) -> (u32, u32) {
        let at = draw.between(0..self.calm_at_ms * 3 / 4);
        (at, draw.between(at + 1..self.calm_at_ms))
    }
}

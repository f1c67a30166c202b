//! Changes of the membership of a storm: replicas join, leave, are replaced.
//!
//! At most f members are faulty in every membership that may come about. When a change is executed
//! isn't known, nor whether it is refused because another was agreed first; so no faulty node is
//! counted off when it leaves, and the count must be within f of the smallest membership that any
//! choice of these changes leads to. Those that join may be among the faulty, within the same bound.

use alloc::{vec, vec::Vec};

use super::{
    super::{action::Action, scenario::TimedAction},
    choice::Choice,
};
use crate::{ids::NodeId, quorum::Membership};

/// The most changes of one storm: each ends an epoch at most.
const MOST_CHANGES: u32 = 3;

/// What the changes do, and who waits to join.
#[derive(Default)]
pub(super) struct Changes {
    pub(super) faults: Vec<TimedAction>,
    pub(super) spares: u16,
}

impl Changes {
    pub(super) fn draw(
        members: Membership,
        faulty: &[NodeId],
        calm_at_ms: u32,
        draw: &mut Choice,
    ) -> Self {
        let mut changes = Self::default();
        let mut staying: Vec<_> = members.nodes().collect();
        let mut smallest = members.n();
        for _ in 0..draw.between(1..MOST_CHANGES + 1) {
            let at = draw.between(0..calm_at_ms * 3 / 4);
            // A liar that is found out is replaced more often than others.
            let prefers_faulty = draw.coin();
            let index = draw.between(0..staying.len() as u32) as usize;
            let index = staying
                .iter()
                .position(|node| prefers_faulty && faulty.contains(node))
                .unwrap_or(index);
            let (add, remove) = match draw.between(0..4) {
                0 => (vec![changes.newcomer(members)], Vec::new()),
                1 if bears(smallest - 1, faulty.len()) => {
                    smallest -= 1;
                    (Vec::new(), vec![staying.remove(index)])
                }
                _ => (vec![changes.newcomer(members)], vec![staying.remove(index)]),
            };
            if let [node] = add[..]
                && draw.one_in(3)
            {
                let down = draw.between(at..calm_at_ms - 1);
                let up = draw.between(down + 1..calm_at_ms);
                changes.at(down, Action::Crash { node });
                changes.at(up, Action::Restart { node });
            }
            changes.at(at, Action::Reconfigure { add, remove });
        }
        changes
    }

    /// Who of those that join may lie, beside these faulty ones: as many as every membership that
    /// may come about bears.
    pub(super) fn liars(
        &self,
        members: Membership,
        faulty: &[NodeId],
        draw: &mut Choice,
    ) -> Vec<NodeId> {
        let newcomers: Vec<_> = (members.n()..members.n() + self.spares).map(NodeId).collect();
        let mut liars = Vec::new();
        for node in draw.some_of(&newcomers, 0) {
            liars.push(node);
            let all: Vec<_> = faulty.iter().chain(&liars).copied().collect();
            if !self.memberships(members).iter().all(|members| bears_these(members, &all)) {
                liars.pop();
            }
        }
        liars
    }

    /// Every membership that may come about: any of the changes may be refused.
    fn memberships(&self, members: Membership) -> Vec<Vec<NodeId>> {
        let mut all = vec![members.nodes().collect::<Vec<_>>()];
        for fault in &self.faults {
            let Action::Reconfigure { add, remove } = &fault.action else { continue };
            let mut made = all.clone();
            for members in &mut made {
                members.extend(add);
                members.retain(|node| !remove.contains(node));
            }
            all.extend(made);
        }
        all
    }

    fn at(&mut self, at_ms: u32, action: Action) {
        self.faults.push(TimedAction { at_ms, action });
    }

    fn newcomer(&mut self, members: Membership) -> NodeId {
        self.spares += 1;
        NodeId(members.n() + self.spares - 1)
    }
}

fn bears_these(members: &[NodeId], faulty: &[NodeId]) -> bool {
    let faulty = faulty.iter().filter(|node| members.contains(node)).count();
    bears(members.len() as u16, faulty)
}

/// Whether a cluster of this size bears so many faulty nodes.
fn bears(n: u16, faulty: usize) -> bool {
    Membership::new(n).is_ok_and(|members| faulty <= members.f() as usize)
}

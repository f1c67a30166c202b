//! A cluster in which everything arrives at once, unless a test cuts it.

use alloc::{collections::VecDeque, vec::Vec};
use core::{mem::take, time::Duration};

use super::member::{Decided, Member};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
    raft::{Config, Input, Message, Role},
    time::Time,
};

pub(super) struct Net {
    pub(super) members: Vec<Member>,
    /// Who is cut off from everybody.
    pub(super) cut: Vec<u16>,
    /// Who is down.
    pub(super) down: Vec<u16>,
    queue: VecDeque<(NodeId, NodeId, Message<u64>)>,
    /// How many messages arrived.
    pub(super) delivered: usize,
}

impl Net {
    pub(super) fn new(n: u16) -> Self {
        Self::with(n, &Config::default())
    }

    pub(super) fn with(n: u16, config: &Config) -> Self {
        let member = |id| Member::restored(id, n, config.clone(), Vec::new());
        Self::of((0..n).map(member).collect())
    }

    pub(super) fn of(members: Vec<Member>) -> Self {
        Self { members, cut: Vec::new(), down: Vec::new(), queue: VecDeque::new(), delivered: 0 }
    }

    pub(super) fn member(&mut self, id: u16) -> &mut Member {
        &mut self.members[usize::from(id)]
    }

    pub(super) fn does(&mut self, id: u16, input: Input<u64>) {
        self.member(id).does(input);
        self.settle();
    }

    /// Everything that was said arrives, and everything that is said to that.
    pub(super) fn settle(&mut self) {
        loop {
            for from in 0..self.members.len() {
                let n = self.members.len() as u16;
                for (to, message) in take(&mut self.members[from].sent) {
                    let from = NodeId(from as u16);
                    match to {
                        To::Node(to) => self.queue.push_back((from, to, message)),
                        To::Others => {
                            let others = (0..n).map(NodeId).filter(|to| *to != from);
                            self.queue.extend(others.map(|to| (from, to, message.clone())));
                        }
                    }
                }
            }
            let Some((from, to, message)) = self.queue.pop_front() else { return };
            let is_out = |id: &NodeId| self.cut.contains(&id.0) || self.down.contains(&id.0);
            if !is_out(&from) && !is_out(&to) {
                self.delivered += 1;
                self.member(to.0).does(Input::Message { from, message });
            }
        }
    }

    /// Time goes on in small steps.
    pub(super) fn wait(&mut self, ms: u64) {
        const STEP_MS: u64 = 10;
        for _ in 0..ms.div_ceil(STEP_MS) {
            for id in 0..self.members.len() as u16 {
                let is_down = self.down.contains(&id);
                let member = self.member(id);
                member.now = member.now + Duration::from_millis(STEP_MS);
                if !is_down && member.raft.deadline() <= member.now {
                    member.does(Input::Tick);
                }
                self.settle();
            }
        }
    }

    pub(super) fn restart(&mut self, id: u16) {
        self.down.retain(|down| *down != id);
        self.member(id).restart();
    }

    pub(super) fn leaders(&self) -> Vec<u16> {
        let leads = |member: &&Member| member.raft.role() == Role::Leader;
        self.members.iter().filter(leads).map(|member| member.raft.id().0).collect()
    }

    /// Who leads once somebody does.
    pub(super) fn leader(&mut self) -> u16 {
        for _ in 0..1_000 {
            let reachable = |id: &u16| !self.cut.contains(id) && !self.down.contains(id);
            let leaders: Vec<_> = self.leaders().into_iter().filter(reachable).collect();
            if let [leader] = leaders[..] {
                return leader;
            }
            self.wait(10);
        }
        panic!("nobody leads after ten seconds");
    }

    pub(super) fn now(&self) -> Time {
        self.members[0].now
    }

    /// What a member was told to execute.
    pub(super) fn decided(&self, id: u16) -> Vec<(Seq, Decided)> {
        self.members[usize::from(id)].decided.clone()
    }

    /// The payloads among it.
    pub(super) fn payloads(&self, id: u16) -> Vec<u64> {
        self.members[usize::from(id)].decided.iter().filter_map(|(_, (_, it))| *it).collect()
    }
}

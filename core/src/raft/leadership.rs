//! A term as its leader: begun, kept while a majority is there, handed over, given up.

use alloc::{collections::VecDeque, vec};

use serde::Serialize;

use super::{
    contract::{Cause, Effect, Event},
    instance::{Payload, Raft, Standing},
    messages::{Body, Entry},
    progress::Progress,
    reads::AskedRead,
};
use crate::{
    ids::{NodeId, Seq},
    protocol::To,
    quorum::Membership,
    sorted::SortedMap,
    time::Time,
};

/// What a leader knows.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Leadership {
    /// The first position of its term: an empty entry.
    pub(super) began_at: Seq,
    pub(super) peers: SortedMap<NodeId, Progress>,
    pub(super) heartbeat_at: Time,
    /// When it next counts whom it hears.
    pub(super) count_at: Time,
    /// How often it asked everybody.
    pub(super) round: u64,
    /// Reads that wait until a majority has answered their round.
    pub(super) asked: VecDeque<AskedRead>,
    pub(super) hand_over: Option<HandOver>,
    /// It said that a majority knows of the epoch's end.
    pub(super) is_seal_known: bool,
}

/// The leadership on its way to another member.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct HandOver {
    pub(super) to: NodeId,
    /// When it is given up.
    until: Time,
    /// It was told to stand.
    told: bool,
}

impl Leadership {
    pub(super) fn deadline(&self) -> Time {
        let next = self.heartbeat_at.min(self.count_at);
        self.hand_over.map_or(next, |it| next.min(it.until))
    }

    /// What at least a majority has reached, the leader itself being here.
    pub(super) fn reached<T: Ord + Copy>(
        &self,
        members: Membership,
        own: T,
        of: impl Fn(&Progress) -> T,
    ) -> T {
        let mut reached: alloc::vec::Vec<T> = self.peers.values().map(of).collect();
        reached.push(own);
        reached.sort_unstable();
        // Sorted upwards: so many are at or above it.
        reached[reached.len().saturating_sub(members.majority())]
    }
}

impl<P: Payload> Raft<P> {
    /// The term begins: an empty entry, for only entries of the own term are committed by counting
    /// (§5.4.2), and what came before must not wait for a client.
    pub(super) fn lead(&mut self) {
        let next = self.log.last().seq.next();
        let peers = self.members.others(self.id);
        let peers = peers.map(|peer| (peer, Progress::new(next, self.now))).collect();
        self.standing = Standing::Leader(Leadership {
            began_at: next,
            peers,
            heartbeat_at: self.now + self.config.heartbeat(),
            count_at: self.now + self.election_timeout(),
            round: 1,
            asked: VecDeque::new(),
            hand_over: None,
            is_seal_known: false,
        });
        self.leader = Some(self.id);
        self.became(Cause::Elected);
        if self.log.len() < self.config.capacity() {
            self.put(vec![Entry { term: self.term, payload: None }]);
        }
        self.fill_up();
        self.replicate();
    }

    /// What a leader does as time passes.
    pub(super) fn lead_on(&mut self) {
        let patience = self.election_timeout();
        let Standing::Leader(leadership) = &mut self.standing else { return };
        if let Some(HandOver { to, until, .. }) = leadership.hand_over
            && self.now >= until
        {
            leadership.hand_over = None;
            self.outbox.free(Effect::Event(Event::HandOverFailed { to }));
        }
        if self.now >= leadership.count_at {
            leadership.count_at = self.now + patience;
            let heard_at = leadership.reached(self.members, self.now, |peer| peer.heard_at);
            // Whoever can't reach a majority leads nobody, and must not let clients wait.
            if self.now.since(heard_at) >= patience {
                self.leader = None;
                return self.follow_from_now(Cause::LostMajority);
            }
        }
        if self.now >= leadership.heartbeat_at {
            self.ask_everybody();
        }
    }

    /// What waits for this leader waits in vain.
    pub(super) fn give_up(&mut self, leadership: Leadership) {
        for AskedRead { id, from, .. } in leadership.asked {
            if from == self.id {
                self.outbox.free(Effect::ReadFailed { id });
            }
        }
        if let Some(HandOver { to, told: false, .. }) = leadership.hand_over {
            self.event(Event::HandOverFailed { to });
        }
    }

    /// Takes no more proposals, brings the other's log up to date, and tells it to stand (thesis,
    /// on leadership transfer).
    pub(super) fn hand_over(&mut self, to: NodeId) {
        let until = self.now + self.election_timeout();
        match &mut self.standing {
            Standing::Leader(leadership)
                if leadership.hand_over.is_none() && leadership.peers.contains_key(&to) =>
            {
                leadership.hand_over = Some(HandOver { to, until, told: false });
                self.event(Event::HandOverBegan { to });
                self.tell_to_stand(to);
            }
            _ => self.event(Event::HandOverFailed { to }),
        }
    }

    /// Whether it leads, and takes no more proposals because another is to lead.
    pub(crate) fn is_handing_over(&self) -> bool {
        matches!(&self.standing, Standing::Leader(it) if it.hand_over.is_some())
    }

    /// Who leads best in its stead, of those that may: has most of the log, and was heard last. `None`
    /// as well while it hands over, and where it doesn't lead.
    pub(crate) fn heir(&self, may: impl Fn(NodeId) -> bool) -> Option<NodeId> {
        let Standing::Leader(leadership) = &self.standing else { return None };
        let peers = leadership.peers.iter().filter(|(peer, _)| may(**peer));
        let best = peers.max_by_key(|(_, progress)| (progress.matched, progress.heard_at));
        best.map(|(peer, _)| *peer).filter(|_| leadership.hand_over.is_none())
    }

    /// If the leadership goes to this member and it has the whole log.
    pub(super) fn tell_to_stand(&mut self, peer: NodeId) {
        let Standing::Leader(leadership) = &mut self.standing else { return };
        let matched = leadership.peers.get(&peer).map(|progress| progress.matched);
        if let Some(hand_over) = &mut leadership.hand_over
            && hand_over.to == peer
            && !hand_over.told
            && matched == Some(self.log.last().seq)
        {
            hand_over.told = true;
            self.send(To::Node(peer), Body::TimeoutNow);
        }
    }

    /// Stands at once: the leader wishes it, so nobody is asked first.
    pub(super) fn on_timeout_now(&mut self, from: NodeId) {
        if self.leader == Some(from) {
            self.campaign(true);
        }
    }
}

//! A client's book: which replica gave it another reply than f+1 others gave alike.

use alloc::{collections::VecDeque, sync::Arc};

use super::proof::Evidence;
use crate::{
    crypto::Signed,
    ids::{NodeId, RequestId},
    pbft::{Message, Reply, node_of},
    quorum::{Membership, NodeSet},
    sorted::SortedMap,
};

/// How many of its latest requests a client looks at: replies come late, and liars later.
const KEPT: usize = 4;

/// The replies to one request.
#[derive(Clone, Debug)]
struct Answered {
    id: RequestId,
    /// Each replica's first.
    replies: SortedMap<NodeId, Arc<Signed<Reply>>>,
    /// Whose was shown to be false.
    shown: NodeSet,
}

/// The replies to a client's latest requests: at most `KEPT` × n of them.
#[derive(Clone, Debug)]
pub struct Answers {
    members: Membership,
    /// In the order in which they were first answered.
    requests: VecDeque<Answered>,
}

impl Answers {
    /// Of these members.
    pub fn new(members: Membership) -> Self {
        Self { members, requests: VecDeque::new() }
    }

    /// The client learnt of another epoch: replies of the old one are not compared with its.
    pub fn follow(&mut self, members: Membership) {
        if members != self.members {
            self.members = members;
            self.requests.clear();
        }
    }

    /// Takes a message that was checked; what is no reply of this epoch is passed over. A replica's
    /// first reply to a request counts, and is shown to be false at most once. `None` always where one
    /// liar is enough for correct replicas to differ: see [`NotProven::CrashOnly`].
    ///
    /// [`NotProven::CrashOnly`]: super::NotProven::CrashOnly
    pub fn heard(&mut self, message: &Message) -> Option<Evidence> {
        let Message::Reply(reply) = message else { return None };
        let by = node_of(reply.by).filter(|_| reply.body.epoch == self.members.epoch())?;
        if self.members.is_crash_only() {
            return None;
        }
        let needed = self.members.weak();
        let Answered { replies, shown, .. } = self.answered(reply.body.id);
        replies.entry(by).or_insert(reply.clone());
        let alike =
            |it: &Reply| replies.values().filter(|other| other.body.result == it.result).count();
        let agreed = &replies.values().find(|it| alike(&it.body) >= needed)?.body.result;
        let is_false = |(by, it): &(&NodeId, &Arc<Signed<Reply>>)| {
            it.body.result != *agreed && !shown.contains(**by)
        };
        let (liar, false_one) = replies.iter().find(is_false)?;
        let others = replies.values().filter(|it| it.body.result == *agreed).take(needed);
        let others = others.map(|it| Signed::clone(it)).collect();
        shown.insert(*liar);
        Some(Evidence::Reply(Signed::clone(false_one), others))
    }

    fn answered(&mut self, id: RequestId) -> &mut Answered {
        let known = self.requests.iter().position(|it| it.id == id);
        let at = known.unwrap_or_else(|| {
            if self.requests.len() == KEPT {
                self.requests.pop_front();
            }
            let (replies, shown) = (SortedMap::new(), NodeSet::default());
            self.requests.push_back(Answered { id, replies, shown });
            self.requests.len() - 1
        });
        &mut self.requests[at]
    }
}

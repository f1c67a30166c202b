//! A client's book: which replica gave it another reply than f+1 others gave alike.

use alloc::{collections::VecDeque, sync::Arc, vec::Vec};

use super::proof::Evidence;
use crate::{
    crypto::Signed,
    ids::{NodeId, RequestId},
    pbft::{Message, Reply, node_of},
    quorum::Membership,
    sorted::{SortedMap, SortedSet},
};

/// How many of its latest requests a client looks at: replies come late, and liars later.
const KEPT: usize = 4;

/// Each replica's first reply to a request.
type Replies = SortedMap<NodeId, Arc<Signed<Reply>>>;

/// The replies to a client's latest requests: at most `KEPT` × n of them.
#[derive(Clone, Debug)]
pub struct Answers {
    members: Membership,
    /// In the order in which they were first answered.
    requests: VecDeque<(RequestId, Replies)>,
    known: SortedSet<NodeId>,
}

impl Answers {
    /// Of these members.
    pub fn new(members: Membership) -> Self {
        Self { members, requests: VecDeque::new(), known: SortedSet::default() }
    }

    /// The client learnt of another epoch: replies of the old one are not compared with its.
    pub fn follow(&mut self, members: Membership) {
        if members != self.members {
            self.members = members;
            self.requests.clear();
        }
    }

    /// Takes a message that was checked; what is no reply of this epoch is passed over. A replica's
    /// first reply to a request counts.
    pub fn heard(&mut self, message: &Message) -> Option<Evidence> {
        let Message::Reply(reply) = message else { return None };
        let by = node_of(reply.by).filter(|_| reply.body.epoch == self.members.epoch())?;
        let id = reply.body.id;
        let at = self.requests.iter().position(|(known, _)| *known == id).unwrap_or_else(|| {
            if self.requests.len() == KEPT {
                self.requests.pop_front();
            }
            self.requests.push_back((id, SortedMap::new()));
            self.requests.len() - 1
        });
        let replies = &mut self.requests[at].1;
        replies.entry(by).or_insert(reply.clone());
        let alike = |result: &[u8]| -> Vec<&Arc<Signed<Reply>>> {
            replies.values().filter(|other| other.body.result == result).collect()
        };
        let needed = self.members.weak();
        let agreed =
            replies.values().map(|it| alike(&it.body.result)).find(|it| it.len() >= needed)?;
        let result = &agreed[0].body.result;
        let false_one = replies
            .iter()
            .find(|(by, it)| it.body.result != *result && !self.known.contains(by))
            .map(|(by, it)| (*by, it))?;
        let others = agreed.iter().take(needed).map(|other| Signed::clone(other)).collect();
        let evidence = Evidence::Reply(Signed::clone(false_one.1), others);
        self.known.insert(false_one.0);
        Some(evidence)
    }
}

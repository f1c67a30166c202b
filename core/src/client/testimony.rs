//! What a client makes of replies that f+1 others contradict: no replica sees both, so it shows them to all.
//!
//! Nobody is asked for it, and nothing waits for it. A node that was shown it tells the others, and
//! who lied in a reply is convicted as for any other lie.

use crate::{
    detector::evidence::{Answers, Evidence},
    ids::NodeId,
    pbft::{MAX_OPERATION_BYTES, Message, node_of},
    quorum::Membership,
    resilience::settings::settings,
    sorted::SortedMap,
    time::Time,
};

settings! {
    /// How a client shows that replicas gave it false replies.
    pub struct Shows {
        /// One replica is shown to lie this often at most.
        again_ms: u64 = 60_000, "what is lost on the way is made up for, and who knows already isn't kept busy";
    }
}

/// The replies to the latest requests, and of whom something was shown.
#[derive(Clone, Debug)]
pub(super) struct Testimony {
    config: Shows,
    answers: Answers,
    shown: SortedMap<NodeId, Time>,
}

impl Testimony {
    /// Of replies by these members.
    pub(super) fn new(config: Shows, members: Membership) -> Self {
        Self { config, answers: Answers::new(members), shown: SortedMap::new() }
    }

    /// Takes what a replica said and was checked: whom it shows to have lied, and what to show to all.
    /// What is longer than an operation is not shown: it has no room in the log. Another reply will be
    /// shorter.
    pub(super) fn heard(
        &mut self,
        now: Time,
        members: Membership,
        message: &Message,
    ) -> Option<(NodeId, Evidence)> {
        self.answers.follow(members);
        let evidence = self.answers.heard(message)?;
        let liar = node_of(evidence.accused())?;
        let again = core::time::Duration::from_millis(self.config.again_ms);
        let is_early = self.shown.get(&liar).is_some_and(|last| now < *last + again);
        if is_early || evidence.encode().len() > MAX_OPERATION_BYTES {
            return None;
        }
        self.shown.insert(liar, now);
        Some((liar, evidence))
    }
}

//! Client sessions: the last request of each client and its answer, for exactly-once.
//!
//! "Replicas discard requests whose timestamp is lower than the timestamp in the last reply they
//! sent to the client to guarantee exactly-once semantics" (OSDI'99 §4.1). The table is part of
//! the replicated state: checkpoints cover it and state transfer carries it.

use alloc::{collections::BTreeMap, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, RequestId, Timestamp};

/// One client's last executed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    last: Timestamp,
    #[serde(with = "serde_bytes")]
    result: Vec<u8>,
}

/// Every client's. Bounded by the number of clients whose keys the cluster knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions(BTreeMap<ClientId, Session>);

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// Newer than anything executed for its client.
    New,
    /// Exactly the last one executed: its answer.
    Answered(&'a [u8]),
    /// Older than the last one executed.
    Stale,
}

impl Sessions {
    /// What is known of this request.
    pub fn lookup(&self, id: RequestId) -> Known<'_> {
        match self.0.get(&id.client) {
            Some(session) if id.timestamp == session.last => Known::Answered(&session.result),
            Some(session) if id.timestamp < session.last => Known::Stale,
            _ => Known::New,
        }
    }

    /// Records the answer to a request that was new.
    pub fn record(&mut self, id: RequestId, result: Vec<u8>) {
        self.0.insert(id.client, Session { last: id.timestamp, result });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_new_once() {
        let id = |t| RequestId { client: ClientId(1), timestamp: Timestamp(t) };
        let mut sessions = Sessions::default();
        assert_eq!(sessions.lookup(id(5)), Known::New);
        sessions.record(id(5), b"done".to_vec());
        assert_eq!(sessions.lookup(id(5)), Known::Answered(b"done"));
        assert_eq!(sessions.lookup(id(4)), Known::Stale);
        assert_eq!(sessions.lookup(id(6)), Known::New);
    }
}

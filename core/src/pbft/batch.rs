//! What is ordered together, and its digest.
//!
//! A batch is named by its digest wherever it is proposed, voted for, checked or looked up, so the
//! digest is worked out once, when the batch is made: here, from a list of requests or from bytes.
//! Nothing in a batch changes after that and there is no third way to make one, so what
//! [`Batch::digest`] gives is always that of what the batch holds.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use super::messages::Request;
use crate::{
    crypto::{Digest, Signed},
    time::WallTime,
};

/// Requests that are ordered together. The empty batch is the paper's null request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Content")]
pub struct Batch {
    /// In execution order. Shared with whoever waits for them.
    requests: Vec<Arc<Signed<Request>>>,
    /// The primary's wall clock, if the application asks for the time.
    time: Option<WallTime>,
    #[serde(skip)]
    digest: Digest,
}

/// What of a [`Batch`] is read.
#[derive(Deserialize)]
struct Content {
    requests: Vec<Arc<Signed<Request>>>,
    time: Option<WallTime>,
}

impl From<Content> for Batch {
    fn from(Content { requests, time }: Content) -> Self {
        Self::of(requests, time)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::of(Vec::new(), None)
    }
}

impl Batch {
    /// A batch that needs no time.
    pub fn new(requests: Vec<Signed<Request>>) -> Self {
        Self::of(requests.into_iter().map(Arc::new).collect(), None)
    }

    /// These requests, with the primary's time.
    pub fn of(requests: Vec<Arc<Signed<Request>>>, time: Option<WallTime>) -> Self {
        let digest = Digest::of(&(&requests, &time));
        Self { requests, time, digest }
    }

    /// In execution order.
    pub fn requests(&self) -> &[Arc<Signed<Request>>] {
        &self.requests
    }

    /// The primary's wall clock, if the application asks for the time.
    pub fn time(&self) -> Option<WallTime> {
        self.time
    }

    /// What pre-prepares and votes name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether this is the null request, which executes as nothing.
    pub fn is_null(&self) -> bool {
        self.requests.is_empty()
    }

    /// Whether it is the null request without a time: the one batch that its digest is enough for.
    pub fn is_bare(&self) -> bool {
        self.is_null() && self.time.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{Simulated, decode, encode},
        ids::{ClientId, Principal, RequestId, Timestamp},
    };

    #[test]
    fn however_it_is_made_its_digest_is_that_of_its_encoding() {
        let keys = Simulated::new(Principal::Client(ClientId(1)), 1);
        let id = RequestId { client: ClientId(1), timestamp: Timestamp(300) };
        let request = Signed::new(Request { id, operation: alloc::vec![7; 40] }, &keys);
        let two = Batch::new(alloc::vec![request.clone(), request]);
        let timed = Batch::of(two.requests().to_vec(), Some(WallTime(1 << 40)));
        for batch in [Batch::default(), two, timed] {
            let bytes = encode(&batch);
            assert_eq!(batch.digest(), Digest::of_bytes(&bytes));
            assert_eq!(decode(&bytes), Some(batch), "digest and all");
        }
    }
}

//! Linearizability: every accepted result is the one that the one history gives, and the history
//! keeps real-time order: who asked after another was answered comes after it.

use alloc::{collections::BTreeMap, format};

use super::{super::Invariant, Broken, History};
use crate::{
    app::Outcome,
    ids::{ClientId, RequestId},
};

/// What clients were told, and when they asked.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Linearizability {
    /// The latest place in the history of any request that was answered.
    answered: u64,
    /// For each client that waits: what `answered` was when it asked.
    asked_after: BTreeMap<ClientId, u64>,
}

impl Linearizability {
    pub(in super::super) fn submitted(&mut self, id: RequestId) {
        self.asked_after.insert(id.client, self.answered);
    }

    pub(in super::super) fn completed(
        &mut self,
        history: &History,
        id: RequestId,
        result: &[u8],
    ) -> Result<(), Broken> {
        let broken = |detail| Err((Invariant::Linearizability, detail));
        let after = self.asked_after.remove(&id.client).unwrap_or(0);
        let Some((asked, (seq, order))) =
            history.asked(id).and_then(|asked| Some((asked, asked.executed?)))
        else {
            return broken(format!(
                "client {} accepted an answer to request {} that no correct node executed",
                id.client, id.timestamp
            ));
        };
        if asked.result != result {
            let words = |bytes| match Outcome::decode(bytes) {
                Some(outcome) => format!("“{outcome}”"),
                None => "something unreadable".into(),
            };
            return broken(format!(
                "client {} accepted {} for request {}, where the history gives {}",
                id.client,
                words(result),
                id.timestamp,
                words(&asked.result)
            ));
        }
        if order <= after {
            return broken(format!(
                "request {} of client {} stands at {seq}, before one that was answered before it \
                 was asked",
                id.timestamp, id.client
            ));
        }
        self.answered = self.answered.max(order);
        Ok(())
    }
}

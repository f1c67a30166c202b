//! What a chaos experiment makes of what a client asks for, at the moment at which it would be handed to
//! the protocol: checked, and within its sender's room.
//!
//! A client's connection is read in order, so that what is held back holds back what that client says
//! next, and nobody else. It goes on as soon as nothing is injected any more.

use std::time::Duration;

use conclave_core::{ids::RequestId, resilience::chaos::Fault};
use tokio::time::{Instant, sleep_until};

use crate::chaos::Chaos;

/// What becomes of a request, once it has been held back for as long as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is handed over.
    HandedOver,
    /// It is, twice.
    Twice,
    /// It never came.
    Lost,
    /// It came, and is no message.
    Damaged,
    /// Its connection breaks.
    Breaks,
}

/// Whoever holds something back looks this often whether the experiment is over.
const LOOK: Duration = Duration::from_millis(50);

/// What becomes of a request.
pub(super) async fn fate(chaos: &Chaos, request: RequestId) -> Fate {
    let Some(injection) = chaos.asked(request) else { return Fate::HandedOver };
    match injection.fault {
        // What others ask for meanwhile overtakes it.
        Fault::Latency { .. } | Fault::Reorder { .. } => {
            let until = Instant::now() + injection.delay;
            while Instant::now() < until && chaos.injects() {
                sleep_until(until.min(Instant::now() + LOOK)).await;
            }
            Fate::HandedOver
        }
        Fault::Duplicate => Fate::Twice,
        Fault::Corruption => Fate::Damaged,
        Fault::Error => Fate::Breaks,
        // The others aren't set up on real nodes: see `chaos::board`.
        _ => Fate::Lost,
    }
}

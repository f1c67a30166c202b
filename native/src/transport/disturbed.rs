//! What a chaos experiment makes of a message at the moment at which its link would write it.
//!
//! What is held back waits here, with its place in the queue; as soon as nothing is injected any more
//! all of it leaves. What is damaged is damaged in its first byte, which says what kind of message it
//! is, so that no receiver takes it for anything: elsewhere, in a message that isn't signed, it might
//! say something else, and a correct node says nothing that isn't so.

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use conclave_core::{ids::NodeId, pbft::MessageKind, resilience::chaos::Fault};
use tokio::time::Instant;

use super::frame::HEADER;
use crate::chaos::Chaos;

/// The link to one peer, as an experiment sees it. `T` is what waits in its queue.
pub(super) struct Disturbed<T> {
    chaos: Arc<Chaos>,
    peer: NodeId,
    /// By when it leaves, and in which order it came.
    held: BTreeMap<(Instant, u64), Held<T>>,
    came: u64,
}

struct Held<T> {
    what: T,
    /// Leaves as soon as another message has.
    until_overtaken: bool,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is written so many times.
    Written(u8),
    /// It is written, damaged.
    Damaged,
    /// It is lost.
    Lost,
    /// It is written later.
    Held {
        /// By so much,
        delay: Duration,
        /// or as soon as another has been.
        until_overtaken: bool,
    },
    /// The connection breaks.
    Breaks,
}

/// What held messages are looked at after, though none is due: an experiment may be over.
const LOOK: Duration = Duration::from_millis(50);

impl<T> Disturbed<T> {
    pub(super) fn new(chaos: Arc<Chaos>, peer: NodeId) -> Self {
        Self { chaos, peer, held: BTreeMap::new(), came: 0 }
    }

    /// What becomes of a message of this kind.
    pub(super) fn fate(&self, kind: MessageKind) -> Fate {
        let Some(injection) = self.chaos.inject(self.peer, kind) else { return Fate::Written(1) };
        let delay = injection.delay;
        match injection.fault {
            Fault::Latency { .. } => Fate::Held { delay, until_overtaken: false },
            Fault::Reorder { .. } => Fate::Held { delay, until_overtaken: true },
            Fault::Duplicate => Fate::Written(2),
            Fault::Corruption => Fate::Damaged,
            Fault::Error => Fate::Breaks,
            // The others aren't set up on real nodes: see `chaos::board`.
            _ => Fate::Lost,
        }
    }

    /// Whether nothing may reach the peer, keepalives and attempts to connect included.
    pub(super) fn cuts_off(&self) -> bool {
        self.chaos.cuts_off(self.peer)
    }

    pub(super) fn hold(&mut self, what: T, delay: Duration, until_overtaken: bool) {
        self.came += 1;
        let due = Instant::now() + delay;
        self.held.insert((due, self.came), Held { what, until_overtaken });
    }

    /// Returns when one that is held may be due; never while none is.
    pub(super) fn wake(&self) -> impl Future<Output = ()> + use<T> {
        let first = self.held.first_key_value().map(|((due, _), _)| *due);
        let at = first.map(|due| due.min(Instant::now() + LOOK));
        async move {
            match at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    /// The next whose time has come.
    pub(super) fn due(&mut self) -> Option<T> {
        let ((due, _), _) = self.held.first_key_value()?;
        let goes = *due <= Instant::now() || !self.chaos.injects();
        if goes { self.any() } else { None }
    }

    /// The next that waited for another to leave before it.
    pub(super) fn overtaken(&mut self) -> Option<T> {
        let waits = |(key, held): (&(Instant, u64), &Held<T>)| held.until_overtaken.then_some(*key);
        let key = self.held.iter().find_map(waits)?;
        self.held.remove(&key).map(|held| held.what)
    }

    /// Any that is held.
    pub(super) fn any(&mut self) -> Option<T> {
        self.held.pop_first().map(|(_, held)| held.what)
    }
}

/// What breaks a connection.
pub(super) fn broken() -> io::Error {
    io::Error::other("a chaos experiment broke the connection")
}

/// A frame that no receiver takes for a message.
pub(super) fn damaged(frame: &Bytes) -> Bytes {
    let mut bytes = BytesMut::from(&frame[..]);
    if let Some(kind) = bytes.get_mut(HEADER) {
        *kind = 0xff;
    }
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use conclave_core::{crypto::Digest, pbft::Message};

    use super::*;
    use crate::{chaos::tests::quiet, transport::frame};

    fn link() -> Disturbed<u32> {
        Disturbed::new(Arc::new(quiet()), NodeId(1))
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_held_leaves_in_its_time_and_at_once_when_the_experiment_is_over() {
        let mut link = link();
        assert_eq!(link.fate(MessageKind::Prepare), Fate::Written(1));
        link.hold(1, Duration::from_mins(1), false);
        link.hold(2, Duration::from_secs(30), false);
        // Nothing is injected: both are free, and nobody waits for half a minute.
        link.wake().await;
        assert_eq!((link.due(), link.due(), link.due()), (Some(2), Some(1), None));
    }

    #[test]
    fn what_waits_to_be_overtaken_is_let_go_by_that() {
        let mut link = link();
        link.hold(1, Duration::from_mins(1), true);
        link.hold(2, Duration::from_secs(30), false);
        assert_eq!((link.overtaken(), link.overtaken(), link.any()), (Some(1), None, Some(2)));
    }

    #[test]
    fn what_is_damaged_is_no_message_though_nothing_in_it_is_signed() {
        let message = Message::FetchBatch(Digest::default()).encode();
        assert!(Message::decode(&message).is_ok());
        let damaged = damaged(&frame(&message));
        assert_eq!(damaged.len(), HEADER + message.len(), "its frame is as it was");
        assert!(Message::decode(&damaged[HEADER..]).is_err());
    }
}

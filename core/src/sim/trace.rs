//! The trace hash: one number for everything that happened in a run.
//!
//! `SipHash-1-3` (128 bits, fixed keys) over the canonical encoding of every event, in order. The
//! encoding has no floats, no platform-sized integers and no order of maps in it, so the number is
//! the same natively and in WebAssembly.

use alloc::{string::String, vec::Vec};
use core::{fmt, hash::Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::short::{Short, ShortSummary};
use crate::{
    crypto::encode_into,
    event::Event,
    hex::Hex,
    ids::{MessageId, Principal, RequestId},
    time::Time,
};

/// The name of [`EventKind::Sent`](crate::event::EventKind).
pub(super) const SENT: &Name<5> = b"\x04sent";
/// The name of [`EventKind::Delivered`](crate::event::EventKind).
pub(super) const DELIVERED: &Name<10> = b"\x09delivered";

/// So many bytes are gathered before they are hashed: hashing a few at a time costs twice as much.
const GATHERED: usize = 1_024;
/// More than the encoding of an event's time, place, name, and two numbers or a number and a peer.
const MAX_HEAD: usize = 64;

/// An event's name as it is encoded: its length, and it.
type Name<const L: usize> = [u8; L];

/// A run's fingerprint, shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceHash([u8; 16]);

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Hex(&self.0), f)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for TraceHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TraceHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 16];
        crate::hex::decode(&text, &mut bytes).map_err(de::Error::custom)?;
        Ok(Self(bytes))
    }
}

/// Gathers a trace hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    hasher: SipHasher13,
    /// Encoded, not yet hashed.
    gathered: Vec<u8>,
    /// The time of the last head, and how a head of that time begins: many things happen at once.
    moment: Option<(Time, Short<MAX_HEAD>)>,
}

impl Trace {
    pub(crate) fn add(&mut self, event: &Event) {
        // `Event` flattens its kind for JSON, which a format without field names can't do; its
        // parts say the same.
        let parts = (event.at, event.place, &event.kind);
        encode_into(&parts, &mut self.gathered);
        self.hash_if_much();
    }

    /// Adds the event of this name that a message left or arrived, exactly as [`Self::add`] would
    /// but without a serializer; the message's summary is encoded already.
    pub(crate) fn add_message<const L: usize>(
        &mut self,
        at: Time,
        here: Principal,
        name: &Name<L>,
        (id, peer): (MessageId, Principal),
        summary: &ShortSummary,
    ) {
        let mut head = self.head(at, here, name);
        head.number(id.0);
        head.principal(peer);
        self.gathered.extend_from_slice(head.as_bytes());
        self.gathered.extend_from_slice(summary.as_bytes());
        self.hash_if_much();
    }

    /// Adds the event that a replica holds a request, as frequent as messages, in the same way.
    pub(crate) fn add_accepted(&mut self, at: Time, here: Principal, id: RequestId) {
        let mut head = self.head(at, here, b"\x10request-accepted");
        head.number(id.client.0);
        head.number(id.timestamp.0);
        self.gathered.extend_from_slice(head.as_bytes());
        self.hash_if_much();
    }

    /// An event's time, place and name.
    fn head<const L: usize>(
        &mut self,
        at: Time,
        here: Principal,
        name: &Name<L>,
    ) -> Short<MAX_HEAD> {
        let begun = match self.moment {
            Some((moment, begun)) if moment == at => begun,
            _ => {
                let mut begun = Short::new();
                begun.number(at.0);
                self.moment = Some((at, begun));
                begun
            }
        };
        let mut head = begun;
        head.principal(here);
        head.append(name);
        head
    }

    fn hash_if_much(&mut self) {
        if self.gathered.len() >= GATHERED {
            self.hasher.write(&self.gathered);
            self.gathered.clear();
        }
    }

    pub(crate) fn hash(&self) -> TraceHash {
        let mut hasher = self.hasher;
        hasher.write(&self.gathered);
        TraceHash(hasher.finish128().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::Digest,
        event::{EventKind, Place},
        ids::{ClientId, NodeId, RequestId, Seq, Timestamp, View},
        pbft::{MessageKind, Summary},
    };

    fn event(view: u64) -> Event {
        let kind = EventKind::ViewEntered { view: View(view), primary: NodeId(1), carried_over: 0 };
        Event { at: Time(5), place: Place::Node(NodeId(2)), kind }
    }

    #[test]
    fn it_depends_on_every_event_and_their_order() {
        let hash = |views: &[u64]| {
            let mut trace = Trace::default();
            for view in views {
                trace.add(&event(*view));
            }
            trace.hash()
        };
        assert_eq!(hash(&[1, 2]), hash(&[1, 2]));
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[1, 2]), hash(&[1]));
        assert_ne!(hash(&[]), hash(&[1]));
    }

    #[test]
    fn a_message_counts_as_the_event_that_it_is() {
        let (id, peer) = (MessageId(u64::MAX), Principal::Client(ClientId(u64::MAX)));
        let (at, here) = (Time::MAX, Principal::Node(NodeId(u16::MAX)));
        let request = RequestId { client: ClientId(7), timestamp: Timestamp(300) };
        let what = Summary {
            kind: MessageKind::Reply,
            view: Some(View(1 << 40)),
            seq: Some(Seq(5)),
            digest: Some(Digest([7; 32])),
            request: Some(request),
        };
        let sent = EventKind::Sent { id, to: peer, what: what.into() };
        let delivered = EventKind::Delivered { id, from: peer, what: what.into() };
        let (mut as_events, mut as_messages) = (Trace::default(), Trace::default());
        for _ in 0..20 {
            for kind in [&sent, &delivered] {
                as_events.add(&Event { at, place: here.into(), kind: kind.clone() });
            }
            let short = ShortSummary::of(&what);
            as_messages.add_message(at, here, SENT, (id, peer), &short);
            as_messages.add_message(at, here, DELIVERED, (id, peer), &short);
        }
        let accepted = EventKind::RequestAccepted { request };
        as_events.add(&Event { at, place: here.into(), kind: accepted });
        as_messages.add_accepted(at, here, request);
        assert_eq!(as_events.hash(), as_messages.hash());
    }
}

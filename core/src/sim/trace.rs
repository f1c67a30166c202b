//! The trace hash: one number for everything that happened in a run.
//!
//! `SipHash-1-3` (128 bits, fixed keys) over a record of every event, in order. A record is some
//! 64-bit words, the lowest byte first; the first says which kind of record it is and so how it
//! goes on. There are no floats, no platform-sized integers and no order of maps in it, so the
//! number is the same natively and in WebAssembly.
//!
//! | record | words | beside its tag |
//! |---|---|---|
//! | the time | 1 | only when it moves on: what follows happens then |
//! | a message is written | 2 to 7 | by whom, and its summary, of digests the first word |
//! | it leaves | 1 or 2 | its number, for whom |
//! | it arrives | 1 | its number: from whom, where and what it says was said when it left |
//! | a replica holds a request | 3 | where, which |
//! | a client asks, a client is answered | 4 and more | which; the bytes that the words of the event are made from |
//! | anything else | 1 and more | the canonical encoding of the event's place and kind |
//!
//! The first four are nearly all that ever happens. A message for many is written once and leaves
//! for each; a duplicate leaves without being written again, and is the copy of what the act names
//! that made it, or of what left before it.

use alloc::{string::String, vec::Vec};
use core::{fmt, hash::Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{
    crypto::encode_into,
    event::{EventKind, Place},
    hex::Hex,
    ids::{MessageId, NodeId, Principal, RequestId},
    pbft::Summary,
    time::Time,
};

/// So many bytes are gathered before they are hashed: hashing a few at a time costs twice as much.
const GATHERED: usize = 1_024;
/// Where the tag stands in a record's first word. What is below it has room: two thousand years in
/// microseconds, or a million million messages beside a node.
const TAG_SHIFT: u32 = 56;

/// The kinds of record.
#[derive(Clone, Copy)]
enum Tag {
    Time,
    Written,
    LeftForNode,
    LeftForClient,
    Arrived,
    Accepted,
    Submitted,
    Completed,
    Event,
}

impl Tag {
    /// A record's first word. Not to be confused with another kind's, whatever `number` is.
    const fn with(self, number: u64) -> u64 {
        (self as u64) << TAG_SHIFT | number & ((1 << TAG_SHIFT) - 1)
    }
}

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
    /// Written, not yet hashed.
    gathered: Vec<u8>,
    /// The time of the last record.
    moment: Time,
}

impl Trace {
    pub(crate) fn add(&mut self, at: Time, place: Place, kind: &EventKind) {
        self.at(at);
        // `Event` flattens its kind for JSON, which a format without field names can't do; its
        // parts say the same.
        self.words([0]);
        let before = self.gathered.len();
        encode_into(&(place, kind), &mut self.gathered);
        self.close(before, Tag::Event);
    }

    /// A message is written, for one or for many.
    pub(crate) fn written(&mut self, at: Time, from: Principal, what: &Summary) {
        self.at(at);
        let (from_client, from) = numbered(from);
        let present = [from_client, what.view.is_some(), what.seq.is_some()];
        let present = present.into_iter().chain([what.digest.is_some(), what.request.is_some()]);
        let present = present.fold(0, |bits, bit| bits << 1 | u64::from(bit));
        self.words([Tag::Written.with((what.kind as u64) << 8 | present), from]);
        if let Some(view) = what.view {
            self.words([view.0]);
        }
        if let Some(seq) = what.seq {
            self.words([seq.0]);
        }
        if let Some(digest) = what.digest {
            self.words([digest.prefix()]);
        }
        if let Some(request) = what.request {
            self.words([request.client.0, request.timestamp.0]);
        }
    }

    /// The message that was written last, or a copy of one, leaves.
    pub(crate) fn left(&mut self, at: Time, id: MessageId, to: Principal) {
        self.at(at);
        match to {
            Principal::Node(node) => {
                self.words([Tag::LeftForNode.with(id.0 << 16 | u64::from(node.0))]);
            }
            Principal::Client(client) => self.words([Tag::LeftForClient.with(id.0), client.0]),
        }
        self.hash_if_much();
    }

    pub(crate) fn arrived(&mut self, at: Time, id: MessageId) {
        self.at(at);
        self.words([Tag::Arrived.with(id.0)]);
        self.hash_if_much();
    }

    pub(crate) fn accepted(&mut self, at: Time, node: NodeId, id: RequestId) {
        self.at(at);
        self.words([Tag::Accepted.with(u64::from(node.0)), id.client.0, id.timestamp.0]);
        self.hash_if_much();
    }

    /// A client asks for an operation.
    pub(crate) fn submitted(&mut self, at: Time, id: RequestId, operation: &[u8]) {
        self.at(at);
        let first = Tag::Submitted.with(operation.len() as u64);
        self.words([first, id.client.0, id.timestamp.0]);
        self.gathered.extend_from_slice(operation);
        self.hash_if_much();
    }

    /// A client has its answer.
    pub(crate) fn completed(&mut self, at: Time, id: RequestId, result: &[u8], latency_us: u64) {
        self.at(at);
        let first = Tag::Completed.with(result.len() as u64);
        self.words([first, id.client.0, id.timestamp.0, latency_us]);
        self.gathered.extend_from_slice(result);
        self.hash_if_much();
    }

    fn at(&mut self, at: Time) {
        if self.moment != at {
            self.moment = at;
            self.words([Tag::Time.with(at.0)]);
        }
    }

    #[inline]
    fn words<const N: usize>(&mut self, words: [u64; N]) {
        self.gathered.extend_from_slice(words.map(u64::to_le_bytes).as_flattened());
    }

    /// Writes the first word of a record whose length is known only now.
    fn close(&mut self, before: usize, tag: Tag) {
        let first = tag.with((self.gathered.len() - before) as u64);
        if let Some(place) = self.gathered.get_mut(before - 8..before) {
            place.copy_from_slice(&first.to_le_bytes());
        }
        self.hash_if_much();
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

/// Whether it is a client, and its number.
fn numbered(principal: Principal) -> (bool, u64) {
    match principal {
        Principal::Node(node) => (false, u64::from(node.0)),
        Principal::Client(client) => (true, client.0),
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::{
        crypto::Digest,
        ids::{ClientId, Seq, Timestamp, View},
        pbft::MessageKind,
    };

    fn hash(of: impl Fn(&mut Trace)) -> TraceHash {
        let mut trace = Trace::default();
        of(&mut trace);
        trace.hash()
    }

    fn enter(trace: &mut Trace, at: u64, node: u16, view: u64) {
        let kind = EventKind::ViewEntered { view: View(view), primary: NodeId(1), carried_over: 0 };
        trace.add(Time(at), Place::Node(NodeId(node)), &kind);
    }

    #[test]
    fn it_depends_on_every_event_and_their_order() {
        let hash =
            |views: &[u64]| hash(|trace| views.iter().for_each(|view| enter(trace, 5, 2, *view)));
        assert_eq!(hash(&[1, 2]), hash(&[1, 2]));
        assert_ne!(hash(&[1, 2]), hash(&[2, 1]));
        assert_ne!(hash(&[1, 2]), hash(&[1]));
        assert_ne!(hash(&[]), hash(&[1]));
    }

    #[test]
    fn whatever_differs_in_a_record_makes_another_trace() {
        let id = |client, timestamp| RequestId {
            client: ClientId(client),
            timestamp: Timestamp(timestamp),
        };
        let client = |number| Principal::Client(ClientId(number));
        let node = |number| Principal::Node(NodeId(number));
        let said = |kind, view, seq, digest, request| Summary { kind, view, seq, digest, request };
        let mut traces = Vec::new();
        for at in [0, 1, (1 << TAG_SHIFT) - 1] {
            let at = Time(at);
            for number in [0, 1, u64::from(u16::MAX)] {
                let place = NodeId(number as u16);
                traces.push(hash(|it| enter(it, at.0, place.0, number)));
                traces.push(hash(|it| it.arrived(at, MessageId(number))));
                traces.push(hash(|it| it.accepted(at, place, id(number, 7))));
                traces.push(hash(|it| it.accepted(at, place, id(7, number))));
                traces.push(hash(|it| it.submitted(at, id(number, 1), b"k")));
                traces.push(hash(|it| it.completed(at, id(number, 1), b"k", 5)));
                traces.push(hash(|it| it.completed(at, id(3, 1), b"r", number)));
                for to in [node(place.0), client(number)] {
                    traces.push(hash(|it| it.left(at, MessageId(9), to)));
                    let request = said(MessageKind::Request, None, None, None, Some(id(3, number)));
                    traces.push(hash(|it| it.written(at, to, &request)));
                }
            }
        }
        for kind in MessageKind::ALL {
            for view in [None, Some(View(0)), Some(View(3)), Some(View(u64::MAX))] {
                for seq in [None, Some(Seq(0)), Some(Seq(3)), Some(Seq(u64::MAX))] {
                    for digest in [None, Some(Digest([7; 32]))] {
                        for request in [None, Some(id(7, 3)), Some(id(u64::MAX, 3))] {
                            let what = said(kind, view, seq, digest, request);
                            traces.push(hash(|it| it.written(Time(0), node(0), &what)));
                        }
                    }
                }
            }
        }
        for bytes in [&b"longer"[..], b"longe", b""] {
            traces.push(hash(|it| it.submitted(Time(0), id(0, 0), bytes)));
            traces.push(hash(|it| it.completed(Time(0), id(0, 0), bytes, 0)));
        }
        let different: BTreeSet<_> = traces.iter().map(|hash| hash.0).collect();
        assert_eq!(different.len(), traces.len());
    }

    #[test]
    fn a_time_is_written_when_it_moves_on() {
        let at = |times: &'static [u64]| {
            hash(|trace| times.iter().for_each(|at| trace.arrived(Time(*at), MessageId(1))))
        };
        assert_ne!(at(&[5, 5]), at(&[5, 6]));
        assert_ne!(at(&[5, 6]), at(&[6, 6]));
        assert_eq!(at(&[5, 6]), at(&[5, 6]));
    }
}

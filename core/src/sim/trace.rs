//! The trace hash: one number for everything that happened in a run.
//!
//! `SipHash-1-3` (128 bits, fixed keys) over the canonical encoding of every event, in order. The
//! encoding has no floats, no platform-sized integers and no order of maps in it, so the number is
//! the same natively and in WebAssembly.

use alloc::{string::String, vec::Vec};
use core::{fmt, hash::Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::{event::Event, hex::Hex};

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
    scratch: Vec<u8>,
}

impl Trace {
    pub(crate) fn add(&mut self, event: &Event) {
        // `Event` flattens its kind for JSON, which a format without field names can't do; its
        // parts say the same.
        let parts = (event.at, event.place, &event.kind);
        self.scratch.clear();
        let scratch = core::mem::take(&mut self.scratch);
        // Postcard fails only on types of unknown length, which events don't hold.
        if let Ok(bytes) = postcard::to_extend(&parts, scratch) {
            self.hasher.write(&bytes);
            self.scratch = bytes;
        }
    }

    pub(crate) fn hash(&self) -> TraceHash {
        TraceHash(self.hasher.finish128().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::{EventKind, Place},
        ids::{NodeId, View},
        time::Time,
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
}

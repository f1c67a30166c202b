//! Short encodings written by hand, for what nearly every step of a run writes into its trace hash:
//! the very bytes that the serializer gives (a test compares), without going through it.

use crate::{ids::Principal, pbft::Summary};

/// Up to `N` bytes, in the form that postcard gives them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Short<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Short<N> {
    pub(super) const fn new() -> Self {
        Self { bytes: [0; N], len: 0 }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    pub(super) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Seven bits a byte, the lowest first, the highest bit set while more come.
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.push(number as u8);
    }

    /// Bytes whose number is known, so that no call is needed to copy them.
    pub(super) fn append<const L: usize>(&mut self, bytes: &[u8; L]) {
        if let Some(place) = self.bytes.get_mut(self.len..self.len + L) {
            place.copy_from_slice(bytes);
            self.len += L;
        }
    }

    /// As a [`Principal`] and as a [`Place`](crate::event::Place) both are encoded.
    pub(super) fn principal(&mut self, principal: Principal) {
        let (variant, number) = match principal {
            Principal::Node(node) => (0, u64::from(node.0)),
            Principal::Client(client) => (1, client.0),
        };
        self.push(variant);
        self.number(number);
    }

    fn option(&mut self, number: Option<u64>) {
        self.push(u8::from(number.is_some()));
        if let Some(number) = number {
            self.number(number);
        }
    }
}

/// The longest encoding of a summary: a kind, four options, four numbers and a digest.
const MAX_SUMMARY: usize = 1 + 4 + 4 * 10 + 33;

/// A message's summary, encoded.
pub(super) type ShortSummary = Short<MAX_SUMMARY>;

impl ShortSummary {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut short = Self::new();
        // Fewer than 128 kinds: one byte each.
        short.push(summary.kind as u8);
        short.option(summary.view.map(|view| view.0));
        short.option(summary.seq.map(|seq| seq.0));
        short.push(u8::from(summary.digest.is_some()));
        if let Some(digest) = &summary.digest {
            short.number(digest.0.len() as u64);
            short.append(&digest.0);
        }
        short.option(summary.request.map(|request| request.client.0));
        if let Some(request) = summary.request {
            short.number(request.timestamp.0);
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::{Digest, encode},
        ids::{ClientId, RequestId, Seq, Timestamp, View},
        pbft::MessageKind,
    };

    #[test]
    fn a_summary_is_encoded_as_its_serializer_does_it() {
        let most = RequestId { client: ClientId(u64::MAX), timestamp: Timestamp(u64::MAX) };
        let some = RequestId { client: ClientId(7), timestamp: Timestamp(300) };
        for kind in MessageKind::ALL {
            for view in [None, Some(View(0)), Some(View(127)), Some(View(u64::MAX))] {
                for seq in [None, Some(Seq(128)), Some(Seq(u64::MAX))] {
                    for digest in [None, Some(Digest([7; 32]))] {
                        for request in [None, Some(some), Some(most)] {
                            let summary = Summary { kind, view, seq, digest, request };
                            let short = ShortSummary::of(&summary);
                            assert_eq!(short.as_bytes(), encode(&summary), "{summary:?}");
                        }
                    }
                }
            }
        }
    }
}

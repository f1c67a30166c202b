//! The one canonical encoding: postcard, appended to a buffer, and read back whole.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::writer::{Sink, Writer};

/// Room for every vote, reply and summary, so that they don't move while they are written.
const ROOM: usize = 96;
/// Names are shorter: for them a loop is cheaper than a call.
const SHORT: usize = 16;
/// Room for every vote, and a short request with its names. A power of two (see [`Filling`]), and so
/// few that they are cleared without a call.
const SCRATCH: usize = 128;

/// The canonical encoding of a value of our own types.
///
/// Encoding fails only for types without a known length or custom `Serialize` impls that do, of
/// which the core has none; should one appear, the empty encoding verifies nowhere.
pub(crate) fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    encode_within(value, ROOM)
}

/// The same, of something whose length is known about: what is kept takes no more room than it
/// needs.
pub(crate) fn encode_within<T: Serialize + ?Sized>(value: &T, room: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(room);
    encode_into(value, &mut bytes);
    bytes
}

/// The same, behind what is in `bytes` already.
pub(crate) fn encode_into<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    let before = bytes.len();
    if value.serialize(Writer(bytes)).is_err() {
        bytes.truncate(before);
    }
}

/// The value whose encoding fills `bytes`; `None` for anything else, and if anything is left over.
pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Some(value),
        _ => None,
    }
}

/// How long the encoding is, without making it.
pub(crate) fn encoded_len<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut counted = Counting(0);
    // Fails when encoding would: see above.
    let _ = value.serialize(Writer(&mut counted));
    counted.0
}

/// Calls `then` with the encoding of what is mostly short: no memory is asked for then.
pub(super) fn with_encoding<T: Serialize, R>(value: &T, then: impl FnOnce(&[u8]) -> R) -> R {
    let mut scratch = Filling { bytes: [0; SCRATCH], len: 0 };
    let encoded = value.serialize(Writer(&mut scratch));
    match scratch.bytes.get(..scratch.len) {
        Some(bytes) if encoded.is_ok() => then(bytes),
        _ => then(&encode(value)),
    }
}

/// When only the length matters.
struct Counting(usize);

impl Sink for Counting {
    #[inline]
    fn byte(&mut self, _: u8) {
        self.0 += 1;
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// What is to be short. Where it isn't, `len` says so in the end, and `bytes` mean nothing: no byte
/// asks whether there is room for it.
struct Filling {
    bytes: [u8; SCRATCH],
    len: usize,
}

impl Sink for Filling {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.bytes[self.len % SCRATCH] = byte;
        self.len += 1;
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        if bytes.len() <= SHORT {
            for byte in bytes {
                self.byte(*byte);
            }
            return;
        }
        let end = self.len.saturating_add(bytes.len());
        if let Some(place) = self.bytes.get_mut(self.len..end) {
            place.copy_from_slice(bytes);
        }
        self.len = end;
    }
}

impl Sink for Vec<u8> {
    #[inline]
    fn byte(&mut self, byte: u8) {
        self.push(byte);
    }

    #[inline]
    fn bytes(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_postcards_and_goes_behind_what_is_there() {
        let value = (u64::MAX, [3_u8; 30], "a name longer than sixteen bytes", Some(300_u16));
        let expected = postcard::to_allocvec(&value).unwrap();
        assert_eq!(encode(&value), expected);
        assert_eq!(encoded_len(&value), expected.len());
        assert_eq!(decode(&expected), Some(value));
        let mut bytes = alloc::vec![9, 9];
        encode_into(&value, &mut bytes);
        assert_eq!((&bytes[..2], &bytes[2..]), (&[9, 9][..], &expected[..]));
    }

    #[derive(Serialize)]
    enum Everything {
        Unit,
        New(u16),
        Tuple(i8, i64),
        Struct { small: f32, large: f64 },
    }

    #[derive(Serialize)]
    struct Nothing;

    #[derive(Serialize)]
    struct New(Everything);

    #[derive(Serialize)]
    struct Pair(char, Option<()>);

    #[test]
    fn whatever_serde_knows_is_written_as_postcard_does() {
        fn same(value: &impl Serialize) {
            assert_eq!(encode(value), postcard::to_allocvec(value).unwrap());
        }
        for bit in 0..64 {
            let number = 1_u64 << bit;
            same(&(number, number - 1, number as u32, number as u16, number as u8));
            let number = number as i64;
            same(&(number, number.wrapping_neg(), number as i32, number as i16, number as i8));
        }
        same(&(Everything::Unit, New(Everything::New(300)), Everything::Tuple(-1, i64::MIN)));
        same(&(Everything::Struct { small: 0.5, large: -1e300 }, Nothing, (), true, false));
        same(&[Pair('a', None), Pair('ß', Some(()))]);
        same(&alloc::vec!["", "text"]);
        let map = [(1_u8, "one"), (2, "two")];
        same(&map.into_iter().collect::<alloc::collections::BTreeMap<_, _>>());
        struct Endless;
        impl Serialize for Endless {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_seq(None)?;
                unreachable!("its length is unknown")
            }
        }
        assert!(encode(&(1_u8, Endless)).is_empty());
    }

    #[test]
    fn what_fits_or_not_is_encoded_the_same_without_asking_for_memory() {
        for len in 0..2 * SCRATCH {
            let value = (9_u8, u64::MAX, alloc::vec![7_u8; len], 300_u16);
            with_encoding(&value, |bytes| assert_eq!(bytes, encode(&value)));
        }
    }

    #[test]
    fn only_what_fills_all_bytes_is_read() {
        assert_eq!(decode(&[3]), Some(3_u16));
        for bytes in [&[][..], &[3, 0], &[0x80]] {
            assert_eq!(decode::<u16>(bytes), None);
        }
    }
}

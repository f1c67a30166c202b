//! The one canonical encoding: postcard, appended to a buffer, and read back whole.

use alloc::vec::Vec;

use postcard::{Error, Result, ser_flavors::Flavor, serialize_with_flavor};
use serde::{Deserialize, Serialize};

/// Room for every vote, reply and summary, so that they don't move while they are written.
const ROOM: usize = 96;
/// Numbers and names are shorter: for them a loop is cheaper than a call.
const SHORT: usize = 16;
/// Room for every vote, and a short request with its names.
const SCRATCH: usize = 160;

/// The canonical encoding of a value of our own types.
///
/// Postcard fails only on types without a known length or custom `Serialize` impls that do, of
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
    if serialize_with_flavor(value, Appending(bytes)).is_err() {
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
    let mut len = 0;
    // Fails when encoding would: see above.
    let _ = serialize_with_flavor(value, Counting(&mut len));
    len
}

/// Where postcard writes to when only the length matters.
struct Counting<'a>(&'a mut usize);

impl Flavor for Counting<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, _: u8) -> Result<()> {
        *self.0 += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        *self.0 += bytes.len();
        Ok(())
    }

    fn finalize(self) -> Result<()> {
        Ok(())
    }
}

/// Calls `then` with the encoding of what is mostly short: no memory is asked for then.
pub(super) fn with_encoding<T: Serialize, R>(value: &T, then: impl FnOnce(&[u8]) -> R) -> R {
    let mut scratch = [0; SCRATCH];
    match serialize_with_flavor(value, Filling { bytes: &mut scratch, len: 0 }) {
        Ok(len) => then(&scratch[..len]),
        Err(_) => then(&encode(value)),
    }
}

/// Where postcard writes what must fit. Gives how much that was.
struct Filling<'a> {
    bytes: &'a mut [u8; SCRATCH],
    len: usize,
}

impl Flavor for Filling<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<()> {
        *self.bytes.get_mut(self.len).ok_or(Error::SerializeBufferFull)? = byte;
        self.len += 1;
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() <= SHORT {
            return bytes.iter().try_for_each(|byte| self.try_push(*byte));
        }
        let end = self.len + bytes.len();
        let place = self.bytes.get_mut(self.len..end).ok_or(Error::SerializeBufferFull)?;
        place.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }

    fn finalize(self) -> Result<usize> {
        Ok(self.len)
    }
}

/// Where postcard writes to.
struct Appending<'a>(&'a mut Vec<u8>);

impl Flavor for Appending<'_> {
    type Output = ();

    #[inline]
    fn try_push(&mut self, byte: u8) -> Result<()> {
        self.0.push(byte);
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> Result<()> {
        if bytes.len() <= SHORT {
            for byte in bytes {
                self.0.push(*byte);
            }
        } else {
            self.0.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn finalize(self) -> Result<()> {
        Ok(())
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

//! Fixed-length hexadecimal, for digests, keys and signatures in human-readable formats.

use core::fmt;

use thiserror::Error;

/// Bytes, shown as hexadecimal digits.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Text that isn't the hexadecimal that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadHex {
    /// Too many or too few digits.
    #[error("expected {expected} hexadecimal digits, found {found}")]
    Length {
        /// Digits wanted.
        expected: usize,
        /// Bytes of text found.
        found: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("character {at} is not a hexadecimal digit")]
    Digit {
        /// Its position, from 1.
        at: usize,
    },
}

/// Reads exactly as many digits as fill `out`.
pub fn decode(text: &str, out: &mut [u8]) -> Result<(), BadHex> {
    let digits = text.as_bytes();
    if digits.len() != out.len() * 2 {
        return Err(BadHex::Length { expected: out.len() * 2, found: digits.len() });
    }
    let value = |at: usize| {
        let digit = (digits[at] as char).to_digit(16).ok_or(BadHex::Digit { at: at + 1 })?;
        Ok(digit as u8)
    };
    for (index, byte) in out.iter_mut().enumerate() {
        *byte = value(index * 2)? << 4 | value(index * 2 + 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong_and_where() {
        let mut out = [0; 2];
        assert_eq!(decode("a1f3", &mut out), Ok(()));
        assert_eq!(out, [0xa1, 0xf3]);
        assert_eq!(decode("a1f", &mut out), Err(BadHex::Length { expected: 4, found: 3 }));
        assert_eq!(decode("a1g3", &mut out), Err(BadHex::Digit { at: 3 }));
    }
}

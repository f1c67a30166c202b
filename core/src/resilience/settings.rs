//! How a configuration is declared: each field with its default and the reason for it, once. From
//! that come the fields, `Default`, the table in the documentation, and a builder.

/// Declares a configuration. Fields that a file leaves out have their defaults; fields that it
/// can't have are errors.
macro_rules! settings {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $(
                $(#[$field_meta:meta])*
                $field:ident: $type:ty = $default:expr, $why:literal;
            )+
        }
    ) => {
        $(#[$meta])*
        ///
        /// # Default
        ///
        /// | field | default | why |
        /// |---|---|---|
        $(#[doc = concat!("| `", stringify!($field), "` | `", stringify!($default), "` | ", $why, " |")])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $Name {
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl Default for $Name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl $Name {
            $(
                #[doc = concat!("The same with another `", stringify!($field), "`.")]
                #[must_use]
                pub fn $field(mut self, value: $type) -> Self {
                    self.$field = value;
                    self
                }
            )+
        }
    };
}

pub(crate) use settings;

use crate::config::{BadConfig, must};

/// All of it: shares are parts of a million.
pub(super) const MILLION: u32 = 1_000_000;

/// The longest time that a guard can be set to, but for those that say otherwise: a day. Keeps sums
/// of such times far from any overflow.
pub(super) const MAX_MS: u64 = 24 * 3_600_000;

/// Refuses a time that isn't from one millisecond to a day.
pub(crate) fn must_be_time(field: &'static str, ms: u64) -> Result<(), BadConfig> {
    must((1..=MAX_MS).contains(&ms), field, ms, "from 1 ms to one day")
}

/// Refuses a share that is nothing or more than all.
pub(super) fn must_be_share(field: &'static str, ppm: u32) -> Result<(), BadConfig> {
    let whole = (1..=MILLION).contains(&ppm);
    must(whole, field, u64::from(ppm), "from 1 to 1000000 parts per million")
}

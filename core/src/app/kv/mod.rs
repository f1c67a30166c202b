//! The key-value store: get, put, delete, compare-and-set, and keys that expire.
//!
//! | file | holds |
//! |---|---|
//! | `operation` | what clients ask, what they are answered, and the limits |
//! | `bucket` | some of the keys: one piece of the state, with its canonical bytes |
//! | `store` | the buckets, and what operations do to them |

mod bucket;
mod operation;
mod store;

pub use operation::{MAX_KEY_BYTES, MAX_VALUE_BYTES, Operation, Outcome};
pub use store::KeyValue;

//! Scenarios as TOML files with a schema version, for people: read, written, and made of nothing
//! but a seed or a failure (`swarm`, `shrink`).
//!
//! | file | holds |
//! |---|---|
//! | `read` | a file's shape, and what is wrong with its line and column |
//! | `tree` | TOML for serde: one deserializer for everything |
//! | `write` | the reverse |
//!
//! The lab does without (the feature `files`): TOML and the code that reads every type from it were
//! a tenth of what a visitor downloads. It gets the built-in scenarios packed (`builtin`), and links
//! carry others in the same encoding.

mod read;
mod tree;
mod write;

pub use read::{MAX_SOURCE_BYTES, SCHEMA, ScenarioError};

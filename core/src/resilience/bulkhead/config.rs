//! How many, how long, in which order, and how that is checked.

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::settings::{must_be_time, settings},
};

/// The most at a time: bounds memory to two megabytes.
pub const MAX_CONCURRENT: u32 = 65_536;
/// The most in line: what comes out of the middle moves all behind it.
pub const MAX_LINE: u32 = 4_096;

/// Whose turn it is when there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Whoever came first.
    Fair,
    /// Whoever matters most, and of those whoever came first. Where the line is full, who matters
    /// more takes the place of who matters least and came last.
    Priority,
}

settings! {
    /// How a bulkhead is set up.
    pub struct Config {
        /// So many at a time.
        concurrent: u32 = 64, "a peer that hangs holds no more of them";
        /// So many in line.
        line: u32 = 128, "two rounds; who comes later would wait too long anyway";
        /// Nobody is in line for longer than so many milliseconds.
        line_ms: u64 = 1_000, "who waits longer should know, and ask elsewhere";
        /// Whose turn it is.
        order: Order = Order::Priority, "agreement isn't in line behind reads";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (1..=MAX_CONCURRENT).contains(&self.concurrent),
            "concurrent",
            u64::from(self.concurrent),
            "from 1 (else nothing ever runs) to 65536",
        )?;
        let short = self.line <= MAX_LINE;
        must(short, "line", u64::from(self.line), "from 0 (nobody waits) to 4096")?;
        must_be_time("line_ms", self.line_ms)
    }
}

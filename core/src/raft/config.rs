//! Sizes and timers of an instance, with their reasons.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::messages::MAX_APPEND_ENTRIES;
use crate::config::{BadConfig, must};

/// How an instance is set up. Members may differ in it.
///
/// # Default
///
/// | field | default | why |
/// |---|---|---|
/// | `election_timeout_ms` | 1 s | ten times a slow wide-area round trip, as PBFT's patience |
/// | `heartbeat_ms` | 100 ms | ten of them may be lost before anybody doubts the leader |
/// | `append_entries` | 64 | as many batches as a second's worth of round trips needs |
/// | `append_bytes` | 256 KiB | 20 ms of a 100 Mbit/s link |
/// | `in_flight` | 8 | full messages on their way hide a round trip; more only queue up elsewhere |
/// | `window` | 1,024 | ten checkpoints of 100 positions |
/// | `jitter` | 0 | what election timeouts are drawn from, with the member's number |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How long a member that hears nothing from a leader waits at least, and a leader that hears
    /// from no majority at most, in ms. Members wait up to twice as long.
    pub election_timeout_ms: u64,
    /// How often a leader speaks that has nothing to say, in ms.
    pub heartbeat_ms: u64,
    /// The most entries in a message.
    pub append_entries: usize,
    /// A message takes no more entries once it has so many bytes of them.
    pub append_bytes: usize,
    /// Messages with entries that a member has not answered before it gets no more.
    pub in_flight: usize,
    /// Entries above the snapshot before proposals are refused. The log may hold twice as many.
    pub window: u64,
    /// The seed of election timeouts.
    pub jitter: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            election_timeout_ms: 1_000,
            heartbeat_ms: 100,
            append_entries: 64,
            append_bytes: 256 * 1024,
            in_flight: 8,
            window: 1_024,
            jitter: 0,
        }
    }
}

/// The largest window: bounds every member's log.
const MAX_WINDOW: u64 = 16_384;
/// The most messages on their way to one member: bounds what a leader notes of it.
const MAX_IN_FLIGHT: usize = 256;
/// The most bytes of entries in a message, but for an entry that is longer by itself.
const MAX_APPEND_BYTES: usize = 4 * 1024 * 1024;
/// Heartbeats in an election timeout at least: one that is lost must not cost a leader.
const HEARTBEATS_AT_LEAST: u64 = 3;

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(
            (1..=3_600_000).contains(&self.election_timeout_ms),
            "election_timeout_ms",
            self.election_timeout_ms,
            "timers run from 1 ms to one hour",
        )?;
        must(
            (1..=self.election_timeout_ms / HEARTBEATS_AT_LEAST).contains(&self.heartbeat_ms),
            "heartbeat_ms",
            self.heartbeat_ms,
            "an election timeout has room for three heartbeats or more",
        )?;
        must(
            (1..=MAX_APPEND_ENTRIES).contains(&self.append_entries),
            "append_entries",
            self.append_entries as u64,
            "a message holds from 1 to 1024 entries",
        )?;
        must(
            (1..=MAX_APPEND_BYTES).contains(&self.append_bytes),
            "append_bytes",
            self.append_bytes as u64,
            "a message takes entries up to a number of bytes from 1 to 4194304",
        )?;
        must(
            (1..=MAX_IN_FLIGHT).contains(&self.in_flight),
            "in_flight",
            self.in_flight as u64,
            "from 1 (else nothing would ever be sent) to 256 messages are on their way",
        )?;
        must(
            (1..=MAX_WINDOW).contains(&self.window),
            "window",
            self.window,
            "from 1 to 16384 entries stand above the snapshot",
        )
    }

    pub(super) fn election_timeout(&self) -> Duration {
        Duration::from_millis(self.election_timeout_ms)
    }

    pub(super) fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.heartbeat_ms)
    }

    /// The most entries that a log holds. Proposals stop at half of it: the rest is for the empty
    /// entries that new leaders need, so that a full log can still be committed.
    pub(super) fn capacity(&self) -> u64 {
        self.window * 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_valid_and_what_can_not_work_is_named() {
        let good = Config::default();
        assert_eq!(good.validate(), Ok(()));
        let field = |config: Config| config.validate().unwrap_err().field;
        assert_eq!(field(Config { heartbeat_ms: 334, ..good.clone() }), "heartbeat_ms");
        assert_eq!(field(Config { heartbeat_ms: 0, ..good.clone() }), "heartbeat_ms");
        assert_eq!(field(Config { append_entries: 0, ..good.clone() }), "append_entries");
        assert_eq!(field(Config { append_bytes: 0, ..good.clone() }), "append_bytes");
        assert_eq!(field(Config { in_flight: 0, ..good.clone() }), "in_flight");
        assert_eq!(field(Config { window: 0, ..good.clone() }), "window");
        let late = Config { election_timeout_ms: u64::MAX, ..good };
        assert_eq!(field(late), "election_timeout_ms");
    }
}

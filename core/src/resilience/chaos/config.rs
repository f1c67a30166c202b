//! Hypothesis, fault, scope, blast radius, schedule and steady state, and how they are checked.

use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MAX_MS, must_be_share, must_be_time, settings},
};

/// The most calls that an experiment may touch.
pub const MAX_CALLS: u64 = 1_000_000;
/// The most peers, or operations, that a scope may list.
pub const MAX_SCOPE: usize = 256;

/// What is done to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// It takes longer by so many milliseconds, and by up to so many more.
    Latency {
        /// At least.
        ms: u64,
        /// Up to so many more.
        jitter_ms: u64,
    },
    /// It fails at once, without being made.
    Error,
    /// It is made, and its answer is lost.
    Drop,
    /// It is made twice.
    Duplicate,
    /// It is held back until another has overtaken it, for so many milliseconds at most.
    Reorder {
        /// At most.
        ms: u64,
    },
    /// Nothing reaches those peers, and nothing comes from them.
    Partition,
    /// The caller's clock is wrong by so many milliseconds.
    ClockSkew {
        /// Ahead, or behind if negative.
        ms: i64,
    },
    /// What it writes isn't kept.
    DiskLoss,
    /// What it reads isn't what was written.
    DiskCorruption,
    /// Whoever is called dies in the middle of it.
    Crash,
    /// What arrives isn't what was sent, in a way that whoever checks it can't miss.
    Corruption,
}

settings! {
    /// An experiment.
    pub struct Config {
        /// What it is called.
        name: String = String::new(), "must be given";
        /// What is expected to stay as it is, in a sentence.
        hypothesis: String = String::new(), "must be given: without one nothing is learned";
        /// What is done to calls.
        fault: Fault = Fault::Error, "the plainest";
        /// To which peers; to all if empty.
        peers: Vec<u16> = Vec::new(), "all";
        /// In which operations; in all if empty.
        operations: Vec<u16> = Vec::new(), "all";
        /// To what share of those calls, in parts per million. A partition touches all.
        share_ppm: u32 = 100_000, "a tenth is noticed, and borne";
        /// To no more peers than this: the first ones that are drawn.
        max_peers: u16 = 1, "as many as may be faulty";
        /// To no more calls than this.
        max_calls: u64 = 1_000, "enough to learn from";
        /// For so many milliseconds it only looks whether all is steady.
        baseline_ms: u64 = 10_000, "one window";
        /// For so many it injects.
        inject_ms: u64 = 60_000, "long enough for breakers to open and close";
        /// For so many it looks whether all is steady again.
        recover_ms: u64 = 60_000, "what doesn't recover is a finding";
        /// It isn't steady if such a share of calls fails, in parts per million…
        failed_ppm: u32 = 50_000, "one of twenty is noticed by people";
        /// …or such a share is slow.
        slow_ppm: u32 = 200_000, "one of five is noticed by people";
        /// A call is slow from so many milliseconds on.
        slow_ms: u64 = 1_000, "people notice";
        /// Shares are taken of the calls of so many milliseconds…
        window_ms: u64 = 10_000, "quick enough to abort";
        /// …and of no fewer than so many of them.
        minimum_calls: u32 = 20, "one of one is no rate";
        /// What everything is drawn from.
        seed: u64 = 0, "the same calls are touched again";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        must(!self.name.is_empty(), "name", 0, "an experiment has a name")?;
        must(!self.hypothesis.is_empty(), "hypothesis", 0, "what is expected to stay as it is?")?;
        let (peers, operations) = (self.peers.len(), self.operations.len());
        must(peers <= MAX_SCOPE, "peers", peers as u64, "at most 256 are listed")?;
        must(operations <= MAX_SCOPE, "operations", operations as u64, "at most 256 are listed")?;
        must_be_share("share_ppm", self.share_ppm)?;
        must(self.max_peers > 0, "max_peers", 0, "it would touch nobody")?;
        must(
            (1..=MAX_CALLS).contains(&self.max_calls),
            "max_calls",
            self.max_calls,
            "from 1 to 1000000 calls",
        )?;
        for (field, ms) in [
            ("baseline_ms", self.baseline_ms),
            ("inject_ms", self.inject_ms),
            ("recover_ms", self.recover_ms),
            ("slow_ms", self.slow_ms),
            ("window_ms", self.window_ms),
        ] {
            must_be_time(field, ms)?;
        }
        must(self.window_ms >= 10, "window_ms", self.window_ms, "from 10 ms: it is cut into ten")?;
        must_be_share("failed_ppm", self.failed_ppm)?;
        must_be_share("slow_ppm", self.slow_ppm)?;
        must(self.minimum_calls > 0, "minimum_calls", 0, "no rate can be taken of no calls")?;
        match self.fault {
            Fault::Latency { ms, jitter_ms } => must_be_time("fault", ms.saturating_add(jitter_ms)),
            Fault::Reorder { ms } => must_be_time("fault", ms),
            Fault::ClockSkew { ms } => {
                let size = ms.unsigned_abs();
                must(
                    (1..=MAX_MS).contains(&size),
                    "fault",
                    size,
                    "from 1 ms to one day, either way",
                )
            }
            _ => Ok(()),
        }
    }
}

//! How much of a node's log others can fill: what is refused is counted always, and put into words
//! some times a minute for each that brings it about.

use std::sync::{Mutex, PoisonError};

use conclave_core::{
    ids::Principal,
    resilience::{
        Priority,
        rate::{self, KeyedConfig, KeyedLimiter},
    },
    time::Time,
};

/// So many lines at once…
const BURST: u32 = 5;
/// …and one more in each of these.
const EVERY_MS: u64 = 20_000;
/// The nodes, and more clients than misbehave at once. Those who share a place share its lines.
const KEYS: u32 = 512;

/// Whether a refusal is put into words. `None` stands for everybody who didn't prove to be anyone.
pub(super) struct Quiet(Mutex<Lines>);

struct Lines {
    limiter: KeyedLimiter<Option<Principal>>,
    left_out: u64,
}

impl Default for Quiet {
    fn default() -> Self {
        let each = rate::Config::default().permits(1).per_ms(EVERY_MS).burst(BURST);
        let config = KeyedConfig::default().each(each).keys(KEYS);
        let limiter = KeyedLimiter::new(config).expect("these constants are within their bounds");
        Self(Mutex::new(Lines { limiter, left_out: 0 }))
    }
}

impl Quiet {
    /// `Some`: say it, and that so many were left out since the last time.
    pub(super) fn may_say(&self, now: Time, who: Option<Principal>) -> Option<u64> {
        // No change here can stop half way.
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match lines.limiter.admit(now, who, 1, Priority::Consensus) {
            Ok(()) => Some(std::mem::take(&mut lines.left_out)),
            Err(_) => {
                lines.left_out = lines.left_out.saturating_add(1);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use conclave_core::ids::NodeId;

    use super::*;

    #[test]
    fn whoever_is_refused_all_the_time_gets_a_few_lines_and_others_theirs() {
        let quiet = Quiet::default();
        let node = Some(Principal::Node(NodeId(2)));
        let said = |from: u64, who| -> Vec<u64> {
            let each_10_ms =
                (0..6_000).map(|turn| Time::ZERO + Duration::from_millis(from + turn * 10));
            each_10_ms.filter_map(|now| quiet.may_say(now, who)).collect()
        };
        let of_strangers = said(0, None);
        assert_eq!(of_strangers.len(), 5 + 2, "a burst, and one each 20 s of a minute");
        assert_eq!(said(60_000, node).len(), 5 + 2, "whoever others are");
        let left_out: u64 = of_strangers.iter().sum();
        assert!(left_out > 3_000, "{left_out} were left out, and it is said");
    }
}

//! How connections are kept and made.

use core::time::Duration;

use crate::{
    config::BadConfig,
    resilience::{
        breaker,
        retry::{self, BudgetConfig, Jitter},
        settings::{must_be_time, settings},
    },
};

/// The first wait.
const WAIT_MS: u32 = 100;

settings! {
    /// How nodes keep to each other.
    pub struct Dialing {
        /// After so many failed attempts in a row the breaker opens.
        failures_in_a_row: u32 = 5, "as real nodes do";
        /// How long it stays open at first,
        open_ms: u32 = 1_000, "as real nodes do";
        /// and at most.
        open_max_ms: u32 = 3_000, "as real nodes do";
        /// The longest wait between two attempts; the first is 100 ms or this, and each twice the last.
        wait_max_ms: u32 = 3_000, "as real nodes do";
        /// How long an attempt may take, and for how long a connection is kept over which nothing gets
        /// through.
        timeout_ms: u32 = 1_000, "many times what it takes across the world";
    }
}

impl Dialing {
    /// Refuses what can't work, saying which field and why.
    pub(in super::super) fn validate(&self) -> Result<(), BadConfig> {
        for (field, ms) in [("wait_max_ms", self.wait_max_ms), ("timeout_ms", self.timeout_ms)] {
            must_be_time(field, u64::from(ms))?;
        }
        self.breaker().validate()?;
        self.retry(0).validate()
    }

    /// The breaker of one way.
    pub(super) fn breaker(&self) -> breaker::Config {
        breaker::Config::default()
            .failure_rate_ppm(None)
            .failures_in_a_row(Some(self.failures_in_a_row))
            .open_ms(u64::from(self.open_ms))
            .open_max_ms(u64::from(self.open_max_ms))
            .probes(1)
            .probe_lease_ms(2 * u64::from(self.timeout_ms))
    }

    /// The waits of one way; `seed`: of their jitter. A peer that is away for long is still wanted.
    pub(super) fn retry(&self, seed: u64) -> retry::Config {
        retry::Config::default()
            .attempts(retry::UNLIMITED)
            .base_ms(u64::from(WAIT_MS.min(self.wait_max_ms)))
            .cap_ms(u64::from(self.wait_max_ms))
            .jitter(Jitter::Equal)
            .elapsed_ms(None)
            .budget(BudgetConfig::default().floor(u32::MAX))
            .seed(seed)
    }

    /// How long it takes at most until a peer that can be reached is: a wait of either kind, an attempt that
    /// began before it could be, and another.
    #[cfg(feature = "files")]
    pub(in super::super) fn worst_ms(&self) -> u64 {
        u64::from(self.wait_max_ms.max(self.open_max_ms)) + 2 * u64::from(self.timeout_ms)
    }

    pub(super) fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_ms))
    }
}

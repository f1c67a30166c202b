//! Thresholds and times of a breaker, and how they are checked.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    config::{BadConfig, must},
    resilience::settings::{MAX_MS, MILLION, must_be_share, must_be_time, settings},
    time::Time,
};

/// The most calls that a window counts one by one: bounds its memory to two kilobytes.
pub const MAX_WINDOW_CALLS: u32 = 8_192;
/// The most probes at a time: a recovering peer must not be met by a crowd.
pub const MAX_PROBES: u8 = 16;

/// What an operator can make of a breaker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It does its work.
    #[default]
    Normal,
    /// It counts, and says when it would have opened, but lets everything through.
    MetricsOnly,
    /// It lets everything through and counts nothing.
    Disabled,
    /// It lets nothing through.
    ForcedOpen,
}

/// Which calls rates are taken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Window {
    /// The last so many.
    Calls(u32),
    /// Those of the last so many milliseconds; they leave a tenth of that at a time.
    Ms(u64),
}

settings! {
    /// How a breaker is set up. A threshold that is `None` opens nothing.
    pub struct Config {
        /// What an operator makes of it.
        mode: Mode = Mode::Normal, "it does its work";
        /// Which calls rates are taken of.
        window: Window = Window::Calls(100), "enough that one failure is a hundredth";
        /// Opens when such a share of them failed, in parts per million.
        failure_rate_ppm: Option<u32> = Some(500_000), "what fails every second time isn't worth its load";
        /// Opens when such a share of them was slow, in parts per million.
        slow_rate_ppm: Option<u32> = None, "only who knows the other side knows what is slow";
        /// A call is slow from so many milliseconds on.
        slow_call_ms: u64 = 5_000, "longer than most who wait";
        /// No rate is taken of fewer calls.
        minimum_calls: u32 = 20, "one of one is no rate";
        /// Opens after so many failures in a row, whatever the rates.
        failures_in_a_row: Option<u32> = None, "rates do; in a row is for what is called rarely";
        /// Stays open for so many milliseconds.
        open_ms: u64 = 10_000, "a restart takes seconds";
        /// Each time that it opens again without having closed, it stays open for such a share of
        /// the time before, in percent.
        open_growth_percent: u32 = 200, "doubling: what is down for long is asked less and less";
        /// But never for longer than so many milliseconds.
        open_max_ms: u64 = 120_000, "who is back is found within two minutes";
        /// Whether it is half-open by the clock, or only once somebody asks.
        scheduled: bool = true, "so that whoever watches sees it, and hosts can probe of their own";
        /// Closes after so many probes succeeded; no more are under way at a time.
        probes: u8 = 3, "one may be luck";
        /// So many of them may fail.
        probes_may_fail: u8 = 0, "the first that fails answers the question";
        /// A probe without result after so many milliseconds is lost, and counts as failed.
        probe_lease_ms: u64 = 30_000, "longer than any timeout of a call should be";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        self.validate_thresholds()?;
        self.validate_open()?;
        must(
            (1..=MAX_PROBES).contains(&self.probes),
            "probes",
            u64::from(self.probes),
            "from 1 (else it would never close) to 16 probes at a time",
        )?;
        must(
            self.probes_may_fail < MAX_PROBES,
            "probes_may_fail",
            u64::from(self.probes_may_fail),
            "if 16 may fail, nothing tells a peer that is down from one that is up",
        )?;
        must_be_time("probe_lease_ms", self.probe_lease_ms)
    }

    fn validate_thresholds(&self) -> Result<(), BadConfig> {
        let minimum = u64::from(self.minimum_calls);
        match self.window {
            Window::Calls(calls) => {
                must(
                    (1..=MAX_WINDOW_CALLS).contains(&calls),
                    "window",
                    u64::from(calls),
                    "from 1 to 8192 calls; for more, take those of a time",
                )?;
                must(
                    self.minimum_calls <= calls,
                    "minimum_calls",
                    minimum,
                    "the window never holds so many calls: it would never open",
                )?;
            }
            Window::Ms(ms) => must(
                (10..=MAX_MS).contains(&ms),
                "window",
                ms,
                "from 10 ms (it is cut into ten) to one day",
            )?,
        }
        must(minimum > 0, "minimum_calls", 0, "no rate can be taken of no calls")?;
        if let Some(ppm) = self.failure_rate_ppm {
            must_be_share("failure_rate_ppm", ppm)?;
        }
        if let Some(ppm) = self.slow_rate_ppm {
            must_be_share("slow_rate_ppm", ppm)?;
        }
        must_be_time("slow_call_ms", self.slow_call_ms)?;
        let in_a_row = self.failures_in_a_row;
        must(in_a_row != Some(0), "failures_in_a_row", 0, "it would be open before any call")?;
        let any = self.failure_rate_ppm.or(self.slow_rate_ppm).or(in_a_row).is_some();
        must(any, "failure_rate_ppm", 0, "with no threshold at all nothing ever opens it")
    }

    fn validate_open(&self) -> Result<(), BadConfig> {
        must_be_time("open_ms", self.open_ms)?;
        must_be_time("open_max_ms", self.open_max_ms)?;
        must(
            self.open_max_ms >= self.open_ms,
            "open_max_ms",
            self.open_max_ms,
            "the longest open time can't be below the first, open_ms",
        )?;
        must(
            (100..=1_000).contains(&self.open_growth_percent),
            "open_growth_percent",
            u64::from(self.open_growth_percent),
            "from 100 (always the same) to 1000 (ten times as long each time)",
        )
    }

    /// How long it stays open for the so manyth time in a row, from 1.
    pub(super) fn open_time(&self, in_a_row: u32) -> Duration {
        let mut ms = self.open_ms;
        for _ in 1..in_a_row {
            let longer = ms.saturating_mul(u64::from(self.open_growth_percent)) / 100;
            if longer == ms || ms >= self.open_max_ms {
                break;
            }
            ms = longer;
        }
        Duration::from_millis(ms.min(self.open_max_ms))
    }

    pub(super) fn is_slow(&self, from: Time, to: Time) -> bool {
        to.0.saturating_sub(from.0) >= self.slow_call_ms.saturating_mul(1_000)
    }

    pub(super) fn probe_lease(&self) -> Duration {
        Duration::from_millis(self.probe_lease_ms)
    }
}

/// Whether so many of all are such a share.
pub(super) fn is_share(part: u32, all: u32, ppm: u32) -> bool {
    u64::from(part) * u64::from(MILLION) >= u64::from(all) * u64::from(ppm)
}

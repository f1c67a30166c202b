//! Sizes and timers of a replica, with their reasons.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::messages::{MAX_BATCH_BYTES, MAX_BATCH_REQUESTS, MAX_OPERATION_BYTES};
use crate::{
    analyzer::{Declared, Deployment, Policy},
    config::{BadConfig, must, unless_usual},
    crypto::Digest,
    detector::quarantine,
};

/// How a replica is set up. `checkpoint_interval`, `window`, `max_sessions`, `deployment`, `quarantine`
/// and `policy` decide what is agreed on: equal on all replicas. The rest may differ.
///
/// # Default
///
/// | field | default | why |
/// |---|---|---|
/// | `batch_requests` | 64 | amortises three phases; a full batch of 512-byte values is 32 KiB |
/// | `batch_bytes` | 256 KiB | four of the longest operations; 20 ms of a 100 Mbit/s link |
/// | `batch_delay_us` | 2 ms | several rounds of a local network, little on a wide-area one |
/// | `pipeline` | 8 | full batches on their way hide a round trip; more only queue up elsewhere |
/// | `checkpoint_interval` | 100, or what suits the window | the paper's example (§4.3) |
/// | `window` | 200, or what more than 70 members bear | twice the interval: the log never waits for a checkpoint (§4.3) |
/// | `request_timeout` | 1 s | ten times a slow wide-area round trip |
/// | `view_change_timeout` | 2 s | doubles with each view in a row that fails (§4.5.2) |
/// | `status_interval` | 250 ms | what a lost message costs before it is repaired |
/// | `max_sessions` | 4,096 | clients at work at a time; bounds what is remembered of them at 128 MiB |
/// | `deployment` | members may lie | nobody has said that they don't |
/// | `quarantine` | its own | see [`quarantine::Config`] |
/// | `policy` | its own | see [`Policy`] |
/// | `clock_tolerance` | 5 s | synchronised clocks differ by far less, and a proposal may be repeated for some seconds before it arrives |
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The most requests in a batch.
    pub batch_requests: usize,
    /// The most bytes of operations in a batch.
    pub batch_bytes: usize,
    /// The longest that a request waits for others to share its batch, in µs.
    pub batch_delay_us: u64,
    /// Batches proposed and not executed before the primary holds new requests back.
    pub pipeline: u64,
    /// A checkpoint is taken every so many positions.
    pub checkpoint_interval: u64,
    /// High-water mark minus low-water mark. The paper's *k*.
    pub window: u64,
    /// How long a request may wait at a backup before it gives up on the primary, in ms.
    pub request_timeout_ms: u64,
    /// How long a new view may take to start, in ms, the first time.
    pub view_change_timeout_ms: u64,
    /// How often a replica that waits says where it stands, in ms.
    pub status_interval_ms: u64,
    /// How far a proposed time may be from a backup's own clock, in ms.
    pub clock_tolerance_ms: u64,
    /// How many clients are remembered at most. Decides what executes: equal on all replicas.
    pub max_sessions: usize,
    /// What is declared about the members. Decides which protocols may be switched to: equal on all
    /// replicas.
    pub deployment: Deployment,
    /// How long who is held, and what accusing costs: equal on all replicas.
    pub quarantine: quarantine::Config,
    /// What to run when: equal on all replicas. Must be sound for the `deployment`.
    #[serde(with = "unless_usual")]
    pub policy: Policy,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            batch_requests: 64,
            batch_bytes: 256 * 1024,
            batch_delay_us: 2_000,
            pipeline: 8,
            checkpoint_interval: 100,
            window: 200,
            request_timeout_ms: 1_000,
            view_change_timeout_ms: 2_000,
            status_interval_ms: 250,
            clock_tolerance_ms: 5_000,
            max_sessions: 4_096,
            deployment: Deployment::Byzantine,
            quarantine: quarantine::Config::default(),
            policy: Policy::default(),
        }
    }
}

/// Longest wait between two views: doubling stops here, so that a calm network is used soon.
const MAX_VIEW_CHANGE_TIMEOUT: Duration = Duration::from_mins(1);

/// The largest window: bounds every replica's log and every view change.
pub(crate) const MAX_WINDOW: u64 = 4_096;

/// The largest table of sessions.
const MAX_SESSIONS: u64 = 1_000_000;

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        let requests = self.batch_requests as u64;
        must(
            (1..=MAX_BATCH_REQUESTS as u64).contains(&requests),
            "batch_requests",
            requests,
            "a batch holds from 1 to 1024 requests",
        )?;
        must(
            (MAX_OPERATION_BYTES..=MAX_BATCH_BYTES).contains(&self.batch_bytes),
            "batch_bytes",
            self.batch_bytes as u64,
            "a batch has room for the longest operation (65536 bytes), and at most 1048576 bytes",
        )?;
        must(
            self.batch_delay_us <= self.request_timeout_ms.saturating_mul(1_000) / 4,
            "batch_delay_us",
            self.batch_delay_us,
            "waiting for company may take a quarter of the request timeout at most",
        )?;
        must(
            self.checkpoint_interval >= 1,
            "checkpoint_interval",
            self.checkpoint_interval,
            "checkpoints are taken every 1 or more positions",
        )?;
        must(
            self.window >= 2 * self.checkpoint_interval && self.window <= MAX_WINDOW,
            "window",
            self.window,
            "it must be from twice the checkpoint interval (else the log stalls) to 4096",
        )?;
        must(
            (1..=self.window).contains(&self.pipeline),
            "pipeline",
            self.pipeline,
            "it must be from 1 (else nothing would ever be proposed) to the window",
        )?;
        let sessions = self.max_sessions as u64;
        must(
            (1..=MAX_SESSIONS).contains(&sessions),
            "max_sessions",
            sessions,
            "from 1 to 1000000 clients are remembered",
        )?;
        for (field, value) in [
            ("request_timeout_ms", self.request_timeout_ms),
            ("view_change_timeout_ms", self.view_change_timeout_ms),
            ("status_interval_ms", self.status_interval_ms),
            ("clock_tolerance_ms", self.clock_tolerance_ms),
        ] {
            must(
                (1..=3_600_000).contains(&value),
                field,
                value,
                "timers run from 1 ms to one hour",
            )?;
        }
        self.quarantine.validate()?;
        Ok(self.policy.validate(self.deployment)?)
    }

    /// A digest of what must be equal on all replicas: hosts refuse each other if theirs differ,
    /// since replicas would execute differently.
    pub fn agreed(&self) -> Digest {
        let sizes = (self.checkpoint_interval, self.window, self.max_sessions);
        let law = (self.deployment, self.quarantine, &self.policy);
        Digest::of(&(sizes, law))
    }

    /// What the analyzer goes by.
    pub(crate) fn declared(&self) -> Declared<'_> {
        Declared { deployment: self.deployment, policy: &self.policy }
    }

    pub(crate) fn batch_delay(&self) -> Duration {
        Duration::from_micros(self.batch_delay_us)
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn status_interval(&self) -> Duration {
        Duration::from_millis(self.status_interval_ms)
    }

    /// "The replica … waits 2T before it starts a view change for v+2" and so on, doubling
    /// (§4.5.2), up to a bound. In percent of what is configured.
    pub(crate) fn view_change_timeout(&self, failed_in_a_row: u32, percent: u16) -> Duration {
        let first = Duration::from_millis(self.view_change_timeout_ms) * percent.into() / 100;
        first
            .checked_mul(1 << failed_in_a_row.min(16))
            .map_or(MAX_VIEW_CHANGE_TIMEOUT, |wait| wait.min(MAX_VIEW_CHANGE_TIMEOUT.max(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_view_change_timeout_doubles_up_to_a_bound() {
        let config = Config::default();
        let seconds = |failed| config.view_change_timeout(failed, 100).as_secs();
        assert_eq!((seconds(0), seconds(1), seconds(2)), (2, 4, 8));
        assert_eq!((seconds(10), seconds(u32::MAX)), (60, 60));
        let patient = |failed| config.view_change_timeout(failed, 400).as_secs();
        assert_eq!((patient(0), patient(1), patient(10)), (8, 16, 60), "the bound stays");
    }

    #[test]
    fn the_default_is_valid_and_a_window_below_two_intervals_is_not() {
        assert_eq!(Config::default().validate(), Ok(()));
        let config = Config { window: 150, ..Config::default() };
        assert_eq!(config.validate().unwrap_err().field, "window");
    }

    #[test]
    fn what_decides_what_is_agreed_is_told_apart_and_the_rest_is_not() {
        let agreed = Config::default().agreed();
        let slower = Config { request_timeout_ms: 9_000, pipeline: 4, ..Config::default() };
        assert_eq!(slower.agreed(), agreed);
        let others = [
            Config { checkpoint_interval: 50, ..Config::default() },
            Config { window: 400, ..Config::default() },
            Config { max_sessions: 64, ..Config::default() },
            Config { deployment: Deployment::CrashOnly, ..Config::default() },
            Config {
                quarantine: quarantine::Config { term_ms: 1, ..Default::default() },
                ..Config::default()
            },
            Config { policy: Policy { dwell_ms: 1, ..Default::default() }, ..Config::default() },
        ];
        assert!(others.iter().all(|other| other.agreed() != agreed));
    }

    #[test]
    fn a_batch_has_room_for_every_request_and_does_not_outwait_the_backups() {
        let field = |config: Config| config.validate().unwrap_err().field;
        let good = Config::default();
        let small = Config { batch_bytes: MAX_OPERATION_BYTES - 1, ..good.clone() };
        let large = Config { batch_bytes: MAX_BATCH_BYTES + 1, ..good.clone() };
        assert_eq!((field(small), field(large)), ("batch_bytes", "batch_bytes"));
        let slow = Config { batch_delay_us: 250_001, ..good.clone() };
        assert_eq!(field(slow), "batch_delay_us");
        let deep = Config { pipeline: 201, ..good };
        assert_eq!(field(deep), "pipeline");
    }
}

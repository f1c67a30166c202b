//! Counters and snapshots.

use serde::Serialize;

use crate::resilience::{adaptive, breaker, bulkhead, rate, retry, timeout};

/// For metrics: of one peer and operation. Each call is counted once where it comes and once where it
/// ends. Once none is under way,
///
/// * `asked` = `begun` + `degraded` + `over_rate` + `no_room` + `crowded` + `left`,
/// * `begun` = `succeeded` + `failed` + `neutral`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Calls that somebody asked for.
    pub asked: u64,
    /// Those that began.
    pub begun: u64,
    /// Those that degradation left out.
    pub degraded: u64,
    /// Those that the rate limit rejected.
    pub over_rate: u64,
    /// Those that the bulkhead rejected, at once or in line.
    pub no_room: u64,
    /// Those that the adaptive limit rejected before their first attempt.
    pub crowded: u64,
    /// Those that left the line of their own.
    pub left: u64,
    /// Those of them that began whose deadline was over before an attempt.
    pub expired: u64,
    /// Attempts that were made, copies included.
    pub attempts: u64,
    /// Attempts that the breaker, the adaptive limit or the deadline didn't allow.
    pub attempts_rejected: u64,
    /// Calls that ended well.
    pub succeeded: u64,
    /// Calls that didn't.
    pub failed: u64,
    /// Those of them whose last attempt had no answer in time.
    pub timed_out: u64,
    /// Calls that say nothing of the other side: given up by their callers, or nonsense.
    pub neutral: u64,
    /// Calls whose callers gave up.
    pub abandoned: u64,
    /// Attempts that chaos touched.
    pub injected: u64,
}

impl Counters {
    /// Calls that were asked for and have neither been turned away nor ended.
    pub(super) fn under_way(&self) -> u64 {
        let turned_away = self.degraded + self.over_rate + self.no_room + self.crowded + self.left;
        let ended = self.succeeded + self.failed + self.neutral;
        self.asked.saturating_sub(turned_away + ended)
    }
}

/// All that is to be seen of one peer and operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its rate limit.
    pub rate: Option<rate::Snapshot>,
    /// Its bulkhead.
    pub bulkhead: Option<bulkhead::Snapshot>,
    /// Its adaptive limit.
    pub adaptive: Option<adaptive::Snapshot>,
    /// Its retries.
    pub retry: Option<retry::Snapshot>,
    /// Its hedges.
    pub hedge: Option<retry::HedgeCounters>,
    /// Its breaker.
    pub breaker: Option<breaker::Snapshot>,
    /// Its timeouts.
    pub timeout: timeout::Snapshot,
    /// For metrics.
    pub counters: Counters,
}

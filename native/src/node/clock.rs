//! The node's clock: microseconds since 1970, so that viewers can lay the events of several nodes
//! side by side. Read from the wall once, then carried on by a steady clock: setting the wall
//! clock while the node runs neither stops nor reverses it.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use conclave_core::time::Time;

/// A steady clock that started at the wall clock's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Time,
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { origin: Time::ZERO + since_1970, start: Instant::now() }
    }

    /// When it started.
    pub fn origin(&self) -> Time {
        self.origin
    }

    /// Now.
    pub fn now(&self) -> Time {
        self.origin + self.start.elapsed()
    }

    /// When `time` will be, for the runtime's timers; now if it is past.
    pub fn instant(&self, time: Time) -> Instant {
        let after_start = time.since(self.origin);
        // A deadline beyond what the platform can express is as good as never: a day.
        self.start
            .checked_add(after_start)
            .unwrap_or_else(|| Instant::now() + std::time::Duration::from_hours(24))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn it_counts_from_1970_and_never_backwards() {
        let clock = Clock::start();
        let first = clock.now();
        assert!(first.as_micros() > 1_600_000_000_000_000, "some time after 2020");
        assert!(clock.now() >= first && first >= clock.origin());
        let later = clock.instant(clock.now() + Duration::from_millis(50));
        assert!(later > Instant::now());
        let _ = clock.instant(Time::MAX);
    }
}

//! The node's two clocks.
//!
//! [`Clock`] is steady: microseconds since 1970, read from the wall once and then carried on by the
//! machine's monotonic clock. The protocol's timers and the times of events follow it, so setting
//! the wall clock while the node runs neither fires nor stops a timer, and viewers can lay the
//! events of several nodes side by side.
//!
//! [`WallClock`] is what agreed time follows (`conclave_core::pbft`, agreed time): how far the wall
//! is ahead of the steady clock. The rule:
//!
//! * The wall is read once in [`READ_EVERY`]; in between it is the steady clock plus the last
//!   offset, which never goes backwards.
//! * If the wall is found ahead (it was corrected, or the machine slept), it is believed at once.
//! * If it is found behind by at most [`MAX_SLEW`] (corrections of a good clock, a leap second), what
//!   is shown goes on at half speed until the wall has caught up: it never goes backwards.
//! * If it is found further behind, the clock was wrong, and people set it right: that is believed
//!   at once too. A node that went on with the wrong time would refuse every proposal of the others
//!   for as long. Agreed time doesn't go backwards even so: execution takes the later of the last
//!   one and a batch's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use conclave_core::time::Time;

/// How often the wall is looked at. Clocks that are kept right drift by microseconds in it.
pub const READ_EVERY: Duration = Duration::from_secs(1);
/// Steps back up to this are slewed. Well below the tolerance that backups have by default (5 s),
/// so that a node is not refused while it waits for the wall.
pub const MAX_SLEW: Duration = Duration::from_secs(2);

/// A steady clock that started at the wall clock's time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Time,
    start: Instant,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        Self { origin: wall_of_this_machine(), start: Instant::now() }
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

/// A clock before 1970 is as wrong as one that shows 1970.
fn wall_of_this_machine() -> Time {
    Time::ZERO + SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// What agreed time follows: see the module's head.
pub struct WallClock {
    wall: Box<dyn FnMut() -> Time + Send>,
    /// How far the wall that is shown is ahead of the steady clock, in microseconds.
    offset_us: i64,
    /// Where that goes: less while it is slewed.
    target_us: i64,
    /// The steady time of the last reading.
    read: Option<Time>,
    /// The steady time of the last look.
    looked: Time,
}

impl WallClock {
    /// The operating system's.
    pub fn of_this_machine() -> Self {
        Self::of(wall_of_this_machine)
    }

    /// Any other.
    pub fn of(wall: impl FnMut() -> Time + Send + 'static) -> Self {
        let wall = Box::new(wall);
        Self { wall, offset_us: 0, target_us: 0, read: None, looked: Time::ZERO }
    }

    /// How far it is ahead of the steady clock, which shows `now`, in microseconds.
    pub fn offset_us(&mut self, now: Time) -> i64 {
        if self.read.is_none_or(|read| now.since(read) >= READ_EVERY) {
            self.read_wall(now);
        }
        let half = now.since(self.looked).as_micros() / 2;
        self.looked = now;
        if self.target_us < self.offset_us {
            let slewed = self.offset_us.saturating_sub(i64::try_from(half).unwrap_or(i64::MAX));
            self.offset_us = slewed.max(self.target_us);
        }
        self.offset_us
    }

    fn read_wall(&mut self, now: Time) {
        let first = self.read.replace(now).is_none();
        // Both are far from 2^63 microseconds, which are 292,000 years.
        self.target_us = ((self.wall)().0 as i64).saturating_sub(now.0 as i64);
        let ahead = self.target_us.saturating_sub(self.offset_us);
        let step = Duration::from_micros(ahead.unsigned_abs());
        if !first && step > MAX_SLEW {
            let ahead_ms = ahead / 1_000;
            tracing::warn!(ahead_ms, "the wall clock was set; agreed time follows it");
        }
        if first || ahead > 0 || step > MAX_SLEW {
            self.offset_us = self.target_us;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    use super::*;

    /// A wall that is set by hand, and what is shown when the steady clock shows something.
    struct Bench {
        wall: Arc<AtomicU64>,
        clock: WallClock,
    }

    impl Bench {
        /// Both clocks agree at `now`.
        fn at(now: Time) -> Self {
            let wall = Arc::new(AtomicU64::new(now.0));
            let reading = wall.clone();
            let clock = WallClock::of(move || Time(reading.load(Ordering::Relaxed)));
            let mut bench = Self { wall, clock };
            assert_eq!(bench.shown(now), now.0);
            bench
        }

        fn shown(&mut self, now: Time) -> u64 {
            now.0.saturating_add_signed(self.clock.offset_us(now))
        }

        fn set(&self, wall: Time) {
            self.wall.store(wall.0, Ordering::Relaxed);
        }
    }

    const HOUR: Duration = Duration::from_hours(1);

    fn start() -> Time {
        Time::ZERO + Duration::from_hours(500_000)
    }

    #[test]
    fn between_two_readings_the_wall_goes_on_steadily() {
        let mut bench = Bench::at(start());
        bench.set(start() + HOUR);
        let just_before = start() + Duration::from_micros(999_999);
        assert_eq!(bench.shown(just_before), just_before.0, "it isn't looked at yet");
        assert_eq!(bench.shown(start() + READ_EVERY), (start() + HOUR).0);
    }

    #[test]
    fn a_small_step_back_is_slewed_and_never_shown() {
        let mut bench = Bench::at(start());
        // From here on the wall is a second behind.
        let behind = Duration::from_secs(1);
        let (mut last, mut caught_up) = (start().0, 0);
        for tenth in 1..=40 {
            let now = start() + Duration::from_millis(100) * tenth;
            bench.set(Time(now.0 - behind.as_micros() as u64));
            let shown = bench.shown(now);
            assert!(shown > last, "{tenth}: {shown} after {last}");
            last = shown;
            if shown + behind.as_micros() as u64 == now.0 {
                caught_up += 1;
            }
        }
        assert!(caught_up > 10, "half a second a second: after two it shows the wall again");
    }

    #[test]
    fn a_large_step_back_is_believed_at_once_and_the_steady_clock_does_not_notice() {
        let mut bench = Bench::at(start() + HOUR);
        let now = start() + HOUR + READ_EVERY;
        bench.set(start());
        assert_eq!(bench.shown(now), start().0);
        let now = now + READ_EVERY;
        bench.set(start() + READ_EVERY);
        assert_eq!(bench.shown(now), (start() + READ_EVERY).0);
    }

    #[test]
    fn the_first_reading_is_believed_whatever_it_shows() {
        let mut clock = WallClock::of(|| Time::from_millis(5));
        assert_eq!(clock.offset_us(Time::from_millis(6)), -1_000);
    }

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

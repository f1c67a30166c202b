//! Time that only goes forward, whatever the host's clock does.
//!
//! A host's clock should be monotonic, and now and then is not: suspended machines, clocks of
//! several cores, a host that reads the wall clock. A guard that compared such times would stay open
//! for an hour because a clock went back by one, or hand out an hour's worth of tokens at once and
//! then none. So every guard reads its host's clock through this.

use core::time::Duration;

use serde::Serialize;

use crate::time::Time;

/// So far back is disorder among those who read the clock: time stands still until it has caught
/// up. Farther back is another clock: time goes on from where it was.
const DISORDER: Duration = Duration::from_secs(1);
/// No jump ahead counts for more: whatever guards wait for is over by then, and times stay small
/// enough to be added.
const FAR: Duration = Duration::from_hours(366 * 24);

/// Steady time, driven by a host's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Steady {
    host: Time,
    steady: Time,
}

impl Steady {
    /// What time it is.
    #[inline]
    pub(super) fn read(&mut self, host: Time) -> Time {
        let ahead = host.0.wrapping_sub(self.host.0);
        if host >= self.host && ahead <= FAR.as_micros() as u64 {
            self.host = host;
            self.steady = Time(self.steady.0.saturating_add(ahead));
        } else {
            self.jump(host);
        }
        self.steady
    }

    #[cold]
    fn jump(&mut self, host: Time) {
        if host > self.host {
            self.steady = self.steady + FAR;
            self.host = host;
        } else if self.host.since(host) > DISORDER {
            self.host = host;
        }
    }

    /// What time it was when last read.
    pub(super) fn now(&self) -> Time {
        self.steady
    }

    /// What time it will be when the host's clock shows this.
    pub(super) fn of_host(self, host: Time) -> Time {
        if host == Time::MAX {
            return host;
        }
        self.steady.after_micros(host.micros_since(self.host))
    }

    /// What the host's clock will show then.
    pub(super) fn to_host(self, steady: Time) -> Time {
        if steady == Time::MAX {
            return steady;
        }
        self.host.after_micros(steady.micros_since(self.steady))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_the_hosts_clock() {
        let mut clock = Steady::default();
        assert_eq!(clock.read(Time(5)), Time(5));
        assert_eq!(clock.read(Time(9)), Time(9));
        assert_eq!(clock.to_host(Time(12)), Time(12));
    }

    #[test]
    fn disorder_stops_it_and_another_clock_goes_on_from_there() {
        let mut clock = Steady::default();
        clock.read(Time::from_millis(10_000));
        // Two threads read the clock in turns: no time is won by it.
        for _ in 0..100 {
            assert_eq!(clock.read(Time::from_millis(9_990)), Time::from_millis(10_000));
            assert_eq!(clock.read(Time::from_millis(10_000)), Time::from_millis(10_000));
        }
        // The clock is set back to where it began: a second later, a second has passed.
        clock.read(Time::ZERO);
        assert_eq!(clock.now(), Time::from_millis(10_000));
        assert_eq!(clock.read(Time::from_millis(1_000)), Time::from_millis(11_000));
        assert_eq!(clock.to_host(Time::from_millis(12_000)), Time::from_millis(2_000));
    }

    #[test]
    fn a_clock_that_shows_the_end_of_time_and_comes_back_stops_nothing() {
        let mut clock = Steady::default();
        for round in 1..1_000 {
            let before = clock.read(Time::from_millis(round));
            assert_eq!(clock.read(Time::MAX), before + FAR);
            let back = clock.read(Time::ZERO);
            assert_eq!(clock.read(Time::from_millis(5)), back + Duration::from_millis(5));
        }
    }
}

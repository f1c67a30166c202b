//! Wall-clock time to virtual time.
//!
//! Besides fixed ratios there is an even pace: where much happens, time runs slowly, and while
//! everybody waits for a timer, it runs fast. Each step takes a share of the whole playing time,
//! and so does each microsecond, so nothing is skipped and nothing drags.

/// How fast virtual time runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pace {
    /// Slow where much happens.
    Even,
    /// Virtual seconds per real second.
    Ratio(f64),
}

/// What the speed control offers, slowest first.
pub(crate) const RATIOS: [(f64, &str); 13] = [
    (0.001, "1/1000"),
    (0.002, "1/500"),
    (0.005, "1/200"),
    (0.01, "1/100"),
    (0.02, "1/50"),
    (0.05, "1/20"),
    (0.1, "1/10"),
    (1.0 / 6.0, "1/6"),
    (0.5, "1/2"),
    (1.0, "1"),
    (3.0, "3"),
    (10.0, "10"),
    (100.0, "100"),
];

/// Playing a five-second run takes this long, in seconds.
const SECONDS_PER_FIVE: f64 = 30.0;
/// The share of the playing time that steps get; the rest goes to time itself.
const STEP_SHARE: f64 = 0.75;

impl Pace {
    /// Every pace with what the control shows, in the order of `-` and `=`.
    pub(crate) fn all() -> impl Iterator<Item = (Self, String)> {
        std::iter::once((Self::Even, "even".to_owned()))
            .chain(RATIOS.iter().map(|(ratio, name)| (Self::Ratio(*ratio), format!("{name} ×"))))
    }

    /// The value that the control uses for it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Ratio(ratio) => {
                RATIOS.iter().find(|(known, _)| *known >= ratio * 0.999).map_or("100", |it| it.1)
            }
        }
    }

    /// The pace of a control's value.
    pub(crate) fn from_key(key: &str) -> Self {
        let known = RATIOS.iter().find(|(_, name)| *name == key);
        known.map_or(Self::Even, |(ratio, _)| Self::Ratio(*ratio))
    }

    /// The next slower (−1) or faster (+1) one.
    pub(crate) fn nudged(self, by: i32) -> Self {
        let ratio = match self {
            Self::Even => 1.0 / 6.0,
            Self::Ratio(ratio) => ratio,
        };
        let at = RATIOS.iter().position(|(r, _)| *r >= ratio * 0.999).unwrap_or(0) as i32;
        let at = (at + by).clamp(0, RATIOS.len() as i32 - 1);
        Self::Ratio(RATIOS[at as usize].0)
    }
}

/// The times of a recorded run's steps.
pub(crate) trait Times {
    /// How many steps.
    fn steps(&self) -> u64;
    /// When the state after this many steps begins, in µs.
    fn at_us(&self, steps: u64) -> u64;
}

/// A position between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Clock {
    /// How many steps have happened.
    pub(crate) steps: u64,
    /// The virtual time, in µs: from that of this step to that of the next.
    pub(crate) us: f64,
    /// The part of this step's share that is used up, where the next has the same time.
    carry: f64,
}

impl Clock {
    /// Exactly after this many steps.
    pub(crate) fn at(times: &impl Times, steps: u64) -> Self {
        let steps = steps.min(times.steps());
        Self { steps, us: times.at_us(steps) as f64, carry: 0.0 }
    }

    /// At this virtual time.
    pub(crate) fn at_time(times: &impl Times, us: f64) -> Self {
        let (mut low, mut high) = (0, times.steps());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if times.at_us(middle) as f64 <= us {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        let end = times.at_us(times.steps()) as f64;
        Self { steps: low, us: us.clamp(times.at_us(low) as f64, end.max(0.0)), carry: 0.0 }
    }

    /// Lets `wall_s` seconds pass. Stops after a step for which `stop` holds, or at the end; says
    /// whether it stopped.
    pub(crate) fn advance(
        &mut self,
        times: &impl Times,
        pace: Pace,
        wall_s: f64,
        mut stop: impl FnMut(u64) -> bool,
    ) -> bool {
        let total = times.steps();
        let whole_us = times.at_us(total).saturating_sub(times.at_us(0)).max(1) as f64;
        let playing_s = (whole_us / 5e6 * SECONDS_PER_FIVE).clamp(10.0, 120.0);
        let mut left = wall_s;
        while self.steps < total {
            let (from, to) = (times.at_us(self.steps) as f64, times.at_us(self.steps + 1) as f64);
            let gap = (to - from).max(0.0);
            let cost = match pace {
                Pace::Ratio(ratio) => gap / 1e6 / ratio,
                Pace::Even => {
                    playing_s * STEP_SHARE / total as f64
                        + playing_s * (1.0 - STEP_SHARE) * gap / whole_us
                }
            };
            let used =
                if gap > 0.0 { ((self.us - from) / gap).clamp(0.0, 1.0) } else { self.carry };
            let rest = cost * (1.0 - used);
            if rest > left {
                let used = used + left / cost;
                self.carry = used;
                self.us = from + gap * used;
                return false;
            }
            left -= rest;
            self.steps += 1;
            self.us = to.max(from);
            self.carry = 0.0;
            if stop(self.steps) {
                return true;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(Vec<u64>);
    impl Times for Fixed {
        fn steps(&self) -> u64 {
            self.0.len() as u64 - 1
        }
        fn at_us(&self, steps: u64) -> u64 {
            self.0[steps as usize]
        }
    }

    fn run() -> Fixed {
        Fixed(vec![0, 1_000, 1_000, 1_000, 500_000, 5_000_000])
    }

    #[test]
    fn a_fixed_ratio_moves_time_by_that_ratio() {
        let mut clock = Clock::at(&run(), 0);
        assert!(!clock.advance(&run(), Pace::Ratio(0.1), 1.0, |_| false));
        assert_eq!((clock.steps, clock.us.round()), (3, 100_000.0));
    }

    #[test]
    fn the_even_pace_plays_five_seconds_in_thirty_however_the_frames_fall() {
        for frame in [0.001, 0.016, 0.7] {
            let mut clock = Clock::at(&run(), 0);
            let mut wall = 0.0;
            while !clock.advance(&run(), Pace::Even, frame, |_| false) {
                wall += frame;
            }
            assert!((wall - 30.0).abs() <= 2.0 * frame, "took {wall} s");
            assert_eq!(clock.steps, 5);
        }
    }

    #[test]
    fn playing_stops_right_after_the_step_that_was_asked_for() {
        let mut clock = Clock::at(&run(), 0);
        assert!(clock.advance(&run(), Pace::Ratio(100.0), 10.0, |steps| steps == 2));
        assert_eq!((clock.steps, clock.us), (2, 1_000.0));
    }

    #[test]
    fn a_time_belongs_to_the_last_step_that_is_not_later() {
        let clock = Clock::at_time(&run(), 600_000.0);
        assert_eq!((clock.steps, clock.us), (4, 600_000.0));
        assert_eq!(Clock::at_time(&run(), -5.0).steps, 0);
        assert_eq!(Clock::at_time(&run(), 1e12).steps, 5);
    }

    #[test]
    fn nudging_ends_at_the_slowest_and_the_fastest() {
        assert_eq!(Pace::Ratio(0.001).nudged(-1), Pace::Ratio(0.001));
        assert_eq!(Pace::Ratio(100.0).nudged(1), Pace::Ratio(100.0));
        assert_eq!(Pace::Even.nudged(1), Pace::Ratio(0.5));
    }

    #[test]
    fn the_control_gives_back_every_pace_that_it_offers() {
        for (pace, _) in Pace::all() {
            assert_eq!(Pace::from_key(pace.key()), pace);
        }
    }
}

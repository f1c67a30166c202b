//! Time to pixels, lane by lane.

use super::decimals::decimals;

/// No tick is longer, whatever has no width: a year.
const LONGEST_TICK_US: f64 = 3e13;

/// The part of a space-time diagram that is visible.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Window {
    /// The time at the left edge, in µs.
    pub(crate) from_us: f64,
    /// The time at the right edge, in µs.
    pub(crate) to_us: f64,
    /// Where the drawing begins: left of it are the lanes' names.
    pub(crate) left: f64,
    /// Where it ends.
    pub(crate) right: f64,
}

/// The clock stands at this part of the width, away from the ends of the run.
const NOW_AT: f64 = 0.66;
/// The shortest and the longest time that fills the width, in µs.
const SPAN_LIMITS_US: (f64, f64) = (200.0, 600e6);

impl Window {
    /// Around the clock; at the ends of the run the window stands still and the clock moves.
    pub(crate) fn around(
        now_us: f64,
        span_us: f64,
        extent_us: (f64, f64),
        (left, right): (f64, f64),
    ) -> Self {
        let span = span_us.clamp(SPAN_LIMITS_US.0, SPAN_LIMITS_US.1);
        let margin = span * 0.03;
        let earliest = extent_us.0 - margin;
        let latest = (extent_us.1 + margin - span).max(earliest);
        let from_us = (now_us - span * NOW_AT).clamp(earliest, latest);
        Self { from_us, to_us: from_us + span, left, right: right.max(left + 1.0) }
    }

    /// The pixel of a time.
    pub(crate) fn x(&self, us: f64) -> f64 {
        let part = (us - self.from_us) / (self.to_us - self.from_us);
        self.left + part * (self.right - self.left)
    }

    /// The time of a pixel.
    pub(crate) fn us(&self, x: f64) -> f64 {
        let part = (x - self.left) / (self.right - self.left);
        self.from_us + part * (self.to_us - self.from_us)
    }

    /// µs per pixel.
    pub(crate) fn us_per_pixel(&self) -> f64 {
        (self.to_us - self.from_us) / (self.right - self.left)
    }

    /// Whether any of this stretch is visible.
    pub(crate) fn shows(&self, from_us: f64, to_us: f64) -> bool {
        to_us >= self.from_us && from_us <= self.to_us
    }

    /// Round times for the axis, about `pixels` apart.
    pub(crate) fn ticks(&self, pixels: f64) -> (f64, Vec<f64>) {
        let least = self.us_per_pixel() * pixels;
        let mut power = 1.0;
        while power * 10.0 < least.min(LONGEST_TICK_US) {
            power *= 10.0;
        }
        let step = [1.0, 2.0, 5.0]
            .into_iter()
            .map(|factor| factor * power)
            .find(|step| *step >= least)
            .unwrap_or(10.0 * power);
        let first = (self.from_us / step).ceil() as i64;
        let last = (self.to_us / step).floor() as i64;
        (step, (first..=last).take(200).map(|k| k as f64 * step).collect())
    }
}

/// "1.25 s", "812 ms", "40 µs", as exact as the step between two of them.
pub(crate) fn time_words(us: f64, step_us: f64) -> String {
    let digits = |unit: f64| {
        let (mut decimals, mut shown) = (0, step_us.max(1.0));
        while shown < unit && decimals < 6 {
            (decimals, shown) = (decimals + 1, shown * 10.0);
        }
        decimals
    };
    if us.abs() >= 1e6 {
        format!("{} s", decimals(us / 1e6, digits(1e6)))
    } else if us == 0.0 || us.abs() >= 1e3 || step_us >= 1e3 {
        let digits = if us == 0.0 { 0 } else { digits(1e3) };
        format!("{} ms", decimals(us / 1e3, digits))
    } else {
        format!("{} µs", decimals(us, 0))
    }
}

/// Which lane is where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rows {
    /// Where the first lane begins.
    pub(crate) top: f64,
    /// A client's lane.
    pub(crate) client_height: f64,
    /// A replica's lane.
    pub(crate) node_height: f64,
    /// How many clients.
    pub(crate) clients: usize,
    /// How many replicas.
    pub(crate) nodes: usize,
}

impl Rows {
    /// Shares the height: clients need less.
    pub(crate) fn layout(clients: usize, nodes: usize, top: f64, bottom: f64) -> Self {
        let shares = clients as f64 * 0.55 + nodes as f64;
        let unit = (bottom - top).max(10.0) / shares.max(1.0);
        Self { top, client_height: unit * 0.55, node_height: unit, clients, nodes }
    }

    /// The middle of a lane.
    pub(crate) fn middle(&self, lane: usize) -> f64 {
        if lane < self.clients {
            self.top + (lane as f64 + 0.5) * self.client_height
        } else {
            let above = self.clients as f64 * self.client_height;
            self.top + above + ((lane - self.clients) as f64 + 0.5) * self.node_height
        }
    }

    /// The lane at a height.
    pub(crate) fn lane_at(&self, y: f64) -> Option<usize> {
        let below = y - self.top;
        let above = self.clients as f64 * self.client_height;
        if below < 0.0 {
            return None;
        }
        let lane = if below < above {
            (below / self.client_height) as usize
        } else {
            self.clients + ((below - above) / self.node_height) as usize
        };
        (lane < self.clients + self.nodes).then_some(lane)
    }
}

/// The distance of a point from a stretch: what finds an arrow under the pointer.
pub(crate) fn distance_to_line(point: (f64, f64), a: (f64, f64), b: (f64, f64)) -> f64 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx * dx + dy * dy;
    let part = if length == 0.0 {
        0.0
    } else {
        (((point.0 - a.0) * dx + (point.1 - a.1) * dy) / length).clamp(0.0, 1.0)
    };
    let (x, y) = (point.0 - a.0 - part * dx, point.1 - a.1 - part * dy);
    (x * x + y * y).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: (f64, f64) = (0.0, 5e6);

    #[test]
    fn pixels_and_times_are_inverse() {
        let window = Window::around(2e6, 100e3, RUN, (60.0, 860.0));
        for us in [window.from_us, 2e6, window.to_us] {
            assert!((window.us(window.x(us)) - us).abs() < 1e-3);
        }
    }

    #[test]
    fn the_clock_is_always_visible_and_the_window_keeps_within_the_run() {
        for now in [0.0, 10e3, 2e6, 4.99e6, 5e6] {
            for span in [1e3, 100e3, 20e6] {
                let window = Window::around(now, span, RUN, (0.0, 800.0));
                assert!(window.from_us <= now && now <= window.to_us, "now {now}, span {span}");
                assert!(window.from_us >= -0.03 * span - 1.0);
            }
        }
    }

    #[test]
    fn ticks_are_round_and_not_too_dense() {
        let window = Window::around(2e6, 130e3, RUN, (0.0, 800.0));
        let (step, ticks) = window.ticks(80.0);
        assert_eq!(step, 20e3);
        assert!(ticks.iter().all(|tick| tick % step == 0.0));
        assert!((5..=10).contains(&ticks.len()));
    }

    #[test]
    fn times_are_as_exact_as_their_step() {
        assert_eq!(time_words(1_250_000.0, 10_000.0), "1.25 s");
        assert_eq!(time_words(812_000.0, 1_000.0), "812 ms");
        assert_eq!(time_words(1_500.0, 100.0), "1.5 ms");
        assert_eq!(time_words(40.0, 20.0), "40 µs");
        assert_eq!(time_words(0.0, 20_000.0), "0 ms");
        assert_eq!(time_words(1_500_000.0, 1e3), "1.500 s");
    }

    #[test]
    fn a_height_finds_its_lane() {
        let rows = Rows::layout(2, 4, 20.0, 320.0);
        for lane in 0..6 {
            assert_eq!(rows.lane_at(rows.middle(lane)), Some(lane));
        }
        assert_eq!(rows.lane_at(10.0), None);
        assert_eq!(rows.lane_at(900.0), None);
    }

    #[test]
    fn a_point_beside_a_stretch_is_as_far_as_its_nearest_point() {
        assert_eq!(distance_to_line((5.0, 3.0), (0.0, 0.0), (10.0, 0.0)), 3.0);
        assert_eq!(distance_to_line((-4.0, 3.0), (0.0, 0.0), (10.0, 0.0)), 5.0);
    }
}

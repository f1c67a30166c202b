//! From numbers to pixels, and ticks that people can read.

use core::fmt::Write as _;

/// Height of a chart, in pixels.
pub(super) const HEIGHT: u32 = 116;
/// Above the highest value, so that lines aren't cut.
const HEADROOM: u32 = 14;

/// One chart's scale.
#[derive(Clone, Copy)]
pub(super) struct Scale {
    pub(super) width: u32,
    pub(super) buckets: usize,
    /// What the top stands for.
    pub(super) top: u32,
}

impl Scale {
    /// Where the middle of a bucket is, in tenths of pixels.
    pub(super) fn x(&self, bucket: usize) -> u32 {
        let n = self.buckets.max(1) as u64;
        ((bucket as u64 * 2 + 1) * u64::from(self.width) * 5 / n) as u32
    }

    /// Where a value is, in tenths of pixels.
    pub(super) fn y(&self, value: u32) -> u32 {
        let room = u64::from(HEIGHT - HEADROOM) * 10;
        let up = u64::from(value.min(self.top)) * room / u64::from(self.top.max(1));
        HEIGHT * 10 - up as u32
    }

    /// A line through what is there; gaps are gaps.
    pub(super) fn line(&self, values: &[Option<u32>]) -> String {
        let mut path = String::new();
        let mut drawn = false;
        for (bucket, value) in values.iter().enumerate() {
            if let Some(value) = value {
                point(&mut path, if drawn { 'L' } else { 'M' }, self.x(bucket), self.y(*value));
            }
            drawn = value.is_some();
        }
        path
    }

    /// What lies between two sums.
    pub(super) fn area(&self, below: &[u32], above: &[u32]) -> String {
        let mut path = String::new();
        for (bucket, value) in above.iter().enumerate() {
            point(&mut path, if bucket == 0 { 'M' } else { 'L' }, self.x(bucket), self.y(*value));
        }
        for (bucket, value) in below.iter().enumerate().rev() {
            point(&mut path, 'L', self.x(bucket), self.y(*value));
        }
        path.push('Z');
        path
    }
}

fn point(path: &mut String, command: char, x: u32, y: u32) {
    let _ = write!(path, "{command}{}.{} {}.{}", x / 10, x % 10, y / 10, y % 10);
}

/// The least of 1, 2, 5, 10, 20, … that is no lower.
pub(super) fn nice(value: u32) -> u32 {
    let mut step = 1_u32;
    loop {
        for factor in [1, 2, 3, 4, 5, 8] {
            let nice = step.saturating_mul(factor);
            if nice >= value {
                return nice;
            }
        }
        step = step.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tops_are_round_and_never_below() {
        for (value, top) in [(0, 1), (1, 1), (7, 8), (9, 10), (121, 200), (4_001, 5_000)] {
            assert_eq!(nice(value), top);
        }
        assert_eq!(nice(u32::MAX), u32::MAX);
    }

    #[test]
    fn gaps_are_gaps_and_areas_are_closed() {
        let scale = Scale { width: 40, buckets: 4, top: 10 };
        let line = scale.line(&[Some(0), None, Some(10), Some(5)]);
        assert_eq!(line, "M5.0 116.0M25.0 14.0L35.0 65.0");
        let area = scale.area(&[0; 4], &[10, 10, 0, 0]);
        assert!(area.starts_with("M5.0 14.0L15.0 14.0") && area.ends_with("L5.0 116.0Z"), "{area}");
    }
}

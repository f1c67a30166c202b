//! Sets of seeds: few ranges of many numbers.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Serialize};

/// Seeds in rising order, as ranges that neither touch nor overlap. In JSON: `[[0, 1000]]`, the
/// first being in it and the last not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(super) struct Seeds(Vec<Range<u64>>);

/// A scenario file holds no larger seed.
const END: u64 = 1 << 63;

impl Seeds {
    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.0.iter().map(|range| range.end - range.start).sum()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().cloned().flatten()
    }

    pub(super) fn add(&mut self, seed: u64) {
        self.add_range(seed..seed + 1);
    }

    pub(super) fn add_all(&mut self, others: &Self) {
        others.0.iter().cloned().for_each(|range| self.add_range(range));
    }

    fn add_range(&mut self, mut new: Range<u64>) {
        if new.is_empty() {
            return;
        }
        // Those that the new one touches become one with it.
        let from = self.0.partition_point(|range| range.end < new.start);
        let to = self.0.partition_point(|range| range.start <= new.end);
        if let Some(touched) = self.0.get(from..to).filter(|touched| !touched.is_empty()) {
            new.start = new.start.min(touched[0].start);
            new.end = new.end.max(touched[touched.len() - 1].end);
        }
        self.0.splice(from..to, [new]);
    }

    /// Those that the other has not.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = Self::default();
        for range in &self.0 {
            let mut start = range.start;
            for taken in &other.0 {
                if taken.end <= start || taken.start >= range.end {
                    continue;
                }
                left.add_range(start..taken.start.max(start));
                start = taken.end;
            }
            left.add_range(start.min(range.end)..range.end);
        }
        left
    }

    /// The first seed that both have.
    pub(super) fn overlap(&self, other: &Self) -> Option<u64> {
        let firsts = self.0.iter().flat_map(|a| {
            other.0.iter().filter_map(|b| {
                let (start, end) = (a.start.max(b.start), a.end.min(b.end));
                (start < end).then_some(start)
            })
        });
        firsts.min()
    }
}

/// `0..1000`, or `0..10, 20..30`.
impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (index, range) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{}..{}", range.start, range.end)?;
        }
        Ok(())
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (start, end) = text
            .split_once("..")
            .and_then(|(start, end)| Some((start.parse().ok()?, end.parse().ok()?)))
            .ok_or_else(|| "write two whole numbers, such as 0..1000".to_owned())?;
        Self::try_from(vec![(start, end)])
    }
}

impl TryFrom<Vec<(u64, u64)>> for Seeds {
    type Error = String;

    fn try_from(ranges: Vec<(u64, u64)>) -> Result<Self, String> {
        let mut seeds = Self::default();
        for (start, end) in ranges {
            if start >= end || end > END {
                return Err(format!("{start}..{end} is no range of seeds below 2^63"));
            }
            seeds.add_range(start..end);
        }
        Ok(seeds)
    }
}

impl From<Seeds> for Vec<(u64, u64)> {
    fn from(seeds: Seeds) -> Self {
        seeds.0.into_iter().map(|range| (range.start, range.end)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(ranges: &[(u64, u64)]) -> Seeds {
        Seeds::try_from(ranges.to_vec()).unwrap()
    }

    #[test]
    fn seeds_that_come_in_any_order_become_few_ranges() {
        let mut found = Seeds::default();
        for seed in [3, 1, 9, 2, 0, 8, 5, 3] {
            found.add(seed);
        }
        assert_eq!(found, seeds(&[(0, 4), (5, 6), (8, 10)]));
        found.add_all(&seeds(&[(2, 9)]));
        assert_eq!(found, seeds(&[(0, 10)]));
        assert_eq!(found.count(), 10);
    }

    #[test]
    fn what_is_left_is_what_is_wanted_and_not_covered() {
        let wanted = seeds(&[(0, 10), (20, 30)]);
        assert_eq!(
            wanted.without(&seeds(&[(3, 5), (8, 22), (40, 50)])),
            seeds(&[(0, 3), (5, 8), (22, 30)])
        );
        assert_eq!(wanted.without(&seeds(&[(0, 100)])), Seeds::default());
        assert_eq!(wanted.without(&Seeds::default()), wanted);
        assert_eq!(wanted.iter().count(), 20);
    }

    #[test]
    fn an_overlap_is_found() {
        let a = seeds(&[(0, 10), (20, 30)]);
        assert_eq!(a.overlap(&seeds(&[(10, 20), (30, 31)])), None);
        assert_eq!(a.overlap(&seeds(&[(29, 40)])), Some(29));
    }

    #[test]
    fn a_range_is_two_numbers_in_order() {
        assert_eq!("5..7".parse(), Ok(seeds(&[(5, 7)])));
        for wrong in ["", "5", "5..", "7..5", "5..5", "a..b", "-1..2", "0..9223372036854775809"] {
            assert!(wrong.parse::<Seeds>().is_err(), "{wrong}");
        }
        assert_eq!(seeds(&[(0, 4), (5, 6)]).to_string(), "0..4, 5..6");
    }
}

//! Counts with their uncertainty: 95 % intervals.

use serde::Serialize;

/// The 97.5 % quantile of the normal distribution: two-sided 95 %.
const Z: f64 = 1.959_963_985;

/// A measured value, and between what the true one lies in 95 of 100 cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// A share: so many of so many. `None`: of none.
///
/// Wilson's score interval (Wilson, JASA 22, 1927): it stays within 0 and 1, and is honest near
/// both ends, where the textbook's has no width.
pub(super) fn share(of: u64, all: u64) -> Option<Estimate> {
    if all == 0 {
        return None;
    }
    let (n, p) = (all as f64, of as f64 / all as f64);
    let scale = 1.0 / (1.0 + Z * Z / n);
    let centre = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let low = if of == 0 { 0.0 } else { scale * (centre - spread) };
    let high = if of == all { 1.0 } else { scale * (centre + spread) };
    Some(Estimate { value: p, low, high })
}

/// A rate: so many events in so many hours. `None`: in no time.
///
/// Byar's approximation of the exact Poisson interval (Breslow and Day, Statistical Methods in
/// Cancer Research II, 1987, section 2.3): within a percent of it from one event on.
pub(super) fn rate(events: u64, hours: f64) -> Option<Estimate> {
    if hours <= 0.0 {
        return None;
    }
    let bound =
        |count: f64, z: f64| count * (1.0 - 1.0 / (9.0 * count) + z / (3.0 * count.sqrt())).powi(3);
    let low = if events == 0 { 0.0 } else { bound(events as f64, -Z) };
    let high = bound(events as f64 + 1.0, Z);
    Some(Estimate { value: events as f64 / hours, low: low / hours, high: high / hours })
}

/// The median, with an interval from the ranks that a binomial of half allows. `None`: of nothing.
pub(super) fn median(values: &mut [u64]) -> Option<Estimate> {
    values.sort_unstable();
    let last = values.len().checked_sub(1)?;
    let (middle, spread) = (last as f64 / 2.0, Z * (values.len() as f64).sqrt() / 2.0);
    let at = |rank: f64| values[(rank.max(0.0) as usize).min(last)] as f64;
    let value = f64::midpoint(at(middle.floor()), at(middle.ceil()));
    Some(Estimate { value, low: at((middle - spread).floor()), high: at((middle + spread).ceil()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64, by: f64) -> bool {
        (a - b).abs() <= by
    }

    /// Reference values: R's `prop.test(…, correct = FALSE)`.
    #[test]
    fn a_share_has_wilsons_interval() {
        let it = share(81, 263).unwrap();
        assert!(near(it.low, 0.2553, 1e-4) && near(it.high, 0.3662, 1e-4), "{it:?}");
        let all = share(20, 20).unwrap();
        assert!(near(all.low, 0.8389, 1e-4) && all.high >= 1.0, "{all:?}");
        let none = share(0, 20).unwrap();
        assert!(none.low <= 0.0 && near(none.high, 0.1611, 1e-4), "{none:?}");
        assert_eq!(share(0, 0), None);
    }

    /// Reference values: the exact interval, from quantiles of χ².
    #[test]
    fn a_rate_has_nearly_the_exact_interval() {
        let none = rate(0, 2.0).unwrap();
        assert!(none.low <= 0.0 && near(none.high, 3.689 / 2.0, 0.02), "{none:?}");
        let ten = rate(10, 1.0).unwrap();
        assert!(near(ten.low, 4.795, 0.01) && near(ten.high, 18.390, 0.01), "{ten:?}");
        assert_eq!(rate(3, 0.0), None);
    }

    #[test]
    fn a_median_lies_between_ranks() {
        assert_eq!(median(&mut []), None);
        let one = median(&mut [7]).unwrap();
        assert!([one.value, one.low, one.high].iter().all(|it| near(*it, 7.0, 0.0)));
        let mut many: Vec<u64> = (1..=100).rev().collect();
        let it = median(&mut many).unwrap();
        // Ranks 40 and 60 or so of 100.
        assert!(near(it.value, 50.5, 0.0) && near(it.low, 40.0, 1.0) && near(it.high, 61.0, 1.0));
    }
}

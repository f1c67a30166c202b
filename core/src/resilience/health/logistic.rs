//! The share of a normal distribution that lies beyond a point, as phi needs it: minus its decimal
//! logarithm. By the logistic curve that is usually taken for it, in whole numbers, so that every
//! machine suspects at the same moment.

/// One, here and in what is passed.
pub(super) const ONE: i128 = 1 << 32;
/// Beyond so many deviations nothing is told apart.
const FARTHEST: i128 = 64 * ONE;

/// Of the approximation y ↦ 1 / (1 + exp(y · (1.5976 + 0.070566 · y²))).
const LINEAR: i128 = 6_861_639_752;
const CUBIC: i128 = 303_078_662;
/// log₂(e) and log₁₀(2).
const LOG2_E: i128 = 6_196_328_019;
const LOG10_2: i128 = 1_292_913_986;
/// ln(2)ⁿ / n!, for the series of 2ˣ where x is from 0 to 1.
const SERIES: [i128; 9] = [
    4_294_967_296,
    2_977_044_472,
    1_031_764_991,
    238_388_332,
    41_309_550,
    5_726_720,
    661_572,
    65_509,
    5_676,
];

fn times(a: i128, b: i128) -> i128 {
    (a * b) >> 32
}

/// Minus the decimal logarithm of the share that lies so many deviations beyond the mean or farther,
/// in thousandths.
pub(super) fn phi_milli(deviations: i128) -> u64 {
    let y = deviations.clamp(-FARTHEST, FARTHEST);
    let z = times(y, LINEAR + times(CUBIC, times(y, y)));
    let phi = times(log2_of_one_plus_exp2(times(z, LOG2_E)), LOG10_2);
    (phi * 1_000 / ONE) as u64
}

/// log₂(1 + 2ˣ).
fn log2_of_one_plus_exp2(x: i128) -> i128 {
    if x > 40 * ONE {
        return x;
    }
    if x < -30 * ONE {
        return 0;
    }
    log2(ONE + exp2(x))
}

fn exp2(x: i128) -> i128 {
    let (whole, rest) = (x >> 32, x & (ONE - 1));
    let part = SERIES.iter().rev().fold(0, |sum, term| term + times(sum, rest));
    if whole >= 0 { part << whole } else { part >> -whole }
}

/// Of what is at least one: its whole part from its length, the rest by squaring.
fn log2(x: i128) -> i128 {
    let whole = i128::from(x.ilog2()) - 32;
    let (mut x, mut log) = (x >> whole, whole << 32);
    for bit in (0..32).rev() {
        x = times(x, x);
        if x >= 2 * ONE {
            x >>= 1;
            log |= 1 << bit;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn it_is_what_floating_point_says_to_a_thousandth() {
        for step in -4_000..12_000 {
            let y = f64::from(step) / 1_000.0;
            let z = y * (1.5976 + 0.070_566 * y * y);
            let expected = 1_000.0 * z.exp().ln_1p() / core::f64::consts::LN_10;
            let said = phi_milli((y * ONE as f64) as i128) as f64;
            assert!((said - expected).abs() <= 1.5, "{said} for {expected} at {y}");
        }
    }

    #[test]
    fn it_rises_and_ends_nowhere_in_a_panic() {
        let mut before = 0;
        for deviations in (-100..100).map(|it| it * ONE) {
            let phi = phi_milli(deviations);
            assert!(phi >= before, "at {deviations}");
            before = phi;
        }
        assert_eq!(phi_milli(i128::MIN), 0);
        assert_eq!(phi_milli(i128::MAX), phi_milli(FARTHEST));
        assert_eq!(phi_milli(0), 301, "half of them are later than the mean");
    }
}

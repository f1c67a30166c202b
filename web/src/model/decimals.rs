//! Numbers with decimals, in whole-number arithmetic: the machinery that prints any float weighs
//! more in a page than the panels that would use it.

/// The most decimals that are ever shown.
const MOST: u32 = 6;

/// "0.25", "-3.0", "17": rounded to so many decimals.
pub(crate) fn decimals(value: f64, digits: usize) -> String {
    let digits = (digits as u32).min(MOST) as usize;
    let unit = 10_u64.pow(digits as u32);
    let scaled = (value.abs() * unit as f64).round() as u64;
    let sign = if value < 0.0 && scaled > 0 { "-" } else { "" };
    let (whole, part) = (scaled / unit, scaled % unit);
    if digits == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0digits$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_away_from_nothing() {
        assert_eq!([decimals(0.25, 1), decimals(-0.25, 1), decimals(2.5, 0)], ["0.3", "-0.3", "3"]);
    }

    #[test]
    fn numbers_read_as_any_formatter_would_write_them() {
        for value in [0.0, 0.04, 0.05, 1.0, -0.26, 3.7, -12.49, 99.994, 1234.5678] {
            for digits in 0..4 {
                let shown = format!("{value:.digits$}");
                let expected = shown.strip_prefix('-').filter(|rest| {
                    // A negative number that rounds to nothing has no sign here.
                    rest.chars().all(|c| c == '0' || c == '.')
                });
                assert_eq!(decimals(value, digits), expected.unwrap_or(&shown), "{value} {digits}");
            }
        }
    }
}

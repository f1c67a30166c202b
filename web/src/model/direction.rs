//! Directions on a circle. A browser has a sine and an exponential; those of Rust's own library
//! would travel with the page (4 kB), so natively they are only for tests.

use std::f64::consts::TAU;

/// The unit vector that many turns clockwise from the top, with y downwards.
pub(crate) fn direction(turns: f64) -> (f64, f64) {
    let (sine, cosine) = sine_and_cosine(turns * TAU);
    (sine, -cosine)
}

#[cfg(target_arch = "wasm32")]
fn sine_and_cosine(angle: f64) -> (f64, f64) {
    (js_sys::Math::sin(angle), js_sys::Math::cos(angle))
}

#[cfg(not(target_arch = "wasm32"))]
fn sine_and_cosine(angle: f64) -> (f64, f64) {
    angle.sin_cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_the_top_and_goes_clockwise() {
        for (turns, x, y) in [(0.0, 0.0, -1.0), (0.25, 1.0, 0.0), (0.5, 0.0, 1.0)] {
            let found = direction(turns);
            assert!((found.0 - x).abs() < 1e-9 && (found.1 - y).abs() < 1e-9, "{turns}: {found:?}");
        }
    }
}

//! How much of what there is each priority may use: what is left is kept for those above it.

use super::{
    priority::PRIORITIES,
    settings::{MILLION, must_be_share},
};
use crate::config::{BadConfig, must};

/// Refuses shares that fall as priority rises.
pub(crate) fn must_rise(
    background_ppm: u32,
    normal_ppm: u32,
    important_ppm: u32,
) -> Result<(), BadConfig> {
    must_be_share("background_ppm", background_ppm)?;
    must_be_share("normal_ppm", normal_ppm)?;
    must_be_share("important_ppm", important_ppm)?;
    let rises = "what matters more can't have less: shares rise from background to important";
    must(background_ppm <= normal_ppm, "normal_ppm", u64::from(normal_ppm), rises)?;
    must(normal_ppm <= important_ppm, "important_ppm", u64::from(important_ppm), rises)
}

/// What each priority may use of so much, and never less than so little: else small limits would
/// shut some out for ever. What replicas agree with may use all.
pub(crate) fn of(
    all: u64,
    least: u64,
    background_ppm: u32,
    normal_ppm: u32,
    important_ppm: u32,
) -> [u64; PRIORITIES] {
    [background_ppm, normal_ppm, important_ppm, MILLION].map(|ppm| {
        let share = u128::from(all) * u128::from(ppm) / u128::from(MILLION);
        (share as u64).max(least)
    })
}

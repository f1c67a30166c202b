mod hysteresis;
mod levels;
mod policies;
mod soundness;

use super::{Conditions, Facts};
use crate::quorum::Membership;

fn facts(n: u16, convicted: u16, suspected: u16) -> Facts {
    Facts { members: Membership::new(n).unwrap(), convicted, suspected }
}

/// Nothing to complain of.
fn calm() -> Conditions {
    Conditions { latency_us: 1_000, ..Conditions::default() }
}

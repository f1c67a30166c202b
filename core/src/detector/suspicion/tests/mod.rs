mod acceptance;
mod properties;
mod table;

use super::{Config, Suspicion};
use crate::{ids::NodeId, quorum::Membership};

/// Node 0 of `n`, with the defaults.
fn observer(n: u16) -> Suspicion {
    Suspicion::new(NodeId(0), Membership::new(n).unwrap(), Config::default()).unwrap()
}

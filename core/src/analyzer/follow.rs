//! Whether what is recommended is also done.

use serde::{Deserialize, Serialize};

use super::protocol::Protocol;

/// What members do by themselves of what is recommended. All come to the same, because the
/// recommendation follows from what is agreed; a switch is a change of the register as the
/// administrator's are, and the next epoch begins with it.
///
/// # How often
///
/// What gets worse counts at once, what gets better after the dwell time: so at most one switch and one
/// back in a dwell time, whatever liars do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follow {
    /// Nothing: operators look first.
    #[default]
    Never,
    /// An epoch under a protocol that no liar may take part in ends when one is proven.
    OnProof,
    /// The recommended protocol is switched to, and its parameters are taken while they are
    /// recommended. If the administrator switches to another one, that stands until something else
    /// is recommended. Safe mode is no protocol: it holds by itself, and operators are called.
    Always,
}

impl Follow {
    /// What is to be run instead of a protocol, if anything is. `is_wrong`: what the protocol takes for
    /// granted is proven not to hold.
    pub(crate) fn instead(self, is_wrong: bool, recommended: Protocol) -> Option<Protocol> {
        match self {
            Self::Never => None,
            Self::OnProof => is_wrong.then_some(Protocol::Pbft),
            Self::Always => is_wrong.then_some(self.anyway(recommended).unwrap_or(Protocol::Pbft)),
        }
    }

    /// What is to be run although nothing is wrong with what is, unless the administrator wants that.
    pub(crate) fn anyway(self, recommended: Protocol) -> Option<Protocol> {
        (self == Self::Always && recommended.orders_writes()).then_some(recommended)
    }
}

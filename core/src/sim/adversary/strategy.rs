//! The ways of lying, as scenario files and links name them.
//!
//! `strategies = [{ equivocate = { victims = [3] } }, { replay = {} }]`: every parameter has a
//! default, and every one has a bound.

use alloc::{format, string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{ids::NodeId, pbft::MessageKind};

/// The most strategies of one node: each is tried on each message.
pub const MAX_STRATEGIES: usize = 16;
/// The longest that a strategy holds a message back: one minute of virtual time.
pub const MAX_HELD_BACK_MS: u32 = 60_000;
/// The longest pace that a false accusation claims: what one message of it can say, and more than
/// any timeout.
pub const MAX_CLAIM_MS: u32 = 60_000;
/// The most messages a second that a flood sends to one receiver.
pub const MAX_FLOOD_PER_SECOND: u32 = 10_000;

/// One way of lying. Several compose: each works on what those before it left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Strategy {
    /// Doesn't send.
    Silent {
        /// Only these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// Only to these nodes; empty: to all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Sends late.
    Delay {
        /// By so many milliseconds.
        by_ms: u32,
        /// Only these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// Only to these nodes; empty: to all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Tells the victims something else than the others, properly signed. Liars collude: a vote of
    /// one supports the lie of another.
    Equivocate {
        /// Who is told the lie; empty: the upper half of the honest.
        #[serde(default)]
        victims: Vec<NodeId>,
        /// In these kinds of message; empty: another batch in proposals, or in a Raft leader's
        /// entries, and votes for it. What is
        /// named here is a lie even where no primary told one: prepare, commit, checkpoint,
        /// view-change, new-view.
        #[serde(default)]
        kinds: Vec<MessageKind>,
    },
    /// Names another digest: in proposals, votes and checkpoints.
    WrongDigest {
        /// Only in these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// Only to these nodes; empty: to all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Names another view or position: in proposals, votes, checkpoints and view changes.
    WrongPlace {
        /// How much later the view; negative: a stale one.
        #[serde(default = "one")]
        view_by: i32,
        /// How much later the position.
        #[serde(default)]
        seq_by: i32,
        /// Only in these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// Only to these nodes; empty: to all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Spoils the certificates in what it sends: of checkpoints, of prepares, of commits, of view
    /// changes.
    Forge {
        /// How.
        #[serde(default)]
        how: Forgery,
        /// Only in these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
    },
    /// Hides in its view changes what it prepared.
    HidePrepared {
        /// Only from these nodes; empty: from all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Shows the victims one view change and the others another, both valid.
    TwoFacedViewChange {
        /// From whom it hides what it prepared; empty: from the upper half of the honest.
        #[serde(default)]
        victims: Vec<NodeId>,
    },
    /// Starts a view with proposals that don't follow from its view changes.
    FalseNewView {
        /// Only for these nodes; empty: for all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Sends old messages again, its own and those that it heard.
    Replay {
        /// One with every so many messages.
        #[serde(default = "four")]
        every: u16,
    },
    /// Holds messages back for different times, so that they arrive in another order.
    Reorder {
        /// Up to so many milliseconds.
        #[serde(default = "forty")]
        by_ms: u32,
        /// Only these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
    },
    /// Sends to half of the others only: to which half changes with position and view.
    Selective {
        /// Only these kinds of message; empty: all.
        #[serde(default)]
        kinds: Vec<MessageKind>,
    },
    /// Answers clients with a result that nothing gave. All liars give the same.
    FalseReply {},
    /// Answers who lags behind with other bytes than those that the proof is for.
    FalseState {
        /// Only in these kinds of message, state, decided, batch; empty: all. Only the first is signed
        /// by who answers, and convicts it.
        #[serde(default)]
        kinds: Vec<MessageKind>,
        /// Only these nodes; empty: all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Sends many well-formed, properly signed, useless messages besides.
    Flood {
        /// So many a second to each receiver.
        #[serde(default = "thousand")]
        per_second: u32,
        /// Only to these nodes; empty: to all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Proposes as late as it may without being replaced.
    Slow {
        /// How much of the request timeout it uses up, in percent.
        #[serde(default = "eighty")]
        percent: u8,
    },
    /// Misjudges primaries: honest ones are too slow, and those who lie too are quick, for rounds
    /// take long. Whatever was measured, and unasked.
    FalseAccusation {
        /// What it says that a turnaround takes, or a round, in milliseconds.
        #[serde(default = "ten_thousand")]
        claim_ms: u32,
        /// Tells each receiver again after so many milliseconds.
        #[serde(default = "fifty")]
        every_ms: u32,
        /// Only these nodes; empty: all.
        #[serde(default)]
        to: Vec<NodeId>,
    },
    /// Accuses the innocent in the log, one after the other. All liars say it of the same at a time.
    Slander {
        /// Whom; empty: everybody who doesn't lie.
        #[serde(default)]
        against: Vec<NodeId>,
        /// Another one after so many milliseconds.
        #[serde(default = "fifty")]
        every_ms: u32,
        /// Brings proofs that prove nothing.
        #[serde(default)]
        proof: bool,
    },
}

/// How a certificate is spoilt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forgery {
    /// One signer is missing.
    #[default]
    Few,
    /// One signer appears twice.
    Repeated,
    /// One signature is the liar's in another's name.
    Foreign,
}

const fn one() -> i32 {
    1
}
const fn four() -> u16 {
    4
}
const fn forty() -> u32 {
    40
}
const fn fifty() -> u32 {
    50
}
const fn thousand() -> u32 {
    1_000
}
const fn ten_thousand() -> u32 {
    10_000
}
const fn eighty() -> u8 {
    80
}

impl Strategy {
    /// The verb.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Silent { .. } => "silent",
            Self::Delay { .. } => "delay",
            Self::Equivocate { .. } => "equivocate",
            Self::WrongDigest { .. } => "wrong digest",
            Self::WrongPlace { view_by: ..0, .. } => "stale view",
            Self::WrongPlace { .. } => "wrong place",
            Self::Forge { .. } => "forge",
            Self::HidePrepared { .. } => "hide prepared",
            Self::TwoFacedViewChange { .. } => "two-faced",
            Self::FalseNewView { .. } => "false new view",
            Self::Replay { .. } => "replay",
            Self::Reorder { .. } => "reorder",
            Self::Selective { .. } => "selective",
            Self::FalseReply {} => "false reply",
            Self::FalseState { .. } => "false state",
            Self::Flood { .. } => "flood",
            Self::Slow { .. } => "slow",
            Self::FalseAccusation { .. } => "false accusation",
            Self::Slander { .. } => "slander",
        }
    }

    /// The nodes that it names.
    pub fn nodes(&self) -> &[NodeId] {
        match self {
            Self::Silent { to, .. }
            | Self::Delay { to, .. }
            | Self::WrongDigest { to, .. }
            | Self::WrongPlace { to, .. }
            | Self::HidePrepared { to }
            | Self::FalseNewView { to }
            | Self::FalseState { to, .. }
            | Self::Flood { to, .. }
            | Self::FalseAccusation { to, .. } => to,
            Self::Equivocate { victims, .. } | Self::TwoFacedViewChange { victims } => victims,
            Self::Slander { against, .. } => against,
            Self::Forge { .. }
            | Self::Replay { .. }
            | Self::Reorder { .. }
            | Self::Selective { .. }
            | Self::FalseReply {}
            | Self::Slow { .. } => &[],
        }
    }

    /// The kinds of message that it is restricted to; empty: all that it can work on.
    pub fn kinds(&self) -> &[MessageKind] {
        match self {
            Self::Silent { kinds, .. }
            | Self::Delay { kinds, .. }
            | Self::Equivocate { kinds, .. }
            | Self::WrongDigest { kinds, .. }
            | Self::WrongPlace { kinds, .. }
            | Self::Forge { kinds, .. }
            | Self::FalseState { kinds, .. }
            | Self::Reorder { kinds, .. }
            | Self::Selective { kinds } => kinds,
            _ => &[],
        }
    }

    /// What is wrong with its parameters, if anything.
    pub(in super::super) fn validate(&self) -> Result<(), String> {
        match self {
            Self::Delay { by_ms, .. } | Self::Reorder { by_ms, .. }
                if *by_ms > MAX_HELD_BACK_MS =>
            {
                Err(format!("a message is held back for at most {MAX_HELD_BACK_MS} ms"))
            }
            Self::WrongPlace { view_by: 0, seq_by: 0, .. } => {
                Err("view_by and seq_by are both 0: that is no lie".into())
            }
            Self::Replay { every: 0 } => Err("replay with every 1 or more messages".into()),
            Self::Flood { per_second, .. } if !(1..=MAX_FLOOD_PER_SECOND).contains(per_second) => {
                Err(format!("a flood is of 1 to {MAX_FLOOD_PER_SECOND} messages per_second"))
            }
            Self::Slow { percent } if !(1..100).contains(percent) => {
                Err("slow uses from 1 to 99 percent of the request timeout".into())
            }
            Self::Slander { every_ms, .. } if !(1..=MAX_CLAIM_MS).contains(every_ms) => {
                Err(format!("every_ms is from 1 to {MAX_CLAIM_MS} ms"))
            }
            Self::FalseAccusation { claim_ms, every_ms, .. }
                if ![claim_ms, every_ms].into_iter().all(|ms| (1..=MAX_CLAIM_MS).contains(ms)) =>
            {
                Err(format!("claim_ms and every_ms are from 1 to {MAX_CLAIM_MS} ms"))
            }
            _ => Ok(()),
        }
    }
}

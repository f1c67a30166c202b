//! The signals, and what each weighs.
//!
//! What each weighs stands in the table of [`detector`](crate::detector), with the other defaults. Points of one kind add up to that kind's most, and
//! decay by half in each [`half-life`](super::Config::half_life_ms); kinds add up to
//! [`SUSPICION_CAP`](super::SUSPICION_CAP). Two kinds are measured as well as counted:
//!
//! * `failures`: in a row, each weighs as above, less the more fails for all peers; a success ends the row.
//!   Or, if that is more: the ratio of failures in the window above the median of all peers' and a
//!   tolerance, all of the points if that is three messages in ten.
//! * `late`: a single slow answer is nothing. Beyond the threshold that the peers set (see
//!   `response`), the median weighs more and more, up to [`LATE_AT_TWICE`] at twice the threshold,
//!   and [`LATE_PER_DOUBLING`] for each further doubling. The points in the table are for a slow
//!   lead, which is a median of five proposals and more already.
//!
//! What each could be in innocence, and why no one of them convicts: a failure and silence are a bad
//! line; lateness is a loaded machine; an inconsistent vote and another checkpoint are a bad disk or
//! memory; malformed traffic is another version; a flood is a bug in retransmission; a lonely view
//! change is a bad line to the primary.
//!
//! # Channels
//!
//! Malformed traffic counts against whom the channel authenticates as its *sender*, never against
//! whoever it names as its author, for anybody can write that. What comes on a channel that
//! authenticates nobody is counted and weighs nothing.

use core::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::points::Points;

/// What an observer saw of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// An expected message came, and was as it should be.
    Success,
    /// An expected message did not come in time, or was of no use.
    Failure,
    /// A vote contradicts what its view decided. Only votes that no correct peer can be tricked
    /// into: a prepare may be an equivocating primary's victim's.
    InconsistentVote,
    /// It answered after so long. Good or bad only by comparison.
    Response {
        /// How long.
        took: Duration,
    },
    /// As primary it is slower than the backups' own rounds explain, by the median of several
    /// proposals.
    SlowLead,
    /// Nothing was heard where something was expected, while others were heard.
    Silence,
    /// What came can't be read, or is badly signed.
    Malformed {
        /// On which way it came.
        channel: Channel,
    },
    /// Far more came in a second than from peers.
    Flood,
    /// It asked for a view that nobody else wanted.
    ViewChangeAbuse,
    /// It vouches for another state than a quorum does.
    CheckpointDisagreement,
}

/// How well a channel knows who sends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// An authenticated link: its sender made it.
    Link,
    /// An authenticated link, but others' words, which its sender should have checked.
    Relayed,
    /// Nobody authenticated: who wants to frame a peer writes its name.
    Open,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $name:literal, $weight:literal, $cap:literal;)*) => {
        /// The kinds of signal that weigh.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];
            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// What one signal weighs.
            pub const fn weight(self) -> Points {
                match self { $(Self::$kind => Points::new($weight),)* }
            }

            /// The most that signals of this kind weigh together.
            pub const fn cap(self) -> Points {
                match self { $(Self::$kind => Points::new($cap),)* }
            }
        }
    };
}

kinds! {
    /// Expected messages that failed.
    Failures: "failures", 12, 60;
    /// Votes against the outcome.
    Inconsistent: "inconsistent", 20, 80;
    /// Answers later than peers explain.
    Late: "late", 55, 70;
    /// Nothing heard.
    Silent: "silent", 10, 60;
    /// No message, or badly signed.
    Malformed: "malformed", 15, 75;
    /// Too many messages.
    Flood: "flood", 12, 60;
    /// Views that nobody else wanted.
    ViewChange: "view-change", 8, 40;
    /// Another state than a quorum's.
    Checkpoint: "checkpoint", 30, 80;
}

/// What a median of twice the threshold weighs: a little more than it takes to accuse, for it
/// decays from the last answer on.
pub(super) const LATE_AT_TWICE: Points = Points::new(55);
/// What each further doubling weighs.
pub(super) const LATE_PER_DOUBLING: Points = Points::new(10);
/// What malformed traffic weighs that a peer only passed on: half.
const RELAYED: Points = Points(Kind::Malformed.weight().0 / 2);

impl Signal {
    /// What kind it is, and what it weighs at once; `None`: it is measured, not added.
    pub(super) const fn weighs(self) -> Option<(Kind, Points)> {
        let kind = match self {
            Self::Success | Self::Failure | Self::Response { .. } => return None,
            Self::Malformed { channel: Channel::Open } => {
                return Some((Kind::Malformed, Points::ZERO));
            }
            Self::Malformed { channel: Channel::Relayed } => {
                return Some((Kind::Malformed, RELAYED));
            }
            Self::Malformed { channel: Channel::Link } => Kind::Malformed,
            Self::InconsistentVote => Kind::Inconsistent,
            Self::SlowLead => Kind::Late,
            Self::Silence => Kind::Silent,
            Self::Flood => Kind::Flood,
            Self::ViewChangeAbuse => Kind::ViewChange,
            Self::CheckpointDisagreement => Kind::Checkpoint,
        };
        Some((kind, kind.weight()))
    }
}

/// Why a peer is suspected: one kind of signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which kind.
    pub kind: Kind,
    /// What it weighs now.
    pub points: Points,
    /// How many signals of it there ever were.
    pub count: u32,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, points, count } = self;
        match count {
            // Measured over many answers, of which none is an offence by itself.
            0 => write!(f, "{} ({points} points)", kind.name()),
            _ => write!(f, "{} ({count}, {points} points)", kind.name()),
        }
    }
}

//! The protocols that can be recommended, and what each takes for granted.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::level::Facts;

/// What an operator declares about the deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deployment {
    /// Members may lie.
    #[default]
    Byzantine,
    /// Every member is trusted not to lie; they only crash.
    CrashOnly,
}

/// What a protocol takes for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Assumption {
    /// At most f members misbehave, in whatever way: until more are proven to, for suspicion is no proof.
    AtMostF,
    /// The deployment is declared crash-only, nothing proves the contrary, and at most f members
    /// look wrong: more is beyond what is declared, whatever the reason.
    CrashOnly,
    /// Nothing: it decides nothing.
    Nothing,
}

/// Why a protocol would be unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum Unsound {
    /// More are proven to lie than it stands.
    #[error("more than f are proven to lie")]
    AboveF,
    /// Nobody declared that members only crash.
    #[error("the deployment is not declared crash-only")]
    NotDeclared,
    /// Members are suspected: a bad moment to trust all.
    #[error("members are suspected; wait until they are cleared, or remove them")]
    Suspicion,
    /// It was declared, and there is proof to the contrary.
    #[error("there is proof that members lie")]
    Evidence,
}

impl Assumption {
    /// Whether it holds.
    pub fn holds(self, facts: Facts, deployment: Deployment) -> Result<(), Unsound> {
        if self == Self::Nothing {
            return Ok(());
        }
        if facts.is_above_f() {
            return Err(Unsound::AboveF);
        }
        if self == Self::CrashOnly {
            if deployment != Deployment::CrashOnly {
                return Err(Unsound::NotDeclared);
            }
            if facts.convicted > 0 {
                return Err(Unsound::Evidence);
            }
            if facts.may_be_above_f() {
                return Err(Unsound::Suspicion);
            }
        }
        Ok(())
    }
}

macro_rules! protocols {
    ($($(#[$doc:meta])* $protocol:ident: $name:literal, $assumption:ident;)*) => {
        /// A protocol. An open list: a new one is a line here.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        #[non_exhaustive]
        pub enum Protocol { $($(#[$doc])* $protocol,)* }

        impl Protocol {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$protocol),*];

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$protocol => $name,)* }
            }

            /// What it takes for granted.
            pub const fn assumption(self) -> Assumption {
                match self { $(Self::$protocol => Assumption::$assumption,)* }
            }
        }
    };
}

protocols! {
    /// Practical Byzantine fault tolerance; primaries take turns.
    Pbft: "PBFT", AtMostF;
    /// The same, and who is suspected becomes primary last.
    TrustOrderedPbft: "trust-ordered PBFT", AtMostF;
    /// Leader-based, cheap, and defenceless against a leader that lies.
    Raft: "Raft", CrashOnly;
    /// No writes; reads are answered and marked unsafe; operators are called.
    SafeMode: "safe mode", Nothing;
}

impl Protocol {
    /// Whether what it takes for granted holds.
    pub fn is_sound(self, facts: Facts, deployment: Deployment) -> Result<(), Unsound> {
        self.assumption().holds(facts, deployment)
    }

    /// Whether it orders writes. If not, reads are answered and marked unsafe, and operators are
    /// called.
    pub const fn orders_writes(self) -> bool {
        !matches!(self.assumption(), Assumption::Nothing)
    }
}

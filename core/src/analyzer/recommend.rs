//! What is recommended, and why.

use core::fmt;

use super::{
    analyze::Declared,
    level::{Facts, Level},
    network::Network,
    policy::{Parameters, Policy},
    protocol::{Deployment, Protocol, Unsound},
    trend::Trend,
};
use crate::quorum::Membership;

/// What to run, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// This protocol
    pub protocol: Protocol,
    /// with these parameters.
    pub parameters: Parameters,
    /// How it was decided.
    pub because: Because,
    /// The level,
    pub level: Level,
    /// the trend
    pub trend: Trend,
    /// and the network that it was decided for,
    pub network: Network,
    /// and the facts.
    pub facts: Facts,
}

/// How it was decided. Rules are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// By a rule of the policy.
    Rule(usize),
    /// By a later rule, or none, because an earlier one would be unsound.
    Instead {
        /// What the policy wants.
        wanted: Protocol,
        /// Why that may not be.
        unsound: Unsound,
    },
    /// More than f are proven to lie, or were until so recently that nobody should rely on it.
    AboveF,
}

impl Recommendation {
    /// Where nobody is known to misbehave and the network is calm: before anybody says anything.
    pub(crate) fn of_peace(members: Membership, declared: Declared<'_>) -> Self {
        let facts = Facts { members, convicted: 0, suspected: 0 };
        let case = (Level::default(), Network::default(), Trend::default());
        declared.policy.recommend(case, facts, false, declared.deployment)
    }
}

impl Policy {
    /// What the policy says of a case, as far as it is sound. `is_above`: more than f are proven to lie,
    /// or were within the dwell time.
    pub(super) fn recommend(
        &self,
        case: (Level, Network, Trend),
        facts: Facts,
        is_above: bool,
        deployment: Deployment,
    ) -> Recommendation {
        let (level, network, trend) = case;
        let parameters = Parameters::default();
        let say = |protocol, parameters, because| Recommendation {
            protocol,
            parameters,
            because,
            level,
            trend,
            network,
            facts,
        };
        if is_above || facts.is_above_f() {
            return say(Protocol::SafeMode, parameters, Because::AboveF);
        }
        let mut refused = None;
        for (number, rule) in (1..).zip(&self.rules) {
            if !rule.fits(level, network, trend) {
                continue;
            }
            let because = match (rule.protocol.is_sound(facts, deployment), refused) {
                (Ok(()), None) => Because::Rule(number),
                (Ok(()), Some((wanted, unsound))) => Because::Instead { wanted, unsound },
                (Err(unsound), _) => {
                    refused = refused.or(Some((rule.protocol, unsound)));
                    continue;
                }
            };
            return say(rule.protocol, rule.parameters, because);
        }
        // A valid policy has a rule for every case.
        say(Protocol::SafeMode, parameters, Because::AboveF)
    }
}

impl fmt::Display for Recommendation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let facts = self.facts;
        let n = facts.members.n();
        f.write_str(self.protocol.name())?;
        match self.because {
            Because::Rule(_) => write!(
                f,
                ", because {} of {n} replicas are known to misbehave ({}, {}) and the network is {}",
                facts.known(),
                self.level,
                self.trend,
                self.network,
            ),
            Because::Instead { wanted, unsound } => {
                write!(f, " instead of {}, because {unsound}", wanted.name())
            }
            Because::AboveF if facts.is_above_f() => write!(
                f,
                ", because {} of {n} replicas are proven to lie and at most {} may: no writes, reads \
                 are marked unsafe, operators are called",
                facts.convicted,
                facts.members.byzantine_f(),
            ),
            Because::AboveF => write!(
                f,
                ", because more than {} of {n} replicas were proven to lie until a moment ago",
                facts.members.byzantine_f(),
            ),
        }?;
        if facts.may_be_above_f() {
            f.write_str(
                "; that may be more than f: operators are called, and writes go on, for suspicion is \
                 no proof",
            )?;
        }
        f.write_str(".")
    }
}

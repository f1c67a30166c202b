mod hysteresis;
mod levels;
mod measuring;
mod policies;
mod soundness;

use core::ops::Deref;

use super::{Analyzer, Declared, Deployment, Facts, Network, Policy, Protocol, Recommendation};
use crate::{quorum::Membership, time::Time};

fn facts(n: u16, convicted: u16, suspected: u16) -> Facts {
    Facts { members: Membership::new(n).unwrap(), convicted, suspected }
}

/// The same of an epoch under another protocol.
fn under(facts: Facts, protocol: Protocol) -> Facts {
    Facts { members: facts.members.under(protocol).unwrap(), ..facts }
}

/// An analyzer, what is declared, and what it was told last.
#[derive(Clone)]
struct Watch {
    analyzer: Analyzer,
    policy: Policy,
    deployment: Deployment,
    last: Option<(Facts, Network)>,
}

impl Watch {
    fn new(policy: Policy, deployment: Deployment) -> Self {
        policy.validate(deployment).unwrap();
        Self { analyzer: Analyzer::default(), policy, deployment, last: None }
    }

    fn observe(&mut self, now: Time, facts: Facts, network: Network) -> Option<Recommendation> {
        self.last = Some((facts, network));
        let declared = Declared { deployment: self.deployment, policy: &self.policy };
        self.analyzer.observe(now, facts, network, declared)
    }

    /// The same as before, later.
    fn tick(&mut self, now: Time) {
        let (facts, network) = self.last.unwrap();
        self.observe(now, facts, network);
    }

    fn next_wake(&self) -> Option<Time> {
        self.analyzer.next_wake(&self.policy)
    }
}

impl Deref for Watch {
    type Target = Analyzer;

    fn deref(&self) -> &Analyzer {
        &self.analyzer
    }
}

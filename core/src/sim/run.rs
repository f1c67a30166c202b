//! A run: everything that is needed to reproduce it anywhere, on the same core version.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    action::Action, cluster::Cluster, keys::Keyring, limits::validate_action, scenario::Scenario,
    verdict::Verdict,
};
use crate::{crypto::Authenticator, ids::Principal};

/// The most interventions in one run.
pub const MAX_INTERVENTIONS: usize = 1_000;

/// What a person did: it becomes the step of this index. Addressed by index, because a fingerprint
/// of the state would fit several moments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervention {
    /// How many steps went before.
    pub step: u64,
    /// What was done.
    pub action: Action,
}

/// Scenario, seed, interventions.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// What is set up.
    pub scenario: Arc<Scenario>,
    /// Where its randomness comes from.
    pub seed: u64,
    /// What people did, in order of steps.
    pub interventions: Vec<Intervention>,
}

/// A run that can't be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError {
    /// The replicas' configuration can't work.
    #[error("the replicas can't be set up: {0}")]
    Config(String),
    /// An intervention names something that isn't there.
    #[error("the intervention at step {step} can't be carried out: {why}")]
    Intervention {
        /// Where it stands.
        step: u64,
        /// Why not.
        why: String,
    },
    /// Interventions are not in order of steps.
    #[error("the interventions are not in order: step {step} comes after a later one")]
    Order {
        /// Which one is out of order.
        step: u64,
    },
    /// Too many interventions.
    #[error("{found} interventions are over the limit of {MAX_INTERVENTIONS}")]
    TooMany {
        /// How many there are.
        found: usize,
    },
}

impl Run {
    /// A run of a scenario without interventions.
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        Self { scenario: Arc::new(scenario), seed, interventions: Vec::new() }
    }

    /// Everybody's keys, to check with: what it takes to judge a proof from this run anywhere else, beside
    /// its scenario's members. Signs as nobody.
    pub fn keys(&self) -> Arc<dyn Authenticator> {
        let Scenario { signatures, members, workload, .. } = &*self.scenario;
        Keyring::new(*signatures, self.seed, *members, workload.clients).of(Principal::NOBODY)
    }

    /// The same run up to a step, where something is done; what people did later is left out.
    #[must_use]
    pub fn forked(&self, step: u64, action: Action) -> Self {
        let mut run = self.clone();
        run.interventions.retain(|intervention| intervention.step < step);
        run.interventions.push(Intervention { step, action });
        run
    }

    /// Checks what doesn't come from a checked scenario.
    pub fn validate(&self) -> Result<(), RunError> {
        let found = self.interventions.len();
        if found > MAX_INTERVENTIONS {
            return Err(RunError::TooMany { found });
        }
        let mut last = 0;
        for Intervention { step, action } in &self.interventions {
            if *step < last {
                return Err(RunError::Order { step: *step });
            }
            last = *step;
            validate_action(action, self.scenario.all_nodes(), &self.scenario.workload)
                .map_err(|why| RunError::Intervention { step: *step, why })?;
        }
        self.scenario.config.validate().map_err(|error| RunError::Config(error.to_string()))
    }

    /// Carries it out from beginning to end, keeping nothing but the verdict.
    pub fn verdict(&self) -> Result<Verdict, RunError> {
        let mut cluster = Cluster::new(self)?;
        while cluster.step() {}
        Ok(cluster.verdict())
    }
}

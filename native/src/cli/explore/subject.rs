//! What is swept: storms, or the seeds of one scenario.

use conclave_core::{
    VERSION,
    crypto::Digest,
    sim::{
        Run, Scenario,
        swarm::{GENERATOR, storm},
    },
};
use serde::{Deserialize, Serialize};

use crate::{cli::simulate, failure::Failure};

/// So many storms tell two cores apart: with fewer, what none of them reaches might differ. They take
/// a second together.
const COMPARED: u64 = 16;

/// Where runs come from.
pub(super) enum Subject {
    /// Every seed its own scenario.
    Storms,
    /// One scenario, named as on the command line.
    Scenario(String, Box<Scenario>),
}

/// Which subject a report is about, so that only what belongs together is put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum About {
    /// Storms of this version of the generator.
    Storms {
        /// [`GENERATOR`]
        generator: u32,
    },
    /// A scenario.
    Scenario {
        /// Its name.
        name: String,
        /// Of its text.
        digest: String,
    },
}

impl Subject {
    pub(super) fn new(scenario: Option<&str>) -> Result<Self, Failure> {
        match scenario {
            None => Ok(Self::Storms),
            Some(named) => Ok(Self::Scenario(named.to_owned(), Box::new(simulate::find(named)?))),
        }
    }

    /// The run of a seed.
    pub(super) fn run(&self, seed: u64) -> Result<Run, String> {
        match self {
            Self::Storms => storm(seed).map(|it| Run::new(it, seed)).map_err(|why| why.to_string()),
            Self::Scenario(_, scenario) => Ok(Run::new(Scenario::clone(scenario), seed)),
        }
    }

    pub(super) fn about(&self) -> About {
        match self {
            Self::Storms => About::Storms { generator: GENERATOR },
            Self::Scenario(_, scenario) => About::Scenario {
                name: scenario.name.clone(),
                digest: Digest::of(&scenario.source).to_string(),
            },
        }
    }

    /// The command that carries out the run of a seed alone.
    pub(super) fn command(&self, seed: u64) -> String {
        match self {
            Self::Storms => format!("conclave explore run {seed}"),
            Self::Scenario(named, _) => format!("conclave simulate {named} --seed {seed}"),
        }
    }

    /// A fingerprint of how this very core behaves: of the traces of the first storms. The version
    /// alone doesn't tell two states of the sources apart.
    pub(super) fn behaviour() -> Result<String, Failure> {
        let trace = |seed| {
            let scenario = storm(seed).map_err(|why| Failure::unmet(&why))?;
            let verdict = Run::new(scenario, seed).verdict().map_err(|why| Failure::unmet(&why))?;
            Ok(verdict.trace_hash)
        };
        let traces = (0..COMPARED).map(trace).collect::<Result<Vec<_>, Failure>>()?;
        Ok(format!("{VERSION}-{}", Digest::of(&traces)))
    }
}

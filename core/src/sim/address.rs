//! A run and a moment of it in a link: core version, scenario, seed, interventions, position.
//!
//! The binary encoding of all that, in URL-safe base64, after a letter for the format. A built-in
//! scenario goes by its name, any other as what its file says.

use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(feature = "files")]
use super::builtin;
use super::{
    run::{Intervention, Run, RunError},
    scenario::Scenario,
};
use crate::VERSION;

/// The longest address, in characters. Browsers and servers take longer ones; a scenario of this
/// length is better sent as a file.
pub const MAX_ADDRESS_CHARS: usize = 32 * 1024;

/// The letter that this format begins with.
const FORMAT: char = 'b';

/// Which scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ScenarioRef {
    /// One that this core brings.
    Builtin(String),
    /// Another.
    Given(Arc<Scenario>),
}

/// A run and a moment of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// The core that made it. Another version may decide otherwise.
    pub version: String,
    /// Which scenario.
    pub scenario: ScenarioRef,
    /// The seed.
    pub seed: u64,
    /// What people did.
    pub interventions: Vec<Intervention>,
    /// After how many steps.
    pub position: u64,
}

/// An address that leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AddressError {
    /// Over [`MAX_ADDRESS_CHARS`].
    #[error("the link is longer than {MAX_ADDRESS_CHARS} characters")]
    TooLong,
    /// Not an address of a format that this core knows.
    #[error("the link is not one of this lab's, or was cut short or changed on the way")]
    Malformed,
    /// A scenario that this core doesn't bring.
    #[error("the link names the scenario “{0}”, which this version doesn't have")]
    UnknownScenario(String),
    /// A scenario beyond a limit.
    #[error("the scenario in the link can't be carried out: {0}")]
    Scenario(String),
    /// A run that can't be carried out.
    #[error("the run in the link can't be carried out: {0}")]
    Run(#[from] RunError),
}

impl Address {
    /// The address of a moment of a run.
    #[cfg(feature = "files")]
    pub fn new(run: &Run, position: u64) -> Self {
        Self::among(builtin, run, position)
    }

    /// The same, by whoever has other means than files to know the built-in scenarios.
    pub fn among(known: impl FnOnce(&str) -> Option<Scenario>, run: &Run, position: u64) -> Self {
        let scenario = match known(&run.scenario.name) {
            Some(known) if known == *run.scenario => {
                ScenarioRef::Builtin(run.scenario.name.clone())
            }
            _ => ScenarioRef::Given(run.scenario.clone()),
        };
        Self {
            version: VERSION.to_string(),
            scenario,
            seed: run.seed,
            interventions: run.interventions.clone(),
            position,
        }
    }

    /// As text for a link.
    pub fn encode(&self) -> String {
        let mut text = String::from(FORMAT);
        URL_SAFE_NO_PAD.encode_string(crate::crypto::encode(self), &mut text);
        text
    }

    /// From the text of a link.
    pub fn decode(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_ADDRESS_CHARS {
            return Err(AddressError::TooLong);
        }
        let encoded = text.trim().strip_prefix(FORMAT).ok_or(AddressError::Malformed)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| AddressError::Malformed)?;
        crate::crypto::decode(&bytes).ok_or(AddressError::Malformed)
    }

    /// Whether this core decides everything as the one that made the address did.
    pub fn matches_this_core(&self) -> bool {
        self.version == VERSION
    }

    /// The run.
    #[cfg(feature = "files")]
    pub fn run(&self) -> Result<Run, AddressError> {
        self.run_among(builtin)
    }

    /// The same, by whoever has other means than files to know the built-in scenarios.
    pub fn run_among(
        &self,
        known: impl FnOnce(&str) -> Option<Scenario>,
    ) -> Result<Run, AddressError> {
        let scenario = match &self.scenario {
            ScenarioRef::Builtin(name) => {
                known(name).ok_or_else(|| AddressError::UnknownScenario(name.clone()))?
            }
            ScenarioRef::Given(scenario) => {
                scenario.validate().map_err(|wrong| AddressError::Scenario(wrong.what))?;
                let mut scenario = Scenario::clone(scenario);
                scenario.put_in_order();
                scenario
            }
        };
        let mut run = Run::new(scenario, self.seed);
        run.interventions.clone_from(&self.interventions);
        run.validate()?;
        Ok(run)
    }
}

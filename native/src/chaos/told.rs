//! What the log says of experiments: all of it is a warning, for none of it happens by itself.

use conclave_core::{
    ids::NodeId,
    resilience::chaos::{Config, Event, Phase},
};

use super::seen::words;

pub(super) fn tell(own: NodeId, config: &Config, event: Event) {
    let (name, hypothesis) = (config.name.as_str(), config.hypothesis.as_str());
    match event {
        Event::Entered(Phase::Baseline) => {
            tracing::warn!(name, hypothesis, fault = ?config.fault, "a chaos experiment begins");
        }
        Event::Entered(phase) => {
            let says = words(phase);
            tracing::warn!(name, hypothesis, "chaos experiment: {says}");
        }
        Event::Touches { peer } if peer == own.0 => {
            tracing::warn!(name, "a chaos experiment touches what clients ask for here");
        }
        Event::Touches { peer } => {
            tracing::warn!(name, peer, "a chaos experiment touches the link to a peer");
        }
        Event::Spent => tracing::warn!(
            name,
            max_calls = config.max_calls,
            "a chaos experiment has touched as many messages as it may"
        ),
    }
}

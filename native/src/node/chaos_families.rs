//! The Prometheus families of chaos experiments. They begin with the first one that somebody asks for:
//! most nodes never have any.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use prometheus_client::{collector::Collector, encoding::DescriptorEncoder};

use super::families::{Families, Label};
use crate::chaos::{Chaos, ExperimentSeen, Totals};

/// Where the node's experiments will be, for metrics that are made before them.
pub(super) type ChaosPlace = Arc<OnceLock<Arc<Chaos>>>;

/// See the module's head.
pub(super) struct ChaosFamilies(pub(super) ChaosPlace);

impl fmt::Debug for ChaosFamilies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChaosFamilies")
    }
}

impl Collector for ChaosFamilies {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(chaos) = self.0.get() else { return Ok(()) };
        let (totals, current) = chaos.counted();
        if totals == Totals::default() {
            return Ok(());
        }
        let mut families = Families(encoder);
        families.totals(&totals)?;
        current.map_or(Ok(()), |current| families.current(&current))
    }
}

impl Families<'_> {
    fn totals(&mut self, totals: &Totals) -> fmt::Result {
        let Totals { begun, refused, ended, injected } = totals;
        self.counter("chaos_begun", "Chaos experiments that were begun", *begun)?;
        let help = "Chaos experiments that were refused: without permission, say";
        self.counter("chaos_refused", help, *refused)?;
        let ended = ended.iter().map(|(how, count)| (label("how", how), *count));
        self.counters("chaos_ended", "Chaos experiments that ended, by how", ended)?;
        let injected = injected.iter().map(|(fault, count)| (label("fault", fault), *count));
        let help = "Messages that chaos experiments touched, by what was done to them";
        self.counters("chaos_injected", help, injected)
    }

    fn current(&mut self, current: &ExperimentSeen) -> fmt::Result {
        let ExperimentSeen { runs, steady, peers, counters, .. } = current;
        let help = "1 while a chaos experiment is under way";
        self.gauge("chaos_running", help, u64::from(*runs))?;
        let help = "Peers whose links the last chaos experiment touched";
        self.gauge("chaos_peers", help, peers.len() as u64)?;
        let help = "Messages in the scope of the last chaos experiment";
        self.gauge("chaos_in_scope", help, counters.in_scope)?;
        let help = "Requests that its steady state is taken of: those of its last window";
        self.gauge("chaos_requests", help, u64::from(steady.calls))?;
        let help = "Those of them that failed";
        self.gauge("chaos_requests_failed", help, u64::from(steady.failed))?;
        let help = "Those of them that were slow";
        self.gauge("chaos_requests_slow", help, u64::from(steady.slow))
    }
}

fn label(name: &'static str, value: &str) -> Label {
    (name, value.to_owned())
}

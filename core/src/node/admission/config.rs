//! What a gate is set up with, and how it is checked.

use crate::{
    config::{BadConfig, must},
    resilience::{
        degradation, objective, rate,
        settings::{must_be_time, settings},
        shares,
    },
};

/// Signals of degradation that the node itself gives.
pub const OWN_SIGNALS: u8 = 2;
/// What a node can leave out: answering reads from its state; showing events to new viewers (its
/// host does that).
pub const FEATURES: [&str; 2] = ["reads", "events"];
/// The most that may wait: as many clients as a configuration ever names.
const MAX_WAITING: u32 = 1_000_000;

settings! {
    /// How many clients may wait at a time, each with its latest request. A client that waits already
    /// takes no more room with another.
    pub struct Waiting {
        /// So many.
        most: u32 = 1_024, "sixteen full batches: more only wait longer";
        /// What clients may use of it, in parts per million.
        normal_ppm: u32 = 900_000, "the administrator gets through while clients flood";
    }
}

settings! {
    /// How a node lets clients' requests in. What is `None` lets all through.
    pub struct Config {
        /// How often each client may ask.
        rate: Option<rate::Config> = None, "only who knows the clients knows what they need";
        /// So many clients are told apart by it.
        clients: u32 = 4_096, "as many as are remembered";
        /// How many may wait.
        waiting: Option<Waiting> = None, "each client has one request under way at most";
        /// What is promised to clients, from a request's arrival here to its execution here.
        objective: Option<objective::Config> = None, "only who promises something has it";
        /// A request that isn't executed within so many milliseconds has failed, and so has a client's
        /// waiting for so long that asks anew in between. A read that isn't answered is ordered in the end.
        patience_ms: u64 = 10_000, "longer than most who wait, and than two view changes";
        /// What is left out when there is too much to do. Its signal 0 is the error budget, 1 how many
        /// wait; more are the host's.
        degradation: Option<degradation::Config> = None, "only who has something to leave out degrades";
        /// What the places of clients among rates are drawn from.
        seed: u64 = 0, "hosts draw one, so that nobody can choose a number that shares a place";
    }
}

impl Config {
    /// Refuses what can't work, saying which field and why.
    pub fn validate(&self) -> Result<(), BadConfig> {
        self.keyed().map_or(Ok(()), |keyed| keyed.validate())?;
        if let Some(Waiting { most, normal_ppm }) = self.waiting {
            let bounded = (1..=MAX_WAITING).contains(&most);
            must(bounded, "most", u64::from(most), "from 1 (else nobody is served) to 1000000")?;
            shares::must_rise(normal_ppm, normal_ppm, 1_000_000)?;
        }
        must_be_time("patience_ms", self.patience_ms)?;
        self.objective.as_ref().map_or(Ok(()), objective::Config::validate)?;
        let Some(degradation) = &self.degradation else { return Ok(()) };
        degradation.validate()?;
        let signals = degradation.signals;
        let own = "the node itself gives two";
        must(signals >= OWN_SIGNALS, "signals", u64::from(signals), own)?;
        let known = degradation.features.iter().all(|it| FEATURES.contains(&it.name.as_str()));
        must(known, "features", 0, "what can be left out are “reads” and “events”")?;
        let blind = self.objective.is_none() && self.waiting.is_none() && signals == OWN_SIGNALS;
        let sees = "without objective, waiting or a signal of the host's it would see nothing";
        must(!blind, "degradation", u64::from(signals), sees)
    }

    /// How rates are set up, if they are.
    pub(super) fn keyed(&self) -> Option<rate::KeyedConfig> {
        let each = self.rate.clone()?;
        Some(rate::KeyedConfig { each, keys: self.clients, seed: self.seed })
    }
}

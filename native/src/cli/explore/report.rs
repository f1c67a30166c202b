//! What is known of a range of seeds. One JSON object, versioned: written, continued, merged.

use std::{collections::BTreeMap, fs, path::Path};

use conclave_core::{VERSION, sim::swarm::Outcome};
use serde::{Deserialize, Serialize};

use super::{
    failure::Found,
    ranges::Seeds,
    subject::{About, Subject},
};
use crate::failure::Failure;

/// The schema that this program writes and reads.
const SCHEMA: u32 = 2;
/// The longest report that is read, in bytes: far more than a hundred failures take.
const MAX_REPORT_BYTES: u64 = 64 * 1024 * 1024;
/// So many failures are kept whole; further ones are counted.
const MAX_FOUND: usize = 100;
/// So many seeds of idle runs are named; further ones are counted.
const MAX_IDLE_NAMED: usize = 20;

/// In how many runs something was declared, and in how many it had an effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    pub(super) declared: u64,
    pub(super) effective: u64,
}

/// The slowest request of all: how long it waited in calm, and what the bound was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Slowest {
    pub(super) seed: u64,
    pub(super) waited_ms: u64,
    pub(super) bound_ms: u64,
}

/// What is added up over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Totals {
    pub(super) steps: u64,
    pub(super) delivered: u64,
    pub(super) completed: u64,
    /// Time in the simulated worlds.
    pub(super) virtual_ms: u64,
    /// Time that threads spent, shrinking included.
    pub(super) busy_ms: u64,
}

/// The whole report.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Report {
    schema: u32,
    /// The version of the core.
    core: String,
    /// How this very core behaves: see [`Subject::behaviour`].
    behaviour: String,
    pub(super) about: About,
    /// The seeds that were asked for.
    pub(super) wanted: Seeds,
    /// Those that were carried out.
    pub(super) covered: Seeds,
    /// How many were asked for and not carried out.
    pub(super) left: u64,
    pub(super) runs: u64,
    /// Runs that declare faults none of which had an effect: they tested nothing.
    pub(super) idle: u64,
    pub(super) idle_seeds: Vec<u64>,
    pub(super) features: BTreeMap<String, Share>,
    /// What the protocol had to do, and in how many runs.
    pub(super) reached: BTreeMap<String, u64>,
    pub(super) totals: Totals,
    pub(super) slowest: Option<Slowest>,
    /// How many runs failed.
    pub(super) failed: u64,
    /// The first of them.
    pub(super) failures: Vec<Found>,
}

impl Report {
    pub(super) fn new(subject: &Subject, wanted: Seeds) -> Result<Self, Failure> {
        Ok(Self {
            schema: SCHEMA,
            core: VERSION.to_owned(),
            behaviour: Subject::behaviour()?,
            about: subject.about(),
            left: wanted.count(),
            wanted,
            covered: Seeds::default(),
            runs: 0,
            idle: 0,
            idle_seeds: Vec::new(),
            features: BTreeMap::new(),
            reached: BTreeMap::new(),
            totals: Totals::default(),
            slowest: None,
            failed: 0,
            failures: Vec::new(),
        })
    }

    /// The seeds that were asked for and not yet carried out.
    pub(super) fn missing(&self) -> Seeds {
        self.wanted.without(&self.covered)
    }

    /// These are asked for as well.
    pub(super) fn want(&mut self, seeds: &Seeds) {
        self.wanted.add_all(seeds);
        self.left = self.missing().count();
    }

    /// Adds a run; `outcome` is `None` if it panicked.
    pub(super) fn add(
        &mut self,
        seed: u64,
        outcome: Option<&Outcome>,
        bound_ms: u64,
        found: Option<Found>,
    ) {
        self.covered.add(seed);
        self.left = self.missing().count();
        self.runs += 1;
        if let Some(outcome) = outcome {
            self.count(seed, outcome, bound_ms);
        }
        if let Some(found) = found {
            self.failed += 1;
            self.keep(found);
        }
    }

    fn count(&mut self, seed: u64, outcome: &Outcome, bound_ms: u64) {
        let counts = &outcome.verdict.counts;
        self.totals.steps += outcome.verdict.steps;
        self.totals.delivered += counts.delivered;
        self.totals.completed += counts.completed;
        self.totals.virtual_ms += outcome.verdict.ended_at.0 / 1_000;
        for feature in &outcome.declared {
            self.features.entry((*feature).to_owned()).or_default().declared += 1;
        }
        for feature in &outcome.effective {
            self.features.entry((*feature).to_owned()).or_default().effective += 1;
        }
        for feature in &outcome.reached {
            *self.reached.entry((*feature).to_owned()).or_default() += 1;
        }
        if outcome.is_idle() {
            self.idle += 1;
            self.idle_seeds.push(seed);
            self.shorten();
        }
        self.slower(Slowest { seed, waited_ms: counts.waited_us / 1_000, bound_ms });
    }

    fn slower(&mut self, other: Slowest) {
        // Of equally slow ones the lowest seed, so that the order of threads doesn't matter.
        let key = |it: Slowest| (it.waited_ms, std::cmp::Reverse(it.seed));
        if self.slowest.is_none_or(|slowest| key(slowest) < key(other)) {
            self.slowest = Some(other);
        }
    }

    fn keep(&mut self, found: Found) {
        self.failures.push(found);
        self.shorten();
    }

    fn shorten(&mut self) {
        self.failures.sort_by_key(|found| found.seed);
        self.failures.truncate(MAX_FOUND);
        self.idle_seeds.sort_unstable();
        self.idle_seeds.truncate(MAX_IDLE_NAMED);
    }

    /// Takes another report in, which is at `path`.
    pub(super) fn merge(&mut self, other: Self, path: &Path) -> Result<(), Failure> {
        let refuse = |why: String| Err(Failure::BadInput(format!("{}: {why}", path.display())));
        if other.behaviour != self.behaviour {
            return refuse(format!(
                "it was made by another core ({}, not {}), and the same seeds mean other runs",
                other.behaviour, self.behaviour
            ));
        }
        if other.about != self.about {
            return refuse("it is about something else than the reports before it".to_owned());
        }
        if let Some(seed) = self.covered.overlap(&other.covered) {
            return refuse(format!("seed {seed} is in a report before it, and would count twice"));
        }
        self.covered.add_all(&other.covered);
        self.want(&other.wanted);
        self.runs += other.runs;
        self.idle += other.idle;
        self.idle_seeds.extend(other.idle_seeds);
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.shorten();
        for (feature, share) in other.features {
            let sum = self.features.entry(feature).or_default();
            sum.declared += share.declared;
            sum.effective += share.effective;
        }
        for (feature, count) in other.reached {
            *self.reached.entry(feature).or_default() += count;
        }
        self.totals.steps += other.totals.steps;
        self.totals.delivered += other.totals.delivered;
        self.totals.completed += other.totals.completed;
        self.totals.virtual_ms += other.totals.virtual_ms;
        self.totals.busy_ms += other.totals.busy_ms;
        if let Some(slowest) = other.slowest {
            self.slower(slowest);
        }
        Ok(())
    }

    /// Refuses to go on with a report that another core, or another sweep, began.
    pub(super) fn must_be_about(&self, subject: &Subject, path: &Path) -> Result<(), Failure> {
        let here = Subject::behaviour()?;
        let why = if self.behaviour != here {
            format!(
                "it was made by another core ({}, this is {here}); begin a new one",
                self.behaviour
            )
        } else if self.about != subject.about() {
            "it is about something else: name the same --scenario, or none if it had none".into()
        } else {
            return Ok(());
        };
        Err(Failure::BadInput(format!("{}: {why}", path.display())))
    }

    pub(super) fn load(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let bad = |why: String| Failure::BadInput(format!("{shown}: {why}"));
        let length = fs::metadata(path).map_err(|why| bad(format!("can't read it: {why}")))?.len();
        if length > MAX_REPORT_BYTES {
            return Err(bad(format!("{length} bytes are over the limit of {MAX_REPORT_BYTES}")));
        }
        let text = fs::read_to_string(path).map_err(|why| bad(format!("can't read it: {why}")))?;
        let version: Versioned = serde_json::from_str(&text)
            .map_err(|why| bad(format!("it is no report of conclave explore: {why}")))?;
        if version.schema != SCHEMA {
            let found = version.schema;
            return Err(bad(format!("it has schema {found}; this version reads {SCHEMA}")));
        }
        serde_json::from_str(&text)
            .map_err(|why| bad(format!("it is no report of conclave explore: {why}")))
    }

    pub(super) fn to_json(&self) -> Result<String, Failure> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|why| Failure::Unmet(format!("no JSON: {why}")))
    }

    /// Writes it beside its place and moves it there, so that there is a whole one at any time.
    pub(super) fn save(&self, path: &Path) -> Result<(), Failure> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".tmp");
        fs::write(&beside, self.to_json()?)
            .and_then(|()| fs::rename(&beside, path))
            .map_err(|why| Failure::Unmet(format!("can't write {}: {why}", path.display())))
    }
}

/// What every schema has.
#[derive(Deserialize)]
struct Versioned {
    schema: u32,
}

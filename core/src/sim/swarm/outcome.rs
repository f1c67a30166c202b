//! Carrying out a scenario and judging it.

use core::fmt;

use serde::{Deserialize, Serialize};

use super::{
    super::{
        cluster::Cluster,
        invariant::Invariant,
        recording::MAX_STEPS,
        run::{Run, RunError},
        verdict::Verdict,
    },
    feature::{Features, declared, effective, reached},
};
use crate::time::Time;

/// What is wrong with a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// An invariant that the scenario doesn't expect to be violated was.
    Violated(Invariant),
    /// Something that the scenario expects didn't come about.
    Unmet,
    /// It was still going on after [`MAX_STEPS`] steps.
    Endless,
}

/// What came of a scenario.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The whole verdict.
    pub verdict: Verdict,
    /// What is wrong, if anything: the first violation above all.
    pub trouble: Option<Trouble>,
    /// What the scenario declares.
    pub declared: Features,
    /// What of it had an effect.
    pub effective: Features,
    /// What the protocol had to do.
    pub reached: Features,
}

impl Outcome {
    /// Whether it declares something and nothing of it had an effect: then it tested nothing.
    pub fn is_idle(&self) -> bool {
        !self.declared.is_empty() && self.effective.is_empty()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violated(invariant) => write!(f, "{} is violated", invariant.name()),
            Self::Unmet => f.write_str("an expectation is not met"),
            Self::Endless => write!(f, "it goes on after {MAX_STEPS} steps"),
        }
    }
}

/// Carries out a run to its end, or to the first violation that isn't expected.
pub fn carry_out(run: &Run) -> Result<Outcome, RunError> {
    let mut cluster = Cluster::new(run)?;
    let expected = &run.scenario.expect.violated;
    while cluster.steps() < MAX_STEPS && cluster.step() {
        if cluster.violations().iter().any(|it| !expected.contains(&it.invariant)) {
            break;
        }
    }
    let endless = cluster.steps() >= MAX_STEPS;
    let verdict = cluster.verdict();
    Ok(Outcome {
        trouble: trouble(run, &verdict, endless),
        declared: declared(&run.scenario),
        effective: effective(&run.scenario, &verdict),
        reached: reached(&verdict.counts),
        verdict,
    })
}

fn trouble(run: &Run, verdict: &Verdict, endless: bool) -> Option<Trouble> {
    let expected = &run.scenario.expect.violated;
    let violated = verdict.violations.iter().find(|it| !expected.contains(&it.invariant));
    if let Some(violation) = violated {
        Some(Trouble::Violated(violation.invariant))
    } else if endless {
        Some(Trouble::Endless)
    } else {
        (!verdict.as_expected()).then_some(Trouble::Unmet)
    }
}

/// When a run gets into this trouble; `None`: it doesn't. Stops as soon as that is known.
pub fn has_trouble(run: &Run, trouble: Trouble) -> Result<Option<Time>, RunError> {
    let Trouble::Violated(invariant) = trouble else {
        let outcome = carry_out(run)?;
        return Ok((outcome.trouble == Some(trouble)).then_some(outcome.verdict.ended_at));
    };
    let mut cluster = Cluster::new(run)?;
    while cluster.steps() < MAX_STEPS && cluster.step() {
        if cluster.violations().iter().any(|violation| violation.invariant == invariant) {
            return Ok(Some(cluster.now()));
        }
    }
    Ok(None)
}

//! What is kept of a run that fails: what went wrong, and the least that goes wrong in the same
//! way.

use std::{
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
    sync::atomic::{AtomicBool, Ordering},
};

use conclave_core::{
    sim::{
        Address, Run,
        shrink::{Shrunk, shrink},
        swarm::{Outcome, Trouble, carry_out, has_trouble},
    },
    time::Time,
};
use serde::{Deserialize, Serialize};

use super::subject::Subject;

/// One failure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Found {
    pub(super) seed: u64,
    /// In words.
    pub(super) trouble: String,
    /// Who, where, what against what; of each invariant that was violated, the first time.
    pub(super) details: Vec<String>,
    /// The command that reproduces it.
    pub(super) command: String,
    /// The link that opens it in the lab.
    pub(super) link: String,
    /// The least scenario that fails in the same way.
    pub(super) shrunk: Option<Least>,
}

/// What shrinking left.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Least {
    /// The scenario file.
    pub(super) file: String,
    pub(super) link: String,
    /// How many runs it took.
    pub(super) runs: u32,
    /// Whether nothing more can be left out; false: the runs were used up.
    pub(super) is_minimal: bool,
}

/// How a run ended.
pub(super) enum Ending {
    Judged(Box<Outcome>),
    /// An assertion of the code failed: a violation like any other, and no reason to stop.
    Panicked(String),
}

thread_local! {
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// From now on panics of runs are kept to be told, and not printed.
pub(super) fn keep_panics() {
    panic::set_hook(Box::new(|info| PANIC.with_borrow_mut(|kept| *kept = info.to_string())));
}

/// Carries out a run, whatever it does.
pub(super) fn end_of(run: &Run) -> Result<Ending, String> {
    match panic::catch_unwind(AssertUnwindSafe(|| carry_out(run))) {
        Ok(Ok(outcome)) => Ok(Ending::Judged(Box::new(outcome))),
        Ok(Err(why)) => Err(why.to_string()),
        Err(_) => Ok(Ending::Panicked(PANIC.take())),
    }
}

/// What is to be kept of this run; `None`: it came out as it must.
pub(super) fn found(
    subject: &Subject,
    run: &Run,
    ending: &Ending,
    shrink_runs: u32,
    stop: &AtomicBool,
) -> Option<Found> {
    let (trouble, details, words) = match ending {
        Ending::Panicked(what) => (None, vec![what.clone()], "the code panics".to_owned()),
        Ending::Judged(outcome) => {
            let trouble = outcome.trouble?;
            (Some(trouble), details(outcome), trouble.to_string())
        }
    };
    let shrunk = (shrink_runs > 0).then(|| {
        shrink(&run.scenario, run.seed, shrink_runs, &mut |candidate| {
            // Once asked to stop nothing is left out any more, and the search ends soon.
            if stop.load(Ordering::Relaxed) { None } else { fails(candidate, trouble) }
        })
    });
    Some(Found {
        seed: run.seed,
        trouble: words,
        details,
        command: subject.command(run.seed),
        link: Address::new(run, 0).encode(),
        shrunk: shrunk.map(least),
    })
}

fn details(outcome: &Outcome) -> Vec<String> {
    let violations = outcome.verdict.violations.iter().map(|it| {
        format!("{} at step {} ({}): {}", it.invariant.name(), it.step, it.at, it.detail)
    });
    let unmet = outcome.verdict.expectations.iter().filter(|it| !it.met);
    violations.chain(unmet.map(|it| format!("not met: {}", it.what))).collect()
}

/// When a candidate fails in the same way.
fn fails(candidate: &Run, trouble: Option<Trouble>) -> Option<Time> {
    match trouble {
        Some(trouble) => {
            // A candidate that can't be carried out, or panics, fails in another way.
            panic::catch_unwind(AssertUnwindSafe(|| has_trouble(candidate, trouble))).ok()?.ok()?
        }
        // A panic says nothing of its time: the end of what the scenario asks for stands for it.
        None => matches!(end_of(candidate), Ok(Ending::Panicked(_)))
            .then(|| Time::from_millis(u64::from(candidate.scenario.duration_ms))),
    }
}

fn least(Shrunk { scenario, runs, is_minimal }: Shrunk) -> Least {
    let (file, seed) = (scenario.source.clone(), scenario.seed);
    let link = Address::new(&Run::new(scenario, seed), 0).encode();
    Least { file, link, runs, is_minimal }
}

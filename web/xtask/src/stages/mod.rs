//! `cargo xtask test`: every check there is, as stages with a name and a time each.
//!
//! The first stage that fails ends it, its output being the last thing above the table. The last
//! line counts every check of every stage that ran.

mod checks;
mod instructions;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Result;
use clap::Args;

use crate::{
    process,
    run::BadRequest,
    say::{self, Paint, paint},
    tally::Tally,
    workspace::Workspace,
};

/// What can be chosen.
#[derive(Args)]
pub(crate) struct Options {
    /// Run only this stage (may be repeated)
    #[arg(long, value_name = "STAGE", conflicts_with = "skip")]
    only: Vec<String>,
    /// Leave out this stage (may be repeated)
    #[arg(long, value_name = "STAGE")]
    skip: Vec<String>,
    /// List the stages and what each does
    #[arg(long)]
    list: bool,
}

/// One stage.
struct Stage {
    name: &'static str,
    what: &'static str,
    check: fn(&Workspace) -> Result<Tally>,
}

/// In the order in which they run: the quick ones first.
const STAGES: &[Stage] = &[
    Stage { name: "format", what: "every file is as rustfmt writes it", check: checks::format },
    Stage {
        name: "lint",
        what: "clippy has nothing to say about what runs natively",
        check: checks::lint,
    },
    Stage {
        name: "lint-web",
        what: "clippy has nothing to say about the lab",
        check: checks::lint_web,
    },
    Stage {
        name: "fuzz-targets",
        what: "the targets of cargo fuzz compile",
        check: checks::fuzz_targets,
    },
    Stage { name: "tests", what: "unit and integration tests", check: checks::tests },
    Stage {
        name: "mutants",
        what: "tests notice that the protocol is broken: every third mutation",
        check: crate::mutants::slice,
    },
    Stage {
        name: "docs",
        what: "documentation builds without warnings, its examples run",
        check: checks::docs,
    },
    Stage {
        name: "instructions",
        what: "a delivered message costs the simulator what it did",
        check: instructions::instructions,
    },
    Stage {
        name: "purity",
        what: "the core as wasm imports nothing, the lab nothing from env",
        check: checks::purity,
    },
    Stage {
        name: "lab",
        what: "the lab and the playgrounds build and keep their budgets",
        check: checks::lab,
    },
    Stage {
        name: "browser",
        what: "both pages in headless Chromium; the same run everywhere",
        check: checks::browser,
    },
];

enum Outcome {
    Passed,
    Failed,
    LeftOut,
    NotReached,
}

struct Row {
    stage: &'static Stage,
    outcome: Outcome,
    tally: Tally,
    took: Duration,
}

/// Runs the stages that were asked for.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    if options.list {
        for Stage { name, what, .. } in STAGES {
            println!("{name:<12} {what}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    check_names(options)?;

    let began = Instant::now();
    let mut rows: Vec<Row> = Vec::new();
    let mut failure = None;
    for stage in STAGES {
        let mut row = Row {
            stage,
            outcome: Outcome::NotReached,
            tally: Tally::default(),
            took: Duration::ZERO,
        };
        if !is_wanted(options, stage.name) {
            row.outcome = Outcome::LeftOut;
        } else if failure.is_none() {
            say::step(&format!("{}: {}", stage.name, stage.what));
            let stage_began = Instant::now();
            let result = (stage.check)(workspace);
            row.took = stage_began.elapsed();
            (row.outcome, row.tally, failure) = judge(result);
            say::detail(&format!("{}: {}", stage.name, say::duration(row.took)));
        }
        rows.push(row);
    }
    if let Some(error) = &failure {
        eprintln!("{} {error:#}", paint("error:", Paint::Bad));
    }
    print_table(&rows, began.elapsed());
    // Nothing may come after this line: whoever reads the log looks for it at the very end.
    println!("{}", last_line(&rows));
    Ok(if process::interrupted() {
        ExitCode::from(130)
    } else if failure.is_some() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// A stage that failed counts at least one failure, also if no runner could say so any more.
fn judge(result: Result<Tally>) -> (Outcome, Tally, Option<anyhow::Error>) {
    match result {
        Ok(tally) if tally.failed == 0 => (Outcome::Passed, tally, None),
        Ok(tally) => {
            let error =
                anyhow::anyhow!("{} of {} failed", tally.failed, tally.failed + tally.passed);
            (Outcome::Failed, tally, Some(error))
        }
        Err(error) => (Outcome::Failed, Tally { failed: 1, ..Tally::default() }, Some(error)),
    }
}

fn check_names(options: &Options) -> Result<()> {
    for name in options.only.iter().chain(&options.skip) {
        if !STAGES.iter().any(|stage| stage.name == name) {
            let names: Vec<_> = STAGES.iter().map(|stage| stage.name).collect();
            return Err(BadRequest::new(format!(
                "there is no stage `{name}`; there are {}",
                names.join(", ")
            ))
            .into());
        }
    }
    Ok(())
}

fn is_wanted(options: &Options, name: &str) -> bool {
    let named = |names: &[String]| names.iter().any(|wanted| wanted == name);
    if options.only.is_empty() { !named(&options.skip) } else { named(&options.only) }
}

fn print_table(rows: &[Row], took: Duration) {
    eprintln!();
    for Row { stage, outcome, tally, took } in rows {
        let outcome = match outcome {
            Outcome::Passed => paint("passed     ", Paint::Good),
            Outcome::Failed => paint("FAILED     ", Paint::Bad),
            Outcome::LeftOut => "left out   ".to_owned(),
            Outcome::NotReached => "not reached".to_owned(),
        };
        let time = if took.is_zero() { String::new() } else { say::duration(*took) };
        let Tally { passed, failed, .. } = tally;
        eprintln!("{:<12} {outcome} {time:>12} {passed:>6} passed {failed:>4} failed", stage.name);
    }
    eprintln!("{:<12} {:<11} {:>12}\n", "together", "", say::duration(took));
}

fn last_line(rows: &[Row]) -> String {
    let mut sum = Tally::default();
    for row in rows {
        sum.add(row.tally);
    }
    format!("{} passed, {} failed", sum.passed, sum.failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(only: &[&str], skip: &[&str]) -> Options {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        Options { only: owned(only), skip: owned(skip), list: false }
    }

    #[test]
    fn stages_are_chosen_by_name() {
        assert!(is_wanted(&options(&[], &[]), "tests"));
        assert!(!is_wanted(&options(&["docs"], &[]), "tests"));
        assert!(!is_wanted(&options(&[], &["tests"]), "tests"));
        assert!(check_names(&options(&["docs", "lab"], &[])).is_ok());
        let error = check_names(&options(&["dox"], &[])).unwrap_err().to_string();
        assert!(error.contains("no stage `dox`") && error.contains("docs"), "{error}");
    }

    #[test]
    fn a_stage_that_breaks_counts_as_a_failure() {
        let (outcome, tally, error) = judge(Err(anyhow::anyhow!("no compiler")));
        assert!(matches!(outcome, Outcome::Failed) && tally.failed == 1 && error.is_some());
        let (outcome, tally, _) = judge(Ok(Tally { passed: 3, failed: 2, skipped: 0 }));
        assert!(matches!(outcome, Outcome::Failed) && tally.failed == 2);
        assert!(matches!(judge(Ok(Tally { passed: 3, failed: 0, skipped: 0 })).0, Outcome::Passed));
    }

    #[test]
    fn the_last_line_sums_over_the_stages() {
        let row = |passed, failed| Row {
            stage: &STAGES[0],
            outcome: Outcome::Passed,
            tally: Tally { passed, failed, skipped: 9 },
            took: Duration::ZERO,
        };
        assert_eq!(last_line(&[row(3, 0), row(1, 2)]), "4 passed, 2 failed");
    }
}

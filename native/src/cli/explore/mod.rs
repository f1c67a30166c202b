//! `conclave explore`: many random scenarios, a report, and the least of what fails.
//!
//! ```text
//! seeds ─▶ sweep (threads) ─▶ report (a file, every few seconds) ─▶ summary
//!              └─ a failure ─▶ shrink ─▶ file and link
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `subject` | what is swept: storms, or one scenario |
//! | `ranges` | sets of seeds |
//! | `sweep` | carrying out runs in threads |
//! | `failure` | what is kept of a run that fails |
//! | `report` | what is known of a range: written, continued, merged |
//! | `summary` | what people see |

mod failure;
mod ranges;
mod report;
mod subject;
mod summary;
mod sweep;

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use conclave_core::sim::{Run, shrink::DEFAULT_BUDGET, swarm::storm};

use self::{
    ranges::Seeds,
    report::Report,
    subject::Subject,
    sweep::{Ended, Limits},
};
use super::{jobs, output, simulate};
use crate::failure::Failure;

/// The most reports in one merge.
const MAX_MERGED: usize = 10_000;

/// Run many random scenarios, check every invariant, shrink what fails
///
/// Every seed is another cluster, network, workload and set of faults ("storm"), at most f nodes of
/// which are faulty; then calm, in which every request must be answered within a bound that is
/// computed from the configuration. A storm in which nothing that it declares had an effect is
/// counted apart: it tested nothing. What fails is shrunk to the least scenario that fails in the
/// same way.
///
/// A report is written every five seconds and holds from then on: after Ctrl-C, go on with
/// --resume. A second Ctrl-C doesn't wait for the runs under way. Reports of separate ranges of the
/// same core merge.
///
/// Exit code 0: every run came out as it must; 1: some didn't, or nothing was tested; 2: bad usage;
/// 3: none failed, but a limit left seeds undone (how many is `left` in the report); 130:
/// interrupted.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  conclave explore --seeds 0..1000
  conclave explore --seeds 0..100000 --jobs 2 --out report.json
  conclave explore --resume report.json
  conclave explore --seeds 0..500 --scenario my-scenario.toml
  conclave explore merge a.json b.json --out all.json
  conclave explore show 4711 > storm.toml
  conclave explore run 4711")]
pub(super) struct Explore {
    #[command(subcommand)]
    command: Option<Also>,
    /// The seeds: from the first up to, and without, the last (both below 2⁶³)
    #[arg(long, value_name = "A..B", required_unless_present = "resume")]
    seeds: Option<Seeds>,
    /// How many threads [default: one for each core; at most 1024]
    #[arg(long, value_name = "N", value_parser = jobs::parse)]
    jobs: Option<usize>,
    /// Where to write the report; a file that is there is not overwritten
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with this report: leave out the seeds that it covers, write it anew
    #[arg(long, value_name = "FILE")]
    resume: Option<PathBuf>,
    /// End after this long, such as 90s, 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = time)]
    time_limit: Option<Duration>,
    /// Sweep the seeds of this scenario (a name or a file) instead of storms
    #[arg(long, value_name = "SCENARIO")]
    scenario: Option<String>,
    /// End when so many runs have failed; those before --resume don't count
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=100))]
    stop_after: u64,
    /// The most runs that shrinking one failure may take; 0: don't shrink
    #[arg(long, value_name = "N", default_value_t = DEFAULT_BUDGET)]
    shrink_runs: u32,
    /// Print the report instead of a summary
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Also {
    /// Print the scenario file of a storm
    Show {
        /// Its seed
        seed: u64,
    },
    /// Carry out one storm and print the verdict, as `conclave simulate` does
    Run {
        /// Its seed
        seed: u64,
        #[command(flatten)]
        shown: simulate::Shown,
    },
    /// Put reports of separate ranges together
    Merge {
        /// The reports (at most 10000)
        #[arg(required = true, num_args = 1..=MAX_MERGED)]
        reports: Vec<PathBuf>,
        /// Where to write the whole; a file that is there is not overwritten
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
}

impl Explore {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Some(Also::Show { seed }) => output::print(&the_storm(seed)?.scenario.source),
            Some(Also::Run { seed, shown }) => shown.of(&the_storm(seed)?),
            Some(Also::Merge { reports, out }) => merge(&reports, &out),
            None => self.sweep(),
        }
    }

    fn sweep(self) -> Result<(), Failure> {
        let (mut report, subject) = self.begin()?;
        let out = self.resume.as_deref().or(self.out.as_deref());
        let limits = Limits {
            jobs: self.jobs.unwrap_or_else(jobs::one_for_each_core),
            time: self.time_limit,
            failures: self.stop_after,
            shrink_runs: self.shrink_runs,
        };
        let ended = sweep::sweep(&subject, &mut report, &limits, out)?;
        if self.json {
            output::print(&report.to_json()?)?;
        } else {
            output::print(&summary::text(&report, &subject))?;
        }
        if ended == Ended::Interrupted {
            return Err(interrupted(report.left, out.is_some()));
        }
        verdict(&report)
    }

    /// A new report, or the one to go on with.
    fn begin(&self) -> Result<(Report, Subject), Failure> {
        let subject = Subject::new(self.scenario.as_deref())?;
        let Some(path) = &self.resume else {
            if let Some(out) = &self.out {
                output::refuse_existing(out)?;
            }
            let wanted = self.seeds.clone().unwrap_or_default();
            return Ok((Report::new(&subject, wanted)?, subject));
        };
        let mut report = Report::load(path)?;
        report.must_be_about(&subject, path)?;
        if let Some(wanted) = &self.seeds {
            report.want(wanted);
        }
        Ok((report, subject))
    }
}

fn merge(paths: &[PathBuf], out: &std::path::Path) -> Result<(), Failure> {
    output::refuse_existing(out)?;
    let mut all: Option<Report> = None;
    for path in paths {
        let report = Report::load(path)?;
        match &mut all {
            None => all = Some(report),
            Some(all) => all.merge(report, path)?,
        }
    }
    let Some(all) = all else { return Err(Failure::BadInput("name the reports".into())) };
    all.save(out)?;
    output::print(&summary::counted(&all))?;
    verdict(&all)
}

/// Somebody ended it, and so many seeds are left.
fn interrupted(left: u64, is_written: bool) -> Failure {
    let how = if is_written { "go on with --resume" } else { "nothing is written" };
    Failure::Interrupted(format!("{left} seeds are left; {how}"))
}

fn verdict(report: &Report) -> Result<(), Failure> {
    match report.failed {
        0 if report.runs == 0 => {
            Err(Failure::Unmet("no seed was carried out: nothing was tested".into()))
        }
        0 if report.runs == report.idle => {
            Err(Failure::Unmet("no run did what it declares: nothing was tested".into()))
        }
        0 if report.left > 0 => Err(Failure::Incomplete(format!("{} seeds are left", report.left))),
        0 => Ok(()),
        1 => Err(Failure::Unmet("one run failed".into())),
        failed => Err(Failure::Unmet(format!("{failed} runs failed"))),
    }
}

fn the_storm(seed: u64) -> Result<Run, Failure> {
    storm(seed).map(|scenario| Run::new(scenario, seed)).map_err(|why| Failure::bad_input(&why))
}

/// A number with a unit.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || "write a whole number and s, m or h, such as 90s, 10m or 2h".to_owned();
    let unit_at = text.char_indices().last().map_or(0, |(at, _)| at);
    let (number, unit) = text.split_at(unit_at);
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong()),
    };
    let number: u32 = number.parse().map_err(|_| wrong())?;
    Ok(Duration::from_secs(u64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_with_a_unit() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(time("2h"), Ok(Duration::from_hours(2)));
        for wrong in ["", "s", "10", "m10", "-1s", "1.5h", "10 m", "9é"] {
            assert!(time(wrong).is_err(), "{wrong:?}");
        }
    }
}

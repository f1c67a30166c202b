//! `conclave evaluate-detector`: what nodes believe of each other, against what is so.
//!
//! ```text
//! conducts × sizes × networks × seeds ─▶ trials (threads) ─▶ tallies by row ─▶ table, goals
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `trials` | which trials, and carrying them out in threads |
//! | `tally` | what many trials come to |
//! | `statistics` | intervals |
//! | `table` | what people see |

mod statistics;
mod table;
mod tally;
mod trials;

use std::{fmt::Write as _, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use conclave_core::{
    VERSION,
    sim::{
        Address, Run,
        appraisal::{CONDUCTS, Class, Conduct, SETTINGS, Setting},
    },
};
use serde::Serialize;

use self::{
    tally::{Goal, Row, Tally},
    trials::{Cell, Plan},
};
use super::{jobs, output};
use crate::failure::Failure;

/// The schema of the report.
const SCHEMA: u32 = 1;
/// The most seeds of one cell.
const MAX_RUNS: u64 = 100_000;
/// So many trials are named in which an offender got away.
const MAX_UNPROVEN: usize = 20;

/// Measure the detector against the truth, in many simulated runs
///
/// Every conduct (how liars lie, and what honest nodes suffer) is tried on every size and network,
/// with many seeds. In each run f nodes lie from the fifth virtual second on, for half a minute.
/// A node is held guilty once f+1 correct nodes have proof against it or suspect it.
///
/// Exit code 0: every goal is met; 1: some aren't; 2: bad usage; 130: interrupted.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  conclave evaluate-detector
  conclave evaluate-detector --runs 200 --by network
  conclave evaluate-detector --conducts flood,silent-backup --sizes 4 --runs 1000
  conclave evaluate-detector list
  conclave evaluate-detector show flood --size 7 --network lossy --seed 3 > trial.toml")]
pub(super) struct Evaluate {
    #[command(subcommand)]
    command: Option<Also>,
    /// So many seeds for each conduct, size and network
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=MAX_RUNS))]
    runs: u64,
    /// The first seed
    #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..1 << 62))]
    from: u64,
    /// How many nodes
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [4, 7, 13], value_parser = clap::value_parser!(u16).range(4..=22))]
    sizes: Vec<u16>,
    /// Only these conducts [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = conduct)]
    conducts: Vec<&'static Conduct>,
    /// Only these networks [default: all]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = setting)]
    networks: Vec<&'static Setting>,
    /// Split the rows
    #[arg(long, value_name = "WHAT")]
    by: Option<By>,
    /// How many threads [default: one for each core; at most 1024]
    #[arg(long, value_name = "N", value_parser = jobs::parse)]
    jobs: Option<usize>,
    /// Write the report as JSON; a file that is there is not overwritten
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Print the report as JSON instead of a table
    #[arg(long)]
    json: bool,
}

/// By what rows are split.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    Size,
    Network,
}

#[derive(Debug, Subcommand)]
enum Also {
    /// Say which conducts and networks there are
    List,
    /// Print the scenario file of one trial; its link goes to stderr
    Show {
        /// The conduct
        #[arg(value_parser = conduct)]
        conduct: &'static Conduct,
        /// How many nodes
        #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=22))]
        size: u16,
        /// The network
        #[arg(long, value_name = "NAME", default_value = "site", value_parser = setting)]
        network: &'static Setting,
        /// The seed
        #[arg(long, value_name = "SEED", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..1 << 62))]
        seed: u64,
    },
}

/// All that was found out.
#[derive(Debug, Serialize)]
struct Report {
    schema: u32,
    core: &'static str,
    sizes: Vec<u16>,
    networks: Vec<&'static str>,
    /// Seeds from, and how many, of each cell.
    seeds: (u64, u64),
    rows: Vec<Row>,
    /// The same for each class of conducts, all of it together.
    totals: Vec<Row>,
    /// Trials in which a provable offender got away without proof; the first few.
    unproven: Vec<Unproven>,
    goals: Vec<Goal>,
}

/// A trial to look at: `evaluate-detector show` prints it.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Unproven {
    conduct: &'static str,
    size: u16,
    network: &'static str,
    seed: u64,
}

impl Evaluate {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.command {
            Some(Also::List) => output::print(&list()),
            Some(Also::Show { conduct, size, network, seed }) => {
                show(&Cell { conduct, n: size, setting: network }, seed)
            }
            None => self.evaluate(),
        }
    }

    fn evaluate(self) -> Result<(), Failure> {
        if let Some(out) = &self.out {
            output::refuse_existing(out)?;
        }
        let conducts = or_all(self.conducts, CONDUCTS);
        let settings = or_all(self.networks, SETTINGS);
        let plan = Plan::new(&conducts, &self.sizes, &settings, self.from, self.runs);
        let tallies = trials::carry_out(&plan, self.jobs.unwrap_or_else(jobs::one_for_each_core))?;
        let report = Report {
            schema: SCHEMA,
            core: VERSION,
            sizes: self.sizes,
            networks: settings.iter().map(|it| it.name).collect(),
            seeds: (self.from, self.runs),
            rows: rows(&plan, &tallies, self.by),
            totals: totals(&plan, &tallies),
            unproven: unproven(&plan, &tallies),
            goals: tally::goals(|classes| {
                sum(&plan, &tallies, |it| classes.contains(&it.conduct.class))
            }),
        };
        let json = || serde_json::to_string_pretty(&report).map_err(|why| Failure::unmet(&why));
        if let Some(out) = &self.out {
            std::fs::write(out, json()? + "\n")
                .map_err(|why| Failure::Unmet(format!("can't write {}: {why}", out.display())))?;
        }
        output::print(&if self.json { json()? + "\n" } else { table::text(&report) })?;
        match report.goals.iter().filter(|goal| !goal.met).count() {
            0 => Ok(()),
            1 => Err(Failure::Unmet("one goal is not met".into())),
            missed => Err(Failure::Unmet(format!("{missed} goals are not met"))),
        }
    }
}

/// All of them, if none is named.
fn or_all<T>(named: Vec<&'static T>, all: &'static [T]) -> Vec<&'static T> {
    if named.is_empty() { all.iter().collect() } else { named }
}

/// The tallies of these cells, together.
fn sum(plan: &Plan, tallies: &[Tally], is_in: impl Fn(&Cell) -> bool) -> Tally {
    let mut sum = Tally::default();
    for (_, tally) in plan.cells.iter().zip(tallies).filter(|(cell, _)| is_in(cell)) {
        sum.merge(tally.clone());
    }
    sum
}

/// A row for each conduct, in the order of the table; or several.
fn rows(plan: &Plan, tallies: &[Tally], by: Option<By>) -> Vec<Row> {
    let part = |cell: &Cell| match by {
        None => String::new(),
        Some(By::Size) => format!(", {} nodes", cell.n),
        Some(By::Network) => format!(", {}", cell.setting.name),
    };
    let mut names: Vec<(String, &Conduct)> = Vec::new();
    for cell in &plan.cells {
        let name = cell.conduct.name.to_owned() + &part(cell);
        if !names.iter().any(|(known, _)| *known == name) {
            names.push((name, cell.conduct));
        }
    }
    names
        .into_iter()
        .map(|(name, conduct)| {
            sum(plan, tallies, |cell| cell.conduct.name.to_owned() + &part(cell) == name).row(
                name,
                conduct.class.name(),
                conduct.what,
            )
        })
        .collect()
}

/// A row for each class that was tried.
fn totals(plan: &Plan, tallies: &[Tally]) -> Vec<Row> {
    use Class::{Active, Hidden, Honest, Provable};
    let tried = |class: &Class| plan.cells.iter().any(|cell| cell.conduct.class == *class);
    let row = |class: Class| {
        let all = sum(plan, tallies, |cell| cell.conduct.class == class);
        all.row(
            format!("all {}", class.name()),
            class.name(),
            "on every network, of every size, together",
        )
    };
    [Provable, Active, Hidden, Honest].into_iter().filter(tried).map(row).collect()
}

/// Trials in which a provable offender got away, by conduct, size and network.
fn unproven(plan: &Plan, tallies: &[Tally]) -> Vec<Unproven> {
    let cells = plan.cells.iter().zip(tallies);
    cells
        .filter(|(cell, _)| cell.conduct.class == Class::Provable)
        .flat_map(|(cell, tally)| {
            let &Cell { conduct, n: size, setting } = cell;
            let missed =
                move |seed| Unproven { conduct: conduct.name, size, network: setting.name, seed };
            tally.unproven().into_iter().map(missed)
        })
        .take(MAX_UNPROVEN)
        .collect()
}

fn list() -> String {
    let mut text = String::from("conducts:\n");
    // Writing to a string can't fail.
    for Conduct { name, class, what, .. } in CONDUCTS {
        let _ = writeln!(text, "  {name:<26}{:<10}{what}", class.name());
    }
    text += "\nnetworks:\n";
    for Setting { name, network } in SETTINGS {
        let [from, to] = [network.latency_us, network.latency_us + network.jitter_us]
            .map(|us| f64::from(us) / 1e3);
        let loss = f64::from(network.loss_ppm) / 1e4;
        let _ = writeln!(text, "  {name:<12}{from:.1} to {to:.1} ms, {loss} % lost");
    }
    text
}

fn show(cell: &Cell, seed: u64) -> Result<(), Failure> {
    let trial = cell.trial(seed).map_err(|why| Failure::bad_input(&why))?;
    let scenario = trial.scenario().map_err(|why| Failure::bad_input(&why))?;
    let source = scenario.source.clone();
    eprintln!("link: {}", Address::new(&Run::new(scenario, seed), 0).encode());
    output::print(&source)
}

fn conduct(name: &str) -> Result<&'static Conduct, String> {
    let found = CONDUCTS.iter().find(|it| it.name == name);
    found.ok_or_else(|| unknown("conduct", CONDUCTS.iter().map(|it| it.name)))
}

fn setting(name: &str) -> Result<&'static Setting, String> {
    let found = SETTINGS.iter().find(|it| it.name == name);
    found.ok_or_else(|| unknown("network", SETTINGS.iter().map(|it| it.name)))
}

fn unknown(what: &str, known: impl Iterator<Item = &'static str>) -> String {
    format!("there is no such {what}; there are {}", known.collect::<Vec<_>>().join(", "))
}

//! `conclave simulate`.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::Args;
use conclave_core::{
    VERSION,
    sim::{Address, BUILTIN, Cluster, MAX_SOURCE_BYTES, Run, Scenario, Verdict, builtin},
};
use serde::Serialize;

use super::output::{print, refuse_existing, write_new};
use crate::failure::Failure;

/// What a run stands behind in a link of the lab.
const MARK: &str = "#r=";
/// Events are printed when they are so many bytes: a long run isn't kept in memory.
const PRINTED_AT_ONCE: usize = 64 * 1024;

/// Run a scenario in virtual time and print the verdict
///
/// A scenario with a seed gives the same trace hash here, in the browser and in the tests. Exit
/// code 0: everything came out as the scenario expects; 1: something didn't; 2: there is no such
/// scenario, or it can't be read.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
#[command(after_help = "\
Examples:
  conclave simulate --list
  conclave simulate equivocating-primary --seed 7
  conclave simulate my-scenario.toml --json
  conclave simulate silent-primary --events | grep view-entered
  conclave simulate --link 'http://127.0.0.1:7700/#r=aBC…'
  conclave simulate equivocation-proven --evidence lies.evidence
  conclave evidence verify lies.evidence --of equivocation-proven")]
pub(super) struct Simulate {
    /// A scenario's name, or a scenario file
    #[arg(group = "what", value_name = "SCENARIO")]
    scenario: Option<String>,
    /// Run what a link of the lab leads to, people's interventions included
    #[arg(long, alias = "address", group = "what", value_name = "LINK")]
    link: Option<String>,
    /// Print the scenarios that there are
    #[arg(long, group = "what", conflicts_with_all = ["events", "evidence"])]
    list: bool,
    /// The seed, instead of the scenario's own
    #[arg(long, value_name = "N", conflicts_with_all = ["link", "list"])]
    seed: Option<u64>,
    #[command(flatten)]
    shown: Shown,
}

/// What is to be seen of a run.
#[derive(Debug, Args)]
pub(super) struct Shown {
    /// Print the verdict as JSON
    #[arg(long)]
    json: bool,
    /// Print everything that happens, an event a line as JSON, instead of the verdict
    #[arg(long, conflicts_with = "json")]
    events: bool,
    /// Write the proofs that honest nodes hold at the end to this file; an existing one is not overwritten
    #[arg(long, value_name = "FILE", conflicts_with = "events")]
    evidence: Option<PathBuf>,
}

/// The verdict, and what it is a verdict on.
#[derive(Serialize)]
struct Report<'a> {
    scenario: &'a str,
    seed: u64,
    core: &'static str,
    as_expected: bool,
    #[serde(flatten)]
    verdict: &'a Verdict,
}

impl Simulate {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.list {
            return print(&list(self.shown.json)?);
        }
        let run = match (&self.link, &self.scenario) {
            (Some(link), _) => from_link(link)?,
            (None, Some(scenario)) => of_scenario(scenario, self.seed)?,
            (None, None) => return Err(Failure::BadInput("name a scenario, or say --list".into())),
        };
        self.shown.of(&run)
    }
}

impl Shown {
    /// Carries out a run and shows that of it.
    pub(super) fn of(self, run: &Run) -> Result<(), Failure> {
        if self.events {
            return events(run);
        }
        if let Some(file) = &self.evidence {
            refuse_existing(file)?;
        }
        let cluster = carried_out(run)?;
        let exported = self.evidence.map_or(Ok(()), |file| export(&cluster, &file));
        judge(run, &cluster.verdict(), self.json).and(exported)
    }
}

/// A scenario from its beginning, with its own seed or another.
fn of_scenario(named: &str, seed: Option<u64>) -> Result<Run, Failure> {
    let scenario = find(named)?;
    let seed = seed.unwrap_or(scenario.seed);
    Ok(Run::new(scenario, seed))
}

/// The run that a link leads to, whole or what stands after `#r=` in it, or a scenario's.
pub(super) fn named(what: &str, seed: Option<u64>) -> Result<Run, Failure> {
    match of_scenario(what, seed) {
        Err(_) if what.contains(MARK) || Address::decode(what).is_ok() => {
            if seed.is_some() {
                let why = "a link has its own seed: leave --seed out";
                return Err(Failure::BadInput(why.into()));
            }
            from_link(what)
        }
        run => run,
    }
}

/// The whole run.
fn carried_out(run: &Run) -> Result<Cluster, Failure> {
    let mut cluster = Cluster::new(run).map_err(|why| Failure::bad_input(&why))?;
    while cluster.step() {}
    Ok(cluster)
}

/// Writes the proofs of the honest node that holds the most.
fn export(cluster: &Cluster, file: &Path) -> Result<(), Failure> {
    let honest = cluster.nodes().iter().filter(|host| !host.is_byzantine());
    let exports = honest.map(|host| host.node().export());
    let most = exports.max_by_key(|export| export.proofs.len()).unwrap_or_default();
    if most.proofs.is_empty() {
        return Err(Failure::Unmet("nobody is proven to have lied: no file was written".into()));
    }
    write_new(file, &most.encode())?;
    eprintln!("{} proofs in {}", most.proofs.len(), file.display());
    Ok(())
}

/// Carries out a run and prints its events as they happen.
fn events(run: &Run) -> Result<(), Failure> {
    let mut cluster = Cluster::new(run).map_err(|why| Failure::bad_input(&why))?;
    cluster.record();
    let mut lines = String::new();
    loop {
        let goes_on = cluster.step();
        for event in cluster.take_events() {
            let line = serde_json::to_string(&event)
                .map_err(|why| Failure::Unmet(format!("no JSON: {why}")))?;
            lines.push_str(&line);
            lines.push('\n');
        }
        if lines.len() > PRINTED_AT_ONCE || !goes_on {
            print(&core::mem::take(&mut lines))?;
        }
        if !goes_on {
            return Ok(());
        }
    }
}

fn judge(run: &Run, verdict: &Verdict, json: bool) -> Result<(), Failure> {
    if json {
        let report = Report {
            scenario: &run.scenario.name,
            seed: run.seed,
            core: VERSION,
            as_expected: verdict.as_expected(),
            verdict,
        };
        let text = serde_json::to_string_pretty(&report)
            .map_err(|why| Failure::Unmet(format!("no JSON: {why}")))?;
        print(&format!("{text}\n"))?;
    } else {
        print(&table(run, verdict))?;
    }
    let unmet = verdict.expectations.iter().filter(|expected| !expected.met).count();
    match unmet {
        0 => Ok(()),
        1 => Err(Failure::Unmet("one expectation was not met".into())),
        _ => Err(Failure::Unmet(format!("{unmet} expectations were not met"))),
    }
}

fn list(json: bool) -> Result<String, Failure> {
    let known: Vec<_> = BUILTIN.iter().filter_map(|known| builtin(known.name)).collect();
    if json {
        let entries: Vec<_> = known
            .iter()
            .map(|it| {
                serde_json::json!({ "name": it.name, "title": it.title, "promise": it.promise })
            })
            .collect();
        return serde_json::to_string_pretty(&entries)
            .map(|text| text + "\n")
            .map_err(|why| Failure::Unmet(format!("no JSON: {why}")));
    }
    let lines: Vec<_> = known.iter().map(|it| format!("{:<24} {}", it.name, it.promise)).collect();
    Ok(lines.join("\n") + "\n")
}

/// A built-in scenario by its name, any other from its file.
pub(super) fn find(named: &str) -> Result<Scenario, Failure> {
    if let Some(scenario) = builtin(named) {
        return Ok(scenario);
    }
    let path = Path::new(named);
    let names = || BUILTIN.iter().map(|known| known.name).collect::<Vec<_>>().join(", ");
    let metadata = fs::metadata(path).map_err(|why| {
        let text = if why.kind() == io::ErrorKind::NotFound {
            format!("there is no scenario and no file \"{named}\"; the scenarios are {}", names())
        } else {
            format!("can't read {named}: {why}")
        };
        Failure::BadInput(text)
    })?;
    if metadata.len() > MAX_SOURCE_BYTES as u64 {
        return Err(Failure::BadInput(format!(
            "{named}: {} bytes are over the limit of {MAX_SOURCE_BYTES} for a scenario",
            metadata.len()
        )));
    }
    let source = fs::read_to_string(path)
        .map_err(|why| Failure::BadInput(format!("can't read {named}: {why}")))?;
    Scenario::parse(&source).map_err(|why| Failure::BadInput(format!("{named}, {why}")))
}

/// The run of a shared link: the whole link, or what stands after `#r=` in it.
fn from_link(link: &str) -> Result<Run, Failure> {
    let text = link.rsplit_once(MARK).map_or(link, |(_, address)| address);
    let address = Address::decode(text).map_err(|why| Failure::bad_input(&why))?;
    if !address.matches_this_core() {
        eprintln!(
            "note: this link was made by core {}, this is {VERSION}: the run may go another way",
            address.version
        );
    }
    address.run().map_err(|why| Failure::bad_input(&why))
}

fn table(run: &Run, verdict: &Verdict) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let counts = &verdict.counts;
    // Writing to a string can't fail.
    let _ = writeln!(text, "{}: {}", run.scenario.name, run.scenario.title);
    let _ = writeln!(text, "{}\n", run.scenario.promise);
    for expected in &verdict.expectations {
        let _ = writeln!(
            text,
            "  {:<8} {}",
            if expected.met { "met" } else { "NOT MET" },
            expected.what
        );
    }
    for violation in &verdict.violations {
        let _ = writeln!(
            text,
            "\n  {} is violated at step {} ({}): {}",
            violation.invariant.name(),
            violation.step,
            violation.at,
            violation.detail
        );
    }
    if !verdict.injections.is_empty() {
        let _ = writeln!(text, "\n  what was done to the cluster, and how often it had an effect");
        for injection in &verdict.injections {
            let at = injection.at.to_string();
            let _ = writeln!(text, "  {at:>12} {:>6}×  {}", injection.effects, injection.what);
        }
    }
    let _ = write!(
        text,
        "\n  nodes {}, faults used {} of f = {}, view {}\n  requests {} asked, {} completed\n  \
         messages {} sent, {} delivered, {} lost\n  steps {}, virtual time {}\n  seed {}\n  trace \
         hash {}\n",
        run.scenario.members.n(),
        verdict.faults_used,
        verdict.f,
        counts.view,
        counts.submitted,
        counts.completed,
        counts.sent,
        counts.delivered,
        counts.lost,
        verdict.steps,
        verdict.ended_at,
        run.seed,
        verdict.trace_hash,
    );
    text
}

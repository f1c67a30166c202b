//! `conclave policy`: what is to be run when, and whether that is sound.

use std::{fmt::Write as _, fs, path::PathBuf};

use clap::{Args, Subcommand};
use conclave_core::{
    analyzer::{Deployment, Follow, Policy, Rule},
    pbft::Config,
    sim::{MAX_SOURCE_BYTES, Scenario},
};

use super::output::print;
use crate::{config::ClusterConfig, failure::Failure};

/// Check or print a policy: which protocol is to be run at which level of threat
///
/// A policy is the table [pbft.policy] of cluster.toml, or [cluster.pbft.policy] of a scenario; without
/// one the default holds. It is checked when it is loaded: every case needs a rule, a crash-only
/// protocol needs a deployment declared crash-only and is for level low only. It is the same at all
/// nodes: those with another are refused by the others.
/// Exit code 0: sound; 2: it isn't, or can't be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave policy check my-cluster/cluster.toml
  conclave policy check core/scenarios/rising-threat.toml
  conclave policy default >> my-cluster/cluster.toml     to begin with: change it there")]
pub(super) struct PolicyOf {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check the policy of a cluster.toml or of a scenario, and print it as a table
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the default as the table that cluster.toml would have
    Default,
}

impl PolicyOf {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Check { file } => print(&words(&read(&file)?)),
            Action::Default => print(&default_table()?),
        }
    }
}

/// Both kinds of file say which they are: a scenario has a schema, a cluster a version.
fn read(file: &PathBuf) -> Result<Config, Failure> {
    let failed = |why: String| Failure::BadInput(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|why| failed(why.to_string()))?;
    let is_scenario = text.len() <= MAX_SOURCE_BYTES
        && text.lines().any(|line| line.split('=').next().is_some_and(|it| it.trim() == "schema"));
    if is_scenario {
        return Ok(Scenario::parse(&text).map_err(|why| failed(why.to_string()))?.config);
    }
    Ok(ClusterConfig::parse(file, &text).map_err(|why| Failure::BadInput(why.to_string()))?.pbft)
}

/// The table, and what it is checked against.
fn words(config: &Config) -> String {
    let Config { policy, deployment, .. } = config;
    let Policy {
        dwell_ms,
        trend_window_ms,
        leave_percent,
        bounds,
        follow,
        replace_convicted,
        rules,
    } = policy;
    let mut text = format!(
        "sound where members {}; parameters of the log {}\n\
         the first rule that fits, and whose protocol is sound then, decides; more than f proven to lie: safe mode\n\n",
        match deployment {
            Deployment::Byzantine => "may lie",
            Deployment::CrashOnly => "are declared to crash only, as long as nothing proves a lie",
        },
        config.agreed().short(),
    );
    let heads =
        ["rule", "level", "network", "trend", "run", "timeouts", "batches"].map(String::from);
    let lines: Vec<_> = [heads].into_iter().chain((1..).zip(rules).map(line)).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    for line in &lines {
        for (cell, width) in line.iter().zip(widths) {
            let _ = write!(text, "{cell:width$}  "); // into a string: always can
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    let [medium, high, critical] = leave_percent;
    let _ = write!(
        text,
        "\nmedium, high, critical above 10, 20, 33 % of the members; left at {medium}, {high}, \
         {critical} %\n\
         slow above {} µs, lossy above {} ppm, asynchronous above {} ppm of late votes; left at half\n\
         what gets better counts after {dwell_ms} ms; the trend looks back {trend_window_ms} ms\n\
         who is proven to lie {}; {}\n",
        bounds.latency_us,
        bounds.loss_ppm,
        bounds.late_ppm,
        if *replace_convicted { "is replaced by who stands by" } else { "keeps its place" },
        match follow {
            Follow::Never => "what is recommended is shown, and done by nobody",
            Follow::OnProof => "Raft is left for PBFT by itself when somebody is",
            Follow::Always => "what is recommended is switched to by itself",
        },
    );
    text
}

fn line((number, rule): (usize, &Rule)) -> [String; 7] {
    let Rule { level, network, trend, protocol, parameters } = rule;
    [
        number.to_string(),
        any(level),
        any(network),
        any(trend),
        protocol.name().into(),
        format!("{} %", parameters.timeout_percent),
        format!("{} %", parameters.batch_percent),
    ]
}

fn any(all: &[impl ToString]) -> String {
    if all.is_empty() {
        return "any".into();
    }
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn default_table() -> Result<String, Failure> {
    #[derive(serde::Serialize)]
    struct Pbft {
        policy: Policy,
    }
    #[derive(serde::Serialize)]
    struct Tables {
        pbft: Pbft,
    }
    toml::to_string(&Tables { pbft: Pbft { policy: Policy::default() } })
        .map_err(|why| Failure::Unmet(format!("can't write the default: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_every_rule_and_what_it_is_sound_for() {
        let text = words(&Config::default());
        assert!(text.starts_with("sound where members may lie"), "{text}");
        let first = text.lines().find(|line| line.starts_with("1 ")).unwrap();
        for word in ["medium, high, critical", "asynchronous", "any", "trust-ordered PBFT", "400 %"]
        {
            assert!(first.contains(word), "{first}");
        }
        assert_eq!(text.lines().filter(|line| line.contains("PBFT")).count(), 7);
    }

    #[test]
    fn the_default_that_is_printed_is_the_one_that_holds() {
        #[derive(serde::Deserialize)]
        struct Tables {
            pbft: Config,
        }
        let read: Tables = toml::from_str(&default_table().unwrap()).unwrap();
        assert_eq!(read.pbft, Config::default());
    }
}

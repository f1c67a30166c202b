//! The command line: what can be asked, and who answers it.

mod chaos;
mod client;
mod cluster;
mod evaluate;
mod evidence;
mod explore;
mod guards;
mod init;
mod jobs;
mod log;
mod member;
mod node;
mod output;
mod policy;
mod progress;
mod protocol;
mod quarantine;
mod serve;
mod signals;
mod simulate;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Byzantine-fault-tolerant replication that you can see.
#[derive(Debug, Parser)]
#[command(name = "conclave", version, about, propagate_version = true)]
#[command(after_help = "\
Examples:
  conclave cluster                              four real nodes on this machine, and the lab
  conclave client --config DIR put greeting hi  write a key (the cluster prints its DIR)
  conclave member --config DIR list             who is a member, and change it
  conclave init --nodes 4 --dir my-cluster      keys and configuration for real machines")]
struct Arguments {
    #[allow(clippy::doc_markdown, reason = "it is shown as help")]
    /// What to log, to stderr: a level, or levels by part, such as "info,conclave::transport=debug"
    #[arg(long, global = true, default_value = "info", value_name = "FILTER")]
    log: String,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Init),
    Node(node::RunNode),
    Cluster(cluster::RunCluster),
    Client(client::Ask),
    Member(member::Member),
    Status(status::ShowStatus),
    Evidence(evidence::Evidence),
    Guards(guards::Guards),
    Chaos(chaos::ChaosOf),
    Policy(policy::PolicyOf),
    Protocol(protocol::Switch),
    Quarantine(quarantine::QuarantineOf),
    Simulate(simulate::Simulate),
    Explore(explore::Explore),
    EvaluateDetector(evaluate::Evaluate),
    Serve(serve::Serve),
}

/// Carries out what the command line says.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = log::start(&arguments.log).and_then(|()| {
        let log = arguments.log;
        match arguments.command {
            Command::Init(init) => init.run(),
            Command::Node(node) => on_runtime(node.run()),
            Command::Cluster(cluster) => on_runtime(cluster.run(log)),
            Command::Client(ask) => on_runtime(ask.run()),
            Command::Member(member) => on_runtime(member.run()),
            Command::Status(status) => on_runtime(status.run()),
            Command::Evidence(evidence) => on_runtime(evidence.run()),
            Command::Guards(guards) => on_runtime(guards.run()),
            Command::Chaos(chaos) => on_runtime(chaos.run()),
            Command::Policy(policy) => policy.run(),
            Command::Protocol(switch) => on_runtime(switch.run()),
            Command::Quarantine(quarantine) => on_runtime(quarantine.run()),
            Command::Simulate(simulate) => simulate.run(),
            Command::Explore(explore) => explore.run(),
            Command::EvaluateDetector(evaluate) => evaluate.run(),
            Command::Serve(serve) => on_runtime(serve.run()),
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            failure.exit_code()
        }
    }
}

fn on_runtime<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|why| Failure::Unmet(format!("can't start the runtime: {why}")))?;
    let outcome = runtime.block_on(work);
    // A blocked read of stdin or a signature check must not hold up the end.
    runtime.shutdown_background();
    outcome
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Arguments::command().debug_assert();
    }
}

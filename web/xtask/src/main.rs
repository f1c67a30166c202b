//! The build tool behind the two commands, `cargo xtask run` and `cargo xtask test`.
//!
//! It installs or finds what a build needs, says in one sentence what it does, and where it can't,
//! says what to do instead. It may start processes, write below the target folder and `web/dist`,
//! and (as root, on Debian) install packages. It never touches anything else.
//!
//! | module | does |
//! |---|---|
//! | [`workspace`] | where things are; a `cargo` whose environment is the user's, not this tool's |
//! | [`process`] | child processes: bounded in time, ended together on Ctrl-C |
//! | [`say`] | what people read while they wait |
//! | [`apt`] | Debian packages |
//! | [`toolchain`] | a compiler for wasm |
//! | [`lab`] | `web/dist`: build, bundle, optimise, compress, weigh |
//! | [`imports`], [`purity`] | what a wasm module asks of its host, and that core asks nothing |
//! | [`browser`] | Chromium and its driver |
//! | [`mutants`] | the protocol, broken on purpose |
//! | [`coverage`] | which of its lines tests run |
//! | [`run`], [`stages`], [`tally`], [`doctor`] | the commands |

#![forbid(unsafe_code)]

mod apt;
#[cfg(test)]
mod behaviours;
mod browser;
mod coverage;
mod doctor;
mod imports;
mod lab;
mod mutants;
mod process;
mod purity;
mod run;
mod say;
mod stages;
mod tally;
mod toolchain;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// Builds, runs and tests Conclave.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build everything, start a real cluster on this machine and open the lab in the browser
    Run(run::Options),
    /// Run every check there is
    Test(stages::Options),
    /// Build the lab into web/dist
    BuildWeb,
    /// Break the protocol on purpose, place by place, and see that the tests notice
    Mutants(mutants::Options),
    /// Say which lines of the protocol the core's tests run, file by file
    Coverage,
    /// Run the benchmarks
    Bench {
        /// What to hand on to `cargo bench`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Go through every behaviour of four replicas, one a liar, across a view change (minutes)
    ModelCheck,
    /// Say what this machine has of what Conclave needs, and what is missing
    Doctor,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match process::end_children_on_signals().and_then(|()| carry_out(arguments.command)) {
        Ok(code) => code,
        Err(error) => {
            let code = if process::interrupted() { 130 } else { exit_code(&error) };
            eprintln!("error: {error:#}");
            ExitCode::from(code)
        }
    }
}

fn carry_out(command: Command) -> anyhow::Result<ExitCode> {
    let workspace = Workspace::find()?;
    match command {
        Command::Run(options) => run::run(&workspace, &options),
        Command::Test(options) => stages::run(&workspace, &options),
        Command::BuildWeb => {
            let weight = lab::build(&workspace)?;
            weight.print();
            weight.within_budget()?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Mutants(options) => mutants::run(&workspace, &options),
        Command::Coverage => coverage::run(&workspace),
        Command::Bench { arguments } => bench(&workspace, &arguments),
        Command::ModelCheck => model_check(&workspace),
        Command::Doctor => doctor::report(&workspace),
    }
}

fn bench(workspace: &Workspace, arguments: &[String]) -> anyhow::Result<ExitCode> {
    let node = workspace.build_native("release")?;
    let mut cargo = workspace.cargo();
    cargo.args(["bench", "--package", "conclave-tests"]).args(arguments);
    cargo.env("CONCLAVE_BIN", node);
    process::run(cargo, "the benchmarks", process::BUILD_LIMIT)?;
    Ok(ExitCode::SUCCESS)
}

/// One exploration at a time: each takes all cores.
fn model_check(workspace: &Workspace) -> anyhow::Result<ExitCode> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "conclave-tests", "--test", "suite", "model::", "--"]);
    cargo.args(["--include-ignored", "--nocapture", "--test-threads", "1"]);
    process::run(cargo, "the model checker", process::BUILD_LIMIT)?;
    Ok(ExitCode::SUCCESS)
}

/// 2 for what the user can put right (a port, an argument), 1 for everything else.
fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<run::BadRequest>() { 2 } else { 1 }
}

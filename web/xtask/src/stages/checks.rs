//! What each stage does.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};

use crate::{
    apt,
    browser::Browser,
    imports, lab as laboratory, process, purity as pure, say,
    tally::Tally,
    toolchain::{self, Toolchain, WASM},
    workspace::Workspace,
};

/// Modules of the integration tests that need a browser and the finished lab.
const IN_BROWSER: &[&str] = &["browser", "same_run"];
/// What isn't for this machine: the lab, the same with guards, and the core's proof of purity.
const FOR_WASM: &[&str] = &["conclave-web", "conclave-resilience", "conclave-purity"];

pub(super) fn format(workspace: &Workspace) -> Result<Tally> {
    needs("cargo-fmt", "rustup component add rustfmt")?;
    let mut cargo = workspace.cargo();
    cargo.args(["fmt", "--all", "--check"]);
    process::run(cargo, "`cargo fmt --all --check`", process::QUESTION_LIMIT * 3)?;
    Ok(ONE)
}

pub(super) fn lint(workspace: &Workspace) -> Result<Tally> {
    needs("cargo-clippy", "rustup component add clippy")?;
    let mut cargo = workspace.cargo();
    cargo.args(["clippy", "--locked", "--workspace", "--all-targets"]);
    leave_out(&mut cargo, FOR_WASM);
    cargo.args(["--", "-D", "warnings"]);
    process::run(cargo, "`cargo clippy`", process::BUILD_LIMIT)?;
    Ok(ONE)
}

/// `cargo fuzz` has a workspace of its own, which nothing else here compiles. Not `--locked`: what
/// the crates here come to depend on is in its lock file only once something is built there.
pub(super) fn fuzz_targets(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["check", "--manifest-path", "tests/fuzz/Cargo.toml"]);
    process::run(cargo, "`cargo check` of the fuzz targets", process::BUILD_LIMIT)?;
    Ok(ONE)
}

pub(super) fn lint_web(workspace: &Workspace) -> Result<Tally> {
    needs("cargo-clippy", "rustup component add clippy")?;
    // Clippy is a compiler: it can look at wasm only if the toolchain it belongs to has the target.
    let toolchain = toolchain::look(workspace)?.filter(Toolchain::is_the_users);
    if toolchain.is_none() {
        say::detail(&format!(
            "your toolchain has no {WASM}, so clippy reads the lab as native code"
        ));
    }
    let mut tally = Tally::default();
    // One after the other: together they would be read with one set of features.
    for package in laboratory::PACKAGES {
        let mut cargo = if let Some(toolchain) = &toolchain {
            let mut cargo = toolchain.cargo(workspace, "clippy");
            laboratory::scenarios::give(&mut cargo, workspace)?;
            cargo
        } else {
            let mut cargo = workspace.cargo();
            cargo.args(["clippy", "--locked"]);
            cargo
        };
        cargo.args(["--package", package, "--all-targets", "--", "-D", "warnings"]);
        process::run(cargo, &format!("`cargo clippy` for {package}"), process::BUILD_LIMIT)?;
        tally.add(ONE);
    }
    Ok(tally)
}

pub(super) fn tests(workspace: &Workspace) -> Result<Tally> {
    let program = workspace.build_native("dev")?;
    let runner = Runner::find();
    let mut cargo = runner.command(workspace);
    cargo.arg("--workspace");
    leave_out(&mut cargo, &FOR_WASM[1..]);
    runner.leave_out_modules(&mut cargo, IN_BROWSER);
    cargo.env("CONCLAVE_BIN", program);
    Runner::count(cargo, "the tests")
}

pub(super) fn docs(workspace: &Workspace) -> Result<Tally> {
    let mut cargo = workspace.cargo();
    cargo.args(["doc", "--locked", "--workspace", "--no-deps", "--document-private-items"]);
    leave_out(&mut cargo, &FOR_WASM[1..]);
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    process::run(cargo, "`cargo doc`", process::BUILD_LIMIT)?;
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--locked", "--doc", "--package", "conclave-core"]);
    let mut tally = counted(cargo, "the documentation's examples")?;
    tally.add(ONE);
    Ok(tally)
}

pub(super) fn purity(workspace: &Workspace) -> Result<Tally> {
    let toolchain = toolchain::ready(workspace)?;
    pure::check_core(workspace, &toolchain)?;
    pure::check_lab(workspace, &toolchain)?;
    Ok(Tally { passed: 2, ..Tally::default() })
}

pub(super) fn lab(workspace: &Workspace) -> Result<Tally> {
    let weight = laboratory::build(workspace)?;
    weight.print();
    weight.within_budget()?;
    for page in &laboratory::PAGES {
        let module = workspace.dist().join(page.served());
        let wasm =
            std::fs::read(&module).with_context(|| format!("can't read {}", module.display()))?;
        imports::check(&wasm, imports::Side::Bundled)
            .with_context(|| format!("{} as it is served", page.name))?;
    }
    Ok(Tally { passed: 2 * laboratory::PAGES.len() as u64, ..Tally::default() })
}

pub(super) fn browser(workspace: &Workspace) -> Result<Tally> {
    if !workspace.dist().join("index.html").is_file() {
        bail!(
            "web/dist isn't built; don't leave out the stage `lab`, or run `cargo xtask build-web`"
        );
    }
    let browser = Browser::ready(workspace)?;
    say::detail(&format!("the browser is {browser}"));
    let program = workspace.build_native("dev")?;
    let runner = Runner::find();
    let mut cargo = runner.command(workspace);
    cargo.args(["--package", "conclave-tests"]);
    runner.only_modules(&mut cargo, IN_BROWSER);
    cargo.env("CONCLAVE_BIN", program);
    browser.tell(&mut cargo);
    Runner::count(cargo, "the browser tests")
}

const ONE: Tally = Tally { passed: 1, failed: 0, skipped: 0 };

fn needs(program: &str, advice: &str) -> Result<()> {
    if apt::find_program(program).is_none() {
        bail!("`{program}` isn't here; install it with `{advice}`");
    }
    Ok(())
}

fn leave_out(cargo: &mut Command, packages: &[&str]) {
    for package in packages {
        cargo.args(["--exclude", package]);
    }
}

/// Who runs the tests: nextest if it is here, since it runs those of all crates at once.
#[derive(Clone, Copy)]
enum Runner {
    Nextest,
    CargoTest,
}

impl Runner {
    fn find() -> Self {
        if apt::find_program("cargo-nextest").is_some() { Self::Nextest } else { Self::CargoTest }
    }

    fn command(self, workspace: &Workspace) -> Command {
        let mut cargo = workspace.cargo();
        match self {
            Self::Nextest => cargo.args(["nextest", "run", "--locked", "--no-fail-fast"]),
            // Documentation's examples have a stage of their own.
            Self::CargoTest => {
                cargo.args(["test", "--locked", "--no-fail-fast", "--lib", "--bins", "--tests"])
            }
        };
        cargo
    }

    fn leave_out_modules(self, cargo: &mut Command, modules: &[&str]) {
        match self {
            Self::Nextest => cargo.args(["-E", &format!("not {}", filter(modules))]),
            Self::CargoTest => {
                cargo.arg("--");
                cargo.args(
                    modules.iter().flat_map(|module| ["--skip".to_owned(), format!("{module}::")]),
                )
            }
        };
    }

    fn only_modules(self, cargo: &mut Command, modules: &[&str]) {
        match self {
            Self::Nextest => cargo.args(["-E", &filter(modules)]),
            // One browser after the other: two cores can't paint for more.
            Self::CargoTest => {
                cargo.args(["--", "--test-threads=1"]);
                cargo.args(modules.iter().map(|module| format!("{module}::")))
            }
        };
    }

    fn count(cargo: Command, what: &str) -> Result<Tally> {
        let tally = counted(cargo, what)?;
        if tally.passed + tally.failed == 0 {
            bail!("{what}: none was run, and that proves nothing");
        }
        Ok(tally)
    }
}

/// A nextest expression for the tests in these modules of the integration tests.
fn filter(modules: &[&str]) -> String {
    format!("(package(conclave-tests) and test(/^({})::/))", modules.join("|"))
}

/// Runs a test runner and counts what it reports.
fn counted(mut cargo: Command, what: &str) -> Result<Tally> {
    if say::wants_colour() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    let tally = Arc::new(Mutex::new(Tally::default()));
    let reader = tally.clone();
    let status = process::run_watched(cargo, what, process::BUILD_LIMIT, move |line| {
        reader.lock().unwrap_or_else(PoisonError::into_inner).read(line);
    })?;
    let tally = *tally.lock().unwrap_or_else(PoisonError::into_inner);
    // Failures that were counted are a result. A runner that failed otherwise is an error.
    if tally.failed == 0 || process::interrupted() {
        process::succeeded(status, what)?;
    }
    Ok(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(command: &Command) -> Vec<String> {
        command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn browser_tests_run_in_their_own_stage_only() {
        let mut without = Command::new("cargo");
        Runner::Nextest.leave_out_modules(&mut without, IN_BROWSER);
        let mut only = Command::new("cargo");
        Runner::Nextest.only_modules(&mut only, IN_BROWSER);
        let (without, only) = (arguments(&without), arguments(&only));
        assert_eq!(without[1], format!("not {}", only[1]));
        let mut without = Command::new("cargo");
        Runner::CargoTest.leave_out_modules(&mut without, IN_BROWSER);
        assert_eq!(arguments(&without), ["--", "--skip", "browser::", "--skip", "same_run::"]);
    }

    #[test]
    fn a_run_of_no_test_is_no_success() {
        let mut nothing = Command::new("true");
        nothing.arg("--version");
        assert!(Runner::count(nothing, "the tests").is_err());
    }
}

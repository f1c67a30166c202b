//! `cargo xtask mutants`: breaks the protocol on purpose, one place at a time, and asks the tests
//! whether they notice.
//!
//! The mutations are a list with reasons (`tests/mutants.toml`). They are written into a *generated
//! copy* of the core, all of them, each behind a switch that an environment variable turns on when
//! the copy's tests start. So everything is compiled once, and the core itself holds no switch.
//!
//! ```text
//! core/, tests/mutants.toml ──copy, rewrite──▶ target/mutants ──compile once──▶ test program
//!                                                     CONCLAVE_MUTANT=n ──────▶ killed or survived
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{
    process::{self, Ended},
    run::BadRequest,
    say::{self, Paint, paint},
    tally::Tally,
    workspace::Workspace,
};

/// The list.
const LIST: &str = "tests/mutants.toml";
/// What the copy is switched by.
const SWITCH: &str = "CONCLAVE_MUTANT";
/// Stands in the list for "this mutant is turned on".
const PLACEHOLDER: &str = "MUTANT";
/// `cargo xtask test` asks about every third: minutes instead of a quarter of an hour.
const SLICE: u32 = 3;
/// A mutant that keeps the tests busy for so long is one that they notice.
const PATIENCE: Duration = Duration::from_mins(3);
/// The switch, in the copy only: it may use what the core may not.
const SWITCHES: &str = "\n\nextern crate std;\n\n/// Which mutant this is.\npub(crate) mod mutant {\n    \
     use std::sync::OnceLock;\n\n    /// Whether it is this one.\n    pub(crate) fn is(number: u32) -> \
     bool {\n        static CHOSEN: OnceLock<u32> = OnceLock::new();\n        *CHOSEN.get_or_init(|| {\n            \
     std::env::var(\"CONCLAVE_MUTANT\").ok().and_then(|it| it.parse().ok()).unwrap_or(0)\n        \
     }) == number\n    }\n}\n";

/// What can be chosen.
#[derive(Args)]
pub(crate) struct Options {
    /// Only this mutant (may be repeated)
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// List the mutants and why each matters
    #[arg(long)]
    list: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    mutant: Vec<Mutant>,
}

/// One place, broken in one way.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// Below the top of the checkout.
    file: PathBuf,
    /// What stands there, exactly once.
    find: String,
    /// What stands there in the copy, with [`PLACEHOLDER`] for the switch.
    replace: String,
    /// What goes wrong then.
    why: String,
}

/// Breaks, asks, reports. Every mutant must be noticed.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let mutants = read(&workspace.path(LIST))?;
    if options.list {
        for Mutant { name, why, .. } in &mutants {
            println!("{name:<36} {why}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    for name in &options.only {
        if !mutants.iter().any(|mutant| mutant.name == *name) {
            return Err(BadRequest::new(format!("there is no mutant `{name}`; see --list")).into());
        }
    }
    let asked = ask(workspace, &mutants, |_, mutant| {
        options.only.is_empty() || options.only.contains(&mutant.name)
    })?;
    Ok(if asked.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The part of `cargo xtask test`: every [`SLICE`]th mutant, always the same ones.
pub(crate) fn slice(workspace: &Workspace) -> Result<Tally> {
    let mutants = read(&workspace.path(LIST))?;
    ask(workspace, &mutants, |number, _| number.is_multiple_of(SLICE))
}

/// Asks the tests about those mutants that are wanted. Passed: noticed.
fn ask(
    workspace: &Workspace,
    mutants: &[Mutant],
    wanted: impl Fn(u32, &Mutant) -> bool,
) -> Result<Tally> {
    let copy = workspace.path("target/mutants");
    write_copy(workspace, &copy, mutants)?;
    say::detail(&format!("compiling a copy of the core with {} mutants", mutants.len()));
    let program = compile(workspace, &copy)?;
    if let Some(test) = first_failure(workspace, &copy, &program, 0, "pbft::")? {
        bail!("without any mutation the copy's test {test} fails: nothing could be told");
    }
    let mut asked = Tally::default();
    for (number, mutant) in (1..).zip(mutants).filter(|(number, it)| wanted(*number, it)) {
        let began = Instant::now();
        let name = &mutant.name;
        let room = room(&mutant.file);
        if let Some(test) = first_failure(workspace, &copy, &program, number, &room)? {
            let time = say::duration(began.elapsed());
            eprintln!("{} {name:<36} by {test} {time}", paint("killed  ", Paint::Good));
            asked.passed += 1;
        } else {
            eprintln!("{} {name:<36} {}", paint("SURVIVED", Paint::Bad), mutant.why);
            asked.failed += 1;
        }
        if process::interrupted() {
            bail!("stopped");
        }
    }
    println!("{} of {} mutants killed", asked.passed, asked.passed + asked.failed);
    Ok(asked)
}

fn read(path: &Path) -> Result<Vec<Mutant>> {
    let text =
        fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let list: List = toml::from_str(&text).with_context(|| format!("in {}", path.display()))?;
    Ok(list.mutant)
}

/// The core and what its tests need, with every mutation in it.
fn write_copy(workspace: &Workspace, copy: &Path, mutants: &[Mutant]) -> Result<()> {
    if copy.exists() {
        fs::remove_dir_all(copy).with_context(|| format!("can't clear {}", copy.display()))?;
    }
    copy_folder(&workspace.path("core"), &copy.join("core"))?;
    let manifest = fs::read_to_string(workspace.path("Cargo.toml"))?;
    let members = manifest.lines().map(|line| match line {
        line if line.starts_with("members = ") => "members = [\"core\"]",
        line if line.starts_with("default-members = ") => "default-members = [\"core\"]",
        line if line.starts_with("exclude = ") => "",
        line => line,
    });
    fs::write(copy.join("Cargo.toml"), members.collect::<Vec<_>>().join("\n"))?;
    fs::copy(workspace.path("Cargo.lock"), copy.join("Cargo.lock"))?;
    for (number, mutant) in (1..).zip(mutants) {
        let path = copy.join(&mutant.file);
        let text = fs::read_to_string(&path)
            .with_context(|| format!("{}: can't read {}", mutant.name, mutant.file.display()))?;
        fs::write(&path, rewritten(&text, mutant, number)?)?;
    }
    let root = copy.join("core/src/lib.rs");
    let text = fs::read_to_string(&root)? + SWITCHES;
    fs::write(root, text)?;
    Ok(())
}

/// A file with one mutation more, behind its switch.
fn rewritten(text: &str, mutant: &Mutant, number: u32) -> Result<String> {
    let Mutant { name, file, find, replace, .. } = mutant;
    let found = text.matches(find.as_str()).count();
    if found != 1 {
        bail!("{name}: what it breaks stands {found} times in {}, not once", file.display());
    }
    if !replace.contains(PLACEHOLDER) {
        bail!("{name}: what it puts there doesn't ask {PLACEHOLDER}, so nothing turns it on");
    }
    let switched = replace.replace(PLACEHOLDER, &format!("crate::mutant::is({number})"));
    Ok(text.replacen(find.as_str(), &switched, 1))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("can't make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("can't read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Compiles the copy's tests and gives the program. What the core depends on is compiled already,
/// for the core itself; what the compiler thinks of mutations is nobody's concern.
fn compile(workspace: &Workspace, copy: &Path) -> Result<PathBuf> {
    let mut cargo = workspace.cargo();
    cargo.current_dir(copy).args(["rustc", "--offline", "--package", "conclave-core", "--lib"]);
    cargo.args(["--profile", "test", "--message-format", "json", "--target-dir"]);
    cargo.arg(workspace.path("target")).args(["--", "--cap-lints", "allow"]);
    let said = process::ask(cargo, "compiling the mutants", process::BUILD_LIMIT)?;
    let program =
        test_program(&said).context("cargo compiled the mutants, but names no program")?;
    Ok(program)
}

/// The program that cargo says it made.
pub(crate) fn test_program(said: &str) -> Option<PathBuf> {
    let (_, rest) = said.rsplit_once("\"executable\":\"")?;
    Some(rest.split_once('"')?.0.into())
}

/// How the tests of a file's room are named: `core/src/ROOM/…`.
fn room(file: &Path) -> String {
    let name = file.components().nth(2).map(|room| room.as_os_str().to_string_lossy());
    name.map_or_else(String::new, |room| format!("{}::", room.trim_end_matches(".rs")))
}

/// The first test that fails, if one does. The tests of the room that is broken are asked first:
/// they are quick, and most mutants end there.
fn first_failure(
    workspace: &Workspace,
    copy: &Path,
    program: &Path,
    number: u32,
    room: &str,
) -> Result<Option<String>> {
    for chosen in [&[room][..], &["--skip", room]] {
        let mut tests: Command = workspace.command(program);
        tests.args(chosen).current_dir(copy.join("core")).env(SWITCH, number.to_string());
        tests.env("RUST_BACKTRACE", "0");
        let mut failed = None;
        let ended = process::run_until(tests, "a mutant's tests", PATIENCE, |line| {
            let test = line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"));
            failed = test.map(str::to_owned);
            failed.is_some()
        })?;
        match ended {
            Ended::AsAsked => return Ok(failed),
            Ended::ByItself(status) if status.success() => {}
            Ended::ByItself(_) => return Ok(Some("(an abort)".into())),
            Ended::TooLate => return Ok(Some("(no end in time)".into())),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(find: &str) -> Mutant {
        Mutant {
            name: "m".into(),
            file: "f.rs".into(),
            find: find.into(),
            replace: "one - usize::from(MUTANT)".into(),
            why: "so".into(),
        }
    }

    #[test]
    fn a_mutation_is_behind_its_switch_and_stands_in_one_place() {
        let text = rewritten("let a = one + two;", &mutant("one"), 7).unwrap();
        assert_eq!(text, "let a = one - usize::from(crate::mutant::is(7)) + two;");
        assert!(rewritten("one + one", &mutant("one"), 7).is_err(), "it isn't clear which");
        assert!(rewritten("two", &mutant("one"), 7).is_err(), "the code has changed");
    }

    #[test]
    fn the_room_of_a_mutation_is_asked_first() {
        assert_eq!(room(Path::new("core/src/raft/log.rs")), "raft::");
        assert_eq!(room(Path::new("core/src/quorum.rs")), "quorum::");
    }

    #[test]
    fn every_mutant_of_the_list_finds_its_place() {
        let workspace = Workspace::find().unwrap();
        let mutants = read(&workspace.path(LIST)).unwrap();
        assert!(mutants.len() >= 24, "only {}", mutants.len());
        for mutant in &mutants {
            let text = fs::read_to_string(workspace.path(".").join(&mutant.file)).unwrap();
            rewritten(&text, mutant, 1).unwrap();
        }
    }
}

//! `cargo xtask coverage`: which lines of the protocol the core's tests run.
//!
//! ```text
//! core, compiled with counters ──its unit tests──▶ target/coverage/*.profraw
//!        llvm-profdata merge ──▶ core.profdata ──llvm-cov export──▶ counts a line ──▶ table
//! ```
//!
//! Only the core is compiled anew, and only the protocol's own code is counted, in its two rooms:
//! what orders, and the shell around it. Neither files of tests nor the test modules at the end of
//! others count.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    apt, mutants, process,
    say::{self, Paint, paint},
    workspace::Workspace,
};

/// A folder whose lines are counted.
struct Room {
    folder: &'static str,
    /// The share of its lines, in percent, that tests must run.
    least_percent: f64,
}

/// What is counted, each by itself: what one has too much doesn't make up for the other.
const ROOMS: [Room; 2] = [
    Room { folder: "core/src/pbft", least_percent: 95.0 },
    Room { folder: "core/src/replica", least_percent: 95.0 },
];
/// The tests take seconds; with counters, on a busy machine, still far less than this.
const LIMIT: Duration = Duration::from_mins(10);
/// Where the module of a file's own tests begins.
const OWN_TESTS: &str = "#[cfg(test)]\nmod tests {";

/// One file: its lines that can run, and those of them that no test runs.
#[derive(Debug, PartialEq, Eq)]
struct Lines {
    file: String,
    all: usize,
    missed: Vec<usize>,
}

/// Counts, prints, judges.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    let tools = Tools::find(workspace)?;
    let folder = workspace.path("target/coverage");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("can't clear {}", folder.display()))?;
    }
    say::step("coverage: compiling the core's tests with counters");
    let mut cargo = workspace.cargo();
    cargo.args(["rustc", "--locked", "--package", "conclave-core", "--lib", "--profile", "test"]);
    cargo.args(["--message-format", "json", "--", "-C", "instrument-coverage"]);
    let said = process::ask(cargo, "compiling with counters", process::BUILD_LIMIT)?;
    let program = mutants::test_program(&said).context("cargo names no test program")?;
    say::step("coverage: running them");
    let mut tests = workspace.command(&program);
    tests.current_dir(workspace.path("core")).env("LLVM_PROFILE_FILE", folder.join("%p.profraw"));
    process::ask(tests, "the core's tests", LIMIT)?;
    let counts = tools.counts(workspace, &folder, &program)?;
    let mut enough = true;
    for room in &ROOMS {
        let top = workspace.path(room.folder);
        let files = by_file(&counts, &top, |file| fs::read_to_string(top.join(file)))?;
        let (table, percent) = table(&files);
        print!("{}\n{table}", room.folder);
        if let Some(why) = room.lacks(percent) {
            println!("{}", paint(&why, Paint::Bad));
            enough = false;
        }
        println!();
    }
    Ok(if enough { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Room {
    /// What is wrong with this share, if something is.
    fn lacks(&self, percent: f64) -> Option<String> {
        let Self { folder, least_percent } = self;
        (percent < *least_percent).then(|| {
            format!(
                "{folder}: {percent:.1} % is less than the {least_percent} % that are asked for"
            )
        })
    }
}

/// The two programs that read what the counters wrote. They must be of the compiler's LLVM.
struct Tools {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Tools {
    fn find(workspace: &Workspace) -> Result<Self> {
        let ask = |arguments: &[&str]| {
            let mut rustc = workspace.command("rustc");
            rustc.args(arguments);
            process::ask(rustc, "asking rustc", process::QUESTION_LIMIT)
        };
        let said = ask(&["-vV"])?;
        let version = llvm_version(&said).context("rustc doesn't say which LLVM it has")?;
        let libraries = ask(&["--print", "target-libdir"])?;
        let component = Path::new(libraries.trim()).with_file_name("bin");
        let find = |name: &str| {
            Some(component.join(name))
                .filter(|program| program.is_file())
                .or_else(|| apt::find_program(&format!("{name}-{version}")))
        };
        match (find("llvm-profdata"), find("llvm-cov")) {
            (Some(profdata), Some(cov)) => Ok(Self { profdata, cov }),
            _ => bail!(
                "llvm-profdata and llvm-cov of LLVM {version}, the compiler's, aren't here; install \
                 them with `rustup component add llvm-tools` or, on Debian, `apt install \
                 llvm-{version}`"
            ),
        }
    }

    /// The counts of every line, in the format of lcov.
    fn counts(&self, workspace: &Workspace, folder: &Path, program: &Path) -> Result<String> {
        let merged = folder.join("core.profdata");
        let mut merge = workspace.command(&self.profdata);
        merge.args(["merge", "--sparse", "--output"]).arg(&merged);
        for entry in fs::read_dir(folder).context("the tests wrote no counts")? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "profraw") {
                merge.arg(path);
            }
        }
        process::ask(merge, "llvm-profdata", LIMIT)?;
        let mut export: Command = workspace.command(&self.cov);
        export.args(["export", "--format", "lcov", "--skip-functions", "--instr-profile"]);
        export.arg(&merged).arg(program);
        export.args(ROOMS.iter().map(|room| workspace.path(room.folder)));
        process::ask(export, "llvm-cov", LIMIT)
    }
}

/// The number before the first dot in "LLVM version: 22.1.2".
fn llvm_version(said: &str) -> Option<&str> {
    let version = said.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    version.split('.').next()
}

/// What the counts say of each file below `top`, tests left out.
fn by_file(
    counts: &str,
    top: &Path,
    read: impl Fn(&str) -> std::io::Result<String>,
) -> Result<Vec<Lines>> {
    let mut files: Vec<Lines> = Vec::new();
    let mut end = None;
    for line in counts.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            let below = Path::new(path).strip_prefix(top).ok().and_then(Path::to_str);
            end = None;
            let Some(file) = below.filter(|file| !file.split('/').any(is_tests)) else { continue };
            let text = read(file).with_context(|| format!("can't read {path}"))?;
            let code = text.split(OWN_TESTS).next().unwrap_or_default();
            end = Some(code.lines().count());
            files.push(Lines { file: file.to_owned(), all: 0, missed: Vec::new() });
        } else if let (Some(end), Some(count)) = (end, line.strip_prefix("DA:"))
            && let Some(file) = files.last_mut()
            && let Some((number, times)) = count.split_once(',')
        {
            let number = number.parse().with_context(|| format!("llvm-cov said `{line}`"))?;
            if number <= end {
                file.all += 1;
                if times == "0" {
                    file.missed.push(number);
                }
            }
        }
    }
    files.retain(|file| file.all > 0);
    files.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(files)
}

fn is_tests(part: &str) -> bool {
    part == "tests" || part == "tests.rs"
}

/// A line for each file, one for all, and the share in all.
fn table(files: &[Lines]) -> (String, f64) {
    let mut table = String::new();
    let (mut all, mut run) = (0, 0);
    for Lines { file, all: lines, missed } in files {
        let ran = lines - missed.len();
        (all, run) = (all + lines, run + ran);
        // Writing to a string can't fail.
        let _ = writeln!(
            table,
            "{file:<28}{ran:>6}/{lines:<5}{:>6.1} % {}",
            share(ran, *lines),
            missing(missed)
        );
    }
    let percent = share(run, all);
    let _ = writeln!(table, "{:<28}{run:>6}/{all:<5}{percent:>6.1} %", "together");
    (table, percent)
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// Line numbers, neighbours drawn together: "3, 7-9".
fn missing(numbers: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let words =
        runs.iter().map(
            |(first, last)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            },
        );
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: &str = "SF:/top/pbft/slot.rs\nFN:1,f\nDA:1,4\nDA:2,0\nDA:3,0\nDA:5,0\nDA:8,0\n\
                          end_of_record\nSF:/top/pbft/tests/net.rs\nDA:1,0\nend_of_record\n\
                          SF:/top/app/mod.rs\nDA:1,0\nend_of_record\n";

    #[test]
    fn only_the_protocol_counts_and_not_its_tests() {
        let text = "1\n2\n3\n4\n5\n#[cfg(test)]\nmod tests {\n8\n}\n";
        let files = by_file(COUNTS, Path::new("/top/pbft"), |_| Ok(text.into())).unwrap();
        assert_eq!(files, [Lines { file: "slot.rs".into(), all: 4, missed: vec![2, 3, 5] }]);
        let (table, percent) = table(&files);
        assert!((percent - 25.0).abs() < 1e-9);
        assert!(table.lines().next().unwrap().ends_with("25.0 % 2-3, 5"), "{table}");
    }

    #[test]
    fn nothing_counted_is_nothing_covered() {
        let (_, percent) = table(&[]);
        assert!(ROOMS.iter().all(|room| room.lacks(percent).is_some()));
    }

    #[test]
    fn each_room_is_judged_by_its_own_floor() {
        let room = Room { folder: "here", least_percent: 90.0 };
        assert_eq!(room.lacks(90.0), None);
        let why = "here: 89.9 % is less than the 90 % that are asked for";
        assert_eq!(room.lacks(89.94).as_deref(), Some(why));
    }

    #[test]
    fn the_tools_are_those_of_the_compilers_llvm() {
        assert_eq!(llvm_version("rustc 1.95.0\nLLVM version: 22.1.2\n"), Some("22"));
        assert_eq!(llvm_version("rustc 1.95.0\n"), None);
    }
}

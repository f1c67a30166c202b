//! What a delivered message costs the simulator, and a call each guard, in machine instructions.
//!
//! Wall time on a shared machine says little; the instructions of one binary on one input are
//! nearly always the same number. `busy` (in `tests/bin`) runs under valgrind for a while and for
//! a longer while: the difference, per message or call, leaves out how it starts. Each count is held
//! against the committed one in `tests/benches/instructions.txt`.

use std::{fmt, fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::{apt, process, say, tally::Tally, workspace::Workspace};

/// Relative to the workspace's root.
const BASELINE: &str = "tests/benches/instructions.txt";
/// How much dearer anything may get before somebody must say so, in percent: more than moving
/// code about makes of it, less than any change that is worth a look.
const TOLERANCE_PERCENT: u64 = 5;
/// What is of no matter where that is less than so many instructions.
const TOLERANCE: u64 = 2;

/// What instructions are counted of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Work {
    /// Messages in a cluster of so many.
    Cluster(u16),
    /// Calls through the guard of this name.
    Guard(String),
}

impl Work {
    /// From `cluster 4` or `guard breaker`.
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(' ')? {
            ("cluster", n) => n.parse().ok().map(Self::Cluster),
            ("guard", name) => Some(Self::Guard(name.into())),
            _ => None,
        }
    }

    /// How often until caches are warm and memory is had (in a cluster of 100, one position), and
    /// how often after that (two positions there, hundreds in a cluster of 4).
    fn times(&self) -> (u64, u64) {
        match self {
            Self::Cluster(_) => (20_000, 40_000),
            Self::Guard(_) => (50_000, 100_000),
        }
    }

    fn arguments(&self, times: u64) -> Vec<String> {
        match self {
            Self::Cluster(n) => vec![n.to_string(), times.to_string()],
            Self::Guard(name) => vec!["guard".into(), name.clone(), times.to_string()],
        }
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster(n) => write!(f, "a message at n = {n}"),
            Self::Guard(name) => write!(f, "a call through {name}"),
        }
    }
}

/// What was counted once, and with which compiler.
#[derive(Debug, PartialEq, Eq)]
struct Baseline {
    compiler: String,
    /// Each with its instructions.
    counts: Vec<(Work, u64)>,
}

impl Baseline {
    fn parse(text: &str) -> Result<Self> {
        let mut baseline = Self { compiler: String::new(), counts: Vec::new() };
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            if line.starts_with("rustc ") {
                line.clone_into(&mut baseline.compiler);
                continue;
            }
            let count = line
                .rsplit_once(' ')
                .and_then(|(work, count)| Some((Work::parse(work)?, count.trim().parse().ok()?)));
            baseline.counts.push(count.with_context(|| format!("{BASELINE}: “{line}”?"))?);
        }
        if baseline.counts.is_empty() || baseline.compiler.is_empty() {
            bail!("{BASELINE} lacks a compiler or counts");
        }
        Ok(baseline)
    }
}

pub(super) fn instructions(workspace: &Workspace) -> Result<Tally> {
    let path = workspace.path(BASELINE);
    let text =
        fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
    let baseline = Baseline::parse(&text)?;
    if let Some(why) = not_comparable(workspace, &baseline)? {
        say::detail(&format!("left out: {why}"));
        return Ok(Tally { skipped: baseline.counts.len() as u64, ..Tally::default() });
    }
    let busy = workspace.build_program("conclave-tests", "busy", "release")?;
    let mut tally = Tally::default();
    for (work, expected) in baseline.counts {
        let found = each(workspace, &busy, &work)?;
        let verdict = judge(expected, found);
        say::detail(&format!("{work}: {found} instructions, {verdict}"));
        if verdict == Verdict::Dearer { tally.failed += 1 } else { tally.passed += 1 }
    }
    if tally.failed > 0 {
        say::detail(&format!(
            "find out why; if it is worth it, write the new counts into {BASELINE} and say so in \
             the commit"
        ));
    }
    Ok(tally)
}

/// Why nothing can be counted here that the baseline could be held against.
fn not_comparable(workspace: &Workspace, baseline: &Baseline) -> Result<Option<String>> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Ok(Some("the counts are of Linux on x86-64".into()));
    }
    let mut rustc = workspace.command("rustc");
    rustc.arg("--version");
    let compiler = process::ask(rustc, "`rustc --version`", process::QUESTION_LIMIT)?;
    if compiler.trim() != baseline.compiler {
        return Ok(Some(format!(
            "the counts are of code by {}, and this is {}",
            baseline.compiler,
            compiler.trim()
        )));
    }
    if apt::find_program("valgrind").is_none() {
        if !apt::can_install() {
            return Ok(Some("valgrind isn't here (Debian: `apt-get install valgrind`)".into()));
        }
        apt::install(workspace, &["valgrind"], "to count instructions")?;
    }
    Ok(None)
}

fn each(workspace: &Workspace, busy: &Path, work: &Work) -> Result<u64> {
    let (warm, counted) = work.times();
    let short = count(workspace, busy, work, warm)?;
    let long = count(workspace, busy, work, warm + counted)?;
    Ok(long.saturating_sub(short) / counted)
}

fn count(workspace: &Workspace, busy: &Path, work: &Work, times: u64) -> Result<u64> {
    let mut valgrind = workspace.command("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    // It reports on stderr, which `ask` shows of failures only; so it reports to stdout.
    valgrind.arg("--log-fd=1").arg(busy).args(work.arguments(times));
    let said = process::ask(valgrind, "`busy` under valgrind", process::QUESTION_LIMIT * 6)?;
    read_count(&said).with_context(|| format!("valgrind counted nothing: {}", said.trim()))
}

/// From `==17== I   refs:      42,195,210`.
fn read_count(said: &str) -> Option<u64> {
    let (_, count) = said.lines().find_map(|line| line.split_once("refs:"))?;
    let digits: String = count.chars().filter(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Dearer,
    AsExpected,
    Cheaper,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dearer => write!(f, "over {TOLERANCE_PERCENT} % MORE than the baseline"),
            Self::AsExpected => f.write_str("as the baseline says"),
            Self::Cheaper => write!(f, "so much less that {BASELINE} should be renewed"),
        }
    }
}

fn judge(expected: u64, found: u64) -> Verdict {
    let tolerance = (expected * TOLERANCE_PERCENT / 100).max(TOLERANCE);
    if found > expected + tolerance {
        Verdict::Dearer
    } else if found + tolerance < expected {
        Verdict::Cheaper
    } else {
        Verdict::AsExpected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_from_what_valgrind_says_old_or_new() {
        let old = "==17== \n==17== I   refs:      42,195,210\n";
        assert_eq!(read_count(old), Some(42_195_210));
        assert_eq!(read_count("==17== I refs:        7\n"), Some(7));
        assert_eq!(read_count("60000 messages, trace 00ff\n"), None);
    }

    #[test]
    fn more_than_the_tolerance_is_dearer_and_less_asks_for_a_new_baseline() {
        assert_eq!(judge(1_000, 1_050), Verdict::AsExpected);
        assert_eq!(judge(1_000, 1_051), Verdict::Dearer);
        assert_eq!(judge(1_000, 949), Verdict::Cheaper);
        assert_eq!(judge(10, 12), Verdict::AsExpected);
        assert_eq!(judge(10, 13), Verdict::Dearer);
    }

    #[test]
    fn the_committed_baseline_can_be_read_and_nonsense_is_named() {
        let committed = include_str!("../../../../tests/benches/instructions.txt");
        let baseline = Baseline::parse(committed).unwrap();
        for n in [4, 31, 100] {
            assert!(baseline.counts.iter().any(|(work, _)| *work == Work::Cluster(n)), "{n}");
        }
        let guard = Work::Guard("rate limit by key".into());
        assert!(baseline.counts.iter().any(|(work, _)| *work == guard));
        for bad in ["cluster 4 x", "cluster x 4", "4 6783"] {
            let refused = Baseline::parse(&format!("rustc 1\n{bad}")).unwrap_err();
            assert!(refused.to_string().contains(bad), "{refused}");
        }
        assert!(Baseline::parse("# nothing").is_err());
    }
}

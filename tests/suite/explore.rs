//! `conclave explore`: what it writes can be gone on with, put together and believed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use conclave_core::sim::{Address, Run, Scenario};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::cluster::real::{Scratch, program, until};

/// Two liars of four, and nobody expects it; and something that has nothing to do with it.
fn broken(scratch: &Scratch) -> PathBuf {
    let source = include_str!("../../core/scenarios/one-liar-too-many.toml")
        .replace("violated = [\"agreement\", \"linearizability\"]", "")
        + "\n[[fault]]\nat_ms = 300\nact = { slow-link = { from = 2, to = 3, by_ms = 1 } }\n";
    let path = scratch.path().join("broken.toml");
    fs::write(&path, source).expect("it can be written");
    path
}

fn explore(arguments: &[&str]) -> Output {
    let output = Command::new(program())
        .arg("explore")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started");
    eprintln!("{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn report(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a report")).expect("JSON")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("text")
}

/// What doesn't depend on how long it took.
fn timeless(mut report: Value) -> Value {
    report["totals"]["busy_ms"] = Value::Null;
    report
}

/// Nobody changes the view, so a liar that only holds back new views does nothing at all.
const IDLE: &str = "schema = 1\nname = \"idle\"\ntitle = \"Idle\"\npromise = \"P\"\nduration_ms = 400\n\
                    [cluster]\nn = 4\n[workload]\nclients = 1\nrequests = 3\n[[fault]]\nat_ms = 10\n\
                    act = { corrupt = { node = 3, strategies = [{ delay = { by_ms = 1, kinds = \
                    [\"new-view\"] } }] } }\n";

#[test]
fn a_run_whose_faults_did_nothing_does_not_count() {
    let scratch = Scratch::new();
    let (file, out) = (scratch.path().join("idle.toml"), scratch.path().join("idle.json"));
    fs::write(&file, IDLE).expect("a scratch folder can be written");
    let output = explore(&["--scenario", text(&file), "--seeds", "0..3", "--out", text(&out)]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("0 runs of idle that count") && said.contains("NOTHING WAS TESTED"),
        "{said}"
    );
    let report = report(&out);
    assert_eq!((&report["runs"], &report["idle"]), (&3.into(), &3.into()));
    assert_eq!(report["idle_seeds"], serde_json::json!([0, 1, 2]));
    assert_eq!(report["features"]["delay"], serde_json::json!({ "declared": 3, "effective": 0 }));
}

#[test]
fn a_report_that_is_gone_on_with_or_put_together_is_as_one_made_at_once() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name);
    let (whole, first, second) = (path("whole.json"), path("a.json"), path("b.json"));
    let sweep = |seeds: &str, out: &Path| {
        let output = explore(&["--seeds", seeds, "--jobs", "2", "--out", text(out)]);
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8_lossy(&output.stdout).contains("every invariant held"));
    };
    sweep("0..12", &whole);
    sweep("0..5", &first);
    sweep("5..12", &second);
    assert_eq!(report(&whole)["covered"], serde_json::json!([[0, 12]]));
    assert!(report(&whole)["totals"]["delivered"].as_u64() > Some(10_000));

    let merged = path("merged.json");
    let output = explore(&["merge", text(&first), text(&second), "--out", text(&merged)]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(timeless(report(&merged)), timeless(report(&whole)));

    // The same report goes on with what it lacks.
    let output = explore(&["--resume", text(&first), "--seeds", "0..12"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(timeless(report(&first)), timeless(report(&whole)));
}

#[test]
fn what_does_not_belong_together_is_not_put_together() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name);
    let (one, two, out) = (path("1.json"), path("2.json"), path("out.json"));
    explore(&["--seeds", "0..3", "--out", text(&one)]);
    explore(&["--seeds", "2..4", "--out", text(&two)]);
    let refused = |arguments: &[&str], why: &str| {
        let output = explore(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(why), "{said:?} doesn't say {why:?}");
        assert!(!out.exists());
    };
    let merge = ["merge", text(&one), text(&two), "--out", text(&out)];
    refused(&merge, "seed 2 is in a report before it");
    refused(&["--seeds", "0..3", "--out", text(&one)], "is there already");
    refused(&["--seeds", "3..0"], "3..0 is no range");
    refused(&["--resume", text(&one), "--scenario", "normal-case"], "something else");
    let edit = |from: &str, to: &str| {
        let changed = fs::read_to_string(&two).expect("a report").replacen(from, to, 1);
        fs::write(&two, changed).expect("it can be written");
    };
    edit("\"behaviour\": \"", "\"behaviour\": \"9.9.9-");
    refused(&merge, "another core");
    refused(&["--resume", text(&two)], "another core");
    edit("\"schema\": 2", "\"schema\": 3");
    refused(&merge, "schema 3");
    edit("{", "");
    refused(&merge, "no report");
}

#[test]
fn what_fails_is_shrunk_to_a_file_that_fails() {
    let scratch = Scratch::new();
    let (scenario, out) = (broken(&scratch), scratch.path().join("report.json"));
    let output = explore(&[
        "--seeds",
        "0..50",
        "--scenario",
        text(&scenario),
        "--out",
        text(&out),
        "--stop-after",
        "1",
        "--jobs",
        "1",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report = report(&out);
    assert_eq!(report["failed"], 1);
    let failure = &report["failures"][0];
    assert!(failure["trouble"].as_str().expect("words").contains("is violated"));

    let shrunk = failure["shrunk"]["file"].as_str().expect("a file");
    assert!(!shrunk.contains("slow-link"), "{shrunk}");
    let least = Scenario::parse(shrunk).expect("valid");
    let run = Run::new(least.clone(), least.seed);
    assert!(!run.verdict().expect("it runs").violations.is_empty(), "{shrunk}");
    let link = failure["shrunk"]["link"].as_str().expect("a link");
    assert_eq!(Address::decode(link).expect("valid").run().expect("valid"), run);

    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("conclave simulate"), "{said}");
}

#[tokio::test]
async fn an_interrupted_sweep_leaves_a_report_to_go_on_with() {
    let scratch = Scratch::new();
    let out = scratch.path().join("report.json");
    let mut child = Command::new(program())
        .args(["explore", "--seeds", "0..1000000", "--jobs", "1", "--out", text(&out)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program can be started");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    // It is written for the first time after five seconds.
    until("a report is there", || out.exists()).await;
    kill(pid, Signal::SIGINT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let report = report(&out);
    let runs = report["runs"].as_u64().expect("a number");
    assert!((1..1_000_000).contains(&runs));
    let covered = report["covered"][0][1].as_u64();
    assert_eq!(covered, Some(runs), "one thread goes from seed to seed");
    let output = explore(&["--resume", text(&out), "--time-limit", "1s", "--json"]);
    assert_eq!(output.status.code(), Some(3), "most seeds are left");
    let later: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let runs_later = later["runs"].as_u64().expect("a number");
    assert!(runs_later > runs);
    assert_eq!(later["left"], 1_000_000 - runs_later);
}

/// A run that takes far longer than a test waits.
const LONG: &str = "schema = 1\nname = \"long\"\ntitle = \"Long\"\npromise = \"P\"\nduration_ms = \
                    3600000\n[cluster]\nn = 49\n[workload]\nclients = 20\nthink_ms = 10\n";

#[tokio::test]
async fn who_interrupts_twice_does_not_wait_for_the_runs_under_way() {
    let scratch = Scratch::new();
    let (file, out) = (scratch.path().join("long.toml"), scratch.path().join("long.json"));
    let errors = scratch.path().join("errors");
    fs::write(&file, LONG).expect("a scratch folder can be written");
    let mut child = Command::new(program())
        .args(["explore", "--seeds", "0..3", "--jobs", "1", "--scenario", text(&file)])
        .args(["--out", text(&out)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&errors).expect("a scratch folder can be written"))
        .spawn()
        .expect("the program can be started");
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    let said = || fs::read_to_string(&errors).expect("it can be read");
    // It is written for the first time after five seconds.
    until("a report is there", || out.exists()).await;
    kill(pid, Signal::SIGINT).expect("it runs");
    until("it says how to end at once", || said().contains("once more")).await;
    assert_eq!(child.try_wait().expect("it can be asked"), None, "the run goes on");
    kill(pid, Signal::SIGINT).expect("it runs");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(said().contains("interrupted: 3 seeds are left; go on with --resume"), "{}", said());
    assert_eq!((&report(&out)["runs"], &report(&out)["left"]), (&0.into(), &3.into()));
}

#[test]
fn a_sweep_that_carried_out_nothing_or_not_all_says_so_by_its_exit_code() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name);
    let (nothing, some, merged) = (path("nothing.json"), path("some.json"), path("merged.json"));
    let none = explore(&["--seeds", "0..10", "--time-limit", "0s", "--jobs", "1", "--json"]);
    let swept: Value = serde_json::from_slice(&none.stdout).expect("JSON");
    // A thread may have begun with its first seed before anybody looked at the clock.
    let (code, left) = if swept["runs"] == 0 { (1, 10) } else { (3, 9) };
    assert_eq!((none.status.code(), &swept["left"]), (Some(code), &left.into()));

    // Reports of nothing at all.
    explore(&["--seeds", "0..2", "--jobs", "1", "--out", text(&some)]);
    let mut empty = report(&some);
    for (field, value) in [
        ("runs", serde_json::json!(0)),
        ("idle", serde_json::json!(0)),
        ("covered", serde_json::json!([])),
        ("wanted", serde_json::json!([[2, 5]])),
        ("left", serde_json::json!(3)),
    ] {
        empty[field] = value;
    }
    fs::write(&nothing, empty.to_string()).expect("it can be written");
    let output = explore(&["merge", text(&nothing), "--out", text(&merged)]);
    assert_eq!(output.status.code(), Some(1), "nothing was tested");
    fs::remove_file(&merged).expect("it is there");
    let output = explore(&["merge", text(&some), text(&nothing), "--out", text(&merged)]);
    assert_eq!(output.status.code(), Some(3), "some seeds are left");
    assert_eq!(report(&merged)["left"], 3);
}

#[test]
fn failures_before_a_resumption_do_not_end_it() {
    let scratch = Scratch::new();
    let (scenario, out) = (broken(&scratch), scratch.path().join("report.json"));
    let rest = ["--stop-after", "1", "--jobs", "1", "--shrink-runs", "0"];
    let scenario = ["--scenario", text(&scenario)];
    let begin = ["--seeds", "0..200", "--out", text(&out)];
    explore(&[&begin[..], &scenario, &rest].concat());
    assert_eq!(report(&out)["failed"], 1);
    let runs = report(&out)["runs"].as_u64();
    // As many as it takes to the next failure, and not just one.
    let found = explore(&[
        "--scenario",
        scenario[1],
        "--seeds",
        "0..200",
        "--json",
        "--shrink-runs",
        "0",
        "--stop-after",
        "2",
        "--jobs",
        "1",
    ]);
    let both: Value = serde_json::from_slice(&found.stdout).expect("JSON");
    let output = explore(&[&["--resume", text(&out)][..], &scenario, &rest].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!((&report(&out)["failed"], &report(&out)["runs"]), (&2.into(), &both["runs"]));
    assert!(report(&out)["runs"].as_u64() > runs);
}

#[test]
fn a_storm_can_be_shown_and_run_alone() {
    let shown = explore(&["show", "3"]);
    let source = String::from_utf8(shown.stdout).expect("text");
    assert_eq!(Scenario::parse(&source).expect("valid").name, "storm-3");
    let ran = explore(&["run", "3", "--json"]);
    assert_eq!(ran.status.code(), Some(0));
    let verdict: Value = serde_json::from_slice(&ran.stdout).expect("JSON");
    assert_eq!((&verdict["scenario"], &verdict["as_expected"]), (&"storm-3".into(), &true.into()));

    let told = explore(&["run", "3", "--events"]);
    assert_eq!(told.status.code(), Some(0));
    let first = told.stdout.split(|byte| *byte == b'\n').next().expect("a line");
    assert!(serde_json::from_slice::<Value>(first).expect("JSON")["event"].is_string());
    let scratch = Scratch::new();
    let file = scratch.path().join("lies.evidence");
    let proven = (0..40).find(|seed| {
        let ran = explore(&["run", &seed.to_string(), "--evidence", text(&file)]);
        ran.status.code() == Some(0)
    });
    assert!(proven.is_some() && file.exists(), "in one of them somebody is proven to have lied");
}

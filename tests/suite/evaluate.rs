//! `conclave evaluate-detector`, and the events of a run: what they print holds together.

use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Output, Stdio},
};

use conclave_core::{
    event::Event,
    quorum::Membership,
    sim::{
        Action, Scenario, Strategy,
        appraisal::{CONDUCTS, SETTINGS, Trial},
    },
};
use serde_json::Value;

use crate::cluster::real::{Scratch, program};

fn conclave(arguments: &[&str]) -> Output {
    Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

const FEW: [&str; 8] =
    ["evaluate-detector", "--runs", "2", "--sizes", "4", "--networks", "site", "--conducts"];

fn evaluate(conducts: &str, more: &[&str]) -> Output {
    conclave(&[&FEW[..], &[conducts], more].concat())
}

#[test]
fn liars_are_found_and_nobody_else_and_the_report_says_so() {
    let output =
        evaluate("equivocating-primary,equivocating-checkpoints,silent-backup,calm", &["--json"]);
    let report: Value = serde_json::from_str(&said(&output)).expect("JSON");
    let row = |name: &str| {
        let rows = report["rows"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).expect("a row for each conduct")
    };
    for provable in ["equivocating-primary", "equivocating-checkpoints"] {
        assert_eq!(row(provable)["proven"]["value"], 1.0, "{report:#}");
    }
    // Silence is nobody's signature: held, and never proven.
    assert_eq!(row("silent-backup")["proven"]["value"], 0.0);
    assert_eq!(row("silent-backup")["held"]["value"], 1.0);
    assert_eq!((&row("calm")["liars"], &row("calm")["proven"]), (&0.into(), &Value::Null));
    for name in ["equivocating-primary", "equivocating-checkpoints", "silent-backup", "calm"] {
        let row = row(name);
        assert_eq!((&row["runs"], &row["correct_convicted"]), (&2.into(), &0.into()));
        assert_eq!(row["correct_held"], 0, "{name}");
    }
}

/// What isn't tried isn't measured.
#[test]
fn every_strategy_that_a_scenario_can_name_is_tried() {
    let strategies = || -> Vec<Strategy> {
        let trial = |conduct| Trial {
            conduct,
            members: Membership::new(4).expect("a size"),
            setting: &SETTINGS[0],
            seed: 0,
        };
        let scenario = |conduct| trial(conduct).scenario().expect("it can be carried out");
        let acts = CONDUCTS.iter().flat_map(|conduct| scenario(conduct).faults);
        let lies = acts.filter_map(|timed| match timed.action {
            Action::Corrupt { strategies, .. } => Some(strategies),
            _ => None,
        });
        lies.flatten().collect()
    };
    let named = |strategy: &Strategy| {
        let value = serde_json::to_value(strategy).expect("it can be written");
        value.as_object().expect("by its name").keys().next().expect("one").clone()
    };
    let tried: BTreeSet<String> = strategies().iter().map(named).collect();
    // Whoever names one that there isn't is told all that there are.
    let all = serde_json::from_str::<Strategy>("{\"nonsense\":{}}").expect_err("there is none");
    let all = all.to_string();
    let all: BTreeSet<String> = all.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(all.len() >= 18 && all.contains("silent"), "{all:?}");
    assert_eq!(tried, all);
}

#[test]
fn the_report_that_the_lab_shows_is_one_of_this_command() {
    let shown = include_str!("../../web/static/detector/report.json");
    let shown: Value = serde_json::from_str(shown).expect("JSON");
    let least =
        ["--runs", "1", "--sizes", "4", "--networks", "rack", "--conducts", "calm", "--json"];
    let fresh = said(&conclave(&[&["evaluate-detector"][..], &least].concat()));
    let fresh: Value = serde_json::from_str(&fresh).expect("JSON");
    assert_eq!(shown["schema"], fresh["schema"]);
    let keys =
        |row: &Value| -> Vec<_> { row.as_object().expect("a row").keys().cloned().collect() };
    let rows = shown["rows"].as_array().expect("rows");
    for row in rows {
        assert_eq!(keys(row), keys(&fresh["rows"][0]), "{row:#}");
    }
    for conduct in CONDUCTS {
        let is_it = |row: &&Value| {
            let name = row["name"].as_str().expect("a name");
            name.split(", ").next() == Some(conduct.name)
        };
        let row = rows.iter().find(is_it).unwrap_or_else(|| {
            panic!("{} isn't in the report: run what the page's foot says again", conduct.name)
        });
        assert_eq!(row["class"], conduct.class.name());
        assert_eq!(row["what"], conduct.what);
    }
}

#[test]
fn the_table_has_a_column_for_everything_that_is_asked_of_it() {
    let table = said(&evaluate("equivocating-primary", &[]));
    let (titles, row) = table.split_once('\n').expect("titles and rows");
    for title in
        ["proven %", "held %", "precision %", "/node-hour", "after ms", "messages", "rounds"]
    {
        assert!(titles.contains(title), "{title}: {table}");
    }
    // A share, a rate and three delays, each with its interval.
    let row = row.lines().next().expect("a row");
    assert_eq!(row.matches('[').count(), 7, "{table}");
}

#[test]
fn goals_that_are_missed_are_an_exit_code() {
    // Of liars whom nobody sees none is held, and nothing is asked.
    let output = evaluate("replay", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    // Half of a minute is too short for a selective backup to be held within ten rounds.
    let output = evaluate("selective-backup", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("NOT MET  half of them within 10 rounds"), "{}", said(&output));
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_there_is() {
    for (arguments, hint) in [
        (&["evaluate-detector", "--conducts", "nonsense"][..], "silent-backup"),
        (&["evaluate-detector", "--networks", "nowhere"], "continents"),
        (&["evaluate-detector", "--sizes", "3"], "4..=22"),
        (&["evaluate-detector", "--runs", "0"], "1..=100000"),
    ] {
        let output = conclave(arguments);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{why}");
        assert!(why.contains(hint), "{why}");
    }
    let scratch = Scratch::new();
    let there = scratch.path().join("report.json");
    fs::write(&there, "precious").expect("it can be written");
    let output = evaluate("calm", &["--out", there.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(&there).expect("it is there"), b"precious");
}

#[test]
fn a_trial_is_a_scenario_whose_events_can_be_read() {
    let shown = conclave(&["evaluate-detector", "show", "equivocating-primary", "--seed", "3"]);
    let source = said(&shown);
    Scenario::parse(&source).expect("it is a scenario");
    let scratch = Scratch::new();
    let path = scratch.path().join("trial.toml");
    fs::write(&path, source).expect("it can be written");
    let output = conclave(&["simulate", path.to_str().expect("text"), "--events"]);
    assert_eq!(output.status.code(), Some(0));
    let lines = said(&output);
    let events: Vec<Event> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why} in {line}")))
        .collect();
    assert!(events.is_sorted_by_key(|event| event.at));
    assert!(lines.contains("\"event\":\"convicted\"") && lines.contains("\"event\":\"executed\""));
}

//! The table that people read says what the constants say.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde::Serialize;

use crate::detector::{
    quarantine,
    suspicion::{Config, Kind, Points, SUSPICION_CAP, signal},
};

fn whole(points: Points) -> String {
    format!("{}", points.0 / 1_000)
}

/// What can be set, and what it is, in order.
fn settings(room: &str, config: impl Serialize) -> Vec<[String; 3]> {
    let written = toml::to_string(&config).unwrap();
    let fields = written.lines().map(|line| line.split_once(" = ").expect("a field"));
    fields.map(|(field, is)| [format!("`{room}.{field}`"), is.to_string(), String::new()]).collect()
}

#[test]
fn the_table_in_the_docs_is_that_of_the_constants_and_names_every_default() {
    let rows = include_str!("../../mod.rs").lines().skip_while(|line| !line.contains("| is |"));
    let rows = rows.skip(2).take_while(|line| line.starts_with("//! |"));
    let said: Vec<[String; 3]> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let [_, name, is, most, _, _] = cells[..] else { panic!("not a row: {row}") };
            [name, is, most].map(ToString::to_string)
        })
        .collect();
    let mut true_ones: Vec<[String; 3]> = Vec::new();
    for kind in Kind::ALL {
        let name = format!("`{}`", kind.name());
        true_ones.push([name, whole(kind.weight()), whole(kind.cap())]);
    }
    let none = String::new;
    true_ones.push(["all kinds together".into(), none(), whole(SUSPICION_CAP)]);
    let late = |when: &str, points| [format!("`late` {when}"), whole(points), none()];
    true_ones.push(late("at twice the threshold", signal::LATE_AT_TWICE));
    true_ones.push(late("for each further doubling", signal::LATE_PER_DOUBLING));
    true_ones.extend(settings("suspicion", Config::default()));
    true_ones.extend(settings("quarantine", quarantine::Config::default()));
    assert_eq!(said, true_ones);
}

#[test]
fn no_kind_alone_and_not_all_kinds_together_look_like_a_conviction() {
    for kind in Kind::ALL {
        assert!(kind.weight() <= kind.cap() && kind.cap() <= SUSPICION_CAP, "{kind:?}");
    }
    assert!(SUSPICION_CAP < Points::MAX);
}

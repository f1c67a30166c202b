//! Whether the tests exist that the table of the guards' behaviours names
//! (`core/src/resilience/behaviours.md`). A table that names what is gone is worse than none.

use std::{collections::BTreeSet, fs, path::Path};

use crate::workspace::Workspace;

const TABLE: &str = "core/src/resilience/behaviours.md";
/// Where tests of guards are.
const PLACES: [&str; 3] = ["core/src/resilience", "native/src/resilience", "tests/suite"];

/// The test of each row.
fn named(table: &str) -> Vec<&str> {
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.filter_map(|row| row.split('`').nth(1)).collect()
}

/// All functions that tests are.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(path).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim_start) {
                if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
                    marked = true;
                } else if let Some((_, name)) = line.split_once("fn ").filter(|_| marked) {
                    found.extend(name.split('(').next().map(str::to_owned));
                    marked = false;
                }
            }
        }
    }
}

#[test]
fn every_test_that_the_table_names_exists_and_is_named_once() {
    let workspace = Workspace::find().unwrap();
    let mut tests = BTreeSet::new();
    for place in PLACES {
        tests_below(&workspace.path(place), &mut tests);
    }
    let table = fs::read_to_string(workspace.path(TABLE)).unwrap();
    let named = named(&table);
    assert!(named.len() >= 27 + 27, "only {}", named.len());
    let missing: Vec<_> = named.iter().filter(|it| !tests.contains(**it)).collect();
    assert!(missing.is_empty(), "no such test: {missing:?}");
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "one is named twice");
}

#[test]
fn a_row_without_its_test_is_noticed() {
    let table = "| a | b | test |\n|---|---|---|\n| breaker | opens | `no_such_test` |\n";
    assert_eq!(named(table), ["no_such_test"]);
}

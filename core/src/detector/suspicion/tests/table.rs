//! The table that people read says what the constants say.

use alloc::{format, string::String, vec::Vec};

use crate::detector::suspicion::{Kind, SUSPICION_CAP};

#[test]
fn the_table_in_the_docs_is_that_of_the_constants() {
    let rows: Vec<&str> =
        include_str!("../signal.rs").lines().filter(|line| line.starts_with("//! | `")).collect();
    assert_eq!(rows.len(), Kind::COUNT);
    for (row, kind) in rows.iter().zip(Kind::ALL) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, name, _, weight, cap, _] = cells[..] else { panic!("not a row: {row}") };
        assert_eq!(name, format!("`{}`", kind.name()));
        let whole = |points: super::super::Points| -> String { format!("{}", points.0 / 1_000) };
        assert_eq!((weight, cap), (&*whole(kind.weight()), &*whole(kind.cap())), "{name}");
    }
}

#[test]
fn no_kind_alone_and_not_all_kinds_together_look_like_a_conviction() {
    for kind in Kind::ALL {
        assert!(kind.weight() <= kind.cap() && kind.cap() <= SUSPICION_CAP, "{kind:?}");
    }
    assert!(SUSPICION_CAP < super::super::Points::MAX);
}

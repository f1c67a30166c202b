//! Files and links that are wrong say where and why.

use alloc::{format, string::ToString};

use crate::{
    ids::NodeId,
    sim::{
        Action, Address, AddressError, BUILTIN, MAX_ADDRESS_CHARS, Run, RunError, Scenario,
        ScenarioRef, builtin,
    },
};

const START: &str = "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\n";

fn error(rest: &str) -> alloc::string::String {
    Scenario::parse(&format!("{START}{rest}")).unwrap_err().to_string()
}

#[test]
fn a_wrong_file_names_the_line_the_column_and_what_would_be_right() {
    let cases = [
        ("duration_ms = ", "line 5, column 15"),
        ("duration_ms = 0", "line 5, column 15: a run lasts from 1 ms"),
        ("duration_ms = 9\ncolour = 1", "line 6, column 1: unknown field `colour`"),
        ("duration_ms = 9\n[cluster]\nn = 3", "line 7, column 5: a cluster of 3"),
        ("duration_ms = 9\n[cluster]\nn = 101", "line 7, column 5: at most 100"),
        ("duration_ms = 9\n[cluster]\nn = 100\npbft = {}", "line 8, column 8: a window of 200"),
        ("duration_ms = 9\n[[fault]]\nat_ms = 9\nact = { heal = {} }", "the end of the run"),
        (
            "duration_ms = 9\n[[fault]]\nat_ms = 1\nact = { crash = { node = 4 } }",
            "there is no node 4",
        ),
        (
            "duration_ms = 9\n[[fault]]\nat_ms = 1\nact = { explode = {} }",
            "line 8, column 9: unknown variant `explode`",
        ),
        ("duration_ms = 9\nnetwork = 5", "line 6, column 11: a table"),
        ("duration_ms = 9\n[expect]\nviolated = 5", "line 7, column 12: a list"),
        ("duration_ms = 9\n[cluster]\nn = \"four\"", "line 7, column 5: invalid type: string"),
        ("duration_ms = 9\n[cluster]\nn = 1e3", "line 7, column 5: invalid type: floating"),
        ("duration_ms = 9\n[[fault]]\nat_ms = 1\nact = 5", "line 8, column 7: a name, or a table"),
        ("duration_ms = 9\n[network]\nloss_ppm = 1000001", "parts per million"),
        (
            "duration_ms = 9\n[[fault]]\nat_ms = 1\nact = { lose = { ppm = 1000001 } }",
            "line 6, column 1: a chance is in parts per million",
        ),
        ("duration_ms = 9\n[cluster.pbft]\nwindow = 10", "window = 10 can't work"),
        ("duration_ms = 9\n[[narration]]\nat_ms = 10\nsay = \"x\"", "the end of the run"),
    ];
    for (rest, expected) in cases {
        let found = error(rest);
        assert!(found.starts_with("line "), "{found}");
        assert!(found.contains(expected), "{rest:?} gives {found:?}, not {expected:?}");
    }
    let newer = Scenario::parse(
        "schema = 2\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 1",
    );
    assert!(newer.unwrap_err().to_string().contains("schema 2 is not known"));
}

#[test]
fn a_policy_stands_in_a_file_and_an_unsound_one_is_refused_with_its_line() {
    let policy = "[cluster.pbft.policy]\ndwell_ms = 2000\n[[cluster.pbft.policy.rule]]\n\
                  level = [\"low\"]\nprotocol = \"raft\"\n[[cluster.pbft.policy.rule]]\n\
                  protocol = \"pbft\"\nparameters = { timeout_percent = 150 }\n";
    let declared = "duration_ms = 9\n[cluster.pbft]\ndeployment = \"crash-only\"\n";
    let scenario = Scenario::parse(&format!("{START}{declared}{policy}")).unwrap();
    assert_eq!((scenario.config.policy.rules.len(), scenario.config.policy.dwell_ms), (2, 2_000));
    let undeclared = format!("duration_ms = 9\n\n\n{policy}");
    let dull = policy.replace("percent = 150", "percent = 9");
    let endless = policy.replace("dwell_ms = 2000", "dwell_ms = 0");
    let uncovered =
        policy.replace("protocol = \"pbft\"", "level = [\"high\"]\nprotocol = \"pbft\"");
    for (file, expected) in [
        (undeclared, "line 12, column 1: rule 1 offers Raft, which is for crash-only deployments"),
        (format!("{declared}{dull}"), "line 15, column 16: rule 2: timeout_percent = 9 can't work"),
        (format!("{declared}{endless}"), "line 9, column 1: dwell_ms = 0 can't work"),
        (format!("{declared}{uncovered}"), "line 8, column 1: no rule that stands proof of a lie"),
    ] {
        let found = error(&file);
        assert!(found.contains(expected), "{file}\ngives {found:?}, not {expected:?}");
    }
}

#[test]
fn a_wrong_link_says_so() {
    let good = Address::new(&Run::new(builtin("normal-case").unwrap(), 1), 5);
    let text = good.encode();
    for bad in ["", "a", "a123", "b!!!", &text[..text.len() - 3]] {
        assert_eq!(Address::decode(bad), Err(AddressError::Malformed), "{bad:?}");
    }
    let long = "a".repeat(MAX_ADDRESS_CHARS + 1);
    assert_eq!(Address::decode(&long), Err(AddressError::TooLong));
    let unknown = Address { scenario: ScenarioRef::Builtin("atlantis".into()), ..good.clone() };
    assert!(matches!(unknown.run(), Err(AddressError::UnknownScenario(_))));
    let endless = Scenario { duration_ms: u32::MAX, ..builtin("normal-case").unwrap() };
    let broken = Address { scenario: ScenarioRef::Given(endless.into()), ..good.clone() };
    let why = Address::decode(&broken.encode()).unwrap().run().unwrap_err();
    assert!(why.to_string().contains("one hour"), "{why}");
    let other = Address { version: "9.9.9".into(), ..good };
    assert!(!other.matches_this_core());
}

#[test]
fn interventions_on_what_is_not_there_are_refused() {
    let run = Run::new(Scenario::parse(BUILTIN[0].source).unwrap(), 1);
    let on_nobody = run.forked(1, Action::Crash { node: NodeId(4) });
    assert!(matches!(on_nobody.verdict(), Err(RunError::Intervention { step: 1, .. })));
    let mut disordered = run.forked(9, Action::Heal);
    disordered.interventions.push(crate::sim::Intervention { step: 3, action: Action::Heal });
    assert!(matches!(disordered.verdict(), Err(RunError::Order { step: 3 })));
}

//! What random scenarios once broke, as `conclave explore` shrank it, holds now.

use std::{fs, path::Path};

use conclave_core::sim::{Run, Scenario, swarm::carry_out};

#[test]
fn what_was_once_broken_holds_now() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("regressions");
    let mut count = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("it can be listed").path();
        let source = fs::read_to_string(&path).expect("it can be read");
        let scenario = Scenario::parse(&source).expect("valid");
        assert_eq!(path.file_stem().and_then(|name| name.to_str()), Some(&*scenario.name));
        let seed = scenario.seed;
        let outcome = carry_out(&Run::new(scenario, seed)).expect("it runs");
        assert_eq!(outcome.trouble, None, "{}: {:#?}", path.display(), outcome.verdict);
        assert!(!outcome.is_idle(), "{}: its faults do nothing", path.display());
        count += 1;
    }
    assert!(count > 0, "there is nothing in {}", folder.display());
}

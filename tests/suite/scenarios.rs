//! Every built-in scenario comes out as it says, and every fault that it declares happens.

use conclave_core::sim::{Address, BUILTIN, Run, Verdict, builtin};

fn carried_out(name: &str, seed: u64) -> (Run, Verdict) {
    let run = Run::new(builtin(name).expect("built in"), seed);
    let verdict = run.verdict().expect("it can be carried out");
    (run, verdict)
}

#[test]
fn every_scenario_meets_its_expectations_with_its_own_seed_and_with_others() {
    for known in BUILTIN {
        let own = builtin(known.name).expect("built in").seed;
        for seed in [own, 100, 101, 102] {
            let (run, verdict) = carried_out(known.name, seed);
            let link = Address::new(&run, 0).encode();
            let unmet: Vec<_> = verdict.expectations.iter().filter(|it| !it.met).collect();
            assert!(
                unmet.is_empty(),
                "{} with seed {seed}: {unmet:?}\n{:#?}\nlink: {link}",
                known.name,
                verdict.violations
            );
        }
    }
}

#[test]
fn every_declared_fault_has_an_effect() {
    for known in BUILTIN {
        let scenario = builtin(known.name).expect("built in");
        let (_, verdict) = carried_out(known.name, scenario.seed);
        let slow = scenario.dependency.is_some_and(|it| it.slow_ms > 0);
        let declared = scenario.faults.len() + usize::from(slow);
        assert_eq!(verdict.injections.len(), declared, "{}", known.name);
        for injection in &verdict.injections {
            assert!(injection.effects > 0, "{}: “{}” did nothing", known.name, injection.what);
        }
    }
}

#[test]
fn every_marker_is_reached() {
    for known in BUILTIN {
        let scenario = builtin(known.name).expect("built in");
        let markers = scenario.narration.len();
        let seed = scenario.seed;
        let mut recording = conclave_core::sim::Recording::new(Run::new(scenario, seed))
            .expect("it can be carried out");
        recording.extend(u64::MAX);
        assert_eq!(recording.markers().len(), markers, "{}", known.name);
        assert!(markers >= 2, "{} tells nothing", known.name);
    }
}

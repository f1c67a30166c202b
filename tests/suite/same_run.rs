//! The same run everywhere: a scenario with a seed has one trace hash, whether the program, this
//! process or WebAssembly in Chromium simulates it.

use std::{collections::BTreeMap, process::Command};

use conclave_core::sim::{BUILTIN, Recording, Run, builtin};
use serde_json::{Value, json};

use crate::browser::{
    lab::Lab,
    resilience, scenarios_of_the_lab,
    server::{Server, program},
    webdriver::Driver,
};

type Hashes = BTreeMap<(String, u64), String>;

/// Every built-in scenario with its own seed and a few others.
fn runs() -> Vec<(String, u64)> {
    let mut runs = Vec::new();
    for entry in BUILTIN {
        let own = builtin(entry.name).expect("built in").seed;
        // The largest that fits tells whether a seed is cut anywhere on its way.
        for seed in [own, 1, 7, u64::MAX] {
            if !runs.contains(&(entry.name.to_owned(), seed)) {
                runs.push((entry.name.to_owned(), seed));
            }
        }
    }
    runs
}

fn in_this_process() -> Hashes {
    let simulate = |(name, seed): (String, u64)| {
        let run = Run::new(builtin(&name).expect("built in"), seed);
        let mut recording = Recording::new(run).expect("a built-in scenario can be run");
        while !recording.extend(10_000) {}
        let hash = recording.verdict().trace_hash.to_string();
        ((name, seed), hash)
    };
    runs().into_iter().map(simulate).collect()
}

fn by_the_program() -> Hashes {
    let simulate = |(name, seed): (String, u64)| {
        let output = Command::new(program())
            .args(["simulate", &name, "--seed", &seed.to_string(), "--json"])
            .output()
            .expect("the program can be started");
        let said = String::from_utf8_lossy(&output.stdout);
        let verdict: Value = serde_json::from_str(&said).unwrap_or_else(|error| {
            panic!("{name}: {error} in {said}{}", String::from_utf8_lossy(&output.stderr))
        });
        let hash = verdict["trace_hash"].as_str().expect("a hash").to_owned();
        ((name, seed), hash)
    };
    runs().into_iter().map(simulate).collect()
}

/// Each on the page that carries it out: the plain lab, or the one with guards.
fn in_the_browser() -> Hashes {
    let server = Server::lab();
    let driver = Driver::start();
    let session = driver.session(800, 600);
    let mut hashes = Hashes::new();
    for (page, module, plain) in
        [("", "conclave_web", true), (resilience::PAGE, "conclave_resilience", false)]
    {
        // The page starts the module; a second start beside it would be another instance.
        Lab::open(&session, &format!("{}{page}", server.url));
        let script = format!(
            "const lab = await import('./{module}.js'); await lab.default(); \
             return lab.conclave_trace_hash(args[0], BigInt(args[1]))"
        );
        for (name, seed) in runs().into_iter().filter(|(name, _)| is_in_the_lab(name) == plain) {
            let hash = session.script_async(&script, &[json!(name), json!(seed.to_string())]);
            hashes.insert((name, seed), hash.as_str().expect("a hash").to_owned());
        }
    }
    hashes
}

fn is_in_the_lab(name: &str) -> bool {
    scenarios_of_the_lab().any(|(known, _)| known == name)
}

#[test]
fn a_run_has_the_same_hash_in_the_program_the_tests_and_the_browser() {
    let here = in_this_process();
    assert!(here.len() >= BUILTIN.len() * 3);
    let different: std::collections::BTreeSet<_> = here.values().collect();
    assert!(different.len() > here.len() / 2, "the hash hardly depends on the run: {here:#?}");
    assert!(here.values().all(|hash| hash.len() == 32), "{here:#?}");
    assert_eq!(by_the_program(), here, "the program runs another run");
    assert_eq!(in_the_browser(), here, "the browser runs another run");
}

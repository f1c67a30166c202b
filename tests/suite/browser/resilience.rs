//! The lab with guards: the page that scenarios open on which need them, and what its panels show of the
//! core's own snapshots.

use std::time::Duration;

use conclave_core::{
    ids::NodeId,
    node::Gate,
    resilience::breaker::State,
    sim::{self, BUILTIN, Cluster, Recording, Run, Scenario, TieStage},
};
use serde_json::json;

use super::{SOON, Visit, lab::Lab, wait_for};

/// The page, below the server's own.
pub(crate) const PAGE: &str = "resilience.html";

/// The built-in scenarios that only this page carries out.
pub(crate) fn scenarios_with_guards() -> impl Iterator<Item = (&'static str, Scenario)> {
    let all = BUILTIN.iter().map(|known| {
        (known.name, sim::builtin(known.name).expect("the core's tests read every scenario"))
    });
    all.filter(|(_, scenario)| scenario.needs_guards())
}

fn open(visit: &Visit) -> Lab<'_> {
    Lab::open(&visit.session, &format!("{}{PAGE}", visit.server.url))
}

/// The same run in this process.
fn natively(name: &str) -> Recording {
    let scenario = sim::builtin(name).expect("built in");
    let seed = scenario.seed;
    let mut recording = Recording::new(Run::new(scenario, seed)).expect("it can be run");
    while !recording.extend(10_000) {}
    recording
}

/// The steps after which that much of a run's time has passed.
fn steps_at(recording: &Recording, ms: u64) -> u64 {
    let steps = 0..recording.steps();
    steps.rev().find(|step| recording.step_time(*step).as_micros() <= ms * 1_000).unwrap_or(0)
}

fn gate(cluster: &Cluster, node: u16) -> &Gate {
    let host = cluster.node(NodeId(node)).expect("there is such a replica");
    host.node().gate().expect("it has a gate")
}

fn where_it_is(visit: &Visit) -> String {
    let path = visit.session.script("return location.pathname", &[]);
    path.as_str().unwrap_or_default().to_owned()
}

fn goes_to_the_page(visit: &Visit) {
    wait_for("the page with guards", SOON, || where_it_is(visit).ends_with(PAGE).then_some(()));
}

#[test]
fn the_plain_lab_leads_to_the_page_with_guards_and_that_one_carries_out_the_others_too() {
    let visit = Visit::begin();
    let lab = visit.lab();
    let loaded = "return performance.getEntriesByType('resource').some(it => it.name.includes('resilience'))";
    assert_eq!(visit.session.script(loaded, &[]), json!(false), "nobody asked for it yet");
    lab.click("scenario-client-flood");
    goes_to_the_page(&visit);
    let chosen = || {
        wait_for("the chosen scenario", SOON, || {
            (lab.attribute("scenario-client-flood", "aria-current") == "true").then_some(())
        });
        lab.wait_until_ready();
        lab.wait_for_verdict();
    };
    chosen();
    assert!(lab.has("waves") && lab.has("gates"));

    // A moment of it, as a link; the same opened at the plain lab comes to the same moment.
    lab.scrub_to(lab.number("steps") / 2);
    let moment = lab.moment();
    lab.click("copy-link");
    let fragment = wait_for("the link", SOON, || {
        let address = visit.session.script("return location.hash", &[]);
        address.as_str().filter(|it| it.starts_with("#r=")).map(str::to_owned)
    });
    visit.session.go_to("about:blank");
    visit.session.go_to(&format!("{}{fragment}", visit.server.url));
    goes_to_the_page(&visit);
    chosen();
    lab.wait_for_position("the moment of the link", |at| at == moment.position);
    assert_eq!(lab.moment(), moment);

    lab.choose("silent-primary");
    assert!(where_it_is(&visit).ends_with(PAGE), "this page can do all");
    assert!(!lab.has("waves"), "where there are no guards there is nothing to see of them");
    visit.no_complaints();
}

#[test]
fn every_scenario_with_guards_plays_to_its_end_and_comes_out_as_natively() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose_from("speed", "100");
    for (name, scenario) in scenarios_with_guards() {
        lab.choose(name);
        for (part, state) in lab.verdict() {
            assert_eq!(state, "held", "{name}: {part}");
        }
        let (end, native) = (lab.number("steps"), natively(name));
        assert_eq!(end, native.steps(), "{name}");
        for _ in 0..=scenario.narration.len() {
            let from = lab.position();
            if from == end {
                break;
            }
            lab.click("play");
            lab.wait_for_position("playing", |at| at > from);
            lab.wait_for_pause();
        }
        assert_eq!(lab.position(), end, "{name} doesn't play to its end");
        assert_eq!(lab.text("trace-hash"), native.verdict().trace_hash.to_string(), "{name}");
        visit.no_complaints();
    }
}

#[test]
fn a_gate_shows_what_the_core_says_of_it_at_that_moment_and_at_an_earlier_one() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose("client-flood");
    lab.click("node-2");
    let mut native = natively("client-flood");
    let mut seen = Vec::new();
    for ms in [4_000, 1_500, 900] {
        let steps = steps_at(&native, ms);
        let cluster = native.seek(steps);
        let (gate, now) = (gate(cluster, 2), cluster.now());
        let counters = gate.snapshot().counters;
        let refused: u64 = counters.refused.iter().sum();
        let (admitted, overdue) = (counters.admitted, counters.overdue);
        let expected = format!("{admitted} let in, {refused} turned away, {overdue} overdue.");
        let free = |client| gate.permits(now, conclave_core::ids::ClientId(client)).unwrap().0;
        let honest = free(1);
        lab.scrub_to(steps);
        wait_for("the gate's numbers", SOON, || {
            (lab.text("gate-counts") == expected).then_some(())
        });
        let shown = lab.text("rate-1");
        assert!(shown.starts_with(&honest.to_string()), "at {ms} ms: {shown}, not {honest}");
        seen.push(refused);
    }
    assert!(seen[0] > seen[1] && seen[1] > seen[2] && seen[2] == 0, "{seen:?}");
    lab.scrub_to(steps_at(&native, 3_000));
    assert!(lab.text("rate-0").contains("not read for"), "{}", lab.text("rate-0"));
    lab.screenshot("resilience-gate");
    visit.no_complaints();
}

#[test]
fn workers_their_compartment_and_who_was_turned_away_are_those_of_the_core() {
    let visit = Visit::begin();
    let lab = open(&visit);
    let mut turned_away = Vec::new();
    for name in ["slow-dependency", "slow-dependency-bulkhead"] {
        lab.choose(name);
        lab.click("node-0");
        let mut native = natively(name);
        for ms in [1_000, 3_500] {
            let steps = steps_at(&native, ms);
            let host = native.seek(steps).node(NodeId(0)).expect("there is such a replica");
            let seen = host.entrance().expect("it depends on a service").snapshot();
            lab.scrub_to(steps);
            let [need, others] = seen.turned_away;
            let said = format!("{need} turned away that need the service, {others} that don’t.");
            wait_for(&said, SOON, || (lab.text("entrance-counts") == said).then_some(()));
            let workers = format!(
                "{} of {}, {} wait for the service",
                seen.workers.running, seen.workers.limit, seen.calling
            );
            assert_eq!(lab.text("workers"), workers, "{name} at {ms} ms");
            let compartment = lab.has("compartment").then(|| lab.text("compartment"));
            let expected = seen.compartment.map(|it| format!("{} of {}", it.running, it.limit));
            assert_eq!(compartment, expected, "{name} at {ms} ms");
            turned_away.push((seen.calling, need, others));
        }
        lab.screenshot(name);
        visit.session.press("\u{e00c}");
    }
    // While the service is slow: all workers wait for it, or one of them.
    assert_eq!((turned_away[1].0, turned_away[3].0), (4, 1));
    assert!(turned_away[3].1 > 0 && turned_away[3].2 == 0, "{turned_away:?}");

    lab.click("beside");
    wait_for("both", Duration::from_mins(1), || lab.has("peak-1").then_some(()));
    lab.screenshot("slow-dependency-beside");
    visit.no_complaints();
}

#[test]
fn a_replicas_connections_and_their_breakers_are_those_of_the_core() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose("peer-comes-back");
    lab.click("node-0");
    let mut native = natively("peer-comes-back");
    let mut seen = Vec::new();
    for ms in [1_000, 3_000, 9_500, 16_500, 21_000] {
        let steps = steps_at(&native, ms);
        let host = native.seek(steps).node(NodeId(0)).expect("there is such a replica");
        let connected: Vec<_> =
            host.ties().map(|(_, tie)| tie.stage() == TieStage::Connected).collect();
        lab.scrub_to(steps);
        for (to, connected) in (1..=3).zip(&connected) {
            wait_for(&format!("the way to {to} at {ms} ms"), SOON, || {
                let words = lab.text(&format!("tie-{to}"));
                ((words == "connected") == *connected).then_some(())
            });
        }
        seen.push((connected, lab.text("tie-3")));
        if ms == 9_500 {
            lab.screenshot("resilience-ties");
        }
    }
    let ways: Vec<_> = seen.iter().map(|(connected, _)| &connected[..]).collect();
    let (all, but_3, but_2) = ([true; 3], [true, true, false], [true, false, true]);
    assert_eq!(ways, [&all[..], &but_3, &but_3, &but_2, &all]);
    assert!(seen[2].1.starts_with("open for") || seen[2].1.starts_with("half-open"), "{seen:?}");

    // While its breaker lets one attempt through to find out, that is what it says.
    let probing = (0..native.steps()).find(|step| {
        let host = native.seek(*step).node(NodeId(0)).expect("there is such a replica");
        host.ties().any(|(to, tie)| to == NodeId(3) && tie.breaker().state == State::HalfOpen)
    });
    lab.scrub_to(probing.expect("its breaker is half-open at some moment"));
    wait_for("the probe", SOON, || (lab.text("tie-3") == "half-open: one probe").then_some(()));
    visit.no_complaints();
}

#[test]
fn a_budget_that_burns_and_the_level_that_follows_are_those_of_the_core() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose("error-budget");
    let mut native = natively("error-budget");
    let mut levels = Vec::new();
    for ms in [1_500, 3_500, 4_400, 8_900] {
        let steps = steps_at(&native, ms);
        let gate = gate(native.seek(steps), 1);
        let (level, snapshot) = (gate.level().name(), gate.snapshot());
        let load = snapshot.degradation.expect("it degrades").highest_ppm / 10_000;
        lab.scrub_to(steps);
        wait_for("the level", SOON, || (lab.text("level-1") == level).then_some(()));
        lab.click("node-1");
        wait_for("the gate", SOON, || lab.has("gate-level").then_some(()));
        assert_eq!(lab.text("gate-level"), level, "at {ms} ms");
        assert_eq!(lab.text("gate-load"), format!("{load} %"), "at {ms} ms");
        let left = snapshot.objective.and_then(|it| it.latency).and_then(|it| it.left_ppm);
        let left =
            left.map_or("too few to tell".to_owned(), |it| format!("{} % left", it / 10_000));
        assert_eq!(lab.text("budget-latency"), left, "at {ms} ms");
        if ms == 4_400 {
            lab.screenshot("resilience-budget");
        }
        visit.session.press("\u{e00c}");
        wait_for("nothing selected", SOON, || lab.has("gates").then_some(()));
        levels.push(level);
    }
    assert_eq!((levels[0], levels[3]), ("normal", "normal"));
    assert!(levels[1..3].contains(&"severe"), "{levels:?}");
    visit.no_complaints();
}

#[test]
fn two_storms_stand_side_by_side_with_the_peaks_that_verdicts_count() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose("flaky-link");
    lab.click("beside");
    let peak = |name| natively(name).verdict().counts.peak_requests.to_string();
    let expected = [peak("flaky-link"), peak("flaky-link-jitter")];
    wait_for("both waves", Duration::from_mins(1), || {
        let shown = ["peak-0", "peak-1"].map(|it| lab.has(it).then(|| lab.text(it)));
        (shown == expected.clone().map(Some)).then_some(())
    });
    assert!(!lab.has("beside"), "there is no third");
    assert_ne!(expected[0], expected[1]);

    // In the middle of the outage all wait, and each client says what for.
    let mut native = natively("flaky-link");
    let steps = steps_at(&native, 1_650);
    let asking = native.seek(steps).clients()[3].client().asking().expect("it waits");
    lab.scrub_to(steps);
    lab.screenshot("resilience-storms");
    let state = if asking.sleeps { "waits" } else { "again" };
    wait_for("the client's state", SOON, || {
        (lab.attribute("client-3", "data-state") == state).then_some(())
    });
    lab.click("client-3");
    wait_for("how it asks again", SOON, || lab.has("patience").then_some(()));
    let said = lab.text("attempt");
    let expected =
        if asking.sleeps { "waits ".into() } else { format!("attempt {}", asking.attempt) };
    assert!(said.starts_with(&expected), "{said}");
    assert!(lab.has("retry-budget"));
    lab.screenshot("resilience-client");

    lab.click("branch-1");
    wait_for("the other story", SOON, || {
        (lab.attribute("branch-1", "aria-pressed") == "true").then_some(())
    });
    visit.no_complaints();
}

#[test]
fn an_experiment_says_what_it_expects_where_it_stands_and_why_it_ended() {
    let visit = Visit::begin();
    let lab = open(&visit);
    lab.choose("chaos-abort");
    lab.click("home");
    wait_for("the hypothesis", SOON, || lab.has("experiment").then_some(()));
    let hypothesis =
        sim::builtin("chaos-abort").and_then(|it| it.chaos).expect("built in").hypothesis;
    assert!(lab.text("experiment").contains(&hypothesis));
    let mut native = natively("chaos-abort");
    for (ms, said) in [(1_000, "looks whether"), (2_000, "injects"), (6_000, "refuted")] {
        let steps = steps_at(&native, ms);
        let snapshot = native.seek(steps).experiment().expect("there is one").snapshot();
        lab.scrub_to(steps);
        wait_for(said, SOON, || lab.text("experiment-phase").contains(said).then_some(()));
        let touched = lab.text("experiment-touched");
        let injected = snapshot.counters.injected;
        assert!(touched.starts_with(&format!("{injected} calls")), "at {ms} ms: {touched}");
        if said == "refuted" {
            assert!(!lab.has("steady-slow"), "when it is over, nothing is judged any more");
        } else {
            let slow = format!("{} of {}", snapshot.rates.slow, snapshot.rates.calls);
            assert_eq!(lab.text("steady-slow"), slow, "at {ms} ms");
        }
    }
    lab.screenshot("resilience-experiment");
    visit.no_complaints();
}

#[test]
fn on_a_phone_it_all_fits_and_a_client_can_be_looked_into() {
    let visit = Visit::begin();
    visit.session.chromium(
        "Emulation.setDeviceMetricsOverride",
        &json!({ "width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true }),
    );
    let lab = open(&visit);
    for (name, _) in scenarios_with_guards() {
        lab.choose_from("scenario-choice", name);
        lab.wait_until_ready();
        lab.wait_for_verdict();
        lab.scrub_to(lab.number("steps") / 2);
        lab.click("tab-inspect");
        let overflow = visit.session.script(
            "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]",
            &[],
        );
        assert_eq!(overflow, json!([390, 390]), "{name} is wider than the phone");
        lab.screenshot(&format!("resilience-phone-{name}"));
    }
    lab.click("client-0");
    wait_for("the client", SOON, || lab.has("patience").then_some(()));
    visit.no_complaints();
}

//! The docket in whole runs: what is agreed about who lies, and what comes of it.

use alloc::{format, vec::Vec};

use super::{fault, recorded};
use crate::{
    analyzer::Protocol,
    detector::quarantine::What,
    event::{EventKind, Place, ViewChangeCause},
    ids::NodeId,
    sim::{Recording, Scenario, builtin},
};

/// A cluster under load; `rest` are its faults and whatever else differs.
fn scenario(cluster: &str, rest: &str) -> Scenario {
    let source = format!(
        "schema = 1\nname = \"x\"\ntitle = \"X\"\npromise = \"P\"\nduration_ms = 6000\n[cluster]\n\
         {cluster}\n[cluster.pbft]\ncheckpoint_interval = 10\nwindow = 40\nrequest_timeout_ms = \
         300\nview_change_timeout_ms = 500\nstatus_interval_ms = 100\n\
         [cluster.pbft.quarantine]\nterm_ms = 800\ncorroborate_within_ms = 300\n\
         accusation_lasts_ms = 2000\n[workload]\nclients = 3\n\
         think_ms = 30\nretransmit_ms = 250\n[expect]\nmin_completed = 50\n{rest}"
    );
    Scenario::parse(&source).unwrap_or_else(|error| panic!("{error}\n{source}"))
}

/// What was decided, each once, in order.
fn decided(recording: &Recording) -> Vec<(NodeId, What)> {
    let mut entries = Vec::new();
    for event in recording.events() {
        if let EventKind::Decided { entry } = &event.kind
            && entry.number == entries.len() as u64 + 1
        {
            entries.push((entry.node, entry.what.clone()));
        }
    }
    entries
}

fn restrained(recording: &mut Recording, node: u16) -> Vec<u16> {
    let end = recording.steps();
    let cluster = recording.seek(end);
    let docket = cluster.node(NodeId(node)).unwrap().replica().docket();
    docket.restrained().iter().map(|node| node.0).collect()
}

const LIES: &str = "corrupt = { node = 0, strategies = [{ equivocate = { victims = [3] } }] }";

#[test]
fn a_primary_that_is_convicted_is_left_at_once_and_leads_no_more() {
    let rest = fault(500, LIES);
    for seed in 1..=6 {
        let mut recording = recorded(&scenario("n = 4", &rest), seed);
        let convicted = |(node, what): &(NodeId, What)| {
            *node == NodeId(0) && matches!(what, What::Convicted { .. })
        };
        assert!(decided(&recording).iter().any(convicted), "seed {seed}");
        let restrained_left = recording.events().iter().any(|event| {
            matches!(
                event.kind,
                EventKind::ViewChangeStarted { why: ViewChangeCause::Restrained, .. }
            )
        });
        assert!(restrained_left, "seed {seed}");
        let at = recording.events().iter().position(|event| {
            matches!(&event.kind, EventKind::Decided { entry }
                if matches!(entry.what, What::Convicted { .. }))
        });
        let led = recording.events()[at.unwrap()..]
            .iter()
            .any(|event| matches!(event.kind, EventKind::ViewEntered { primary: NodeId(0), .. }));
        assert!(!led, "seed {seed}: it leads again");
        assert_eq!(restrained(&mut recording, 2), [0], "seed {seed}");
    }
}

/// Node 3 accepted the other story, and before it asks anyone the rest are more than a window ahead: it
/// is brought forward by a state, which holds no proposals. What it was told convicts all the same.
#[test]
fn who_is_told_another_story_and_left_behind_at_once_still_convicts_its_primary() {
    for (victims, seed) in (1..=6).flat_map(|seed| [("[3]", seed), ("[1, 2]", seed)]) {
        let lies = LIES.replace("[3]", victims);
        let mut quick = scenario("n = 4", &fault(500, &lies));
        quick.config.checkpoint_interval = 2;
        quick.config.window = 8;
        quick.config.status_interval_ms = 1_000;
        quick.workload.think_ms = 0;
        let recording = recorded(&quick, seed);
        let convicted: Vec<_> = recording
            .events()
            .iter()
            .filter_map(|event| match &event.kind {
                EventKind::Convicted { offence, .. } if offence.by == NodeId(0) => {
                    Some(event.at.0 / 1_000)
                }
                _ => None,
            })
            .collect();
        assert!(
            convicted.first().is_some_and(|at| (500..700).contains(at)),
            "seed {seed}, {victims}: {convicted:?}"
        );
    }
}

#[test]
fn who_was_away_has_the_docket_with_the_state_and_who_restarts_has_it_from_its_disk() {
    let rest = fault(300, "crash = { node = 2 }")
        + &fault(500, LIES)
        + &fault(2_500, "restart = { node = 2 }")
        + &fault(4_500, "crash = { node = 3 }")
        + &fault(4_600, "restart = { node = 3 }");
    for seed in 1..=4 {
        let mut recording = recorded(&scenario("n = 7", &rest), seed);
        for node in [1, 2, 3, 6] {
            assert!(restrained(&mut recording, node).contains(&0), "seed {seed}: node {node}");
        }
    }
}

#[test]
fn who_is_away_is_held_and_stays_held_while_it_is_accused() {
    let rest = fault(500, "cut-off = { node = 3 }") + &fault(1_500, "reconnect = { node = 3 }");
    for seed in 1..=6 {
        let recording = recorded(&scenario("n = 4", &rest), seed);
        let decided = decided(&recording);
        assert!(decided.iter().all(|(node, _)| *node == NodeId(3)), "seed {seed}: {decided:?}");
        assert!(matches!(decided[0].1, What::Held { offence: 1, .. }), "seed {seed}: {decided:?}");
        let goes_on = |what: &What| {
            matches!(what, What::Extended { .. } | What::Released | What::Held { .. })
        };
        assert!(decided.iter().all(|(_, what)| goes_on(what)), "seed {seed}: {decided:?}");
    }
}

#[test]
fn the_operator_holds_and_frees_and_the_docket_has_it() {
    let rest = fault(500, "overrule = { node = 0, order = \"hold\" }")
        + &fault(2_000, "overrule = { node = 0, order = \"free\" }");
    let mut recording = recorded(&scenario("n = 4", &rest), 3);
    let ordered = decided(&recording);
    assert!(ordered.iter().all(|(node, it)| *node == NodeId(0) && matches!(it, What::Ordered(_))));
    assert_eq!(ordered.len(), 2);
    assert_eq!(recording.verdict().counts.view.0, 1, "it was primary, and was left");
    assert_eq!(restrained(&mut recording, 1), []);
}

#[test]
fn liars_in_the_log_hold_nobody_and_are_heard_no_more() {
    for seed in 1..=8 {
        let mut framing = builtin("framing-an-honest-node").unwrap();
        // When exactly is a matter of chance.
        framing.expect.silenced.clear();
        let recording = recorded(&framing, seed);
        for (node, what) in decided(&recording) {
            let about_a_liar = node.0 >= 5;
            let costs = matches!(what, What::Unfounded { .. } | What::Misled | What::Silenced);
            assert!(about_a_liar && costs, "seed {seed}: node {node}: {what:?}");
        }
    }
}

#[test]
fn with_a_rising_threat_the_protocol_follows_from_epoch_to_epoch() {
    for seed in [1, 12] {
        let recording = recorded(&builtin("rising-threat").unwrap(), seed);
        let mut epochs = Vec::new();
        for event in recording.events() {
            if let EventKind::EpochBegun { epoch, protocol, .. } = event.kind
                && epoch.0 == epochs.len() as u64 + 1
            {
                epochs.push(protocol);
            }
        }
        assert_eq!(epochs, [Protocol::Pbft, Protocol::TrustOrderedPbft], "seed {seed}: from Raft");
        let said = threats(&recording);
        let begin = ["trust-ordered PBFT", "safe mode"];
        let turns: Vec<_> = begin.map(|it| said.iter().position(|why| why.starts_with(it))).into();
        assert!(turns[0].is_some() && turns[0] < turns[1], "seed {seed}: {said:?}");
    }
}

#[test]
fn above_f_nothing_is_written_any_more_and_reads_say_so() {
    let recording = recorded(&builtin("rising-threat").unwrap(), 12);
    let critical = recording.events().iter().position(|event| {
        matches!(&event.kind, EventKind::Threat { why, .. } if why.starts_with("safe mode"))
    });
    let later = &recording.events()[critical.unwrap()..];
    // What was executed just before may still be answered just after.
    let answers = later.iter().filter_map(|event| match (&event.kind, event.place) {
        (EventKind::RequestCompleted { result, .. }, Place::Client(_)) => Some(result.as_str()),
        _ => None,
    });
    let answers: Vec<_> = answers.skip(4).collect();
    assert!(answers.len() > 4, "{answers:?}");
    let safe = |it: &&str| it.starts_with("unsafe") || it.starts_with("refused: more nodes");
    assert!(answers.iter().all(safe), "{answers:?}");
}

/// What is recommended, in words, each once, in order.
fn threats(recording: &Recording) -> Vec<&str> {
    let mut said = Vec::new();
    for event in recording.events() {
        if let EventKind::Threat { number, why, .. } = &event.kind
            && *number > said.last().map_or(0, |(last, _)| *last)
        {
            said.push((*number, why.as_str()));
        }
    }
    said.into_iter().map(|(_, why)| why).collect()
}

#[test]
fn a_network_that_turns_bad_changes_what_is_recommended_and_its_reason_and_so_does_the_way_back() {
    let slow = |extra_ms: u32| {
        let pairs = (0..4).flat_map(|from| (0..4).map(move |to| (from, to)));
        let at = if extra_ms > 0 { 800 } else { 5_800 };
        let links = pairs.filter(|(from, to)| from != to).map(|(from, to)| {
            let link = format!("slow-link = {{ from = {from}, to = {to}, by_ms = {extra_ms} }}");
            fault(at, &link)
        });
        links.collect::<alloc::string::String>()
    };
    let lossy = fault(800, "lose = { ppm = 150000 }") + &fault(5_800, "lose = { ppm = 0 }");
    for (rest, network) in [(lossy, "lossy"), (slow(130) + &slow(0), "slow")] {
        for seed in 1..=4 {
            let mut scenario = scenario("n = 4", &rest);
            scenario.duration_ms = 24_000;
            scenario.config.policy.dwell_ms = 3_000;
            let recording = recorded(&scenario, seed);
            let said = threats(&recording);
            let bad = said.iter().position(|why| why.contains(&format!("network is {network}")));
            let bad = bad.unwrap_or_else(|| panic!("{network}, seed {seed}: {said:?}"));
            assert!(said[bad].starts_with("PBFT"), "{said:?}");
            let last = said.last().unwrap();
            assert!(last.contains("network is calm"), "{network}, seed {seed}: {said:?}");
            assert!(said.len() < 12, "it flaps: {said:?}");
        }
    }
}

//! The tables hold together, and a trial finds what it is there for.

use alloc::vec::Vec;

use super::{CONDUCTS, Class, SETTINGS, Trial, Truth};
use crate::{ids::NodeId, quorum::Membership, sorted::SortedSet};

fn trial(conduct: &str, setting: &str) -> Trial<'static> {
    Trial {
        conduct: CONDUCTS.iter().find(|it| it.name == conduct).unwrap(),
        members: Membership::new(4).unwrap(),
        setting: SETTINGS.iter().find(|it| it.name == setting).unwrap(),
        seed: 1,
    }
}

#[test]
fn every_conduct_and_setting_has_a_name_of_its_own_and_can_be_carried_out() {
    let names: SortedSet<&str> =
        CONDUCTS.iter().map(|it| it.name).chain(SETTINGS.iter().map(|it| it.name)).collect();
    assert_eq!(names.len(), CONDUCTS.len() + SETTINGS.len());
    for conduct in CONDUCTS {
        for setting in SETTINGS {
            for n in [4, 7, 22] {
                let members = Membership::new(n).unwrap();
                let trial = Trial { conduct, members, setting, seed: 7 };
                trial.scenario().unwrap_or_else(|why| panic!("{}: {why}", conduct.name));
                let liars = if conduct.class == Class::Honest { 0 } else { members.f() };
                assert_eq!(trial.liars().len(), usize::from(liars), "{}", conduct.name);
            }
        }
    }
}

#[test]
fn an_equivocating_primary_is_proven_guilty_and_nobody_else() {
    let appraisal = trial("equivocating-primary", "site").appraise().unwrap();
    assert!(appraisal.completed > 100, "{} requests", appraisal.completed);
    for node in &appraisal.nodes {
        let lies = node.node == NodeId(0);
        assert_eq!(node.truth == Truth::Liar, lies);
        assert_eq!(node.proven.is_some(), lies, "{node:?}");
        assert_eq!(node.held.is_some(), lies, "{node:?}");
    }
    let liar = &appraisal.nodes[0];
    let (began, proven) = (liar.began.unwrap(), liar.proven.unwrap());
    assert!(began.at < proven.at && began.messages < proven.messages);
}

#[test]
fn where_nobody_lies_nobody_is_held_guilty() {
    let appraisal = trial("calm", "site").appraise().unwrap();
    let held: Vec<_> = appraisal.nodes.iter().filter(|it| it.held.is_some()).collect();
    assert!(held.is_empty(), "{held:?}");
    assert!(appraisal.nodes.iter().all(|it| it.began.is_none() && it.truth == Truth::Correct));
}

#[test]
fn who_was_down_is_neither_blamed_nor_praised() {
    let appraisal = trial("crash-and-restart", "site").appraise().unwrap();
    let truths: Vec<_> = appraisal.nodes.iter().map(|it| it.truth).collect();
    assert_eq!(truths[3], Truth::Absent);
    assert!(truths[..3].iter().all(|it| *it == Truth::Correct));
}

#[test]
fn a_lie_that_the_network_loses_is_heard_by_nobody() {
    // Node 6 shows its other view change once, to nodes 3 and 4, and both copies are lost.
    let storm = Trial {
        members: Membership::new(7).unwrap(),
        seed: 1,
        ..trial("two-faced-view-change", "storm")
    };
    let appraisal = storm.appraise().unwrap();
    let [heard, unheard] = [5, 6].map(|node| &appraisal.nodes[node]);
    assert!(unheard.began.is_some() && !unheard.was_heard(), "{unheard:?}");
    assert!(unheard.proven.is_none(), "there is nothing to prove it by");
    assert!(heard.was_heard() && heard.proven.is_some(), "{heard:?}");
    assert!(!appraisal.nodes[0].was_heard(), "it tells no lies");
}

#[test]
fn a_lie_to_clients_is_heard() {
    let appraisal = trial("false-replies", "site").appraise().unwrap();
    let heard: Vec<_> =
        appraisal.nodes.iter().filter(|it| it.was_heard()).map(|it| it.truth).collect();
    assert_eq!(heard, [Truth::Liar]);
}

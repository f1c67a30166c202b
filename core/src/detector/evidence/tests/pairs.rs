//! Two statements that can't both be said, and pairs that can.

use alloc::vec;

use super::*;
use crate::detector::evidence::Assumption;

#[test]
fn statements_of_two_authors_or_for_two_places_or_alike_prove_nothing() {
    let of_two = Evidence::Commits(commit(1, 0, 3, "a"), commit(2, 0, 3, "b"));
    assert!(matches!(judged(&of_two), Err(NotProven::DifferentSigners { .. })));
    for elsewhere in [commit(1, 1, 3, "b"), commit(1, 0, 4, "b")] {
        let apart = Evidence::Commits(commit(1, 0, 3, "a"), elsewhere);
        assert_eq!(judged(&apart), Err(NotProven::DifferentPlaces));
    }
    let alike = Evidence::Commits(commit(1, 0, 3, "a"), commit(1, 0, 3, "a"));
    assert_eq!(judged(&alike), Err(NotProven::NoContradiction));
    let alike = Evidence::PrepareAndCommit(prepare(1, 0, 3, "a"), commit(1, 0, 3, "a"));
    assert_eq!(judged(&alike), Err(NotProven::NoContradiction));
    let apart = Evidence::PrepareAndCommit(prepare(1, 0, 3, "a"), commit(1, 1, 3, "b"));
    assert_eq!(judged(&apart), Err(NotProven::DifferentPlaces), "a new view may bring another");
}

#[test]
fn what_somebody_else_signed_in_its_name_proves_nothing() {
    let mut forged = commit(2, 0, 3, "b");
    forged.by = Principal::Node(NodeId(1));
    let by = Principal::Node(NodeId(1));
    let evidence = Evidence::Commits(commit(1, 0, 3, "a"), forged);
    assert_eq!(judged(&evidence), Err(NotProven::Signature { by }));
    let by = Principal::Node(NodeId(7));
    let stranger = Evidence::Commits(commit(7, 0, 3, "a"), commit(7, 0, 3, "b"));
    assert_eq!(judged(&stranger), Err(NotProven::NotAMember { by }));
}

#[test]
fn a_statement_of_another_epoch_is_not_judged_by_this_membership() {
    let later = four().successor(Seq(100), four().set()).unwrap();
    for (evidence, kind) in one_of_each() {
        let judged = verify(&evidence, later, &node(0));
        if kind == OffenceKind::FalseState {
            assert!(judged.is_ok(), "parts of the state are of no epoch");
        } else {
            let wrong = NotProven::Epoch { found: EPOCH, expected: Epoch(1) };
            assert_eq!(judged, Err(wrong), "{kind:?}");
        }
    }
}

#[test]
fn one_view_is_asked_for_once_also_from_a_newer_checkpoint() {
    let newer = ViewChange { stable: Seq(100), proof: Some(stable_at(100)), ..asks_for(2) };
    let evidence = Evidence::ViewChanges(view_change(1, asks_for(2)), view_change(1, newer));
    assert_eq!(convicted(&evidence).1, OffenceKind::TwoViewChanges);
}

fn hides(commit: Signed<Commit>, body: ViewChange) -> Result<Offence, NotProven> {
    judged(&Evidence::HiddenCommit(commit, view_change(1, body)))
}

#[test]
fn a_view_change_owes_what_was_committed_above_its_checkpoint_in_earlier_views() {
    let owes = |body| hides(commit(1, 1, 3, "a"), body).map(|offence| offence.assumption);
    assert_eq!(owes(asks_for(2)), Ok(Assumption::Absolute), "nothing is shown");
    let shows = |certificate| ViewChange { prepared: vec![certificate], ..asks_for(6) };
    assert_eq!(owes(shows(prepared(0, 3, "a"))), Ok(Assumption::Absolute), "of an earlier view");
    assert_eq!(owes(shows(prepared(1, 3, "b"))), Ok(Assumption::Absolute), "for another batch");
    assert_eq!(owes(shows(prepared(1, 4, "a"))), Ok(Assumption::Absolute), "for another position");

    let nothing = Err(NotProven::NoContradiction);
    assert_eq!(owes(shows(prepared(1, 3, "a"))), nothing, "it is shown");
    assert_eq!(owes(shows(prepared(2, 3, "b"))), nothing, "a later view brought another batch");
    assert_eq!(owes(asks_for(1)), nothing, "it was committed in the view that is asked for");
    let beyond = ViewChange { stable: Seq(100), proof: Some(stable_at(100)), ..asks_for(2) };
    assert_eq!(owes(beyond), nothing, "the position is below its stable checkpoint");
}

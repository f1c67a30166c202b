//! One observer: what it finds, how often it says so, and how much it keeps.

use alloc::{vec, vec::Vec};

use super::*;
use crate::{
    detector::evidence::{Answers, Assumption, Watch, watch::KEPT},
    pbft::{Batch, Decided, Message},
};

const WINDOW: u64 = 10;

fn watch() -> Watch {
    Watch::new(four(), WINDOW)
}

/// Whom it convicts of what, each piece of evidence judged.
fn found(watch: &mut Watch) -> Vec<(u16, OffenceKind)> {
    watch.take_found().iter().map(|it| convicted(it)).map(|(by, kind)| (by.0, kind)).collect()
}

fn seen(messages: &[Message]) -> Vec<(u16, OffenceKind)> {
    let mut watch = watch();
    for message in messages {
        watch.saw(message);
    }
    found(&mut watch)
}

fn proposal(it: Signed<PrePrepare>) -> Message {
    Message::PrePrepare(it.into(), Batch::default().into())
}

fn commits(by: u16, view: u64, seq: u64, of: &str) -> Message {
    Message::Commit(commit(by, view, seq, of).into())
}

fn prepares(by: u16, view: u64, seq: u64, of: &str) -> Message {
    Message::Prepare(prepare(by, view, seq, of).into())
}

fn changes(by: u16, body: ViewChange) -> Message {
    Message::ViewChange(view_change(by, body))
}

#[test]
fn contradictions_are_found_in_whichever_order_they_come() {
    let pairs = [
        (
            proposal(pre_prepare(1, 1, 3, "a")),
            proposal(pre_prepare(1, 1, 3, "b")),
            OffenceKind::TwoPrePrepares,
        ),
        (prepares(1, 0, 3, "a"), prepares(1, 0, 3, "b"), OffenceKind::TwoPrepares),
        (commits(1, 0, 3, "a"), commits(1, 0, 3, "b"), OffenceKind::TwoCommits),
        (prepares(1, 0, 3, "a"), commits(1, 0, 3, "b"), OffenceKind::SplitVote),
        (proposal(pre_prepare(1, 1, 3, "a")), commits(1, 1, 3, "b"), OffenceKind::SplitVote),
        (
            Message::Checkpoint(checkpoint(1, 5, "a").into()),
            Message::Checkpoint(checkpoint(1, 5, "b").into()),
            OffenceKind::TwoCheckpoints,
        ),
        (
            changes(1, asks_for(2)),
            changes(1, ViewChange { prepared: vec![prepared(0, 1, "a")], ..asks_for(2) }),
            OffenceKind::TwoViewChanges,
        ),
        (
            Message::NewView(new_view(1, 1, &[0, 1, 2], &[])),
            Message::NewView(new_view(1, 1, &[1, 2, 3], &[])),
            OffenceKind::TwoNewViews,
        ),
        (commits(1, 0, 3, "a"), changes(1, asks_for(2)), OffenceKind::HiddenCommit),
    ];
    for (first, second, kind) in pairs {
        assert_eq!(seen(&[first.clone(), second.clone()]), [(1, kind)]);
        assert_eq!(seen(&[second.clone(), first.clone()]), [(1, kind)]);
        assert_eq!(seen(&[first.clone(), first, second.clone(), second]), [(1, kind)], "once");
    }
}

/// What a liar told one replica comes to another as part of what that one proves with it.
#[test]
fn statements_inside_certificates_count_like_any() {
    let shown = ViewChange { prepared: vec![prepared(0, 3, "a")], ..asks_for(2) };
    let told = prepares(1, 0, 3, "b");
    assert_eq!(seen(&[told.clone(), changes(3, shown.clone())]), [(1, OffenceKind::TwoPrepares)]);
    let body = NewView {
        epoch: EPOCH,
        view: View(2),
        view_changes: vec![Signed::new(shown, &node(3))],
        pre_prepares: vec![pre_prepare(2, 2, 3, "a")],
    };
    let new_view = Message::NewView(Signed::new(body, &node(2)).into());
    let proposed = proposal(pre_prepare(2, 2, 3, "b"));
    let both = [(2, OffenceKind::TwoPrePrepares), (1, OffenceKind::TwoPrepares)];
    let mut found = seen(&[told, proposed, new_view]);
    found.sort_by_key(|(by, _)| core::cmp::Reverse(*by));
    assert_eq!(found, both);
    let decided = Decided {
        pre_prepare: pre_prepare(0, 0, 3, "a").into(),
        batch: Batch::default().into(),
        commits: vec![commit(1, 0, 3, "a").into()],
    };
    let decided = Message::Decided(decided.into());
    assert_eq!(seen(&[decided, commits(1, 0, 3, "b")]), [(1, OffenceKind::TwoCommits)]);
}

#[test]
fn a_refused_message_convicts_if_its_author_signed_it_and_not_otherwise() {
    let mut invalid = asks_for(2);
    invalid.stable = Seq(5);
    let refused = [
        (changes(1, invalid.clone()), OffenceKind::InvalidViewChange),
        (Message::NewView(new_view(1, 1, &[1, 2], &[])), OffenceKind::InvalidNewView),
        (Message::NewView(new_view(1, 1, &[1, 2, 3], &[(1, "a")])), OffenceKind::NewViewNotOwed),
        (proposal(pre_prepare(1, 2, 3, "a")), OffenceKind::OutOfRole),
        (prepares(1, 1, 3, "a"), OffenceKind::OutOfRole),
        (Message::State(state(&node(1), b"lie", b"truth")), OffenceKind::FalseState),
    ];
    for (message, kind) in refused {
        let mut watch = watch();
        watch.refused(&message, &node(0));
        watch.refused(&message, &node(0));
        assert_eq!(found(&mut watch), [(1, kind)]);
    }
    let mut forged = Signed::new(invalid, &node(3));
    forged.by = Principal::Node(NodeId(1));
    let mut watch = watch();
    watch.refused(&Message::ViewChange(forged.into()), &node(0));
    assert_eq!(found(&mut watch), []);
}

#[test]
fn who_is_known_to_start_views_wrongly_is_not_judged_for_it_again() {
    let wrong = [new_view(1, 1, &[1, 2], &[]), new_view(1, 1, &[1, 2, 3], &[(1, "a")])];
    for [first, second] in [[0, 1], [1, 0]] {
        let mut watch = watch();
        watch.refused(&Message::NewView(wrong[first].clone()), &node(0));
        assert_eq!(found(&mut watch).len(), 1);
        watch.refused(&Message::NewView(wrong[second].clone()), &node(0));
        assert_eq!(found(&mut watch), []);
        // What isn't its to start is another offence.
        watch.refused(&Message::NewView(new_view(1, 2, &[1, 2, 3], &[])), &node(0));
        assert_eq!(found(&mut watch), [(1, OffenceKind::OutOfRole)]);
    }
}

/// What is known of somebody may rest on an assumption: then what doesn't must not be passed over.
#[test]
fn what_needs_no_assumption_is_found_although_what_needs_one_is_known() {
    let (weak, sure) = (Assumption::AtMostF, Assumption::Absolute);
    let hides = (1, OffenceKind::HiddenCommit);
    for (known, expected) in [(weak, &[hides][..]), (sure, &[])] {
        for order in [[0, 1], [1, 0]] {
            let both = [commits(1, 0, 3, "a"), changes(1, asks_for(2))];
            let mut watch = watch();
            watch.know(NodeId(1), OffenceKind::HiddenCommit, known);
            for at in order {
                watch.saw(&both[at]);
            }
            assert_eq!(found(&mut watch), expected);
        }
    }
}

#[test]
fn a_flood_costs_its_author_s_room_and_drives_out_nothing_of_this_view() {
    let mut watch = watch();
    watch.saw(&commits(1, 0, 3, "a"));
    for number in 0..1_000 {
        for by in 0..4 {
            watch.saw(&commits(by, 1 + number, 1 + number % 40, "x"));
            watch.saw(&changes(by, asks_for(5 + number)));
            watch.saw(&Message::Checkpoint(checkpoint(by, 1 + number, "x").into()));
        }
    }
    let held = watch.transcript();
    let most = 4 * WINDOW as usize * (KEPT + 1);
    assert!(held.commits.len() <= most, "{}", held.commits.len());
    assert!(held.checkpoints.len() <= 4 * WINDOW as usize);
    assert!(held.view_changes.len() <= 4 * KEPT);
    watch.take_found();
    watch.saw(&commits(1, 0, 3, "b"));
    assert_eq!(found(&mut watch), [(1, OffenceKind::TwoCommits)]);
}

#[test]
fn it_follows_its_replica_and_keeps_a_window_behind_it() {
    let mut watch = watch();
    for seq in 1..=10 {
        watch.saw(&commits(1, 0, seq, "a"));
    }
    watch.saw(&commits(1, 0, 11, "above the window"));
    watch.follow(four(), Seq(15));
    let held: Vec<_> = watch.transcript().commits.iter().map(|it| it.body.seq.0).collect();
    assert_eq!(held, [6, 7, 8, 9, 10]);
    watch.saw(&commits(1, 0, 5, "b"));
    assert_eq!(found(&mut watch), []);
    watch.saw(&commits(1, 0, 6, "b"));
    assert_eq!(found(&mut watch), [(1, OffenceKind::TwoCommits)]);
    watch.follow(four().successor(Seq(20), four().set()).unwrap(), Seq(20));
    assert_eq!(watch.transcript(), crate::detector::evidence::Transcript::default());
}

#[test]
fn a_client_convicts_whom_f_plus_one_contradict_once_whoever_answers_first() {
    let heard = |replies: &[(u64, u16, &str)]| -> Vec<_> {
        let mut answers = Answers::new(four());
        let said = |(at, by, result): &(u64, u16, &str)| {
            answers.heard(&Message::Reply(reply_to(*at, *by, result).into()))
        };
        replies.iter().filter_map(said).map(|it| convicted(&it)).collect()
    };
    let lie = (NodeId(1), OffenceKind::FalseReply);
    assert_eq!(heard(&[(5, 1, "lie"), (5, 0, "truth")]), []);
    assert_eq!(heard(&[(5, 1, "lie"), (5, 0, "truth"), (5, 2, "truth")]), [lie]);
    assert_eq!(heard(&[(5, 0, "truth"), (5, 2, "truth"), (5, 1, "lie"), (5, 1, "lie")]), [lie]);
    // Late, when the client has gone on.
    let late = [(5, 0, "truth"), (5, 2, "truth"), (6, 0, "x"), (7, 0, "x"), (5, 1, "lie")];
    assert_eq!(heard(&late), [lie]);
}

//! Failures of other engines, as they were reported there: none of them happens here.
//!
//! | what went wrong elsewhere | its test |
//! |---|---|
//! | the set that was checked was not the set that was counted (Fabric 1111) | `a_checked_set_is_the_counted_set` |
//! | a replica stuck for ever in "view changing" (sawtooth-pbft 90) | `nobody_is_stuck_in_a_view_change` |
//! | two thresholds that disagreed (sawtooth-pbft 181) | `what_forms_a_quorum_here_is_accepted_as_one_there` |
//! | messages counted without checking that they agree (bft-smart 62) | `agreement_is_counted_by_digest` |
//! | one equivocating leader crashed every correct node (mysticeti 227) | `no_order_of_conflicting_messages_trips_an_assertion` |
//! | a vote left before it was on disk (hotstuff 15) | `recovery::no_vote_leaves_before_its_record_is_durable` |
//! | a replica equivocated by replaying after a restart (malachite 864) | `a_restarted_replica_says_nothing_else_than_before` |
//! | a torn tail and damage taken for each other (malachite 1434) | `node::journal::tests::a_torn_tail_is_cut_off_wherever_it_tears` and `…::damage_is_not_taken_for_a_torn_tail_wherever_it_is` of the native node, `faults::disks::a_torn_tail_of_what_was_never_safe_is_no_damage` of the suite |
//! | a paused replica never caught up and ate the memory (bft-smart 27) | `a_paused_replica_catches_up_in_bounded_memory` |
//! | catching up missed the new view (SmartBFT 337) | `catching_up_brings_the_new_view_too` |
//! | the fast read path cost liveness or freshness (BFT-SMaRt; SRDS 2021) | `reads::a_write_that_f_plus_one_executed_is_not_missed_though_the_others_lag` |
//! | signatures checked under the consensus lock (cometbft 3245) | `a_replica_checks_no_signature_while_it_works` |
//! | Byzantine tests that injected nothing (cometbft 1917, 2353) | `faults::strategies::every_strategy_really_happens_and_does_no_harm` and `…::every_pair_of_strategies_does_no_harm_and_both_really_lie` of the suite, `sim::tests::runs::every_built_in_scenario_is_named_as_its_file_and_comes_out_as_expected` |
//! | a step of a run found by what its state looks like, and another one taken (stateright 73); the same message to a node that isn't deterministic (oddity 21) | `sim::tests::runs::any_moment_is_reached_from_anywhere_in_the_same_state` and `…::acting_in_the_past_makes_another_future_and_leaves_the_first_alone` |
//! | the order of a map and the system's randomness leaked into runs (openraft 1741) | `same_run::a_run_has_the_same_hash_in_the_program_the_tests_and_the_browser` of the suite |

use alloc::{rc::Rc, sync::Arc, vec, vec::Vec};
use core::{
    cell::RefCell,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use rand_xoshiro::{
    Xoshiro256PlusPlus,
    rand_core::{Rng as _, SeedableRng as _},
};

use super::net::{Net, node, request};
use crate::{
    app::KeyValue,
    crypto::{Authenticator, Digest, PublicKey, Refusal, Signature, Signed, Simulated, verify},
    event::EventKind,
    ids::{Epoch, NodeId, Principal, Seq, View},
    pbft::{
        Batch, Checkpoint, Commit, Config, Decided, Message, MessageKind, PrePrepare, Prepare,
        Replica,
    },
    protocol::{Effect, Input, Protocol},
    quorum::Membership,
};

const EPOCH: Epoch = Epoch(0);

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

fn commit(by: u16, digest: Digest) -> Signed<Commit> {
    Signed::new(Commit { epoch: EPOCH, view: View(0), seq: Seq(1), digest }, &node(by))
}

#[test]
fn a_checked_set_is_the_counted_set() {
    // Given a decision with a whole quorum of good commits, and one more that is not.
    let batch = Batch::new(vec![request(1, 1, "k")]);
    let digest = batch.digest();
    let proposal = PrePrepare { epoch: EPOCH, view: View(0), seq: Seq(1), digest };
    let with = |extra: Signed<Commit>| {
        let commits = [0, 1, 2].map(|by| commit(by, digest)).into_iter().chain([extra]);
        let decided = Decided {
            pre_prepare: Signed::new(proposal, &node(0)).into(),
            batch: Arc::new(batch.clone()),
            commits: commits.map(Into::into).collect(),
        };
        let members = Membership::new(4).unwrap();
        verify(Message::Decided(Arc::new(decided)), members, &node(3)).map(drop)
    };
    // Then it is refused whole: nothing is filtered out and then counted elsewhere.
    assert_eq!(with(commit(3, digest)), Ok(()));
    assert!(matches!(with(commit(2, digest)), Err(Refusal::Inconsistent(_))));
    assert!(matches!(with(commit(3, Digest::default())), Err(Refusal::Inconsistent(_))));
    assert!(matches!(with(commit(4, digest)), Err(Refusal::WrongSigner { .. })));
    let forged = Signed { by: commit(3, digest).by, ..commit(1, digest) };
    assert!(matches!(with(forged), Err(Refusal::Signature(_))));
}

#[test]
fn nobody_is_stuck_in_a_view_change() {
    // Given a replica that gave up on its view all by itself.
    let mut net = Net::with(4, &small());
    net.only(|from, to, _| from != NodeId(3) && to != NodeId(3));
    net.ask(&request(1, 1, "k"), 0..4);
    net.pass(Duration::from_secs(10));
    assert!(!net.replica(3).is_active());
    assert!((0..3).all(|id| net.replica(id).is_active() && net.replica(id).view() == View(0)));
    // When it hears the others again, then it executes with them although it wants another view …
    net.everything();
    for timestamp in 2..=4 {
        net.ask(&request(1, timestamp, "k"), [0]);
        net.pass(Duration::from_secs(1));
    }
    assert_eq!(net.executed(), [Seq(4); 4]);
    // … and takes part as soon as they need it: one of them dies, and a quorum needs all three.
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.ask(&request(1, 5, "k"), 1..4);
    net.pass_for(Duration::from_mins(2), |id| id != 0);
    assert!((1..4).all(|id| net.replica(id).is_active()));
    assert_eq!(net.executed()[1..], [Seq(5); 3]);
}

#[test]
fn what_forms_a_quorum_here_is_accepted_as_one_there() {
    // n = 3f+1 hides it: elsewhere 2f+1, n−f and a majority are different numbers.
    for n in [4, 5, 6, 7, 8, 9, 10] {
        let members = Membership::new(n).unwrap();
        let quorum = members.quorum() as u16;
        // Given exactly a quorum that is up, without the first primary.
        let mut net = Net::new(n);
        let up = move |id: NodeId| (1..=quorum).contains(&id.0);
        net.only(move |from, to, _| up(from) && up(to));
        let asked = request(1, 1, "k");
        net.ask(&asked, 1..=quorum);
        net.pass_for(Duration::from_secs(30), |id| up(NodeId(id)));
        // Then its view changes, its new view and its votes are enough for each other.
        for id in 1..=quorum {
            assert_eq!(net.replica(id).view(), View(1), "n = {n}, replica {id}");
            assert_eq!(net.executions(id, asked.body.id), 1, "n = {n}, replica {id}");
        }
    }
}

#[test]
fn agreement_is_counted_by_digest() {
    // Given a replica that has executed up to a checkpoint, and hears nobody.
    let mut net = Net::with(4, &small());
    net.only(|_, _, message| !matches!(message, Message::Checkpoint(_)));
    for timestamp in 1..=5 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    assert_eq!((net.executed()[3], net.replica(3).low_water_mark()), (Seq(5), Seq(0)));
    net.everything();
    // When three others say that it is stable, each with a digest of its own.
    for by in 0..3 {
        let body =
            Checkpoint { epoch: EPOCH, seq: Seq(5), digest: Digest::of(&by), successor: None };
        net.deliver(by, 3, Message::Checkpoint(Signed::new(body, &node(by)).into()));
    }
    // Then that is no agreement.
    assert_eq!(net.replica(3).low_water_mark(), Seq(0));
    assert!(!net.events_of(3).any(|event| matches!(event, EventKind::CheckpointStable { .. })));
}

/// Both stories of a primary for two positions, and every vote of everyone for either.
fn conflicting_messages() -> Vec<(u16, Message)> {
    let mut messages = Vec::new();
    for seq in [Seq(1), Seq(2)] {
        for key in ["a", "b"] {
            let batch = Batch::new(vec![request(seq.0, 1, key)]);
            let digest = batch.digest();
            for view in [View(0), View(1)] {
                let primary = view.0 as u16;
                let body = PrePrepare { epoch: EPOCH, view, seq, digest };
                let header = Signed::new(body, &node(primary)).into();
                messages.push((primary, Message::PrePrepare(header, Arc::new(batch.clone()))));
                for by in [0, 1, 3] {
                    let body = Commit { epoch: EPOCH, view, seq, digest };
                    messages.push((by, Message::Commit(Signed::new(body, &node(by)).into())));
                    if by != primary {
                        let body = Prepare { epoch: EPOCH, view, seq, digest };
                        let vote = Signed::new(body, &node(by));
                        messages.push((by, Message::Prepare(vote.into())));
                    }
                }
            }
        }
    }
    messages
}

#[test]
fn no_order_of_conflicting_messages_trips_an_assertion() {
    let mut conflicts = 0;
    for seed in 0..300 {
        let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut net = Net::new(4);
        // The others hear nothing: replica 2 alone is told everything, by everybody.
        net.only(|_, to, _| to == NodeId(2));
        let mut messages = conflicting_messages();
        while !messages.is_empty() {
            let at = (dice.next_u64() % messages.len() as u64) as usize;
            let (from, message) = messages.swap_remove(at);
            net.deliver(from, 2, message);
        }
        net.pass_for(Duration::from_secs(10), |id| id == 2);
        // It executed each position at most once, and says who lied.
        assert!(net.replica(2).last_executed() <= Seq(2));
        let lied = |event: &&EventKind| matches!(event, EventKind::Equivocation { .. });
        conflicts += net.events_of(2).filter(lied).count();
    }
    assert!(conflicts >= 300, "only {conflicts} conflicts were noticed");
}

/// A kind of vote, and what it names.
type Said = (&'static str, View, Seq, Digest);

#[test]
fn a_restarted_replica_says_nothing_else_than_before() {
    // Given a replica that writes down everything that it signs about positions.
    let said: Rc<RefCell<Vec<Said>>> = Rc::default();
    let note = said.clone();
    let mut net = Net::with(4, &small());
    net.only(move |from, _, message| {
        if from == NodeId(1) {
            let mut said = note.borrow_mut();
            match message {
                Message::Prepare(it) => {
                    said.push(("prepare", it.body.view, it.body.seq, it.body.digest));
                }
                Message::Commit(it) => {
                    said.push(("commit", it.body.view, it.body.seq, it.body.digest));
                }
                _ => {}
            }
        }
        true
    });
    // When it crashes after every few requests, and old and conflicting messages are replayed.
    for timestamp in 1..=12 {
        net.ask(&request(1, timestamp, "k"), [0]);
        net.restart(1);
        for (from, message) in conflicting_messages().into_iter().filter(|(from, _)| *from != 1) {
            net.deliver(from, 1, message);
        }
        net.pass(Duration::from_millis(300));
    }
    // Then no two of its votes contradict each other.
    let said = said.borrow();
    assert!(said.len() >= 20, "it voted {} times", said.len());
    for (kind, view, seq, digest) in said.iter() {
        let other =
            said.iter().find(|it| (it.0, it.1, it.2) == (*kind, *view, *seq) && it.3 != *digest);
        assert_eq!(other, None, "{kind} {seq} of view {view}");
    }
}

#[test]
fn a_paused_replica_catches_up_in_bounded_memory() {
    // Given a replica that is paused: what the others say to it piles up outside.
    let mut net = Net::with(4, &small());
    let pile: Rc<RefCell<Vec<(NodeId, Message)>>> = Rc::default();
    let piling = pile.clone();
    net.only(move |from, to, message| {
        if to == NodeId(3) {
            piling.borrow_mut().push((from, message.clone()));
        }
        to != NodeId(3)
    });
    for timestamp in 1..=203 {
        net.ask(&request(1, timestamp, "k"), [0]);
    }
    // When all of it arrives at once.
    net.only(|from, _, _| from != NodeId(3));
    let pile = pile.take();
    assert!(pile.len() > 1_000);
    for (from, message) in pile {
        net.deliver(from.0, 3, message);
        // Then it keeps no more than a window of it …
        assert!(net.replica(3).slots().count() <= 10);
    }
    // … and stands where the others stand soon after.
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert_eq!(net.executed(), [Seq(203); 4]);
}

#[test]
fn catching_up_brings_the_new_view_too() {
    // Given three that changed the view and went on beyond what their logs hold, without one.
    let mut net = Net::with(4, &small());
    net.only(|from, to, _| ![from, to].contains(&NodeId(3)) && from != NodeId(0));
    net.ask(&request(1, 1, "k"), 0..3);
    net.pass_for(Duration::from_secs(10), |id| id != 3);
    net.only(|from, to, _| ![from, to].contains(&NodeId(3)));
    for timestamp in 2..=40 {
        net.ask(&request(1, timestamp, "k"), 0..3);
        net.pass_for(Duration::from_millis(300), |id| id != 3);
    }
    let view = net.replica(1).view();
    assert!(view > View(0) && net.executed()[1] >= Seq(25), "{view} {:?}", net.executed());
    // When it comes back, then it has the state and the view …
    net.everything();
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert!(net.events_of(3).any(|event| matches!(event, EventKind::StateTransferred { .. })));
    assert!(net.replica(3).is_active() && net.replica(3).view() == view);
    // … so that its votes count: without it there is no quorum now.
    net.only(|from, to, _| ![from, to].contains(&NodeId(2)));
    let asked = request(1, 41, "k");
    net.ask(&asked, [0, 1, 3]);
    net.pass_for(Duration::from_secs(1), |id| id != 2);
    assert_eq!(net.executions(3, asked.body.id), 1);
}

/// Keys that count what is checked with them.
#[derive(Clone, Debug)]
struct Counting {
    keys: Simulated,
    checks: Arc<AtomicUsize>,
}

impl Authenticator for Counting {
    fn principal(&self) -> Principal {
        self.keys.principal()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.keys.sign(bytes)
    }

    fn verify(&self, by: Principal, bytes: &[u8], signature: &Signature) -> bool {
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.keys.verify(by, bytes, signature)
    }

    fn knows(&self, principal: Principal) -> bool {
        self.keys.knows(principal)
    }

    fn key(&self, of: Principal) -> Option<PublicKey> {
        self.keys.key(of)
    }

    fn with_keys(&self, _: &[(Principal, PublicKey)]) -> Arc<dyn Authenticator> {
        Arc::new(self.clone())
    }
}

#[test]
fn a_replica_checks_no_signature_while_it_works() {
    // Given all that replica 1 hears while requests are executed and the primary is replaced.
    let mut net = Net::with(4, &small());
    let heard: Rc<RefCell<Vec<(NodeId, Message)>>> = Rc::default();
    for alive in [true, false] {
        let hearing = heard.clone();
        net.only(move |from, to, message| {
            let passes = alive || from != NodeId(0);
            if passes && to == NodeId(1) {
                hearing.borrow_mut().push((from, message.clone()));
            }
            passes
        });
        for timestamp in if alive { 1..=12 } else { 13..=13 } {
            net.ask(&request(1, timestamp, "k"), 0..4);
        }
        net.pass(Duration::from_secs(4));
    }
    let heard = heard.take();
    assert!(heard.iter().any(|(_, message)| message.kind() == MessageKind::ViewChange));
    // When another that has its key hears it, checked by somebody else.
    let checks: Arc<AtomicUsize> = Arc::default();
    let counting = Arc::new(Counting { keys: node(1), checks: checks.clone() });
    let mut replica =
        Replica::new(NodeId(1), net.members, small(), counting.clone(), KeyValue::default())
            .unwrap();
    for (from, message) in &heard {
        let message = verify(message.clone(), net.members, &node(1)).unwrap();
        replica.handle(net.now, Input::Message { from: *from, message });
        while let Some(effect) = replica.poll_effect() {
            if let Effect::Persist(number, _) = effect {
                replica.handle(net.now, Input::Durable(number));
            }
        }
    }
    // Then it did all that, and checked nothing: that never holds up what it decides.
    assert!(replica.last_executed() >= Seq(12) && replica.view() >= View(1));
    assert_eq!(checks.load(Ordering::Relaxed), 0);
    let vote = heard.into_iter().find(|(_, message)| message.kind() == MessageKind::Commit);
    verify(vote.unwrap().1, net.members, &*counting).unwrap();
    assert_eq!(checks.load(Ordering::Relaxed), 1, "who checks is counted");
}

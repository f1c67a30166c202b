//! Changes of membership: one epoch ends at an agreed position, the next begins there.

use alloc::{rc::Rc, sync::Arc, vec, vec::Vec};
use core::{cell::RefCell, time::Duration};

use super::net::{Net, keys, node, positions, request};
use crate::{
    analyzer::{Deployment, Protocol, Unsound},
    crypto::{PublicKey, Refusal, Signed, verify},
    event::EventKind,
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{
        Batch, Change, ChangeOutcome, ChangeRefused, Commit, Config, Decided, EpochEnd, Message,
        MessageKind, NewMember, PrePrepare, Record, Register, Request, Roster, WindowTooLarge,
        largest_window,
    },
    quorum::{Membership, NodeSet},
    replica::Terms,
};

fn small() -> Config {
    Config { checkpoint_interval: 5, window: 10, ..Config::default() }
}

fn member(id: u16) -> NewMember {
    NewMember { id: NodeId(id), key: None, contact: "there".into() }
}

fn change(add: &[u16], remove: &[u16]) -> Change {
    Change {
        add: add.iter().map(|id| member(*id)).collect(),
        remove: remove.iter().map(|id| NodeId(*id)).collect(),
        ..Change::default()
    }
}

fn asked(timestamp: u64, change: &Change) -> Signed<Request> {
    let id = RequestId { client: ClientId::ADMINISTRATOR, timestamp: Timestamp(timestamp) };
    let administrator = keys(Principal::Client(ClientId::ADMINISTRATOR));
    Signed::new(Request { id, operation: change.encode() }, &administrator)
}

fn outcome(net: &Net, timestamp: u64) -> Option<ChangeOutcome> {
    let id = RequestId { client: ClientId::ADMINISTRATOR, timestamp: Timestamp(timestamp) };
    let reply = net.replies.iter().find(|reply| reply.body.id == id)?;
    ChangeOutcome::decode(&reply.body.result)
}

pub(super) fn replace_backup_3_by_4() -> Net {
    let mut net = Net::with_spares(4, 1, &small());
    net.ask(&request(1, 1, "before"), [0]);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net
}

fn epochs(net: &Net) -> Vec<u64> {
    net.replicas.iter().map(|replica| replica.epoch().0).collect()
}

#[test]
fn the_epoch_ends_at_the_next_checkpoint_and_the_new_one_begins_there() {
    let net = replace_backup_3_by_4();
    let agreed = ChangeOutcome::Changed { epoch: Epoch(1), after: Seq(5) };
    assert_eq!(outcome(&net, 1), Some(agreed));
    for id in 0..3 {
        let replica = net.replica(id);
        assert_eq!(replica.epoch(), Epoch(1));
        assert_eq!((replica.view(), replica.low_water_mark()), (View(0), Seq(5)));
        assert!(replica.is_active());
        let members: Vec<_> = replica.members().nodes().map(|node| node.0).collect();
        assert_eq!(members, [0, 1, 2, 4]);
        let ending = EventKind::EpochEnding { after: Seq(5) };
        assert!(net.events_of(id).any(|event| *event == ending));
    }
}

#[test]
fn the_primary_fills_the_epoch_up_with_null_requests_and_proposes_nothing_beyond() {
    let mut net = Net::with_spares(4, 1, &small());
    // Its end is agreed, but no checkpoint gets through.
    net.only(|_, _, message| message.kind() != MessageKind::Checkpoint);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net.ask(&request(1, 1, "late"), [0]);
    for id in 0..4 {
        assert_eq!(net.replica(id).last_executed(), Seq(5));
        assert_eq!(net.replica(id).slots().map(|slot| slot.seq).max(), Some(Seq(5)));
    }
    assert_eq!(net.executions(0, request(1, 1, "late").body.id), 0);
    // The request that waited is carried over into the new epoch.
    net.everything();
    net.pass(Duration::from_secs(3));
    for id in [0, 1, 2, 4] {
        assert_eq!(net.replica(id).application().get(b"late"), Some(&b"1"[..]), "node {id}");
    }
}

#[test]
fn a_newcomer_follows_the_chain_gets_the_state_and_votes() {
    let mut net = replace_backup_3_by_4();
    net.pass(Duration::from_secs(2));
    assert!(net.replica(4).is_active(), "it takes part");
    assert_eq!(net.replica(4).application(), net.replica(0).application());
    // Its vote is needed: of the four that are left one is silent.
    net.only(|from, to, _| from != NodeId(2) && to != NodeId(2));
    net.ask(&request(1, 2, "after"), [0]);
    assert_eq!(net.executions(4, request(1, 2, "after").body.id), 1);
}

#[test]
fn a_removed_replica_retires_and_still_shows_stragglers_the_way() {
    let mut net = Net::with_spares(4, 1, &small());
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net.pass(Duration::from_secs(2));
    let retired = EventKind::Retired { epoch: Epoch(1) };
    assert!(net.events_of(3).any(|event| *event == retired));
    assert!(!net.replica(3).is_active());
    // It votes for nothing more.
    let votes = Arc::new(core::sync::atomic::AtomicUsize::new(0));
    let counted = votes.clone();
    net.only(move |from, _, message| {
        if from == NodeId(3) && !matches!(message, Message::Status(_)) {
            counted.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        }
        true
    });
    net.ask(&request(1, 2, "after"), [0]);
    net.pass(Duration::from_secs(2));
    assert_eq!(votes.load(core::sync::atomic::Ordering::Relaxed), 0);
    // A client that asks it is told about the new epoch.
    net.ask(&request(1, 3, "wrong door"), [3]);
    assert!(matches!(net.told.last(), Some((ClientId(1), Message::EpochEnds(_)))));
    // So is a replica that knows nothing of it.
    let told = Arc::new(core::sync::atomic::AtomicUsize::new(0));
    let counted = told.clone();
    net.only(move |from, to, message| {
        if (from, to) == (NodeId(3), NodeId(1)) && matches!(message, Message::EpochEnds(_)) {
            counted.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
        }
        from == NodeId(1) && to == NodeId(3)
    });
    let straggler = crate::pbft::Status {
        epoch: Epoch(0),
        view: View(0),
        active: true,
        stable: Seq(0),
        executed: Seq(0),
        proven: 0,
    };
    net.deliver(1, 3, Message::Status(straggler));
    assert_eq!(told.load(core::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn a_straggler_of_the_old_epoch_catches_up_across_several() {
    let mut net = Net::with_spares(4, 3, &small());
    net.only(|from, to, _| from != NodeId(2) && to != NodeId(2));
    for (timestamp, new) in (1..).zip([4_u16, 5, 6]) {
        net.ask(&asked(timestamp, &change(&[new], &[])), [0]);
        net.pass(Duration::from_secs(3));
    }
    assert_eq!(epochs(&net), [3, 3, 0, 3, 3, 3, 3]);
    net.everything();
    net.pass(Duration::from_secs(4));
    assert_eq!(epochs(&net), [3; 7]);
    net.ask(&request(1, 1, "after"), [0]);
    net.pass(Duration::from_secs(3));
    net.assert_same_state();
    assert!(net.replica(2).is_active());
}

#[test]
fn the_primary_can_be_removed() {
    let mut net = Net::with_spares(4, 1, &small());
    net.ask(&asked(1, &change(&[4], &[0])), [0]);
    net.pass(Duration::from_secs(2));
    assert_eq!(epochs(&net), [1; 5]);
    assert_eq!(net.replica(1).primary(), NodeId(1));
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.ask(&request(1, 1, "after"), [1]);
    assert_eq!(net.executions(4, request(1, 1, "after").body.id), 1);
}

#[test]
fn a_new_primary_that_lacks_the_state_is_replaced_or_catches_up() {
    let mut net = Net::with_spares(4, 1, &small());
    // Number 0 leaves, 1 is the primary of the new view 0 and is cut off while the epoch turns.
    net.only(|from, to, _| from != NodeId(1) && to != NodeId(1));
    net.ask(&asked(1, &change(&[4], &[0])), [0]);
    net.pass(Duration::from_secs(1));
    assert_eq!(net.replica(2).epoch(), Epoch(1));
    let wanted = request(1, 1, "after");
    net.ask(&wanted, [2, 3, 4]);
    net.pass_for(Duration::from_secs(6), |id| id != 1);
    assert_eq!(net.executions(2, wanted.body.id), 1);
    assert!(net.replica(2).view() > View(0));
    net.everything();
    net.pass(Duration::from_secs(4));
    assert_eq!(net.replica(1).view(), net.replica(2).view());
    assert_eq!(net.executions(1, wanted.body.id) + usize::from(net.replica(1).is_active()), 2);
}

#[test]
fn a_silent_primary_can_not_keep_an_epoch_from_ending() {
    let mut net = Net::with_spares(4, 1, &small());
    // It orders the change and falls silent before the epoch's last positions.
    let null = Batch::default().digest();
    net.only(move |from, _, message| match message {
        Message::PrePrepare(header, _) => header.body.digest != null,
        _ => from != NodeId(0),
    });
    net.ask(&asked(1, &change(&[4], &[3])), 0..4);
    assert_eq!(net.replica(1).last_executed(), Seq(1));
    assert_eq!(net.replica(1).pending(), 0, "no client waits for anything");
    net.only(|from, to, _| from != NodeId(0) && to != NodeId(0));
    net.pass_for(Duration::from_secs(6), |id| id != 0);
    for id in [1, 2, 4] {
        assert_eq!(net.replica(id).epoch(), Epoch(1), "node {id}");
    }
    let left = |event: &EventKind| matches!(event, EventKind::ViewChangeStarted { .. });
    assert!(net.events_of(1).any(left));
}

#[test]
fn what_a_byzantine_primary_goes_on_to_propose_in_the_old_epoch_is_not_accepted() {
    let mut net = Net::with_spares(4, 1, &small());
    net.only(|_, _, message| message.kind() != MessageKind::Checkpoint);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    let batch = Batch::new(vec![request(1, 1, "beyond")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(6), digest: batch.digest() };
    let beyond = Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch));
    net.deliver(0, 1, beyond.clone());
    assert_eq!(net.replica(1).slots().map(|slot| slot.seq).max(), Some(Seq(5)));
    // In the new epoch it isn't even let in.
    net.everything();
    net.pass(Duration::from_secs(2));
    let replica = net.replica(1);
    let refused = verify(beyond, replica.members(), &node(1)).map(drop);
    assert_eq!(refused, Err(Refusal::Epoch { found: Epoch(0), expected: Epoch(1) }));
}

#[test]
fn a_vote_that_was_checked_before_the_epoch_ended_means_nothing_after() {
    let net = replace_backup_3_by_4();
    let mut replica = net.replica(1).clone();
    let batch = Batch::new(vec![request(1, 9, "old")]);
    let body = PrePrepare { epoch: Epoch(0), view: View(0), seq: Seq(6), digest: batch.digest() };
    let message = Message::PrePrepare(Signed::new(body, &node(0)).into(), Arc::new(batch));
    let message = verify(message, net.members, &node(1)).unwrap();
    let input = crate::protocol::Input::Message { from: NodeId(0), message };
    crate::protocol::Protocol::handle(&mut replica, net.now, input);
    assert_eq!(replica.slots().count(), 0);
}

#[test]
fn of_two_changes_the_first_is_made_and_the_other_refused() {
    let mut net = Net::with_spares(4, 2, &small());
    net.only(|_, _, message| message.kind() != MessageKind::Checkpoint);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net.ask(&asked(2, &change(&[5], &[2])), [0]);
    net.everything();
    net.pass(Duration::from_secs(2));
    // It waited until the epoch had turned, so it came into the next one; or it was refused.
    let second = outcome(&net, 2).unwrap();
    let later = ChangeOutcome::Changed { epoch: Epoch(2), after: Seq(10) };
    assert_eq!(second, later);
    let mut register = Register::new(Membership::new(4).unwrap());
    let first = register.execute(Seq(3), &terms(&[]), &change(&[4], &[]).encode());
    assert_eq!(first, ChangeOutcome::Changed { epoch: Epoch(1), after: Seq(5) });
    let racing = register.execute(Seq(4), &terms(&[]), &change(&[5], &[]).encode());
    assert_eq!(racing, ChangeOutcome::Refused(ChangeRefused::UnderWay(Seq(5))));
}

#[test]
fn a_retransmitted_change_is_made_once_and_answered_again() {
    let mut net = Net::with_spares(4, 1, &small());
    let once = asked(1, &change(&[4], &[3]));
    net.ask(&once, [0]);
    net.ask(&once, [0, 1, 2]);
    net.pass(Duration::from_secs(2));
    net.ask(&once, [0, 1, 2]);
    assert_eq!(epochs(&net), [1; 5]);
    let answers = net.replies.iter().filter(|reply| reply.body.id == once.body.id);
    let results: Vec<_> = answers.map(|reply| reply.body.result.clone()).collect();
    assert!(results.len() > 4 && results.iter().all(|result| *result == results[0]));
}

/// The others' votes for the last checkpoint are there before the last position is executed, so that
/// it is stable at once; and more is decided.
#[test]
fn nothing_above_the_end_is_executed_when_the_last_checkpoint_is_stable_at_once() {
    let mut net = Net::with_spares(4, 1, &Config { batch_requests: 1, ..small() });
    let held = Rc::new(RefCell::new(Vec::new()));
    let into = held.clone();
    net.only(move |from, to, message| match message {
        Message::Commit(commit) if commit.body.seq == Seq(1) => {
            into.borrow_mut().push((from, to, message.clone()));
            false
        }
        _ => true,
    });
    net.ask(&asked(1, &change(&[4], &[])), [0]);
    for client in 1..=6 {
        net.ask(&request(client, 1, "k"), [0]);
    }
    assert_eq!(net.executed(), [Seq(0); 5]);
    let last = NodeId(3);
    net.only(move |_, to, message| {
        to != last || matches!(message.kind(), MessageKind::Checkpoint | MessageKind::Commit)
    });
    let held = held.take();
    let (of_last, of_others): (Vec<_>, Vec<_>) = held.into_iter().partition(|it| it.1 == last);
    for (from, to, commit) in of_others.into_iter().chain(of_last) {
        net.deliver(from.0, to.0, commit);
    }
    assert_eq!(epochs(&net)[..4], [1; 4]);
    for id in 0..4 {
        assert_eq!(positions(net.events_of(id)).next_back(), Some(Seq(5)), "replica {id}");
    }
}

fn terms(founders_keys: &[PublicKey]) -> Terms<'_> {
    let deployment = Deployment::Byzantine;
    Terms {
        checkpoint_interval: 5,
        window: 10,
        deployment,
        convicted: NodeSet::default(),
        suspected: NodeSet::default(),
        restrained: NodeSet::default(),
        recommended: Protocol::Pbft,
        must: None,
        may: None,
        founders_keys,
    }
}

#[test]
fn no_more_members_are_taken_in_than_the_window_is_for() {
    let members = Membership::new(4).unwrap();
    let change = Change { add: vec![member(4)], ..Change::default() };
    let execute = |window| {
        let terms = Terms { window, ..terms(&[]) };
        Register::new(members).execute(Seq(1), &terms, &change.encode())
    };
    let largest = largest_window(Membership::new(5).unwrap());
    assert!(matches!(execute(largest), ChangeOutcome::Changed { .. }));
    let window = largest + 1;
    let refused = ChangeRefused::Window(WindowTooLarge { window, n: 5, largest });
    assert_eq!(execute(window), ChangeOutcome::Refused(refused));
}

#[test]
fn a_protocol_is_switched_to_only_where_what_it_takes_for_granted_holds() {
    let asked = |terms: Terms<'_>, from: Protocol, change: &Change| {
        let members = Membership::new(4).unwrap().under(from).unwrap();
        Register::new(members).execute(Seq(1), &terms, &change.encode())
    };
    let (pbft, raft) = (Protocol::Pbft, Protocol::Raft);
    let crash_only = Terms { deployment: Deployment::CrashOnly, ..terms(&[]) };
    let known = |nodes: &[u16]| {
        nodes.iter().fold(NodeSet::default(), |mut known, node| {
            known.insert(NodeId(*node));
            known
        })
    };
    let agreed = ChangeOutcome::Changed { epoch: Epoch(1), after: Seq(5) };
    let refused = |protocol, why| ChangeOutcome::Refused(ChangeRefused::Unsound { protocol, why });

    assert_eq!(asked(crash_only, pbft, &Change::switch_to(raft)), agreed);
    let undeclared = refused(raft, Unsound::NotDeclared);
    assert_eq!(asked(terms(&[]), pbft, &Change::switch_to(raft)), undeclared);
    let convicted = Terms { convicted: known(&[3]), ..crash_only };
    assert_eq!(asked(convicted, pbft, &Change::switch_to(raft)), refused(raft, Unsound::Evidence));
    let suspected = Terms { suspected: known(&[2]), ..crash_only };
    let switch = Change::switch_to(raft);
    assert_eq!(asked(suspected, pbft, &switch), refused(raft, Unsound::Suspicion));
    // Back to what takes less for granted is always possible, until more than f are proven to lie.
    assert_eq!(asked(convicted, raft, &Change::switch_to(pbft)), agreed);
    let and_suspected = Terms { suspected: known(&[2]), ..convicted };
    assert_eq!(asked(and_suspected, raft, &Change::switch_to(pbft)), agreed);
    let two = Terms { convicted: known(&[2, 3]), ..crash_only };
    assert_eq!(asked(two, raft, &Change::switch_to(pbft)), refused(pbft, Unsound::AboveF));
    // A change of members alone asks for no other protocol, and is none.
    assert_eq!(asked(two, raft, &change(&[4], &[3])), agreed);
    let nothing = ChangeOutcome::Refused(ChangeRefused::Empty);
    assert_eq!(asked(crash_only, raft, &Change::switch_to(raft)), nothing);
    let safe = Protocol::SafeMode;
    let orders_nothing = ChangeOutcome::Refused(ChangeRefused::OrdersNothing(safe));
    assert_eq!(asked(crash_only, pbft, &Change::switch_to(safe)), orders_nothing);
    let ordered = Protocol::TrustOrderedPbft;
    let last = |last: &[u16], protocol| {
        let last = last.iter().map(|id| NodeId(*id)).collect();
        Change { last, ..Change::switch_to(protocol) }
    };
    assert_eq!(asked(two, pbft, &last(&[0], ordered)), refused(ordered, Unsound::AboveF));
    assert_eq!(asked(convicted, pbft, &last(&[0], ordered)), agreed);
    assert_eq!(asked(convicted, ordered, &last(&[0], ordered)), agreed, "another order");
    assert_eq!(asked(convicted, ordered, &last(&[], ordered)), nothing, "the same");
    let stranger = ChangeOutcome::Refused(ChangeRefused::NotAMember(NodeId(4)));
    assert_eq!(asked(crash_only, pbft, &last(&[4], ordered)), stranger);
    let alike = ChangeOutcome::Refused(ChangeRefused::NoOrder(raft));
    assert_eq!(asked(crash_only, pbft, &last(&[0], raft)), alike);
    let both = Change { protocol: Some(raft), ..change(&[4], &[0]) };
    assert_eq!(asked(crash_only, pbft, &both), agreed);
    // Who leaves with the change speaks against nothing that comes after it.
    assert_eq!(asked(convicted, pbft, &both), refused(raft, Unsound::Evidence));
    let without = |add: &[u16], remove: &[u16], protocol| Change {
        protocol: Some(protocol),
        ..change(add, remove)
    };
    assert_eq!(asked(convicted, pbft, &without(&[4], &[3], raft)), agreed);
    assert_eq!(asked(suspected, pbft, &without(&[4], &[2], raft)), agreed);
    assert_eq!(asked(two, raft, &without(&[4, 5], &[2, 3], pbft)), agreed);
    assert_eq!(asked(two, raft, &without(&[4], &[2], pbft)), agreed);
}

#[test]
fn changes_that_can_not_be_are_refused_with_the_reason() {
    let mut register = Register::new(Membership::new(4).unwrap());
    let key = crate::crypto::SecretKey::from_seed(&[1; 32]).public();
    let keyed = |id| NewMember { key: Some(key), ..member(id) };
    let long = NewMember { contact: "x".repeat(300), ..member(4) };
    let mut refuses = |change: Change, why| {
        let outcome = register.execute(Seq(1), &terms(&[]), &change.encode());
        assert_eq!(outcome, ChangeOutcome::Refused(why));
    };
    refuses(change(&[], &[]), ChangeRefused::Empty);
    refuses(change(&[], &[0]), ChangeRefused::Size(3));
    refuses(change(&[4], &[4]), ChangeRefused::NotAMember(NodeId(4)));
    refuses(change(&[3], &[]), ChangeRefused::NumberUsed(NodeId(3)));
    refuses(change(&[3], &[3]), ChangeRefused::NumberUsed(NodeId(3)));
    refuses(change(&[4, 4], &[]), ChangeRefused::NumberUsed(NodeId(4)));
    refuses(change(&[256], &[]), ChangeRefused::NoSuchNumber(NodeId(256)));
    let adds = |add| Change { add, ..Change::default() };
    refuses(adds(vec![long]), ChangeRefused::LongContact(NodeId(4)));
    let twice = adds(vec![keyed(4), keyed(5)]);
    refuses(twice, ChangeRefused::KeyUsed(NodeId(5)));
    // The founders' keys stand in the configuration.
    let mut of_founder = Register::new(Membership::new(4).unwrap());
    let joins = adds(vec![keyed(4)]).encode();
    let refused = ChangeOutcome::Refused(ChangeRefused::KeyUsed(NodeId(4)));
    assert_eq!(of_founder.execute(Seq(1), &terms(&[key]), &joins), refused);
    let unreadable = register.execute(Seq(1), &terms(&[]), b"\xff\xff");
    assert_eq!(unreadable, ChangeOutcome::Refused(ChangeRefused::Unreadable));
    // Numbers stay used after their replica is gone.
    register.execute(Seq(1), &terms(&[]), &change(&[4], &[3]).encode());
    register.turn();
    let again = register.execute(Seq(6), &terms(&[]), &change(&[3], &[]).encode());
    assert_eq!(again, ChangeOutcome::Refused(ChangeRefused::NumberUsed(NodeId(3))));
}

#[test]
fn a_restart_neither_forgets_the_epoch_nor_votes_in_the_old_one() {
    let mut net = replace_backup_3_by_4();
    net.pass(Duration::from_secs(2));
    net.ask(&request(1, 2, "after"), [0]);
    let executed = net.replica(1).last_executed();
    for id in [1, 3, 4] {
        net.restart(id);
        assert_eq!(net.replica(id).epoch(), Epoch(1), "node {id}");
        assert_eq!(net.replica(id).is_active(), id != 3);
    }
    net.pass(Duration::from_secs(3));
    assert_eq!(net.replica(1).last_executed(), executed);
    net.ask(&request(1, 3, "later"), [0]);
    assert_eq!(net.executions(4, request(1, 3, "later").body.id), 1);
}

/// The last checkpoint and the end that it proves are two records, and a crash can come between.
#[test]
fn an_end_that_a_crash_kept_off_the_disk_is_known_after_the_next_crash_too() {
    let mut net = Net::with(4, &small());
    net.ask(&asked(1, &Change::switch_to(Protocol::TrustOrderedPbft)), [0]);
    assert_eq!(epochs(&net), [1, 1, 1, 1]);
    let last = net.disks[1].iter().rposition(|it| matches!(it, Record::Stable(..))).unwrap();
    assert!(matches!(net.disks[1][last + 1], Record::EpochEnd(_)));
    net.disks[1].truncate(last + 1);
    net.restart(1);
    assert_eq!(net.replica(1).epoch(), Epoch(1), "the checkpoint proves it");
    for timestamp in 1..=7 {
        net.ask(&request(1, timestamp, "k"), 0..4);
    }
    assert_eq!(net.replica(1).low_water_mark(), Seq(10));
    net.only(|_, _, _| false);
    net.restart(1);
    assert_eq!((net.replica(1).epoch(), net.replica(1).low_water_mark()), (Epoch(1), Seq(10)));
    assert!(net.replica(1).slots().any(|slot| slot.seq > Seq(10)), "and what it said since");
}

#[test]
fn the_state_at_an_epoch_s_end_is_on_disk_before_anyone_can_prove_the_end() {
    // Everyone votes for the checkpoint, and everyone crashes before it is stable anywhere.
    let mut net = Net::with_spares(4, 1, &small());
    net.only(|_, _, message| message.kind() != MessageKind::Checkpoint);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    for id in 0..4 {
        net.restart(id);
        assert_eq!(net.replica(id).last_executed(), Seq(5), "node {id} has the state");
    }
    net.everything();
    net.pass(Duration::from_secs(3));
    assert_eq!(epochs(&net), [1; 5]);
}

#[test]
fn a_chain_is_checked_link_by_link() {
    let mut net = Net::with_spares(4, 2, &small());
    net.only(|from, to, _| from != NodeId(5) && to != NodeId(5));
    let seen = alloc::rc::Rc::new(core::cell::RefCell::new(Vec::new()));
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net.pass(Duration::from_secs(2));
    net.ask(&asked(2, &change(&[5], &[2])), [0]);
    let into = seen.clone();
    net.only(move |_, _, message| {
        if let Message::EpochEnds(ends) = message {
            into.borrow_mut().push(ends.clone());
        }
        true
    });
    net.pass(Duration::from_secs(2));
    let ends = seen.borrow().iter().max_by_key(|ends| ends.len()).unwrap().to_vec();
    assert_eq!(ends.len(), 2);
    let genesis = Membership::new(4).unwrap();
    let check = |ends: &[Arc<EpochEnd>]| {
        verify(Message::EpochEnds(ends.into()), genesis, &node(0)).map(drop)
    };
    assert_eq!(check(&ends), Ok(()));
    let skipped = check(&ends[1..]);
    assert_eq!(skipped, Err(Refusal::Epoch { found: Epoch(1), expected: Epoch(0) }));
    let changed = |into: fn(&mut EpochEnd)| {
        let mut end = EpochEnd::clone(&ends[0]);
        into(&mut end);
        check(&[Arc::new(end)])
    };
    let other = changed(|end| {
        end.next = Roster { added: vec![member(9)], ..end.next.clone() };
    });
    assert!(matches!(other, Err(Refusal::Inconsistent(_))));
    let unsigned = changed(|end| {
        end.certificate.checkpoints = end.certificate.checkpoints[..2].to_vec().into();
    });
    assert_eq!(unsigned, Err(Refusal::Certificate { found: 2, needed: 3 }));
}

/// Decisions overtake each other, so something above the end may be decided here before it is
/// known that the epoch ends.
#[test]
fn what_was_decided_above_the_end_before_the_end_was_known_is_never_executed() {
    let mut net = Net::with_spares(4, 1, &small());
    net.only(|_, to, _| to == NodeId(3));
    let mut decide = |seq, requests| {
        let batch = Batch::new(requests);
        let (epoch, view, digest) = (Epoch(0), View(0), batch.digest());
        let pre_prepare = Signed::new(PrePrepare { epoch, view, seq, digest }, &node(0));
        let commit = |by| Signed::new(Commit { epoch, view, seq, digest }, &node(by)).into();
        let commits = (0..3).map(commit).collect();
        let decided = Decided { pre_prepare: pre_prepare.into(), batch: Arc::new(batch), commits };
        net.deliver(0, 3, Message::Decided(Arc::new(decided)));
    };
    let beyond = request(1, 1, "beyond");
    decide(Seq(6), vec![beyond.clone()]);
    for seq in 2..=5 {
        decide(Seq(seq), vec![]);
    }
    decide(Seq(1), vec![asked(1, &change(&[4], &[3]))]);
    assert_eq!(net.replica(3).last_executed(), Seq(5));
    assert_eq!(net.executions(3, beyond.body.id), 0);
}

#[test]
fn a_newcomer_that_has_the_chain_but_not_the_state_does_not_take_part() {
    let mut net = Net::with_spares(4, 1, &small());
    net.only(|_, _, message| message.kind() != MessageKind::State);
    net.ask(&asked(1, &change(&[4], &[3])), [0]);
    net.pass(Duration::from_secs(2));
    assert_eq!(net.replica(4).epoch(), Epoch(1), "it knows that it is a member");
    assert!(!net.replica(4).is_active());
    net.restart(4);
    assert_eq!(net.replica(4).epoch(), Epoch(1), "nor does a crash make it forget");
    net.everything();
    net.pass(Duration::from_secs(3));
    assert!(net.replica(4).is_active());
}

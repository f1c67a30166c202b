//! A certificate is worth the request that it is for: who votes has it, who prepared can show it,
//! and no view depends on one that nobody shows.

use alloc::{rc::Rc, sync::Arc, vec, vec::Vec};
use core::cell::RefCell;

use super::{
    net::{Net, node, request},
    view_change::{certificate, new_view, view_change},
};
use crate::{
    crypto::{Digest, Signed},
    ids::{Epoch, NodeId, Seq, View},
    pbft::{Batch, Message, MessageKind, Prepare, Record},
    protocol::Protocol as _,
    time::WallTime,
};

/// A batch of one request, which no replica has seen.
fn unseen() -> (Digest, Arc<Batch>) {
    let batch = Batch::new(vec![request(1, 1, "k")]);
    (batch.digest(), batch.into())
}

/// Delivers nothing but what a test hands over, and notes what a replica wants to send.
fn overhear(net: &mut Net, id: u16) -> Rc<RefCell<Vec<Message>>> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let noted = said.clone();
    net.only(move |from, to, message| {
        if from == NodeId(id) {
            noted.borrow_mut().push(message.clone());
        }
        to == NodeId(id)
    });
    said
}

fn kinds(said: &RefCell<Vec<Message>>) -> Vec<MessageKind> {
    said.borrow().iter().map(Message::kind).collect()
}

/// Replica 3 is led into view 1, which carries over at position 1 what it has never seen.
fn led_into_view_1(net: &mut Net, digest: Digest) {
    let changes = vec![
        view_change(0, 1, vec![certificate(0, 1, digest)]),
        view_change(1, 1, vec![]),
        view_change(2, 1, vec![]),
    ];
    net.deliver(1, 3, new_view(1, 1, changes, &[(1, digest)]));
}

fn prepare(by: u16, digest: Digest) -> Message {
    let body = Prepare { epoch: Epoch(0), view: View(1), seq: Seq(1), digest };
    Message::Prepare(Signed::new(body, &node(by)).into())
}

#[test]
fn a_backup_votes_for_what_is_carried_over_once_it_has_the_request() {
    let mut net = Net::new(4);
    let said = overhear(&mut net, 3);
    let (digest, batch) = unseen();
    led_into_view_1(&mut net, digest);
    assert!(net.replica(3).is_active());
    assert!(kinds(&said).contains(&MessageKind::FetchBatch), "it asks for it");
    // Others' prepares make no certificate of what is not here.
    for by in [0, 2] {
        net.deliver(by, 3, prepare(by, digest));
    }
    assert!(
        !kinds(&said).iter().any(|it| [MessageKind::Prepare, MessageKind::Commit].contains(it))
    );

    net.deliver(1, 3, Message::Batch(batch));
    assert!(kinds(&said).contains(&MessageKind::Prepare));
    assert!(kinds(&said).contains(&MessageKind::Commit));
}

#[test]
fn who_prepared_can_show_the_request_after_a_crash_in_a_later_view() {
    // Nobody can make a null request with a time from its digest.
    let null_with_time = Batch::of(Vec::new(), Some(WallTime(7)));
    for (digest, batch) in [unseen(), (null_with_time.digest(), null_with_time.into())] {
        let mut net = Net::new(4);
        overhear(&mut net, 3);
        led_into_view_1(&mut net, digest);
        net.deliver(1, 3, Message::Batch(batch.clone()));
        net.deliver(2, 3, prepare(2, digest));
        let place = |wanted: fn(&Record) -> bool| net.disks[3].iter().position(wanted);
        let (shown, prepared) = (
            place(|it| matches!(it, Record::Batch(_))),
            place(|it| matches!(it, Record::Prepared(_))),
        );
        assert!(shown.is_some() && shown < prepared, "the request is written down first");

        let changes = (0..3).map(|by| view_change(by, 2, vec![])).collect();
        net.deliver(2, 3, new_view(2, 2, changes, &[]));
        assert_eq!(net.replica(3).view(), View(2));
        net.restart(3);
        let said = overhear(&mut net, 3);
        net.deliver(0, 3, Message::FetchBatch(digest));
        assert!(said.borrow().contains(&Message::Batch(batch)));
    }
}

/// Replica 1 is to start view 1, and has view changes of itself, 2, and a liar that shows a
/// certificate for what nobody else has.
fn about_to_start(net: &mut Net, digest: Digest) {
    net.deliver(
        0,
        1,
        Message::ViewChange(Arc::new(view_change(0, 1, vec![certificate(0, 1, digest)]))),
    );
    net.deliver(2, 1, Message::ViewChange(Arc::new(view_change(2, 1, vec![]))));
    assert_eq!(net.replica(1).view(), View(1), "f+1 others took it along");
}

#[test]
fn a_view_is_not_started_from_a_certificate_whose_request_nobody_shows() {
    let mut net = Net::new(4);
    let said = overhear(&mut net, 1);
    let (digest, _) = unseen();
    about_to_start(&mut net, digest);
    assert!(!net.replica(1).is_active(), "three want the view, and one of them may lie");
    assert!(said.borrow().contains(&Message::FetchBatch(digest)), "it asks for the request");

    net.deliver(3, 1, Message::ViewChange(Arc::new(view_change(3, 1, vec![]))));
    assert!(net.replica(1).is_active());
    let started = said.borrow().iter().any(|message| match message {
        Message::NewView(it) => it.body.view_changes.len() == 3 && it.body.pre_prepares.is_empty(),
        _ => false,
    });
    assert!(started, "without the liar's");
}

#[test]
fn a_view_is_started_from_a_certificate_once_its_request_is_fetched() {
    let mut net = Net::new(4);
    overhear(&mut net, 1);
    let (digest, batch) = unseen();
    about_to_start(&mut net, digest);
    net.deliver(0, 1, Message::Batch(Arc::new(Batch::new(vec![request(2, 1, "k")]))));
    assert!(!net.replica(1).is_active(), "that is another one");
    net.deliver(0, 1, Message::Batch(batch));
    assert!(net.replica(1).is_active());
    let slot = net.replica(1).slots().next().unwrap();
    assert_eq!((slot.seq, slot.digest, slot.requests), (Seq(1), digest, 1));
}

#[test]
fn what_was_fetched_to_start_a_view_is_forgotten_when_another_starts() {
    let mut net = Net::new(4);
    overhear(&mut net, 1);
    let (digest, batch) = unseen();
    about_to_start(&mut net, digest);
    let changes = (0..3).map(|by| view_change(by, 2, vec![])).collect();
    net.deliver(2, 1, new_view(2, 2, changes, &[]));
    assert_eq!(net.replica(1).view(), View(2));
    let before = net.replica(1).state_hash();
    net.deliver(0, 1, Message::Batch(batch));
    assert_eq!(net.replica(1).state_hash(), before, "nothing names it any more");
}

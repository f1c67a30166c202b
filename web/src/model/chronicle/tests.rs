use conclave_core::{
    analyzer::{Level, Protocol},
    event::{Event, EventKind, Place},
    ids::Epoch,
    pbft::{MessageKind, Summary},
    sim::Action,
    time::Time,
};

use super::*;

const N0: Principal = Principal::Node(NodeId(0));
const N1: Principal = Principal::Node(NodeId(1));

fn prepare() -> Summary {
    Summary {
        kind: MessageKind::Prepare,
        view: Some(View(0)),
        seq: Some(Seq(1)),
        digest: Some(Digest::default()),
        request: None,
    }
}

fn event(at: u64, place: Principal, kind: EventKind) -> Event {
    Event { at: Time(at), place: place.into(), kind }
}

fn sent(at: u64, id: u64) -> Event {
    event(at, N0, EventKind::Sent { id: MessageId(id), to: N1, what: prepare().into() })
}

fn delivered(at: u64, id: u64) -> Event {
    event(at, N1, EventKind::Delivered { id: MessageId(id), from: N0, what: prepare().into() })
}

#[test]
fn a_message_is_in_flight_from_the_step_that_sent_it_to_the_step_that_ends_it() {
    let mut chronicle = Chronicle::default();
    chronicle.push(0, &sent(10, 1));
    chronicle.push(1, &sent(10, 2));
    chronicle.push(2, &delivered(30, 1));
    let ids =
        |steps, now| chronicle.in_flight(steps, now).map(|arrow| arrow.id.0).collect::<Vec<_>>();
    assert_eq!(ids(0, 0), Vec::<u64>::new());
    assert_eq!(ids(1, 10), [1]);
    assert_eq!(ids(2, 20), [1, 2]);
    assert_eq!(ids(3, 30), [2]);
}

#[test]
fn a_receivers_stream_may_be_ahead_of_its_senders() {
    let mut chronicle = Chronicle::bounded(100);
    chronicle.push(0, &delivered(30, 1));
    chronicle.push(1, &sent(10, 1));
    let arrow = chronicle.arrow(MessageId(1)).expect("the message was sent");
    assert_eq!(arrow.end, Some((30, 0, Ending::Delivered)));
}

#[test]
fn a_bounded_chronicle_forgets_the_oldest_and_still_pairs() {
    let mut chronicle = Chronicle::bounded(16);
    for id in 0..40 {
        chronicle.push(id, &sent(id, id));
    }
    chronicle.push(40, &delivered(50, 39));
    chronicle.push(41, &delivered(50, 0));
    assert_eq!(chronicle.arrows.len(), 16);
    assert!(chronicle.arrow(MessageId(39)).is_some_and(|arrow| arrow.end.is_some()));
    assert!(chronicle.arrow(MessageId(0)).is_none());
}

#[test]
fn a_duplicate_is_a_second_way_of_the_same_message() {
    let mut chronicle = Chronicle::default();
    chronicle.push(0, &sent(10, 1));
    chronicle.push(1, &sent(11, 2));
    chronicle.push(2, &delivered(20, 1));
    chronicle.push(3, &delivered(25, 1));
    chronicle.push(4, &delivered(26, 2));
    let ends: Vec<_> =
        chronicle.arrows.iter().map(|a| (a.id.0, a.end.map(|(us, _, _)| us))).collect();
    assert_eq!(ends, [(1, Some(20)), (1, Some(25)), (2, Some(26))]);
}

#[test]
fn the_second_batch_at_one_position_is_the_other_one() {
    let mut chronicle = Chronicle::default();
    let proposal = |node, digest| {
        event(
            5,
            Principal::Node(NodeId(node)),
            EventKind::PrePrepared { view: View(0), seq: Seq(1), digest, requests: 1 },
        )
    };
    chronicle.push(0, &proposal(1, Digest([1; 32])));
    chronicle.push(1, &proposal(3, Digest([7; 32])));
    let alt = |node| chronicle.bands(NodeId(node)).next().is_some_and(|band| band.alt);
    assert!(!alt(1));
    assert!(alt(3));
}

#[test]
fn what_is_executed_and_proposed_again_in_a_new_view_opens_no_slot() {
    let mut chronicle = Chronicle::default();
    let (digest, seq) = (Digest::default(), Seq(1));
    let executed = EventKind::Executed { seq, digest, requests: vec![] };
    chronicle.push(0, &event(5, N0, executed));
    let view = View(1);
    chronicle.push(1, &event(9, N0, EventKind::PrePrepared { view, seq, digest, requests: 1 }));
    chronicle.push(2, &event(9, N0, EventKind::Prepared { view, seq, digest }));
    assert_eq!(chronicle.bands(NodeId(0)).count(), 1);
    assert!(chronicle.bands(NodeId(0)).all(|band| band.executed_us == Some(5)));
}

#[test]
fn a_crash_lasts_until_the_restart() {
    let mut chronicle = Chronicle::default();
    let act = |at, action| Event {
        at: Time(at),
        place: Place::World,
        kind: EventKind::Intervened { action, effective: true },
    };
    chronicle.push(0, &act(5, Action::Crash { node: NodeId(0) }));
    chronicle.push(1, &act(9, Action::Restart { node: NodeId(0) }));
    let span = &chronicle.spans()[0];
    assert_eq!((span.condition, span.from_us, span.to_us), (Condition::Down, 5, Some(9)));
}

#[test]
fn a_replica_that_recovers_and_fetches_shows_both_until_they_are_over() {
    let mut chronicle = Chronicle::default();
    let (seq, digest, view) = (Seq(8), Digest::default(), View(0));
    chronicle.push(0, &event(5, N0, EventKind::Recovering { life: 1 }));
    chronicle.push(1, &event(6, N0, EventKind::TransferStarted { seq, digest }));
    let (fetched_bytes, total_bytes) = (10, 20);
    let transferred = EventKind::StateTransferred { seq, digest, fetched_bytes, total_bytes };
    chronicle.push(2, &event(8, N0, transferred));
    chronicle.push(3, &event(9, N0, EventKind::Recovered { seq, view }));
    let spans: Vec<_> =
        chronicle.spans().iter().map(|span| (span.condition, span.from_us, span.to_us)).collect();
    assert_eq!(spans, [(Condition::Recovering, 5, Some(9)), (Condition::Fetching, 6, Some(8))]);
}

#[test]
fn what_all_come_to_begins_with_the_first_who_says_so_and_is_bounded() {
    let mut chronicle = Chronicle::bounded(16);
    let threat = |number, level| EventKind::Threat {
        number,
        level,
        protocol: Protocol::Pbft,
        why: format!("reason {number}"),
    };
    let began = |epoch| EventKind::EpochBegun {
        epoch: Epoch(epoch),
        after: Seq(10 * epoch),
        members: vec![NodeId(0), NodeId(1)],
        protocol: Protocol::Raft,
    };
    chronicle.push(1, &event(10, N0, threat(1, Level::Medium)));
    chronicle.push(2, &event(20, N1, began(1)));
    // A replica that is behind says the same later, and one that comes back says it again.
    for (step, kind) in [threat(1, Level::Medium), began(1)].into_iter().enumerate() {
        chronicle.push(3 + step as u64, &event(30, N0, kind));
    }
    chronicle.push(5, &event(40, N1, threat(2, Level::High)));
    let begun: Vec<_> = chronicle.periods().map(|it| (it.us, it.step, it.is_threat())).collect();
    assert_eq!(begun, [(10, 1, true), (20, 2, false), (40, 5, true)]);
    assert!(matches!(
        &chronicle.periods().next_back().expect("it was said").regime,
        Regime::Threat(Level::High, Some(Protocol::Pbft), why) if why == "reason 2"
    ));
    for number in 3..100 {
        chronicle.push(number, &event(40 + number, N0, threat(number, Level::Low)));
    }
    assert_eq!(chronicle.periods().count(), 16);
}

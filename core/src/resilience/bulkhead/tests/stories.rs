//! What a bulkhead does, case by case.

use core::time::Duration;

use super::{Admission, Config, Order, at, bulkhead, go, small, turn, waits};
use crate::{
    resilience::{
        Priority,
        bulkhead::{Event, Rejected, Turn, Why},
    },
    time::Time,
};

#[test]
fn so_many_run_so_many_wait_and_the_next_is_told_when_to_come_back() {
    let mut guard = bulkhead(small());
    let permit = go(&mut guard, at(0));
    guard.release(at(80), permit);
    let running = [go(&mut guard, at(100)), go(&mut guard, at(100))];
    for _ in 0..3 {
        let _ = waits(&mut guard, at(100), Priority::Normal);
    }
    let rejected = guard.admit(at(100), Priority::Normal, None).unwrap_err();
    // Such work takes 80 ms, two at a time; three are ahead.
    assert_eq!(rejected, Rejected { why: Why::Full, retry_at: Some(at(260)) });
    let snapshot = guard.snapshot();
    assert_eq!((snapshot.running, snapshot.waiting, snapshot.used_ppm), (2, 3, 1_000_000));
    drop(running);
}

#[test]
fn who_did_nothing_says_nothing_of_how_long_work_takes() {
    let mut guard = bulkhead(small().line(0));
    let permit = go(&mut guard, at(0));
    guard.release(at(80), permit);
    for _ in 0..100 {
        let permit = go(&mut guard, at(80));
        guard.give_back(permit);
    }
    assert_eq!((guard.snapshot().running, guard.snapshot().usual_us), (0, 80_000));
    // Nor has who was given up by an operator a place to give back.
    let permit = go(&mut guard, at(100));
    guard.reclaim(at(101), Duration::ZERO);
    guard.give_back(permit);
    assert_eq!((guard.snapshot().running, guard.snapshot().counters.late), (0, 1));
}

#[test]
fn a_slot_is_taken_while_abandoned_work_still_runs() {
    // Given two callers whose patience ends while their work goes on,
    let mut guard = bulkhead(small().line(0));
    let (first, second) = (go(&mut guard, at(0)), go(&mut guard, at(0)));
    let first = guard.abandon(first);
    let second = guard.abandon(second);
    // then nobody else may begin,
    assert_eq!(guard.admit(at(5), Priority::Consensus, None).unwrap_err().why, Why::Full);
    assert_eq!((guard.snapshot().running, guard.snapshot().abandoned), (2, 2));
    // until the work has really ended.
    guard.release(at(10), first);
    let third = go(&mut guard, at(10));
    assert!(guard.admit(at(10), Priority::Consensus, None).is_err());
    guard.release(at(20), second);
    guard.release(at(20), third);
    assert_eq!((guard.snapshot().running, guard.snapshot().abandoned), (0, 0));
}

#[test]
fn who_came_first_is_first_and_nobody_overtakes() {
    let mut guard = bulkhead(small().order(Order::Fair));
    let running = go(&mut guard, at(0));
    let other = go(&mut guard, at(0));
    let first = waits(&mut guard, at(0), Priority::Background);
    let second = waits(&mut guard, at(0), Priority::Consensus);
    assert_eq!(guard.poll_turn(at(0)), None);
    guard.release(at(1), running);
    // There is room, but somebody is in line.
    let third = waits(&mut guard, at(1), Priority::Consensus);
    let (ticket, running) = turn(&mut guard, at(1));
    assert_eq!(ticket, first);
    guard.release(at(2), running);
    let (ticket, running) = turn(&mut guard, at(2));
    assert_eq!(ticket, second);
    guard.release(at(3), other);
    let (ticket, _other) = turn(&mut guard, at(3));
    assert_eq!(ticket, third);
    guard.release(at(4), running);
    assert_eq!(guard.poll_turn(at(4)), None);
    assert_eq!(guard.snapshot().counters.admitted_later, 3);
}

#[test]
fn who_matters_more_comes_first_and_takes_the_place_of_who_matters_least() {
    let mut guard = bulkhead(small());
    let running = [go(&mut guard, at(0)), go(&mut guard, at(0))];
    let normal = waits(&mut guard, at(0), Priority::Normal);
    let first = waits(&mut guard, at(0), Priority::Background);
    let last = waits(&mut guard, at(0), Priority::Background);
    let agrees = waits(&mut guard, at(0), Priority::Consensus);
    let Some(Turn { ticket, result: Err(rejected) }) = guard.poll_turn(at(0)) else {
        panic!("the line is full");
    };
    assert_eq!((ticket, rejected.why), (last, Why::Displaced));
    // Who matters no more than anybody in line displaces nobody.
    let rejected = guard.admit(at(0), Priority::Background, None).unwrap_err();
    assert_eq!(rejected.why, Why::Full);
    for (permit, expected) in running.into_iter().zip([agrees, normal]) {
        guard.release(at(1), permit);
        let (ticket, _permit) = turn(&mut guard, at(1));
        assert_eq!(ticket, expected);
    }
    assert_eq!(guard.snapshot().waiting, 1);
    guard.leave(first);
    assert_eq!((guard.snapshot().waiting, guard.snapshot().counters.left), (0, 1));
}

#[test]
fn nobody_is_in_line_for_longer_than_the_line_or_its_deadline_allows() {
    let mut guard = bulkhead(small());
    let running = [go(&mut guard, at(0)), go(&mut guard, at(0))];
    let patient = waits(&mut guard, at(0), Priority::Normal);
    let Ok(Admission::Wait(hurried)) = guard.admit(at(0), Priority::Normal, Some(at(300))) else {
        panic!("there is room in line");
    };
    assert_eq!(guard.next_wake(), Some(at(300)));
    let in_vain =
        |ticket, why| Some(Turn { ticket, result: Err(Rejected { why, retry_at: None }) });
    assert_eq!(guard.poll_turn(at(299)), None);
    assert_eq!(guard.poll_turn(at(300)), in_vain(hurried, Why::Waited));
    assert_eq!(guard.next_wake(), Some(at(1_000)));
    // Whose time is over doesn't begin, though there is room now.
    for permit in running {
        guard.release(at(1_000), permit);
    }
    let turn = guard.poll_turn(at(1_000)).unwrap();
    assert_eq!((turn.ticket, turn.result.unwrap_err().why), (patient, Why::Waited));
    assert_eq!(guard.next_wake(), None);
    let _busy = [go(&mut guard, at(1_000)), go(&mut guard, at(1_000))];
    let rejected = guard.admit(at(1_000), Priority::Normal, Some(at(1_000))).unwrap_err();
    assert_eq!(rejected.why, Why::Deadline);
}

#[test]
fn what_never_ends_can_be_reclaimed_and_then_releases_nothing() {
    let mut guard = bulkhead(small());
    let stuck = go(&mut guard, at(0));
    let young = go(&mut guard, at(59_000));
    assert_eq!(guard.snapshot().oldest_us, 59_000_000);
    assert_eq!(guard.reclaim(at(60_000), Duration::from_secs(30)), 1);
    let other = go(&mut guard, at(60_000));
    // It ends after all: the slot is somebody else's now.
    guard.release(at(61_000), stuck);
    assert_eq!((guard.snapshot().running, guard.snapshot().counters.late), (2, 1));
    guard.release(at(61_000), young);
    guard.release(at(61_000), other);
    assert_eq!(guard.snapshot().running, 0);
    assert_eq!(guard.poll_event(), Some(Event::Reclaimed(1)));
}

#[test]
fn a_host_that_never_asks_whose_turn_it_is_makes_nothing_grow() {
    let mut guard = bulkhead(small());
    let _running = [go(&mut guard, at(0)), go(&mut guard, at(0))];
    for priority in Priority::ALL {
        for _ in 0..100 {
            let _ = guard.admit(at(0), priority, None);
        }
    }
    let told = core::iter::from_fn(|| guard.poll_turn(at(0))).count();
    assert_eq!((told, guard.snapshot().waiting), (3, 3));
    let event = guard.poll_event();
    assert_eq!((event, guard.poll_event()), (Some(Event::Full), None), "a flood is one event");
}

#[test]
fn clocks_that_jump_neither_wedge_the_line_nor_clear_it() {
    let mut guard = bulkhead(Config::default().concurrent(1));
    let running = go(&mut guard, at(100_000));
    let waiter = waits(&mut guard, at(100_000), Priority::Normal);
    assert_eq!(guard.poll_turn(at(10)), None);
    assert_eq!(guard.next_wake(), Some(at(1_010)));
    guard.release(at(500), running);
    let (ticket, running) = turn(&mut guard, at(500));
    assert_eq!(ticket, waiter);
    let waiter = waits(&mut guard, at(500), Priority::Normal);
    let turn = guard.poll_turn(Time::MAX).unwrap();
    assert_eq!((turn.ticket, turn.result.unwrap_err().why), (waiter, Why::Waited));
    guard.release(at(0), running);
    let _ = go(&mut guard, at(0));
}

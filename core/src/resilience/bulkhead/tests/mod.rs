mod configuration;
mod model;
mod stories;

use super::{Admission, Bulkhead, Config, Order, Permit, Ticket, Turn};
use crate::{resilience::Priority, time::Time};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn bulkhead(config: Config) -> Bulkhead {
    Bulkhead::new(config).unwrap()
}

/// Two at a time, three in line for a second.
fn small() -> Config {
    Config::default().concurrent(2).line(3)
}

fn go(guard: &mut Bulkhead, now: Time) -> Permit {
    match guard.admit(now, Priority::Normal, None) {
        Ok(Admission::Go(permit)) => permit,
        other => panic!("{other:?}"),
    }
}

fn waits(guard: &mut Bulkhead, now: Time, priority: Priority) -> Ticket {
    match guard.admit(now, priority, None) {
        Ok(Admission::Wait(ticket)) => ticket,
        other => panic!("{other:?}"),
    }
}

fn turn(guard: &mut Bulkhead, now: Time) -> (Ticket, Permit) {
    match guard.poll_turn(now) {
        Some(Turn { ticket, result: Ok(permit) }) => (ticket, permit),
        other => panic!("{other:?}"),
    }
}

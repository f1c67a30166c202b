//! Who waits.

use alloc::vec::Vec;

use serde::Serialize;

use super::config::Order;
use crate::{resilience::Priority, time::Time};

/// A place in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Ticket(u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Waiter {
    ticket: Ticket,
    priority: Priority,
    until: Time,
}

/// Those who wait, in the order in which they came.
#[derive(Clone, Debug)]
pub(super) struct Line {
    waiters: Vec<Waiter>,
    room: usize,
    issued: u64,
}

impl Line {
    pub(super) fn new(room: u32) -> Self {
        let room = room as usize;
        Self { waiters: Vec::with_capacity(room), room, issued: 0 }
    }

    /// Room for more or fewer; who waits stays.
    pub(super) fn resize(&mut self, room: u32) {
        self.room = room as usize;
        self.waiters.reserve(self.room.saturating_sub(self.waiters.len()));
    }

    pub(super) fn len(&self) -> u32 {
        self.waiters.len() as u32
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiters.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.waiters.len() >= self.room
    }

    pub(super) fn join(&mut self, priority: Priority, until: Time) -> Ticket {
        self.issued += 1;
        let ticket = Ticket(self.issued);
        self.waiters.push(Waiter { ticket, priority, until });
        ticket
    }

    /// Whose turn it is.
    pub(super) fn next(&mut self, order: Order) -> Option<Ticket> {
        let at = match order {
            Order::Fair => 0,
            Order::Priority => {
                let most = self.waiters.iter().map(|it| it.priority).max()?;
                self.waiters.iter().position(|it| it.priority == most)?
            }
        };
        (at < self.waiters.len()).then(|| self.waiters.remove(at).ticket)
    }

    /// Takes out who matters least and came last, if that is less than so much.
    pub(super) fn displace(&mut self, priority: Priority) -> Option<Ticket> {
        let least = self.waiters.iter().map(|it| it.priority).min()?;
        let at = self.waiters.iter().rposition(|it| it.priority == least)?;
        (least < priority).then(|| self.waiters.remove(at).ticket)
    }

    /// Takes out somebody who has waited for too long.
    pub(super) fn expire(&mut self, now: Time) -> Option<Ticket> {
        let at = self.waiters.iter().position(|it| it.until <= now)?;
        Some(self.waiters.remove(at).ticket)
    }

    /// Takes out whoever doesn't want to wait any more; false if it isn't in line.
    pub(super) fn leave(&mut self, ticket: Ticket) -> bool {
        let at = self.waiters.iter().position(|it| it.ticket == ticket);
        at.map(|at| self.waiters.remove(at)).is_some()
    }

    /// When the next will have waited for too long.
    pub(super) fn next_end(&self) -> Option<Time> {
        self.waiters.iter().map(|it| it.until).min()
    }
}

//! One node's workers, and who waits for one.

use alloc::{boxed::Box, vec::Vec};

use serde::Serialize;

use super::config::Dependency;
use crate::{
    config::BadConfig,
    crypto::Verified,
    ids::{ClientId, RequestId},
    pbft::Message,
    resilience::{
        Priority,
        bulkhead::{self, Admission, Bulkhead, Permit, Rejected, Ticket},
    },
    time::Time,
};

/// A permit in a moment of a run. Moments are copied, the bulkhead with them: each copy gives back its
/// own.
#[derive(Debug)]
struct Held(Permit);

impl Clone for Held {
    fn clone(&self) -> Self {
        Self(self.0.in_a_copy())
    }
}

/// How far a request has come.
#[derive(Clone, Debug)]
enum Stage {
    /// In line for its kind's compartment.
    Apart(Ticket),
    /// In line for a worker, its place in the compartment taken.
    InLine(Ticket, Option<Held>),
    /// A worker has it.
    Works { until: Time, was_slow: bool, worker: Held, apart: Option<Held> },
}

/// A request that isn't with the node yet.
#[derive(Clone, Debug)]
struct Request {
    id: RequestId,
    message: Verified<Message>,
    needs: bool,
    stage: Stage,
}

/// What has become of a request.
#[derive(Clone, Debug)]
pub(super) enum Ended {
    /// The node gets it.
    Enters {
        message: Verified<Message>,
        /// Whether it had to wait for a service that was slow.
        was_slow: bool,
    },
    /// It is turned away.
    TurnedAway { id: RequestId, rejected: Rejected },
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The workers.
    pub workers: bulkhead::Snapshot,
    /// So many of them wait for the service.
    pub calling: u32,
    /// The compartment of requests that need it, if there is one.
    pub compartment: Option<bulkhead::Snapshot>,
    /// So many were turned away that needed the service, and that didn't.
    pub turned_away: [u64; 2],
}

/// One node's workers, and who waits for one. Holds as many requests as its bulkheads let in and in line.
#[derive(Clone, Debug)]
pub struct Entrance {
    config: Dependency,
    workers: Bulkhead,
    compartment: Option<Bulkhead>,
    requests: Vec<Request>,
    turned_away: [u64; 2],
}

impl Entrance {
    pub(in super::super) fn new(config: &Dependency) -> Result<Box<Self>, BadConfig> {
        Ok(Box::new(Self {
            workers: Bulkhead::new(config.workers.clone())?,
            compartment: config.compartment.clone().map(Bulkhead::new).transpose()?,
            requests: Vec::new(),
            turned_away: [0; 2],
            config: config.clone(),
        }))
    }

    /// One as empty as it began.
    pub(in super::super) fn anew(&self) -> Result<Box<Self>, BadConfig> {
        Self::new(&self.config)
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        let calls = |it: &&Request| it.needs && matches!(it.stage, Stage::Works { .. });
        Snapshot {
            workers: self.workers.snapshot(),
            calling: self.requests.iter().filter(calls).count() as u32,
            compartment: self.compartment.as_ref().map(Bulkhead::snapshot),
            turned_away: self.turned_away,
        }
    }

    /// A client says this itself, and the node doesn't know it yet. What has become of it, if that is
    /// clear at once.
    pub(super) fn enter(
        &mut self,
        now: Time,
        id: RequestId,
        message: Verified<Message>,
    ) -> Option<Ended> {
        if self.requests.iter().any(|it| it.id == id) {
            return None;
        }
        let needs = asks(&message).is_some_and(|(_, operation)| self.config.is_about(operation));
        let Some(compartment) = self.compartment.as_mut().filter(|_| needs) else {
            return self.line_up(now, id, message, needs, None);
        };
        match compartment.admit(now, priority_of(id.client), None) {
            Ok(Admission::Go(permit)) => self.line_up(now, id, message, needs, Some(Held(permit))),
            Ok(Admission::Wait(ticket)) => {
                self.requests.push(Request { id, message, needs, stage: Stage::Apart(ticket) });
                None
            }
            Err(rejected) => Some(self.turn_away(id, needs, rejected)),
        }
    }

    /// Nothing of its kind stands in its way any more.
    fn line_up(
        &mut self,
        now: Time,
        id: RequestId,
        message: Verified<Message>,
        needs: bool,
        apart: Option<Held>,
    ) -> Option<Ended> {
        let stage = match self.workers.admit(now, priority_of(id.client), None) {
            Ok(Admission::Go(worker)) => self.begin(now, needs, worker, apart),
            Ok(Admission::Wait(ticket)) => Stage::InLine(ticket, apart),
            Err(rejected) => {
                self.leave_compartment(now, apart);
                return Some(self.turn_away(id, needs, rejected));
            }
        };
        self.requests.push(Request { id, message, needs, stage });
        None
    }

    fn begin(&self, now: Time, needs: bool, worker: Permit, apart: Option<Held>) -> Stage {
        let until = now + self.config.work(now, needs);
        let was_slow = needs && self.config.is_slow(now);
        Stage::Works { until, was_slow, worker: Held(worker), apart }
    }

    fn leave_compartment(&mut self, now: Time, apart: Option<Held>) {
        if let Some((compartment, Held(permit))) = self.compartment.as_mut().zip(apart) {
            compartment.release(now, permit);
        }
    }

    fn turn_away(&mut self, id: RequestId, needs: bool, rejected: Rejected) -> Ended {
        self.turned_away[usize::from(!needs)] += 1;
        Ended::TurnedAway { id, rejected }
    }

    /// What has become of some request by now.
    pub(super) fn poll(&mut self, now: Time) -> Option<Ended> {
        let ended = self.work_ended(now).or_else(|| self.turns_apart(now));
        ended.or_else(|| self.turns_in_line(now))
    }

    /// A worker is done: both of its permits come back, and only now.
    fn work_ended(&mut self, now: Time) -> Option<Ended> {
        let done = |it: &Request| matches!(it.stage, Stage::Works { until, .. } if until <= now);
        let Request { message, stage, .. } = self.take(done)?;
        let Stage::Works { was_slow, worker: Held(worker), apart, .. } = stage else { return None };
        self.workers.release(now, worker);
        self.leave_compartment(now, apart);
        Some(Ended::Enters { message, was_slow })
    }

    /// Whose turn it is in line for the compartment goes on, until one is turned away. Who is in line has its
    /// request here until then.
    fn turns_apart(&mut self, now: Time) -> Option<Ended> {
        while let Some(turn) = self.compartment.as_mut()?.poll_turn(now) {
            let its =
                |it: &Request| matches!(it.stage, Stage::Apart(ticket) if ticket == turn.ticket);
            let Request { id, message, needs, .. } = self.take(its)?;
            let ended = match turn.result {
                Ok(permit) => self.line_up(now, id, message, needs, Some(Held(permit))),
                Err(rejected) => Some(self.turn_away(id, needs, rejected)),
            };
            if ended.is_some() {
                return ended;
            }
        }
        None
    }

    /// The same in line for a worker.
    fn turns_in_line(&mut self, now: Time) -> Option<Ended> {
        while let Some(turn) = self.workers.poll_turn(now) {
            let its = |it: &Request| matches!(it.stage, Stage::InLine(at, _) if at == turn.ticket);
            let Request { id, message, needs, stage } = self.take(its)?;
            let Stage::InLine(_, apart) = stage else { return None };
            match turn.result {
                Ok(worker) => {
                    let stage = self.begin(now, needs, worker, apart);
                    self.requests.push(Request { id, message, needs, stage });
                }
                Err(rejected) => {
                    self.leave_compartment(now, apart);
                    return Some(self.turn_away(id, needs, rejected));
                }
            }
        }
        None
    }

    fn take(&mut self, which: impl FnMut(&Request) -> bool) -> Option<Request> {
        let at = self.requests.iter().position(which)?;
        Some(self.requests.remove(at))
    }

    /// When there is something to do.
    pub(in super::super) fn next_wake(&self) -> Option<Time> {
        let ends = self.requests.iter().filter_map(|it| match it.stage {
            Stage::Works { until, .. } => Some(until),
            Stage::Apart(_) | Stage::InLine(..) => None,
        });
        let in_vain = self.compartment.as_ref().and_then(Bulkhead::next_wake);
        ends.chain(in_vain).chain(self.workers.next_wake()).min()
    }
}

/// Which request a client makes with it, and what for.
pub(super) fn asks(message: &Message) -> Option<(RequestId, &[u8])> {
    match message {
        Message::Request(request) => Some((request.body.id, &request.body.operation)),
        Message::Read(read) => Some((read.body.id, &read.body.operation)),
        _ => None,
    }
}

/// The administrator doesn't wait behind clients, where the order of a line is by what matters.
fn priority_of(client: ClientId) -> Priority {
    if client >= ClientId::FIRST_RESERVED { Priority::Important } else { Priority::Normal }
}

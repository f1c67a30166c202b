//! A chaos experiment in a run: done to messages, at the moment at which a node hands them to the
//! network, and judged by what clients see.

use alloc::string::ToString as _;
use core::time::Duration;

use super::{cluster::Cluster, letter::Letter};
use crate::{
    event::{EventKind, LossCause, Place},
    ids::{NodeId, Principal},
    pbft::DecodeError,
    protocol::Input,
    resilience::{
        Outcome,
        chaos::{Event, Fault, Injection, Target},
    },
    time::Time,
};

impl Cluster {
    /// What the experiment does to a message: when it leaves, if it does. A node that it touches counts
    /// as one of the f.
    pub(super) fn disturbed(
        &mut self,
        from: Principal,
        to: Principal,
        letter: &Letter,
        at: Time,
    ) -> Option<Time> {
        let Some((node, injection)) = self.injected(from, to, letter) else { return Some(at) };
        self.counts.injected += 1;
        self.hosts[node.0 as usize].ever_touched = true;
        match injection.fault {
            Fault::Latency { .. } | Fault::Reorder { .. } => Some(at + injection.delay),
            Fault::Duplicate => {
                self.hand_over(from, to, letter.clone(), at);
                Some(at)
            }
            Fault::Corruption => {
                self.hand_over(from, to, letter.damaged(), at);
                None
            }
            // As a cut does it: who hears nothing for long gives the connection up.
            Fault::Partition => {
                if self.scenario.dialing.is_none() || self.is_tied(from, to, letter) {
                    self.lose_before(from, to, letter, LossCause::Dropped);
                    self.did_not_get_through(from, to);
                }
                None
            }
            // The others aren't about messages, and refused: see `limits`.
            _ => {
                self.lose_before(from, to, letter, LossCause::Dropped);
                None
            }
        }
    }

    /// What is done to a message, and to which node: to its sender, or, as nothing reaches who is
    /// partitioned either, to its receiver.
    fn injected(
        &mut self,
        from: Principal,
        to: Principal,
        letter: &Letter,
    ) -> Option<(NodeId, Injection)> {
        let experiment = self.experiment.as_mut()?;
        let (now, operation) = (self.now, letter.kind() as u16);
        let partition = experiment.config().fault == Fault::Partition;
        let mut ask = |who| match who {
            Principal::Node(node) => {
                let injection = experiment.inject(now, Target { peer: node.0, operation });
                injection.map(|it| (node, it))
            }
            Principal::Client(_) => None,
        };
        let done = ask(from).or_else(|| if partition { ask(to) } else { None });
        self.follow_experiment();
        done
    }

    /// What arrived was damaged, as real nodes' links do it: in what says which kind of message it is.
    pub(super) fn is_no_message(&mut self, from: Principal, to: Principal) {
        self.counts.refused += 1;
        let why = DecodeError::Malformed.to_string();
        self.event(to.into(), EventKind::Refused { from, why });
        if let (Principal::Node(from), Principal::Node(to)) = (from, to) {
            self.input(to, Input::Unreadable { from });
        }
    }

    /// A message gets no further than its sender.
    pub(super) fn lose_before(
        &mut self,
        from: Principal,
        to: Principal,
        letter: &Letter,
        why: LossCause,
    ) {
        let id = self.flights.next_id();
        self.counts.sent += 1;
        self.left(id, from, to, letter);
        self.flights.skip();
        self.lose(id, from, to, why);
    }

    /// How a client's request ended.
    pub(super) fn experiment_saw(&mut self, outcome: Outcome, took: Duration) {
        if let Some(experiment) = &mut self.experiment {
            experiment.settle(self.now, outcome, took);
            self.follow_experiment();
        }
    }

    /// Time passes for it.
    pub(super) fn tick_experiment(&mut self) {
        if let Some(experiment) = &mut self.experiment {
            experiment.tick(self.now);
            self.follow_experiment();
        }
    }

    fn follow_experiment(&mut self) {
        while let Some(event) = self.experiment.as_mut().and_then(|it| it.poll_event()) {
            if let Event::Entered(phase) = event {
                self.counts.experiment = Some(phase);
                self.event(Place::World, EventKind::Experiment { phase });
            }
        }
    }
}

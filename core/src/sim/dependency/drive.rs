//! What a cluster does with its nodes' entrances, and with a service that is slow for a while.

use alloc::format;

use super::{
    super::cluster::{Cluster, Due},
    entrance::{Ended, asks},
};
use crate::{
    crypto::Verified,
    event::EventKind,
    ids::{ClientId, NodeId},
    node::{Busy, Why, admission::MAX_RETRY_AFTER_MS},
    pbft::Message,
    protocol::{Effect, Input},
    time::Time,
};

impl Cluster {
    /// Who asks for what, and the moments at which the service becomes slow, and quick again.
    pub(in super::super) fn begin_dependency(&mut self) {
        let Some(dependency) = self.scenario.dependency.clone() else { return };
        for client in &mut self.clients {
            client.dependency = Some(dependency.clone());
        }
        let edges = [dependency.slow_from_ms, dependency.slow_until_ms];
        for at_ms in edges.into_iter().filter(|_| dependency.slow_ms > 0) {
            self.push(Time::from_millis(u64::from(at_ms)), Due::Dependency);
        }
    }

    /// The service has become slow, or quick again: no progress is owed in between.
    pub(in super::super) fn dependency_changed(&mut self) {
        let Some(dependency) = &self.scenario.dependency else { return };
        if dependency.is_slow(self.now) {
            let what = format!("the service takes {} ms", dependency.slow_ms);
            self.slowed_by = Some(self.inject(what));
        }
        self.weigh_calm();
    }

    /// Whether no service is slow that nodes depend on.
    pub(in super::super) fn is_all_quick(&self) -> bool {
        self.scenario.dependency.as_ref().is_none_or(|it| !it.is_slow(self.now))
    }

    /// What a client says itself arrived at a node: given back if it goes on at once.
    pub(in super::super) fn at_entrance(
        &mut self,
        node: NodeId,
        message: Verified<Message>,
    ) -> Option<Verified<Message>> {
        let host = &mut self.hosts[usize::from(node.0)];
        let (Some(entrance), Some((id, _))) = (&mut host.entrance, asks(&message)) else {
            return Some(message);
        };
        if host.node.knows(id) {
            return Some(message);
        }
        let ended = entrance.enter(self.now, id, message);
        self.follow_entrance(node, ended);
        None
    }

    /// It is time to look what has become of requests at a node's entrance.
    pub(in super::super) fn look_at_entrance(&mut self, node: NodeId) {
        self.follow_entrance(node, None);
    }

    /// Carries out what has become of requests at a node's entrance: of the one that came last, and of
    /// others.
    fn follow_entrance(&mut self, node: NodeId, mut first: Option<Ended>) {
        let (index, now) = (usize::from(node.0), self.now);
        loop {
            let host = &mut self.hosts[index];
            let next = || host.entrance.as_mut().and_then(|it| it.poll(now));
            let Some(ended) = first.take().or_else(next) else { break };
            match ended {
                Ended::Enters { message, was_slow } => {
                    let slowed_by = self.slowed_by.filter(|_| was_slow);
                    self.took_effect(slowed_by);
                    self.input(node, Input::Request(message));
                }
                Ended::TurnedAway { id, rejected } => {
                    let wait = rejected.retry_at.map_or(0, |at| at.since(now).as_millis());
                    let retry_after_ms = wait.clamp(1, u128::from(MAX_RETRY_AFTER_MS)) as u32;
                    let why = Why::Full;
                    let event = EventKind::TurnedAway { request: id, why, retry_after_ms };
                    self.carry_out_effect(node, Effect::Event(event));
                    let message = Message::Busy(Busy { id, why, retry_after_ms });
                    self.carry_out_effect(node, Effect::Reply { client: id.client, message });
                }
            }
        }
        let next = self.hosts[index].entrance.as_ref().and_then(|it| it.next_wake());
        if let Some(at) = next {
            self.push(at.max(now), Due::Entrance(node.0.into()));
        }
    }

    /// A client was answered.
    pub(in super::super) fn dependency_saw(&mut self, client: ClientId) {
        if let Some(dependency) = &self.scenario.dependency
            && dependency.is_slow(self.now)
            && !dependency.is_asker(client)
        {
            self.counts.others_answered += 1;
        }
    }
}

//! Carrying out actions: of the scenario, and of people.

use alloc::string::{String, ToString};

use super::{
    action::Action,
    cluster::{Cluster, Due},
    disk::Damage,
    host::Host,
    workload::Wanted,
};
use crate::{
    event::{EventKind, LossCause, Place},
    ids::{ClientId, NodeId},
    pbft::{Change, NewMember},
    replica::Override,
    time::Time,
};
use core::time::Duration;

impl Cluster {
    /// Carries out one action, and says whether it could be.
    pub(super) fn act(&mut self, action: Action) {
        let injection = self.inject(action.to_string());
        let effective = self.carry_out_action(&action, injection);
        self.event(Place::World, EventKind::Intervened { action, effective });
        self.weigh_calm();
    }

    /// Something changed that decides whether progress is owed.
    pub(super) fn weigh_calm(&mut self) {
        let gst = Time::from_millis(u64::from(self.scenario.network.calm_at_ms));
        let calm = self.is_calm();
        self.liveness.disturbed(self.now, gst, calm);
    }

    /// Whether progress is owed: every link is whole, no more than f are down or lie, and nobody
    /// lies where that is taken for granted; and no service is slow that nodes depend on.
    fn is_calm(&self) -> bool {
        #[cfg(feature = "guards")]
        if !self.is_all_quick() {
            return false;
        }
        let members = self.members();
        let hosts = || members.nodes().map(|node| &self.hosts[node.0 as usize]);
        hosts().filter(|host| host.is_faulty()).count() <= members.f() as usize
            && !(members.is_crash_only() && hosts().any(Host::is_byzantine))
            && self.links.is_whole()
    }

    fn carry_out_action(&mut self, action: &Action, injection: usize) -> bool {
        match action {
            Action::Crash { node } => self.crash(*node, injection),
            Action::Restart { node } => self.restart(*node, injection),
            Action::DamageDisk { node, what } => {
                let host = &mut self.hosts[node.0 as usize];
                let effective = host.disk.damage(*what);
                host.damaged_by = Some(injection);
                // A lie comes to light when a crash finds that something is missing.
                if *what == Damage::Lies { effective } else { self.once(effective, injection) }
            }
            Action::CutOff { node } => {
                // Every message that a cut stops is an effect, those on their way included.
                self.links.set_cut_off(*node, Some(injection))
            }
            Action::Reconnect { node } => {
                let changed = self.links.set_cut_off(*node, None);
                self.once(changed, injection)
            }
            Action::Partition { groups } => {
                self.links.partition(groups, injection);
                true
            }
            Action::Heal => {
                let changed = self.links.heal();
                self.once(changed, injection)
            }
            Action::CutLink { from, to } => self.links.set_cut(*from, *to, Some(injection)),
            Action::RestoreLink { from, to } => {
                let changed = self.links.set_cut(*from, *to, None);
                self.once(changed, injection)
            }
            Action::SlowLink { from, to, by_ms } => {
                // Every message that it slows is an effect.
                let undone = self.links.slow(*from, *to, *by_ms, injection);
                self.once(undone, injection) || *by_ms > 0
            }
            Action::Lose { kinds, ppm } => {
                // Every message that is lost is an effect.
                let undone = self.links.lose(kinds, *ppm, injection);
                self.once(undone, injection) || *ppm > 0
            }
            Action::Corrupt { node, strategies } => {
                let host = &mut self.hosts[node.0 as usize];
                host.strategies.clone_from(strategies);
                host.ever_byzantine = true;
                host.corrupted_by = Some(injection);
                self.mind.join(*node);
                true
            }
            Action::CorruptClient { client, how } => {
                let Some(client) = self.clients.get_mut(client.0 as usize) else { return false };
                client.corrupted = Some((*how, injection));
                true
            }
            Action::Reform { node } => {
                let host = &mut self.hosts[node.0 as usize];
                let lied = !host.strategies.is_empty();
                host.strategies.clear();
                host.corrupted_by = None;
                self.mind.leave(*node);
                self.once(lied, injection)
            }
            Action::Deliver { message } => {
                let now = self.now;
                let moved = self.flights.get_mut(*message).map(|flight| flight.due = now);
                if moved.is_some() {
                    self.push(now, Due::Deliver(*message));
                }
                self.once(moved.is_some(), injection)
            }
            Action::Delay { message, by_ms } => {
                let by = Duration::from_millis(u64::from(*by_ms));
                let due = self.flights.get_mut(*message).map(|flight| {
                    flight.due = flight.due + by;
                    flight.due
                });
                if let Some(due) = due {
                    self.push(due, Due::Deliver(*message));
                }
                self.once(due.is_some(), injection)
            }
            Action::Drop { message } => {
                let dropped = self.flights.take(*message);
                if let Some(flight) = &dropped {
                    self.lose(*message, flight.from, flight.to, LossCause::Dropped);
                }
                self.once(dropped.is_some(), injection)
            }
            Action::Duplicate { message } => {
                let copied = self.flights.get_mut(*message).cloned();
                let found = copied.is_some();
                if let Some(flight) = copied {
                    self.duplicate(flight.from, flight.to, flight.letter, Time(flight.due.0 + 1));
                }
                self.once(found, injection)
            }
            Action::Submit { client, operation } => {
                self.want(self.client_index(*client), Wanted::Operation(operation.clone()));
                self.once(true, injection)
            }
            Action::Reconfigure { add, remove } => {
                let add = add.iter().map(|id| NewMember {
                    id: *id,
                    key: self.keyring.public(*id),
                    contact: String::new(),
                });
                let (add, remove) = (add.collect(), remove.clone());
                self.change(Change { add, remove, ..Change::default() }, injection)
            }
            Action::Overrule { node, order } => {
                let order = Override { node: *node, order: *order };
                self.administer(Wanted::Override(order), injection)
            }
            Action::Switch { protocol, last } => {
                let switch = Change::switch_to(*protocol);
                self.change(Change { last: last.clone(), ..switch }, injection)
            }
        }
    }

    /// Its effect is an agreed change.
    fn change(&mut self, change: Change, injection: usize) -> bool {
        self.administer(Wanted::Change(change), injection)
    }

    fn administer(&mut self, wanted: Wanted, injection: usize) -> bool {
        let index = self.client_index(ClientId::ADMINISTRATOR);
        self.want(index, wanted);
        self.clients[index].changes.push_back(injection);
        true
    }

    fn want(&mut self, index: usize, wanted: Wanted) {
        let client = &mut self.clients[index];
        client.wanted.push_back(wanted);
        if client.client.outstanding().is_none() {
            client.next_at = Some(self.now);
            self.reschedule_client(index);
        }
    }

    fn crash(&mut self, node: NodeId, injection: usize) -> bool {
        let host = &mut self.hosts[node.0 as usize];
        let was_up = core::mem::replace(&mut host.up, false);
        if was_up {
            host.ever_down = true;
            host.crashed_by = Some(injection);
            self.counts.unsynced_lost += host.disk.unsynced() as u64;
            if host.disk.crash() {
                let damaged_by = host.damaged_by;
                self.took_effect(damaged_by);
            }
        }
        self.once(was_up, injection)
    }

    fn restart(&mut self, node: NodeId, injection: usize) -> bool {
        let host = &mut self.hosts[node.0 as usize];
        let restarted = !host.up && host.restart(self.now);
        if restarted {
            let executed = host.replica().last_executed();
            self.order.moved(node, executed);
            self.reschedule(node);
            #[cfg(feature = "guards")]
            self.lost_all_ties(node);
        }
        self.once(restarted, injection)
    }

    /// An act whose effect is the act itself.
    fn once(&mut self, effective: bool, injection: usize) -> bool {
        if effective {
            self.took_effect(Some(injection));
        }
        effective
    }
}

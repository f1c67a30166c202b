//! Carrying out what replicas, clients and disks want: the simulator's host loop.

use alloc::{format, string::ToString};
#[cfg(feature = "guards")]
use core::time::Duration;

use super::{
    adversary::Liar,
    cluster::{Cluster, Due, Heard},
    disk::Write,
    flight::InFlight,
    invariant::Invariant,
    invariants::Broken,
    letter::Letter,
    network::Fate,
};
#[cfg(feature = "guards")]
use crate::resilience::Outcome;
use crate::{
    client::{ClientEffect, Way},
    crypto::Authenticator,
    detector::{
        evidence::{Assumption, Offence},
        quarantine::{Entry, Record, What},
    },
    event::{EventKind, LossCause, Place},
    ids::{ClientId, MessageId, NodeId, Principal},
    pbft::{ChangeOutcome, Message},
    protocol::{Effect, Input, Protocol, To},
    quorum::Membership,
    replica::Override,
    time::Time,
};

impl Cluster {
    pub(super) fn deliver(&mut self, id: MessageId) {
        #[cfg(feature = "guards")]
        if self.scenario.network.handling_us > 0 && self.waits_its_turn(id) {
            return;
        }
        let Some(flight) = self.flights.take(id) else { return };
        let InFlight { from, to, letter, .. } = flight;
        if let Some(by) = self.links.cut_by(from, to) {
            self.took_effect(Some(by));
            self.lose(id, from, to, LossCause::Cut);
            return;
        }
        if let Principal::Node(node) = to
            && !self.hosts[node.0 as usize].up
        {
            self.took_effect(self.hosts[node.0 as usize].crashed_by);
            self.lose(id, from, to, LossCause::Down);
            #[cfg(feature = "guards")]
            self.found_nobody(from, to);
            return;
        }
        self.counts.delivered += 1;
        #[cfg(feature = "guards")]
        if let Principal::Client(_) = from {
            self.count_request();
        }
        self.arrived(id, from, to, &letter);
        #[cfg(feature = "guards")]
        if letter.is_damaged() {
            self.is_no_message(from, to);
            return;
        }
        let heard = self.heard.is_some().then(|| letter.message().clone());
        let opened = letter.open(self.members_of(to), &self.memberships, self.keys(to));
        if let Some(message) = heard {
            self.hear(Heard { from, to, message, refused: opened.is_err() });
        }
        let message = match opened {
            Ok(message) => message,
            Err(refused) => {
                let (message, refusal) = *refused;
                self.counts.refused += 1;
                let why = refusal.to_string();
                self.event(to.into(), EventKind::Refused { from, why });
                if let (Principal::Node(from), Principal::Node(to)) = (from, to) {
                    let message = message.into();
                    self.input(to, Input::Refused { from, message, why: refusal });
                }
                return;
            }
        };
        match (from, to) {
            (Principal::Node(from), Principal::Node(to)) => {
                let liar = &self.hosts[to.0 as usize];
                self.mind.hear(to, &liar.strategies, &message);
                self.input(to, Input::Message { from, message });
            }
            (Principal::Client(_), Principal::Node(to)) => {
                #[cfg(feature = "guards")]
                let Some(message) = self.at_entrance(to, message) else { return };
                self.input(to, Input::Request(message));
            }
            (_, Principal::Client(client)) => {
                let index = self.client_index(client);
                let client = &mut self.clients[index].client;
                #[cfg(feature = "guards")]
                if let (Message::Busy(busy), Principal::Node(from)) = (&*message, from) {
                    client.handle_busy(self.now, from, busy);
                }
                client.handle_reply(self.now, &message);
                // The answers after the last that was needed are of no effect.
                if client.has_effects() {
                    self.drain_client(index);
                } else {
                    self.reschedule_client(index);
                }
            }
        }
    }

    pub(super) fn wake(&mut self, node: NodeId) {
        self.input(node, Input::Tick);
    }

    pub(super) fn synced(&mut self, node: NodeId) {
        let now = self.now;
        if let Some(number) = self.hosts[node.0 as usize].disk.synced(now) {
            self.input(node, Input::Durable(number));
        }
    }

    /// One input to one node, and everything that it then wants done.
    pub(super) fn input(&mut self, node: NodeId, input: Input) {
        let index = node.0 as usize;
        self.hosts[index].node.handle(self.now, input);
        while let Some(effect) = self.hosts[index].node.poll_effect() {
            self.carry_out_effect(node, effect);
        }
        self.reschedule(node);
    }

    pub(super) fn carry_out_effect(&mut self, node: NodeId, effect: Effect) {
        let index = node.0 as usize;
        let from = Principal::Node(node);
        match effect {
            Effect::Persist(number, record) => {
                match self.hosts[index].disk.write(self.now, number, *record) {
                    Write::Safe => {
                        self.hosts[index].node.handle(self.now, Input::Durable(number));
                    }
                    Write::SafeAt(at) => self.sync_at(at, node),
                }
            }
            Effect::Send { to: To::Node(to), message } => {
                self.send(from, Principal::Node(to), message);
            }
            Effect::Send { to: To::Others, message } => {
                self.broadcast(from, self.members_of(from).others(node), message);
            }
            Effect::Reply { client, message } => {
                #[cfg(feature = "guards")]
                if let Message::Busy(busy) = &message {
                    self.hosts[index].hold_back(client, self.now + busy.retry_after());
                }
                self.send(from, Principal::Client(client), message);
            }
            Effect::Event(event) => {
                if !self.hosts[index].ever_byzantine {
                    self.observe(node, &event);
                }
                self.event(Place::Node(node), event);
            }
        }
    }

    /// Holds a correct replica to the invariants.
    fn observe(&mut self, node: NodeId, event: &EventKind) {
        match event {
            EventKind::Executed { seq, digest, requests } => {
                self.counts.executed += 1;
                let ordered = self.order.executed(node, *seq);
                self.check(ordered);
                let replica = self.hosts[node.0 as usize].replica();
                let (batch, keys) = (replica.batch_at(*seq), &**replica.authenticator());
                let batch = batch.map(|batch| &**batch);
                let agreed = self.history.executed(node, *seq, *digest, requests, batch, keys);
                self.check(agreed);
                if requests.iter().any(|request| request.client >= ClientId::FIRST_RESERVED) {
                    let replica = self.hosts[node.0 as usize].replica();
                    let equal = self.history.agrees(*seq, replica);
                    self.check(equal);
                }
            }
            EventKind::CheckpointTaken { seq, digest } => {
                self.counts.checkpoints += 1;
                let equal = self.checkpoints.taken(node, *seq, *digest);
                self.check(equal);
            }
            EventKind::StateTransferred { seq, .. } => {
                self.counts.transfers += 1;
                self.order.moved(node, *seq);
            }
            EventKind::ViewEntered { view, .. } => {
                self.counts.view = self.counts.view.max(*view);
            }
            EventKind::Recovered { .. } => self.weigh_calm(),
            EventKind::EpochBegun { epoch, .. } => {
                self.counts.epoch = self.counts.epoch.max(*epoch);
                let begun = self.hosts[node.0 as usize].replica().members();
                if begun.epoch() > self.members.epoch() {
                    let switched = begun.protocol() != self.members.protocol();
                    self.counts.switches += u32::from(switched);
                    self.members = begun;
                }
            }
            EventKind::Decided { entry } => {
                self.counts.decided = self.counts.decided.max(entry.number);
                let just = self.judge_entry(node, entry);
                self.check(just);
            }
            EventKind::Threat { number, level, .. } if *number > self.counts.threats => {
                self.counts.threats = *number;
                if self.counts.threat.last() != Some(level) {
                    self.counts.threat.push(*level);
                }
            }
            EventKind::Equivocation { .. } => self.counts.equivocations += 1,
            EventKind::Suspected { .. } => self.counts.suspicions += 1,
            EventKind::TurnedAway { .. } => self.counts.turned_away += 1,
            EventKind::LevelChanged { from, to, .. } => {
                self.counts.level = self.counts.level.max(*to);
                let moves = &mut self.counts.levels[usize::from(to < from)];
                *moves += 1;
            }
            EventKind::Convicted { offence, .. } => {
                self.counts.convictions += 1;
                let just = self.judge(node, offence);
                self.check(just);
            }
            _ => {}
        }
    }

    /// Whether a correct node may hold another guilty of this. What rests on agreement may be wrong
    /// where more than f are faulty, and so may what somebody signs who was told then what it forgot.
    fn judge(&self, at: NodeId, offence: &Offence) -> Result<(), Broken> {
        let Some(accused) = self.node(offence.by) else { return Ok(()) };
        let sure = offence.assumption == Assumption::Absolute && !accused.ever_damaged;
        if accused.ever_byzantine || (!sure && self.untrue() > self.members.f()) {
            return Ok(());
        }
        Err((Invariant::Justice, format!("node {at} convicts a correct node: {offence}")))
    }

    /// Whether what the log decides about who lies may be decided. Where more than f are faulty it may
    /// convict a correct one, but only by proof that rests on agreement, and more than f are held.
    fn judge_entry(&self, at: NodeId, entry: &Entry) -> Result<(), Broken> {
        let sound = self.untrue() <= self.members.f();
        let docket = self.hosts[at.0 as usize].replica().docket();
        let (held, f) =
            (docket.restrained().len(), docket.quarantine().map(|it| it.members().byzantine_f()));
        let accused = self.node(entry.node).filter(|host| !host.ever_byzantine);
        let record = docket.quarantine().and_then(|it| it.record(entry.node));
        let sure = record.is_some_and(Record::is_surely_convicted);
        let unjust = accused.is_some_and(|host| sound || (sure && !host.ever_damaged));
        if unjust && matches!(entry.what, What::Convicted { .. }) {
            return Err((
                Invariant::Justice,
                format!("the docket has it: {entry}, which is correct"),
            ));
        }
        if f.is_some_and(|f| held > f && docket.convicted().len() <= f) {
            return Err((Invariant::Justice, format!("at node {at} {held} members are held")));
        }
        Ok(())
    }

    fn keys(&self, of: Principal) -> &dyn Authenticator {
        match of {
            Principal::Node(node) => &**self.hosts[node.0 as usize].replica().authenticator(),
            Principal::Client(client) => {
                &**self.clients[self.client_index(client)].client.authenticator()
            }
        }
    }

    /// Whom it takes for the members.
    fn members_of(&self, of: Principal) -> &Membership {
        match of {
            Principal::Node(node) => &self.hosts[node.0 as usize].replica().shell.members,
            Principal::Client(client) => {
                self.clients[self.client_index(client)].client.membership()
            }
        }
    }

    fn letter(&mut self, from: Principal, message: Message) -> Letter {
        let mut known = core::mem::take(&mut self.memberships);
        let letter = Letter::new(message, self.members_of(from), &mut known, self.keys(from));
        self.memberships = known;
        self.written(from, &letter);
        letter
    }

    /// Hands one message for many to the network; who lies may tell each something else.
    fn broadcast(
        &mut self,
        from: Principal,
        receivers: impl Iterator<Item = NodeId>,
        message: Message,
    ) {
        let lies = matches!(from, Principal::Node(node)
            if !self.hosts[node.0 as usize].strategies.is_empty());
        if lies {
            for to in receivers {
                self.send(from, Principal::Node(to), message.clone());
            }
        } else {
            let letter = self.letter(from, message);
            for to in receivers {
                self.post(from, Principal::Node(to), letter.clone(), self.now);
            }
        }
    }

    /// Hands a message to the network, through the strategies of a sender that lies.
    pub(super) fn send(&mut self, from: Principal, to: Principal, message: Message) {
        let Principal::Node(node) = from else {
            self.send_of_client(from, to, message);
            return;
        };
        let host = &self.hosts[node.0 as usize];
        if host.strategies.is_empty() {
            self.transmit(from, to, message, self.now);
            return;
        }
        let what = message.summary();
        let liar = Liar {
            now: self.now,
            id: node,
            members: host.replica().members(),
            config: host.replica().config(),
            keys: &**host.replica().authenticator(),
            strategies: &host.strategies,
        };
        let passed = self.mind.pass(&liar, to, message);
        for (strategy, how) in passed.tamperings {
            *self.counts.lies.entry(strategy).or_default() += 1;
            self.took_effect(self.hosts[node.0 as usize].corrupted_by);
            self.event(Place::Node(node), EventKind::Tampered { to, what: what.into(), how });
        }
        for outgoing in passed.outgoing {
            self.transmit(from, to, outgoing.message, self.now + outgoing.delay);
        }
    }

    fn transmit(&mut self, from: Principal, to: Principal, message: Message, at: Time) {
        let letter = self.letter(from, message);
        self.post(from, to, letter, at);
    }

    fn post(&mut self, from: Principal, to: Principal, letter: Letter, at: Time) {
        #[cfg(feature = "guards")]
        let Some(at) = self.disturbed(from, to, &letter, at) else { return };
        self.hand_over(from, to, letter, at);
    }

    pub(super) fn hand_over(&mut self, from: Principal, to: Principal, letter: Letter, at: Time) {
        #[cfg(feature = "guards")]
        if self.scenario.dialing.is_some() && !self.is_tied(from, to, &letter) {
            return;
        }
        let id = self.flights.next_id();
        self.counts.sent += 1;
        self.left(id, from, to, &letter);
        match self.links.send(at, from, to, || letter.kind()) {
            Fate::Cut(by) => {
                self.flights.skip();
                self.took_effect(Some(by));
                self.lose(id, from, to, LossCause::Cut);
                #[cfg(feature = "guards")]
                self.did_not_get_through(from, to);
            }
            Fate::Lost(by) => {
                self.flights.skip();
                self.counts.lost_by_network += u64::from(by.is_none());
                self.took_effect(by);
                self.lose(id, from, to, LossCause::Network);
            }
            Fate::Arrives { first, second, held_up, slowed_by } => {
                #[cfg(feature = "guards")]
                self.got_through(from, to);
                self.counts.held_up += u64::from(held_up);
                self.took_effect(slowed_by);
                let sent_at = self.now;
                if let Some(due) = second {
                    let copy = letter.clone();
                    self.fly(InFlight::new(id, (from, to), sent_at, first, copy));
                    self.duplicate(from, to, letter, due);
                } else {
                    self.fly(InFlight::new(id, (from, to), sent_at, first, letter));
                }
            }
        }
    }

    /// A second copy of a message, with its own number.
    pub(super) fn duplicate(&mut self, from: Principal, to: Principal, letter: Letter, due: Time) {
        let id = self.flights.next_id();
        self.counts.sent += 1;
        self.counts.duplicated += 1;
        self.left(id, from, to, &letter);
        self.fly(InFlight::new(id, (from, to), self.now, due, letter));
    }

    fn fly(&mut self, flight: InFlight) {
        let (id, due) = (flight.id, flight.due);
        self.flights.add(flight);
        self.push(due, Due::Deliver(id));
    }

    pub(super) fn lose(&mut self, id: MessageId, from: Principal, to: Principal, why: LossCause) {
        self.counts.lost += 1;
        self.event(from.into(), EventKind::Lost { id, to, why });
    }

    /// Hands a client's message to the network; if it lies, what it says instead.
    fn send_of_client(&mut self, from: Principal, to: Principal, message: Message) {
        let corrupted = match from {
            Principal::Client(id) => self.clients.get(id.0 as usize),
            Principal::Node(_) => None,
        };
        let Some((client, (how, injection))) =
            corrupted.and_then(|client| Some((client, client.corrupted?)))
        else {
            self.transmit(from, to, message, self.now);
            return;
        };
        let (Message::Request(request), Principal::Node(node)) = (&message, to) else {
            self.transmit(from, to, message, self.now);
            return;
        };
        let what = message.summary();
        let (requests, tampering) = how.pass(&**client.client.authenticator(), node, request);
        if let Some(how) = tampering {
            self.took_effect(Some(injection));
            self.event(from.into(), EventKind::Tampered { to, what: what.into(), how });
        }
        for request in requests {
            self.history.signed(request.body.id, &request.body.operation);
            self.transmit(from, to, Message::Request(request), self.now);
        }
    }

    /// A client asks what it wants next, or sends again.
    pub(super) fn run_client(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        if client.client.outstanding().is_some() {
            client.client.tick(now);
        } else {
            client.next_at = None;
            if let Some((operation, way)) = client.next_operation() {
                let encoded = operation.encode();
                let submitted = match way {
                    Way::Ordered => client.client.submit(now, encoded.clone()),
                    Way::Read => client.client.submit_read(now, encoded.clone()),
                };
                // It is idle, a client, and its operations are short: nothing to refuse.
                if let Ok(request) = submitted {
                    self.counts.submitted += 1;
                    self.submitted(request, &operation, &encoded);
                    self.history.submitted(request, encoded);
                    self.linearizability.submitted(request);
                }
            }
        }
        self.drain_client(index);
    }

    /// The administrator was answered: the change that it asked for had an effect if it was agreed.
    fn change_was_answered(&mut self, index: usize, result: &[u8]) {
        let injection = self.clients[index].changes.pop_front();
        let changed = matches!(ChangeOutcome::decode(result), Some(ChangeOutcome::Changed { .. }));
        if changed || Override::decode_outcome(result) == Some(Ok(())) {
            self.took_effect(injection);
        }
    }

    fn drain_client(&mut self, index: usize) {
        let id = self.clients[index].id();
        let from = Principal::Client(id);
        while let Some(effect) = self.clients[index].client.poll_effect() {
            match effect {
                ClientEffect::Send { message, .. } if self.clients[index].is_byzantine() => {
                    for node in self.members().nodes() {
                        self.send(from, Principal::Node(node), message.clone());
                    }
                }
                ClientEffect::Send { to: To::Node(node), message } => {
                    self.send(from, Principal::Node(node), message);
                }
                ClientEffect::Send { to: To::Others, message } => {
                    self.broadcast(from, self.members_of(from).nodes(), message);
                }
                ClientEffect::EpochLearnt => {}
                ClientEffect::Retransmitted(request) => {
                    self.event(Place::Client(id), EventKind::RequestRetransmitted { request });
                }
                #[cfg(feature = "guards")]
                ClientEffect::PutOff(request, wait) => {
                    self.counts.put_off += 1;
                    let for_us = wait.as_micros() as u64;
                    self.event(Place::Client(id), EventKind::RequestPutOff { request, for_us });
                }
                // Nodes say what comes of it.
                #[cfg(feature = "guards")]
                ClientEffect::Contradicted(_) => {}
                #[cfg(feature = "guards")]
                ClientEffect::GaveUp(request, why) => {
                    self.counts.given_up += 1;
                    self.event(Place::Client(id), EventKind::RequestGivenUp { request, why });
                    self.experiment_saw(Outcome::Failure, Duration::ZERO);
                    if id == ClientId::ADMINISTRATOR {
                        self.clients[index].changes.pop_front();
                    }
                    self.clients[index].think(self.now);
                }
                ClientEffect::FellBack(request) => {
                    self.counts.fallen_back += 1;
                    self.event(Place::Client(id), EventKind::ReadFellBack { request });
                }
                ClientEffect::Completed { request, result, latency, way, .. } => {
                    self.counts.completed += 1;
                    let asked = Time(self.now.0.saturating_sub(latency.as_micros() as u64));
                    let waited = self.liveness.waited(self.now, asked).as_micros() as u64;
                    self.counts.waited_us = self.counts.waited_us.max(waited);
                    self.counts.read += u64::from(way == Way::Read);
                    // What a liar is told is its own affair.
                    if !self.clients[index].is_byzantine() {
                        let legal =
                            self.linearizability.completed(&self.history, request, &result, way);
                        self.check(legal);
                        self.history.answered(request);
                    }
                    if id == ClientId::ADMINISTRATOR {
                        self.change_was_answered(index, &result);
                    }
                    self.completed(request, &result, latency.as_micros() as u64);
                    #[cfg(feature = "guards")]
                    {
                        self.experiment_saw(Outcome::Success, latency);
                        self.dependency_saw(id);
                    }
                    self.clients[index].think(self.now);
                }
            }
        }
        self.reschedule_client(index);
    }
}

//! One moment of a run: every node, client, link, disk and message on its way.
//!
//! A cluster is a value. [`Cluster::step`] takes it to the next moment at which anything happens;
//! the same run gives the same steps, everywhere.
//!
//! ```text
//!            ┌─ deliver a message ─▶ verify ──▶ node.handle ───┐
//!   queue ───┼─ wake a replica ──────────────────────────────▶ ├─▶ effects ─▶ strategies ─▶ links ─▶ queue
//!            ├─ a disk has synced ───────────────────────────▶ ┘
//!            ├─ a client asks or sends again
//!            └─ the scenario, or a person, acts
//! ```

#[cfg(feature = "guards")]
use alloc::boxed::Box;
use alloc::{
    format,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};

use super::{
    adversary::Mind,
    flight::{Flights, InFlight},
    host::Host,
    invariant::Invariant,
    invariants::{Broken, Checkpoints, History, Linearizability, Liveness, Order},
    keys::Keyring,
    letter::{Letter, Memberships},
    network::Links,
    queue::Queue,
    run::{Run, RunError},
    scenario::Scenario,
    trace::{Trace, TraceHash},
    verdict::{Counts, Docketed, Injection, Verdict, Violation, expectations},
    workload::{SimClient, Wanted},
};
#[cfg(feature = "guards")]
use crate::resilience::chaos::Experiment;
use crate::{
    app::Outcome,
    config::BadConfig,
    event::{Event, EventKind, Place},
    ids::{ClientId, MessageId, NodeId, Principal, RequestId},
    pbft::{ChangeOutcome, Message},
    quorum::Membership,
    replica::{Docket, Override},
    time::Time,
};

/// What happens at a time. All numbers in it are of one width, so that it is handed on in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The scenario's fault of this index.
    Fault(u64),
    /// The scenario's marker of this index.
    Marker(u64),
    /// A message arrives.
    Deliver(MessageId),
    /// The timer of the replica of this number.
    Wake(u64),
    /// The disk of the node of this number has synced something.
    Synced(u64),
    /// A client asks, or sends again.
    Client(ClientId),
    /// Something has become of a request at the entrance of the node of this number.
    #[cfg(feature = "guards")]
    Entrance(u64),
    /// The service that nodes depend on becomes slow, or quick again.
    #[cfg(feature = "guards")]
    Dependency,
    /// The node of this number goes on with its connections.
    #[cfg(feature = "guards")]
    Ties(u64),
}

/// How often liveness is checked, in virtual microseconds. Not a step: nothing can depend on it.
const LIVENESS_EVERY_US: u64 = 50_000;

/// One moment of a run.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(super) scenario: Arc<Scenario>,
    interventions: Arc<[super::run::Intervention]>,
    next_intervention: usize,
    pub(super) now: Time,
    steps: u64,
    queue: Queue,
    pub(super) hosts: Vec<Host>,
    /// The administrator is the last.
    pub(super) clients: Vec<SimClient>,
    pub(super) keyring: Keyring,
    /// Of the latest epoch that a correct replica has begun.
    pub(super) members: Membership,
    pub(super) memberships: Memberships,
    pub(super) links: Links,
    pub(super) flights: Flights,
    pub(super) mind: Mind,
    pub(super) injections: Vec<Injection>,
    pub(super) history: History,
    pub(super) order: Order,
    pub(super) checkpoints: Checkpoints,
    pub(super) linearizability: Linearizability,
    pub(super) liveness: Liveness,
    liveness_checked: u64,
    /// Everything was asked and answered, and the scenario ends with that.
    answered: bool,
    violations: Vec<Violation>,
    pub(super) counts: Counts,
    trace: Trace,
    recording: bool,
    events: Vec<Event>,
    #[cfg(feature = "guards")]
    pub(super) experiment: Option<Box<Experiment>>,
    /// The latest window in which requests are counted, and how many.
    #[cfg(feature = "guards")]
    pub(super) window: (u64, u64),
    /// The injection that made the service slow that nodes depend on.
    #[cfg(feature = "guards")]
    pub(super) slowed_by: Option<usize>,
    /// What arrives, for whoever listens: see [`Cluster::listen`].
    pub(super) heard: Option<Vec<Heard>>,
}

/// A message as it arrived somewhere: what a detector beside the receiver sees.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Whose link it came by.
    pub from: Principal,
    /// Where it arrived.
    pub to: Principal,
    /// What it says.
    pub message: Message,
    /// Whether it was turned away.
    pub refused: bool,
}

impl Cluster {
    /// The beginning of a run.
    pub fn new(run: &Run) -> Result<Self, RunError> {
        run.validate()?;
        let scenario = &run.scenario;
        let members = scenario.members;
        let workload = &scenario.workload;
        let keyring = Keyring::new(scenario.signatures, run.seed, members, workload.clients);
        let hosts: Result<Vec<_>, _> =
            scenario.nodes().map(|id| Host::new(scenario, id, &keyring)).collect();
        let administrator = SimClient::administrator(workload.clone(), members, run.seed, &keyring);
        let clients: Result<Vec<_>, _> = (0..u64::from(workload.clients))
            .map(|id| SimClient::new(workload.clone(), members, ClientId(id), run.seed, &keyring))
            .chain([administrator])
            .collect();
        let refused = |error: BadConfig| RunError::Config(error.to_string());
        let mut cluster = Self {
            interventions: run.interventions.clone().into(),
            next_intervention: 0,
            now: Time::ZERO,
            steps: 0,
            queue: Queue::default(),
            hosts: hosts.map_err(refused)?,
            clients: clients.map_err(refused)?,
            keyring,
            members,
            memberships: Memberships::default(),
            links: Links::new(scenario.network, scenario.all_nodes(), run.seed),
            flights: Flights::default(),
            mind: Mind::default(),
            injections: Vec::new(),
            history: History::new(members, &scenario.config),
            order: Order::new(scenario.all_nodes()),
            checkpoints: Checkpoints::default(),
            linearizability: Linearizability::default(),
            liveness: Liveness::new(
                scenario.expect.liveness_within_ms,
                scenario.network.calm_at_ms,
            ),
            liveness_checked: 0,
            answered: false,
            violations: Vec::new(),
            counts: Counts::default(),
            trace: Trace::default(),
            recording: false,
            events: Vec::new(),
            #[cfg(feature = "guards")]
            experiment: experiment(run).map_err(refused)?,
            #[cfg(feature = "guards")]
            window: (0, 0),
            #[cfg(feature = "guards")]
            slowed_by: None,
            heard: None,
            scenario: scenario.clone(),
        };
        cluster.begin();
        Ok(cluster)
    }

    fn begin(&mut self) {
        let scenario = self.scenario.clone();
        let at = |ms: u32| Time::from_millis(u64::from(ms));
        for (index, fault) in (0..).zip(&scenario.faults) {
            self.push(at(fault.at_ms), Due::Fault(index));
        }
        for (index, marker) in (0..).zip(&scenario.narration) {
            self.push(at(marker.at_ms), Due::Marker(index));
        }
        #[cfg(feature = "guards")]
        self.begin_dependency();
        for node in scenario.nodes() {
            self.reschedule(node);
        }
        for index in 0..self.clients.len() {
            self.reschedule_client(index);
        }
    }

    /// From now on events are kept for [`Cluster::take_events`].
    pub fn record(&mut self) {
        self.recording = true;
    }

    /// From now on every message that arrives is kept for [`Cluster::take_heard`].
    pub fn listen(&mut self) {
        self.heard.get_or_insert_default();
    }

    /// What arrived since the last call, if it is kept.
    pub fn take_heard(&mut self) -> Vec<Heard> {
        self.heard.as_mut().map(core::mem::take).unwrap_or_default()
    }

    pub(super) fn hear(&mut self, heard: Heard) {
        self.heard.get_or_insert_default().push(heard);
    }

    pub(super) fn stop_recording(&mut self) {
        self.recording = false;
        self.events = Vec::new();
    }

    /// Takes over another run's future; their pasts must be the same.
    pub(super) fn continue_as(&mut self, run: &Run) {
        self.interventions = run.interventions.clone().into();
    }

    /// The events since the last call, if they are kept.
    pub fn take_events(&mut self) -> Vec<Event> {
        core::mem::take(&mut self.events)
    }

    /// The run's scenario.
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// Who is a member now: the membership of the latest epoch that a correct replica has begun.
    pub fn members(&self) -> Membership {
        self.members
    }

    /// The time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many steps it took to get here.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// A node; `None` if there is no such node.
    pub fn node(&self, id: NodeId) -> Option<&Host> {
        self.hosts.get(id.0 as usize)
    }

    /// Every node, in order.
    pub fn nodes(&self) -> &[Host] {
        &self.hosts
    }

    /// Every client, in order, but for the administrator.
    pub fn clients(&self) -> &[SimClient] {
        self.clients.split_last().map_or(&[], |(_, clients)| clients)
    }

    /// Where a client stands; the administrator is the last.
    pub(super) fn client_index(&self, client: ClientId) -> usize {
        usize::try_from(client.0).map_or(usize::MAX, |at| at).min(self.clients.len() - 1)
    }

    /// The messages on their way, oldest first.
    pub fn in_flight(&self) -> impl Iterator<Item = &InFlight> {
        self.flights.iter()
    }

    /// How many messages are on their way.
    pub fn in_flight_count(&self) -> usize {
        self.flights.len()
    }

    /// A message on its way.
    pub fn message(&self, id: MessageId) -> Option<&InFlight> {
        self.flights.get(id)
    }

    /// Whether nothing gets from here to there.
    pub fn is_cut(&self, from: Principal, to: Principal) -> bool {
        self.links.cut_by(from, to).is_some()
    }

    /// Whether a node is cut off from everybody.
    pub fn is_cut_off(&self, node: NodeId) -> bool {
        self.links.is_cut_off(node)
    }

    /// The fingerprint of everything that happened so far.
    pub fn trace_hash(&self) -> TraceHash {
        self.trace.hash()
    }

    /// The chaos experiment, if there is one.
    #[cfg(feature = "guards")]
    pub fn experiment(&self) -> Option<&Experiment> {
        self.experiment.as_deref()
    }

    /// What is counted.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was violated so far.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Distinct members of this epoch that were ever down or Byzantine, or that an experiment touched.
    pub fn faults_used(&self) -> u16 {
        #[cfg(feature = "guards")]
        let touched = |host: &Host| host.ever_touched;
        #[cfg(not(feature = "guards"))]
        let touched = |_: &Host| false;
        self.count_members(|host| host.ever_byzantine || host.ever_down || touched(host))
    }

    /// Those of them that may have said what isn't so, or have forgotten what they said: whom an
    /// experiment touches does neither.
    pub(super) fn untrue(&self) -> u16 {
        self.count_members(|host| host.ever_byzantine || host.ever_down)
    }

    fn count_members(&self, which: impl Fn(&Host) -> bool) -> u16 {
        let members = self.members.nodes().map(|node| &self.hosts[node.0 as usize]);
        members.filter(|host| which(host)).count() as u16
    }

    /// Who is proven guilty to every correct member that is up.
    pub fn convicted(&self) -> Vec<NodeId> {
        let members = self.members.nodes().map(|node| &self.hosts[node.0 as usize]);
        let judges = members.filter(|host| host.up && !host.ever_byzantine);
        let known = judges.map(|host| host.node().proofs().offenders());
        let Some(first) = known.clone().next() else { return Vec::new() };
        first
            .iter()
            .filter(|node| known.clone().all(|offenders| offenders.contains(*node)))
            .collect()
    }

    /// What the docket says that has come farthest among those of correct members that are up.
    fn docketed(&self) -> Docketed {
        let members = self.members.nodes().map(|node| &self.hosts[node.0 as usize]);
        let correct = members.filter(|host| host.up && !host.ever_byzantine);
        let farthest = correct.max_by_key(|host| host.replica().last_executed());
        let docket = farthest.map(|host| host.replica().docket());
        let Some(quarantine) = docket.and_then(Docket::quarantine) else {
            return Docketed::default();
        };
        let silenced = self.members.nodes().filter(|node| quarantine.is_silenced(*node));
        Docketed {
            quarantined: quarantine.restrained().iter().collect(),
            silenced: silenced.collect(),
        }
    }

    /// What is to be said of the run so far.
    pub fn verdict(&self) -> Verdict {
        let convicted = self.convicted();
        Verdict {
            violations: self.violations.clone(),
            faults_used: self.faults_used(),
            f: self.members().f(),
            injections: self.injections.clone(),
            counts: self.counts.clone(),
            expectations: expectations(
                &self.scenario,
                &self.violations,
                &self.counts,
                &convicted,
                &self.docketed(),
            ),
            convicted,
            steps: self.steps,
            ended_at: self.now,
            trace_hash: self.trace_hash(),
        }
    }

    /// Takes one step. False: the run is over, and nothing changed.
    pub fn step(&mut self) -> bool {
        if let Some(intervention) = self.interventions.get(self.next_intervention)
            && intervention.step <= self.steps
        {
            let action = intervention.action.clone();
            self.next_intervention += 1;
            self.answered = false;
            self.act(action);
            self.finish_step();
            return true;
        }
        if self.answered {
            return false;
        }
        let end = Time::from_millis(u64::from(self.scenario.duration_ms));
        while let Some((at, due)) = self.queue.pop_until(end) {
            if !self.is_still_due(at, due) {
                continue;
            }
            self.now = self.now.max(at);
            self.carry_out(due);
            self.finish_step();
            return true;
        }
        false
    }

    /// Whether a queue entry still means something: messages get dropped or delayed, timers move.
    fn is_still_due(&mut self, at: Time, due: Due) -> bool {
        match due {
            Due::Fault(_) | Due::Marker(_) => true,
            Due::Deliver(id) => self.flights.get(id).is_some_and(|flight| flight.due == at),
            Due::Wake(node) => {
                let host = &mut self.hosts[node as usize];
                if host.wake_at == Some(at) {
                    host.wake_at = None;
                }
                let is_due = host.deadline().is_some_and(|deadline| deadline <= at);
                if !is_due {
                    self.reschedule(NodeId(node as u16));
                }
                is_due
            }
            Due::Synced(node) => self.hosts[node as usize].up,
            #[cfg(feature = "guards")]
            Due::Dependency => true,
            #[cfg(feature = "guards")]
            Due::Ties(node) => self.ties_are_due(node, at),
            #[cfg(feature = "guards")]
            Due::Entrance(node) => {
                let host = &self.hosts[node as usize];
                let next = host.entrance.as_ref().and_then(|it| it.next_wake());
                host.up && next.is_some_and(|next| next <= at)
            }
            Due::Client(id) => {
                let index = self.client_index(id);
                let client = &mut self.clients[index];
                if client.wake_at == Some(at) {
                    client.wake_at = None;
                }
                let is_due = client.deadline().is_some_and(|deadline| deadline <= at);
                if !is_due {
                    self.reschedule_client(index);
                }
                is_due
            }
        }
    }

    fn carry_out(&mut self, due: Due) {
        match due {
            Due::Fault(index) => {
                let action = self.scenario.faults[index as usize].action.clone();
                self.act(action);
            }
            Due::Marker(index) => {
                self.event(Place::World, EventKind::Marker { index: index as u32 });
            }
            Due::Deliver(id) => self.deliver(id),
            Due::Wake(node) => self.wake(NodeId(node as u16)),
            Due::Synced(node) => self.synced(NodeId(node as u16)),
            Due::Client(id) => self.run_client(self.client_index(id)),
            #[cfg(feature = "guards")]
            Due::Entrance(node) => self.look_at_entrance(NodeId(node as u16)),
            #[cfg(feature = "guards")]
            Due::Dependency => self.dependency_changed(),
            #[cfg(feature = "guards")]
            Due::Ties(node) => self.look_at_ties(NodeId(node as u16)),
        }
    }

    fn finish_step(&mut self) {
        self.steps += 1;
        let period = self.now.0 / LIVENESS_EVERY_US;
        if period > self.liveness_checked {
            self.liveness_checked = period;
            self.check_liveness();
            #[cfg(feature = "guards")]
            self.tick_experiment();
            self.answered = self.scenario.end_when_answered && self.is_answered();
        }
    }

    /// Whether nobody wants anything any more, and nothing is going to be done to the cluster.
    fn is_answered(&self) -> bool {
        let now_ms = self.now.0 / 1_000;
        let last_ms = self.scenario.faults.last().map_or(0, |fault| fault.at_ms);
        now_ms > u64::from(last_ms.max(self.scenario.network.calm_at_ms))
            && self.clients.iter().all(|client| client.is_byzantine() || client.is_done())
    }

    pub(super) fn push(&mut self, at: Time, due: Due) {
        self.queue.push(at, due);
    }

    /// Makes sure that a replica is woken when it wants.
    pub(super) fn reschedule(&mut self, node: NodeId) {
        let host = &mut self.hosts[node.0 as usize];
        let Some(deadline) = host.deadline() else { return };
        let deadline = deadline.max(self.now);
        if host.wake_at.is_none_or(|at| deadline < at) {
            host.wake_at = Some(deadline);
            self.push(deadline, Due::Wake(node.0.into()));
        }
    }

    /// Makes sure that a client is woken when it wants.
    pub(super) fn reschedule_client(&mut self, index: usize) {
        let client = &mut self.clients[index];
        let Some(deadline) = client.deadline() else { return };
        let deadline = deadline.max(self.now);
        if client.wake_at.is_none_or(|at| deadline < at) {
            client.wake_at = Some(deadline);
            let id = client.id();
            self.push(deadline, Due::Client(id));
        }
    }

    pub(super) fn sync_at(&mut self, at: Time, node: NodeId) {
        self.push(at, Due::Synced(node.0.into()));
    }

    /// Writes down that something happened.
    pub(super) fn event(&mut self, place: Place, kind: EventKind) {
        match (&kind, place) {
            (EventKind::RequestAccepted { request }, Place::Node(node)) => {
                self.trace.accepted(self.now, node, *request);
            }
            _ => self.trace.add(self.now, place, &kind),
        }
        if self.recording {
            self.events.push(Event { at: self.now, place, kind });
        }
    }

    /// Writes down what a message says that is about to leave, for one or for many.
    pub(super) fn written(&mut self, from: Principal, letter: &Letter) {
        self.trace.written(self.now, from, &letter.summary());
    }

    /// Writes down that it leaves. As [`Self::event`] would: this and the next are nearly all that
    /// ever happens.
    pub(super) fn left(&mut self, id: MessageId, from: Principal, to: Principal, letter: &Letter) {
        self.trace.left(self.now, id, to);
        if self.recording {
            let kind = EventKind::Sent { id, to, what: letter.summary().into() };
            self.events.push(Event { at: self.now, place: from.into(), kind });
        }
    }

    /// Writes down that a message arrived.
    pub(super) fn arrived(
        &mut self,
        id: MessageId,
        from: Principal,
        to: Principal,
        letter: &Letter,
    ) {
        self.trace.arrived(self.now, id);
        if self.recording {
            let kind = EventKind::Delivered { id, from, what: letter.summary().into() };
            self.events.push(Event { at: self.now, place: to.into(), kind });
        }
    }

    /// Writes down that a client asks for something.
    pub(super) fn submitted(&mut self, request: RequestId, wanted: &Wanted, encoded: &[u8]) {
        self.trace.submitted(self.now, request, encoded);
        if self.recording {
            let kind = EventKind::RequestSubmitted { request, operation: wanted.to_string() };
            self.events.push(Event { at: self.now, place: Place::Client(request.client), kind });
        }
    }

    /// Writes down what a client was answered.
    pub(super) fn completed(&mut self, request: RequestId, result: &[u8], latency_us: u64) {
        self.trace.completed(self.now, request, result, latency_us);
        if self.recording {
            let result = words_of_answer(request.client, result);
            let kind = EventKind::RequestCompleted { request, result, latency_us };
            self.events.push(Event { at: self.now, place: Place::Client(request.client), kind });
        }
    }

    /// Writes down that a property doesn't hold; only the first time counts.
    pub(super) fn check(&mut self, result: Result<(), Broken>) {
        let Err((invariant, detail)) = result else { return };
        if self.violations.iter().any(|violation| violation.invariant == invariant) {
            return;
        }
        self.violations.push(Violation {
            invariant,
            step: self.steps + 1,
            at: self.now,
            detail: detail.clone(),
        });
        self.event(Place::World, EventKind::Violated { invariant, detail });
    }

    fn check_liveness(&mut self) {
        if self.violations.iter().any(|violation| violation.invariant == Invariant::Liveness) {
            return;
        }
        let late = self
            .clients
            .iter()
            .filter(|client| !client.is_byzantine())
            .filter_map(|client| Some((client.client.outstanding()?, client.client.sent_at()?)))
            .find_map(|(id, asked)| self.liveness.waiting(self.now, id, asked).err());
        if let Some(broken) = late {
            self.check(Err(broken));
        }
    }

    /// Notes what is done to the cluster, and returns its number.
    pub(super) fn inject(&mut self, what: String) -> usize {
        self.injections.push(Injection { at: self.now, what, effects: 0 });
        self.injections.len() - 1
    }

    pub(super) fn took_effect(&mut self, injection: Option<usize>) {
        if let Some(injection) = injection.and_then(|index| self.injections.get_mut(index)) {
            injection.effects += 1;
        }
    }
}

/// The scenario's experiment, permitted for as long as it lasts.
#[cfg(feature = "guards")]
fn experiment(run: &Run) -> Result<Option<Box<Experiment>>, BadConfig> {
    let Some(config) = run.scenario.chaos.clone() else { return Ok(None) };
    let seed = config.seed.wrapping_add(run.seed);
    let mut experiment = Experiment::new(config.seed(seed))?;
    // One that is too short for its own baseline does nothing, and its expectation says so.
    let _ = experiment.permit(Time::ZERO, Time::from_millis(u64::from(run.scenario.duration_ms)));
    Ok(Some(experiment.into()))
}

/// An answer in words, as whoever asked reads it.
fn words_of_answer(client: ClientId, result: &[u8]) -> String {
    let words = if client == ClientId::ADMINISTRATOR {
        match Override::decode_outcome(result) {
            Some(Ok(())) => Some("ordered".into()),
            Some(Err(why)) => Some(format!("refused: {why}")),
            None => ChangeOutcome::decode(result).map(|outcome| outcome.to_string()),
        }
    } else {
        Outcome::decode(result).map(|outcome| outcome.to_string())
    };
    words.unwrap_or_else(|| "unreadable".into())
}

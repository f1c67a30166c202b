//! The one experiment of a node, if there is one: who may begin it, what it does to a message, and
//! when it is over.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use conclave_core::{
    crypto::{Authenticator, Digest, Signed},
    event::EventKind,
    ids::{NodeId, RequestId},
    pbft::MessageKind,
    quorum::Membership,
    resilience::{
        Outcome,
        chaos::{
            Aborted, Config, Event, Experiment, Fault, Injection, MAX_PERMISSION_MS, Permission,
            Phase, Target,
        },
    },
    time::{Time, WallTime},
};
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::sleep};

use super::{
    refusal::NotStarted,
    requests::Requests,
    seen::{ChaosSeen, ExperimentSeen, PermittedBy, Totals, ending, name, words},
    told::tell,
};
use crate::node::{Clock, Observer};

/// While one is under way time passes for it this often: a hypothesis that breaks is noticed within it.
const TICK: Duration = Duration::from_millis(50);
/// What isn't a message has no kind: keepalives, attempts to connect, what comes in unread.
const NO_MESSAGE: u16 = u16::MAX;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// An experiment that needs no permission.
    Development(Box<Config>),
    /// One that has it.
    Permitted(Box<Signed<Permission>>),
}

/// See the module's head.
pub struct Chaos {
    own: NodeId,
    clock: Clock,
    development: bool,
    authenticator: Arc<dyn Authenticator>,
    /// So that whoever has a message to write needs no lock while nothing is injected.
    stage: AtomicU8,
    state: Mutex<State>,
    begun: Notify,
}

const NOTHING: u8 = 0;
const WATCHES: u8 = 1;
const INJECTS: u8 = 2;

struct State {
    members: Membership,
    number: Option<Digest>,
    current: Option<Current>,
    totals: Totals,
}

struct Current {
    experiment: Experiment,
    requests: Requests,
    peers: Vec<NodeId>,
    permitted_by: PermittedBy,
    permitted_until: Time,
}

impl Chaos {
    /// Nothing is under way.
    pub fn new(
        own: NodeId,
        clock: Clock,
        development: bool,
        members: Membership,
        authenticator: Arc<dyn Authenticator>,
    ) -> Self {
        let totals = Totals::default();
        let state = State { members, number: fresh_number(), current: None, totals };
        Self {
            own,
            clock,
            development,
            authenticator,
            stage: AtomicU8::new(NOTHING),
            state: Mutex::new(state),
            begun: Notify::new(),
        }
    }

    /// Begins one, if it may.
    pub fn start(&self, asked: Asked) -> Result<(), NotStarted> {
        // The wall is what a permission's end is told by; from here on the steady clock counts.
        let wall = WallTime(Clock::start().origin().as_micros() / 1_000);
        self.start_at(asked, wall)
    }

    pub(super) fn start_at(&self, asked: Asked, wall: WallTime) -> Result<(), NotStarted> {
        let started = self.with(|state, now| {
            let started = self.begin(state, asked, now, wall);
            match started {
                Ok(()) => state.totals.begun += 1,
                Err(_) => state.totals.refused += 1,
            }
            started
        });
        match started {
            Ok(()) => self.begun.notify_one(),
            Err(why) => tracing::warn!(%why, "a chaos experiment was refused"),
        }
        started
    }

    fn begin(
        &self,
        state: &mut State,
        asked: Asked,
        now: Time,
        wall: WallTime,
    ) -> Result<(), NotStarted> {
        let (config, lasts_ms, permitted_by) = match asked {
            Asked::Development(_) if !self.development => return Err(NotStarted::NoPermission),
            Asked::Development(config) => (*config, MAX_PERMISSION_MS, PermittedBy::Development),
            Asked::Permitted(signed) => {
                let number = state.number.ok_or(NotStarted::NoRandomness)?;
                let authenticator = &*self.authenticator;
                let lasts = Permission::check(&signed, authenticator, self.own, number, wall)?;
                (signed.body.experiment, lasts, PermittedBy::Administrator)
            }
        };
        if state.current.as_ref().is_some_and(|it| it.experiment.runs()) {
            return Err(NotStarted::UnderWay);
        }
        if name(config.fault).is_none() {
            return Err(NotStarted::Fault(config.fault));
        }
        let (max_peers, f) = (config.max_peers, state.members.f());
        if max_peers > f && !self.development {
            return Err(NotStarted::TooManyPeers { max_peers, f });
        }
        let requests = Requests::new(config.slow_ms);
        let mut experiment = Experiment::new(config)?;
        let permitted_until = now + Duration::from_millis(lasts_ms);
        experiment.permit(now, permitted_until)?;
        let peers = Vec::new();
        // It is used up.
        state.number = fresh_number();
        let current = Current { experiment, requests, peers, permitted_by, permitted_until };
        state.current = Some(current);
        Ok(())
    }

    /// Ends the one that is under way; whether there was any. Whoever wants that may.
    pub fn abort(&self) -> bool {
        self.with(|state, now| state.abort(now, Aborted::Operator))
    }

    /// These are the members: no more of them are touched than may be faulty.
    pub fn follow(&self, members: Membership) {
        self.with(|state, now| {
            state.members = members;
            let touches = state.current.as_ref().map_or(0, |it| it.experiment.config().max_peers);
            if touches > members.f() && !self.development {
                state.abort(now, Aborted::Scope);
            }
        });
    }

    /// What to do to a message that is about to be written to a peer.
    pub fn inject(&self, peer: NodeId, kind: MessageKind) -> Option<Injection> {
        if !self.injects() {
            return None;
        }
        self.with(|state, now| state.inject(now, peer, kind as u16))
    }

    /// What to do to what a client asks for here; only where an experiment lists this node's own number.
    /// How long it takes counts from here on.
    pub fn asked(&self, request: RequestId) -> Option<Injection> {
        if self.stage.load(Ordering::Relaxed) == NOTHING {
            return None;
        }
        self.with(|state, now| {
            let Current { experiment, requests, .. } = state.current.as_mut()?;
            if !experiment.config().peers.contains(&self.own.0) {
                return None;
            }
            requests.arrived(now, request);
            state.inject(now, self.own, MessageKind::Request as u16)
        })
    }

    /// Whether nothing reaches a peer, and nothing comes from it.
    pub fn cuts_off(&self, peer: NodeId) -> bool {
        self.injects()
            && self.with(|state, now| {
                let cuts = |it: &Current| it.experiment.config().fault == Fault::Partition;
                state.current.as_ref().is_some_and(cuts)
                    && state.inject(now, peer, NO_MESSAGE).is_some()
            })
    }

    /// Whether anything is injected right now.
    pub fn injects(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == INJECTS
    }

    /// What happens at the node, in which it looks for how requests fare.
    pub fn saw(&self, event: &EventKind) {
        if self.stage.load(Ordering::Relaxed) == NOTHING {
            return;
        }
        match event {
            EventKind::RequestAccepted { request } => self.with(|state, now| {
                if let Some(it) = &mut state.current {
                    it.requests.accepted(now, *request);
                }
            }),
            EventKind::Executed { requests, .. } => self.with(|state, now| {
                let Some(it) = &mut state.current else { return };
                for request in requests {
                    if let Some((outcome, took)) = it.requests.executed(now, *request) {
                        it.experiment.settle(now, outcome, took);
                    }
                }
            }),
            EventKind::TurnedAway { .. } => self.with(|state, now| {
                if let Some(it) = &mut state.current {
                    it.experiment.settle(now, Outcome::Overload, Duration::ZERO);
                }
            }),
            EventKind::StateTransferred { .. } | EventKind::EpochBegun { .. } => {
                self.with(|state, _| {
                    if let Some(it) = &mut state.current {
                        it.requests.forget();
                    }
                });
            }
            _ => {}
        }
    }

    /// Lets time pass, for as long as it is polled, and says what happens.
    pub async fn run(self: Arc<Self>, observer: Arc<Observer>) {
        loop {
            for phase in self.tick() {
                observer.event(EventKind::Experiment { phase });
            }
            if self.stage.load(Ordering::Relaxed) == NOTHING {
                self.begun.notified().await;
            } else {
                sleep(TICK).await;
            }
        }
    }

    /// Time passes. Gives the phases that were entered since.
    pub(super) fn tick(&self) -> Vec<Phase> {
        self.with(|state, now| {
            let State { current: Some(it), totals, .. } = state else { return Vec::new() };
            while let Some((outcome, took)) = it.requests.overdue(now) {
                it.experiment.settle(now, outcome, took);
            }
            it.experiment.tick(now);
            let mut entered = Vec::new();
            while let Some(event) = it.experiment.poll_event() {
                tell(self.own, it.experiment.config(), event);
                match event {
                    Event::Entered(phase) => {
                        if let Some(how) = ending(phase) {
                            *totals.ended.entry(how).or_default() += 1;
                        }
                        entered.push(phase);
                    }
                    Event::Touches { peer } => it.peers.push(NodeId(peer)),
                    Event::Spent => {}
                }
            }
            entered
        })
    }

    /// All that is to be seen.
    pub fn seen(&self) -> ChaosSeen {
        self.with(|state, now| ChaosSeen {
            node: self.own,
            now,
            development: self.development,
            members: state.members.nodes().collect(),
            f: state.members.f(),
            number: state.number,
            experiment: state.current.as_ref().map(Current::seen),
        })
    }

    /// What all of them come to, and the one that is under way or was last.
    pub(crate) fn counted(&self) -> (Totals, Option<ExperimentSeen>) {
        self.with(|state, _| (state.totals.clone(), state.current.as_ref().map(Current::seen)))
    }

    fn with<R>(&self, change: impl FnOnce(&mut State, Time) -> R) -> R {
        // No change leaves the state half changed: decisions are the core's, and it doesn't panic.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state, self.clock.now());
        let stage = match state.current.as_ref().map(|it| it.experiment.phase()) {
            Some(Phase::Injecting) => INJECTS,
            Some(Phase::Baseline | Phase::Recovering) => WATCHES,
            _ => NOTHING,
        };
        self.stage.store(stage, Ordering::Relaxed);
        result
    }
}

impl State {
    fn abort(&mut self, now: Time, why: Aborted) -> bool {
        let running = self.current.as_mut().filter(|it| it.experiment.runs());
        running.map(|it| it.experiment.abort(now, why)).is_some()
    }

    fn inject(&mut self, now: Time, peer: NodeId, operation: u16) -> Option<Injection> {
        let experiment = &mut self.current.as_mut()?.experiment;
        let injection = experiment.inject(now, Target { peer: peer.0, operation })?;
        let name = name(injection.fault)?;
        *self.totals.injected.entry(name).or_default() += 1;
        Some(injection)
    }
}

impl Current {
    fn seen(&self) -> ExperimentSeen {
        let Self { experiment, peers, permitted_by, permitted_until, .. } = self;
        let snapshot = experiment.snapshot();
        ExperimentSeen {
            config: experiment.config().clone(),
            permitted_by: *permitted_by,
            permitted_until: *permitted_until,
            runs: experiment.runs(),
            phase: snapshot.phase,
            says: words(snapshot.phase),
            phase_ends: snapshot.phase_ends,
            steady: snapshot.rates,
            peers: peers.clone(),
            counters: snapshot.counters,
        }
    }
}

/// Nobody can foresee it.
fn fresh_number() -> Option<Digest> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(Digest(bytes))
}

//! All guards, in one order.

use alloc::{boxed::Box, string::String, vec::Vec};
use core::time::Duration;

use super::{
    call::{AbandonedCall, Attempt, Begun, Call, Hedge, Instead, Waiting},
    config::{Config, MAX_NAMES, OWN_SIGNALS},
    errors::{BadPolicy, BeginError, Rejected, Unknown},
    events::{self, Event},
    guards::Guards,
    metrics::Snapshot,
    operation::Operation,
};
use crate::{
    config::{BadConfig, must},
    resilience::{
        Outcome, Priority, adaptive,
        bulkhead::{self, Admission, Ticket},
        chaos::{Experiment, Target},
        degradation::Degradation,
        objective::{self, ErrorBudget},
        retry::{Hint, Next, Verdict},
        steady::Steady,
        timeout::{Deadline, Scope},
    },
    time::Time,
};

/// Degradation is fed so often, and it is looked so often whether what isn't configured any more can go.
const FEED: Duration = Duration::from_secs(1);

/// What is called: a peer, and an operation of it. Stays the same whatever is configured anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    peer: u16,
    operation: u16,
}

impl Key {
    /// Which peer.
    pub fn peer(self) -> u16 {
        self.peer
    }
}

/// What has become of somebody in line.
#[must_use]
#[derive(Debug)]
pub struct Turn {
    /// Whose turn it is.
    pub ticket: Ticket,
    /// To be handed to [`Manager::resume`], with who waited.
    pub turn: bulkhead::Turn,
}

/// All guards of a host.
#[derive(Clone, Debug)]
pub struct Manager {
    peers: u16,
    operations: Vec<Operation>,
    degradation: Option<Degradation>,
    experiment: Option<Experiment>,
    clock: Steady,
    /// When time was last let pass.
    ticked: Time,
    /// Whether there are guards of something that isn't configured any more, of which something is out.
    departed: bool,
}

impl Manager {
    /// With all that is configured, of which nothing is used.
    pub fn new(config: Config) -> Result<Self, BadPolicy> {
        config.validate()?;
        let mut new = Self {
            peers: config.peers,
            operations: Vec::new(),
            degradation: None,
            experiment: None,
            clock: Steady::default(),
            ticked: Time::ZERO,
            departed: false,
        };
        new.apply(Time::ZERO, config)?;
        Ok(new)
    }

    /// What a peer's operation is called by from now on.
    pub fn key(&self, peer: u16, operation: &str) -> Result<Key, Unknown> {
        let known = |it: &Operation| it.name == operation && it.policy.is_some();
        let at = self.operations.iter().position(known).ok_or(Unknown::Operation)?;
        if peer >= self.peers {
            return Err(Unknown::Peer);
        }
        Ok(Key { peer, operation: at as u16 })
    }

    /// Another configuration from now on: all of it, or nothing if any of it can't work. Guards keep
    /// what they know, calls under way go on. Those of what it doesn't name go: at once, or once nothing
    /// of them is out any more and time passes.
    pub fn reconfigure(&mut self, now: Time, config: Config) -> Result<(), BadPolicy> {
        config.validate()?;
        self.apply(now, config)
    }

    /// Asks for a call of such a weight. `deadline`: until when its caller waits.
    pub fn begin(
        &mut self,
        now: Time,
        key: Key,
        weight: u32,
        priority: Option<Priority>,
        deadline: Option<Time>,
    ) -> Result<Begun, BeginError> {
        let started = self.clock.read(now);
        let operation = self.operations.get_mut(usize::from(key.operation));
        let Some(Operation { policy: Some(policy), guards, .. }) = operation else {
            return Err(Unknown::Operation.into());
        };
        if key.peer >= self.peers {
            return Err(Unknown::Peer.into());
        }
        let guards = guards.get_mut(usize::from(key.peer)).ok_or(Unknown::Peer)?;
        let counters = &mut guards.counters;
        counters.asked += 1;
        let priority = priority.unwrap_or(policy.priority);
        if let Some(degradation) = &mut self.degradation
            && let Err(rejected) = degradation.admit(now, priority)
        {
            counters.degraded += 1;
            return Err(Rejected::from(rejected).into());
        }
        if let Some(rate) = guards.rate.used()
            && let Err(rejected) = rate.admit(now, weight, priority)
        {
            counters.over_rate += 1;
            return Err(Rejected::from(rejected).into());
        }
        let client = Deadline::of_client(deadline.unwrap_or(Time::MAX));
        let deadline = client.within_us(now, Scope::Operation, policy.total_ms * 1_000);
        let (slot, room, attempts, race, worked) = (None, None, None, None, false);
        let steady = Deadline { at: self.clock.of_host(deadline.at), ..deadline };
        let mut call =
            Call { key, priority, started, deadline: steady, slot, room, attempts, race, worked };
        if let Some(bulkhead) = guards.bulkhead.used() {
            match bulkhead.admit(now, priority, Some(deadline.at)) {
                Ok(Admission::Go(permit)) => call.slot = Some(permit),
                Ok(Admission::Wait(ticket)) => {
                    let longest = Duration::from_millis(bulkhead.config().line_ms);
                    let until = deadline.at.min(now + longest);
                    return Ok(Begun::Wait(Waiting { call, ticket, until }));
                }
                Err(rejected) => {
                    counters.no_room += 1;
                    return Err(Rejected::from(rejected).into());
                }
            }
        }
        enter(now, guards, &mut call, deadline.at)?;
        Ok(Begun::Go(call))
    }

    /// Until when a call may take in all, and who says so.
    pub fn deadline(&self, call: &Call) -> Deadline {
        call.until(self.clock)
    }

    /// What has become of somebody in line for that peer and operation. To be asked whenever a call
    /// of it has begun, finished or left, and at the time of [`Self::next_wake`], until it is `None`.
    pub fn poll_turn(&mut self, now: Time, key: Key) -> Option<Turn> {
        let turn = self.guards(key)?.bulkhead.any()?.poll_turn(now)?;
        Some(Turn { ticket: turn.ticket, turn })
    }

    /// Nobody waits for that turn any more: its place is somebody else's.
    pub fn decline(&mut self, key: Key, turn: Turn) {
        let Some(guards) = self.guards(key) else { return };
        guards.counters.left += 1;
        if let Some((bulkhead, permit)) = guards.bulkhead.any().zip(turn.turn.result.ok()) {
            bulkhead.give_back(permit);
        }
    }

    /// Goes on with who was in line, when it is its turn.
    pub fn resume(&mut self, now: Time, waiting: Waiting, turn: Turn) -> Result<Call, Rejected> {
        let mut call = waiting.call;
        self.clock.read(now);
        let until = call.until(self.clock).at;
        debug_assert_eq!(waiting.ticket, turn.ticket, "somebody else's turn");
        let Some(guards) = self.guards(call.key) else {
            return Err(Rejected::Expired(no_time(until)));
        };
        match turn.turn.result {
            Ok(permit) => call.slot = Some(permit),
            Err(rejected) => {
                guards.counters.no_room += 1;
                return Err(rejected.into());
            }
        }
        enter(now, guards, &mut call, until)?;
        Ok(call)
    }

    /// Somebody doesn't want to wait any more, and it isn't its turn yet.
    pub fn leave(&mut self, waiting: Waiting) {
        let Waiting { call, ticket, .. } = waiting;
        let Some(guards) = self.guards(call.key) else { return };
        guards.counters.left += 1;
        if let Some(bulkhead) = guards.bulkhead.any() {
            bulkhead.leave(ticket);
        }
    }

    /// An attempt at a call, or what to do instead.
    pub fn attempt(&mut self, now: Time, call: &mut Call) -> Result<Attempt, Instead> {
        let Key { peer, operation } = call.key;
        self.clock.read(now);
        let until = call.until(self.clock);
        let Some(known) = self.operations.get_mut(usize::from(operation)) else {
            return Err(Instead::GiveUp(Rejected::Expired(no_time(until.at))));
        };
        let waits = known.policy.as_ref().is_some_and(|it| it.wait_for_breaker);
        let Some(guards) = known.guards.get_mut(usize::from(peer)) else {
            return Err(Instead::GiveUp(Rejected::Expired(no_time(until.at))));
        };
        match admit(now, guards, call, until) {
            Ok(mut attempt) => {
                call.worked = true;
                guards.counters.attempts += 1;
                if let Some(experiment) = &mut self.experiment {
                    attempt.injection = experiment.inject(now, Target { peer, operation });
                    guards.counters.injected += u64::from(attempt.injection.is_some());
                }
                Ok(attempt)
            }
            Err(rejected) => {
                guards.counters.attempts_rejected += 1;
                Err(instead(now, guards, call, rejected, waits))
            }
        }
    }

    /// How an attempt ended, and what the other side said of another. What now?
    pub fn settle(
        &mut self,
        now: Time,
        call: &mut Call,
        attempt: Attempt,
        outcome: Outcome,
        hint: Hint,
    ) -> Instead {
        let clock = self.clock;
        let Some(guards) = self.guards(call.key) else {
            return Instead::GiveUp(Rejected::Expired(no_time(call.until(clock).at)));
        };
        if let Some(race) = call.race.take()
            && outcome == Outcome::Success
            && let Some(hedge) = guards.hedge.any()
        {
            hedge.won(*race, attempt.copy);
        }
        take_back(now, guards, attempt, outcome);
        match guards.retry.any().zip(call.attempts.as_mut()) {
            Some((retry, attempts)) => match retry.after(now, attempts, outcome, hint) {
                Verdict::Done => Instead::Done,
                Verdict::Again { at, .. } => Instead::Again { at },
                Verdict::GiveUp(stop) => Instead::GiveUp(Rejected::Retry(stop)),
            },
            None if outcome == Outcome::Success => Instead::Done,
            None => Instead::GiveUp(Rejected::Retry(crate::resilience::retry::Stop::NotRetryable)),
        }
    }

    /// Whether attempts of that peer and operation may have copies.
    pub fn hedges(&mut self, key: Key) -> bool {
        self.guards(key).is_some_and(|guards| guards.hedge.used().is_some())
    }

    /// Whether a copy is to be made beside the attempt under way, and its copies. To be asked when that
    /// begins, at the times that this names, and not any more once it says that it is enough.
    pub fn hedge(&mut self, now: Time, call: &mut Call) -> Hedge {
        let Key { peer, operation } = call.key;
        self.clock.read(now);
        let until = call.until(self.clock);
        let Some(guards) = self.guards(call.key) else { return Hedge::Enough };
        let usual = guards.timeout.usual();
        let Some(hedge) = guards.hedge.used() else { return Hedge::Enough };
        let deadline = Some(until.at);
        let race = call.race.get_or_insert_with(|| Box::new(hedge.begin(now, usual, deadline)));
        match hedge.next(now, race) {
            Next::Wait { until } => return Hedge::Wait { until },
            Next::Enough | Next::Lost => return Hedge::Enough,
            Next::Send => {}
        }
        let number = race.copies();
        let affordable = guards.retry.used().is_none_or(|retry| retry.copy(now));
        let admitted = if affordable { copy(now, guards, call, until) } else { None };
        let Some(mut attempt) = admitted else {
            guards.counters.attempts_rejected += u64::from(affordable);
            if affordable && let Some(retry) = guards.retry.any() {
                retry.take_back_copy(now);
            }
            if let Some((hedge, race)) = guards.hedge.any().zip(call.race.as_mut()) {
                hedge.refused(now, race);
            }
            return Hedge::Enough;
        };
        attempt.copy = number;
        guards.counters.attempts += 1;
        let injection =
            self.experiment.as_mut().and_then(|it| it.inject(now, Target { peer, operation }));
        attempt.injection = injection;
        if let Some(guards) = self.guards(call.key) {
            guards.counters.injected += u64::from(injection.is_some());
        }
        Hedge::Send(attempt)
    }

    /// One of several attempts beside each other has ended so, and another goes on; or another has
    /// won, and this one's work was dropped, which is [`Outcome::Neutral`].
    pub fn lose(&mut self, now: Time, call: &Call, attempt: Attempt, outcome: Outcome) {
        if let Some(guards) = self.guards(call.key) {
            take_back(now, guards, attempt, outcome);
        }
    }

    /// The caller of an attempt has gone away, and its work was dropped. If that took as long as most
    /// attempts do there was no answer in time; else it says nothing of the other side.
    pub fn give_up(&mut self, now: Time, call: &Call, attempt: Attempt) {
        if let Some(guards) = self.guards(call.key) {
            let overdue = guards.timeout.is_overdue(now, &attempt.timeout);
            let outcome = if overdue { Outcome::Timeout } else { Outcome::Neutral };
            take_back(now, guards, attempt, outcome);
        }
    }

    /// A call is over, all its work included, and ended so.
    pub fn finish(&mut self, now: Time, call: Call, outcome: Outcome) {
        let took_us = self.clock.read(now).micros_since(call.started);
        if let Some(guards) = self.count(now, call.key, outcome, took_us) {
            let Call { slot, room, worked, .. } = call;
            if let Some((bulkhead, permit)) = guards.bulkhead.any().zip(slot) {
                if worked {
                    bulkhead.release(now, permit);
                } else {
                    bulkhead.give_back(permit);
                }
            }
            give_back(now, guards, room);
        }
    }

    /// The caller has given up, and what it asked for may still run: its place stays taken until
    /// [`Self::end`]. An attempt that is under way is to be settled before.
    pub fn abandon(&mut self, now: Time, call: Call, outcome: Outcome) -> AbandonedCall {
        let took_us = self.clock.read(now).micros_since(call.started);
        let guards = self.count(now, call.key, outcome, took_us);
        let Call { key, slot, room, .. } = call;
        let slot = guards.and_then(|guards| {
            guards.counters.abandoned += 1;
            give_back(now, guards, room);
            guards.bulkhead.any().zip(slot).map(|(bulkhead, permit)| bulkhead.abandon(permit))
        });
        AbandonedCall { key, slot }
    }

    /// What its caller had given up has ended.
    pub fn end(&mut self, now: Time, abandoned: AbandonedCall) {
        let AbandonedCall { key, slot } = abandoned;
        let bulkhead = self.guards(key).and_then(|it| it.bulkhead.any());
        if let Some((bulkhead, permit)) = bulkhead.zip(slot) {
            bulkhead.release(now, permit);
        }
    }

    /// Lets time pass: call it when the time of [`Self::next_wake`] has come. Feeds degradation.
    pub fn tick(&mut self, now: Time) {
        for operation in &mut self.operations {
            operation.guards.iter_mut().for_each(|it| it.tick(now));
            if let Some(objective) = &mut operation.objective {
                objective.tick(now);
            }
        }
        if let Some(experiment) = &mut self.experiment {
            experiment.tick(now);
        }
        self.ticked = self.clock.read(now);
        if self.departed {
            self.drop_departed();
        }
        self.feed(now);
    }

    /// When time alone changes something.
    pub fn next_wake(&self) -> Option<Time> {
        let guards = self.operations.iter().flat_map(|it| &it.guards).filter_map(Guards::next_wake);
        let objectives = self
            .operations
            .iter()
            .filter_map(|it| it.objective.as_ref())
            .map(ErrorBudget::next_wake);
        let looks = self.departed || self.degradation.is_some();
        let feeds = looks.then(|| self.clock.to_host(self.ticked + FEED));
        let degradation = self.degradation.as_ref().and_then(Degradation::next_wake);
        let experiment = self.experiment.as_ref().and_then(Experiment::next_wake);
        guards.chain(objectives).chain(feeds).chain(degradation).chain(experiment).min()
    }

    /// The host's degradation: to hold it, to give it signals of the host's own, to ask it what is on.
    pub fn degradation(&mut self) -> Option<&mut Degradation> {
        self.degradation.as_mut()
    }

    /// Sets an experiment up, or takes it away. It touches nothing before it is permitted.
    pub fn set_experiment(&mut self, experiment: Option<Experiment>) {
        self.experiment = experiment;
    }

    /// The experiment that is set up.
    pub fn experiment(&mut self) -> Option<&mut Experiment> {
        self.experiment.as_mut()
    }

    /// The number of an operation, for the scope of an experiment.
    pub fn operation(&self, name: &str) -> Result<u16, Unknown> {
        self.key(0, name).map(|key| key.operation)
    }

    /// All that is to be seen of a peer's operation.
    pub fn snapshot(&self, key: Key) -> Result<Snapshot, Unknown> {
        let operation = self.operations.get(usize::from(key.operation));
        let operation = operation.filter(|it| it.policy.is_some()).ok_or(Unknown::Operation)?;
        if key.peer >= self.peers {
            return Err(Unknown::Peer);
        }
        let guards = operation.guards.get(usize::from(key.peer)).ok_or(Unknown::Peer)?;
        Ok(guards.snapshot())
    }

    /// All that is to be seen of an operation's error budget, if something is promised.
    pub fn objective(&self, operation: &str) -> Result<Option<objective::Snapshot>, Unknown> {
        let at = self.operation(operation)?;
        Ok(self.operations[usize::from(at)].objective.as_ref().map(ErrorBudget::snapshot))
    }

    /// The oldest event of some guard that nobody has taken, and of what that is a guard.
    pub fn poll_event(&mut self) -> Option<(Key, Event)> {
        let all = (0..).zip(&mut self.operations).flat_map(|(operation, it)| {
            (0..).zip(&mut it.guards).map(move |(peer, guards)| (Key { peer, operation }, guards))
        });
        events::first(all)
    }

    /// The names of all that can be called.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        let known = self.operations.iter().filter(|it| it.policy.is_some());
        known.map(|it| it.name.as_str())
    }

    fn guards(&mut self, key: Key) -> Option<&mut Guards> {
        let operation = self.operations.get_mut(usize::from(key.operation))?;
        operation.guards.get_mut(usize::from(key.peer))
    }

    /// Counts a call that is over, and has its guards.
    fn count(
        &mut self,
        now: Time,
        key: Key,
        outcome: Outcome,
        took_us: u64,
    ) -> Option<&mut Guards> {
        if let Some(experiment) = &mut self.experiment {
            experiment.settle(now, outcome, Duration::from_micros(took_us));
        }
        let operation = self.operations.get_mut(usize::from(key.operation))?;
        if let Some(objective) = &mut operation.objective {
            objective.settle_us(now, outcome, took_us);
        }
        let guards = operation.guards.get_mut(usize::from(key.peer))?;
        guards.counters.succeeded += u64::from(outcome == Outcome::Success);
        guards.counters.failed += u64::from(outcome.is_failure());
        guards.counters.timed_out += u64::from(outcome == Outcome::Timeout);
        guards.counters.neutral += u64::from(outcome == Outcome::Neutral);
        Some(guards)
    }

    fn feed(&mut self, now: Time) {
        let Some(degradation) = &mut self.degradation else { return };
        let heat = |it: &Operation| it.objective.as_ref().map_or(0, ErrorBudget::heat_ppm);
        let hottest = self.operations.iter().map(heat).max().unwrap_or(0);
        // Where nobody can begin any more, it doesn't matter how full it is.
        let peers = usize::from(self.peers);
        let used = |of: fn(&Guards) -> Option<(u32, u32)>| {
            self.operations.iter().map(|it| it.used_ppm(peers, of)).max().unwrap_or(0)
        };
        let full = used(|it| it.bulkhead.seen().map(|it| (it.running(), it.config().concurrent)));
        let crowded = used(|it| it.adaptive.seen().map(|it| (it.under_way(), it.limit())));
        let signals = [hottest, full, crowded];
        for (signal, ppm) in (0..OWN_SIGNALS).zip(signals) {
            let known = degradation.observe(now, signal, ppm);
            debug_assert!(known.is_ok(), "a configuration with fewer signals isn't loaded");
        }
        degradation.tick(now);
    }

    /// Only of a configuration that was checked.
    fn apply(&mut self, now: Time, config: Config) -> Result<(), BadPolicy> {
        let host = |why: BadConfig| BadPolicy { operation: None, why };
        let known = |name: &&String| self.operations.iter().any(|it| it.name == **name);
        let names = config.operations.keys().filter(|name| !known(name)).count();
        let names = self.operations.len() + names;
        let why = "so many different names since the start: at most 4096, start again for more";
        must(names <= MAX_NAMES, "operations", names as u64, why).map_err(host)?;
        self.peers = config.peers;
        match (&mut self.degradation, config.degradation) {
            (Some(guard), Some(config)) => guard.reconfigure(now, config).map_err(host)?,
            (guard, config) => {
                *guard = config.map(Degradation::new).transpose().map_err(host)?;
            }
        }
        for operation in &mut self.operations {
            if !config.operations.contains_key(&operation.name) {
                operation.unset();
            }
        }
        for (name, policy) in config.operations {
            let of = |why| BadPolicy { operation: Some(name.clone()), why };
            let at = self.operations.iter().position(|it| it.name == name);
            let at = at.unwrap_or_else(|| {
                self.operations.push(Operation::new(&name));
                self.operations.len() - 1
            });
            self.operations[at].set(now, usize::from(self.peers), policy).map_err(of)?;
        }
        self.drop_departed();
        Ok(())
    }

    /// Guards that can't be asked any more go, if nothing of them is out.
    #[cold]
    fn drop_departed(&mut self) {
        let peers = usize::from(self.peers);
        self.departed = false;
        for operation in &mut self.operations {
            self.departed |= !operation.drop_departed(peers);
        }
    }

    /// Guards that are kept, whether what they guard is configured or not.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.operations.iter().map(|it| it.guards.len()).sum()
    }
}

/// What is left before the first attempt, once it has its place.
fn enter(now: Time, guards: &mut Guards, call: &mut Call, until: Time) -> Result<(), Rejected> {
    if let Some(adaptive) = guards.adaptive.used() {
        match adaptive.admit(now, call.priority) {
            Ok(permit) => call.room = Some(permit),
            Err(rejected) => {
                guards.counters.crowded += 1;
                if let Some((bulkhead, permit)) = guards.bulkhead.any().zip(call.slot.take()) {
                    bulkhead.give_back(permit);
                }
                return Err(rejected.into());
            }
        }
    }
    guards.counters.begun += 1;
    call.attempts = guards.retry.used().map(|retry| retry.begin(now, Some(until)));
    Ok(())
}

/// The guards of an attempt, from outside in.
#[expect(clippy::inline_always, reason = "every attempt comes here, a copy seldom: see `copy`")]
#[inline(always)]
fn admit(
    now: Time,
    guards: &mut Guards,
    call: &mut Call,
    until: Deadline,
) -> Result<Attempt, Rejected> {
    let mut room = call.room.take();
    if room.is_none()
        && let Some(adaptive) = guards.adaptive.used()
    {
        room = Some(adaptive.admit(now, call.priority)?);
    }
    let breaker = match guards.breaker.used().map(|it| it.admit(now)).transpose() {
        Ok(permit) => permit,
        Err(rejected) => {
            give_back(now, guards, room);
            return Err(rejected.into());
        }
    };
    match guards.timeout.admit(now, until) {
        Ok(timeout) => Ok(Attempt { room, breaker, timeout, injection: None, copy: 0 }),
        Err(expired) => {
            if let Some((guard, permit)) = guards.breaker.any().zip(breaker) {
                guard.settle(now, permit, Outcome::Neutral);
            }
            give_back(now, guards, room);
            Err(expired.into())
        }
    }
}

/// The same for a copy of an attempt, which few calls ever have.
#[cold]
fn copy(now: Time, guards: &mut Guards, call: &mut Call, until: Deadline) -> Option<Attempt> {
    admit(now, guards, call, until).ok()
}

/// What the guards of an attempt gave it.
#[inline]
fn take_back(now: Time, guards: &mut Guards, attempt: Attempt, outcome: Outcome) {
    let Attempt { room, breaker, timeout, .. } = attempt;
    // Who is in a hurry says nothing of the other side.
    let hurried = outcome == Outcome::Timeout
        && timeout.is_cut_short()
        && !guards.timeout.is_overdue(now, &timeout);
    guards.timeout.settle(now, timeout, outcome);
    let outcome = if hurried { Outcome::Neutral } else { outcome };
    if let Some((guard, permit)) = guards.breaker.any().zip(breaker) {
        guard.settle(now, permit, outcome);
    }
    if let Some((guard, permit)) = guards.adaptive.any().zip(room) {
        guard.settle(now, permit, outcome);
    }
}

/// What a guard of an attempt says no to is, to retries, an attempt that found no room: it is made
/// again when that guard says, if there is time and budget.
fn instead(
    now: Time,
    guards: &mut Guards,
    call: &mut Call,
    rejected: Rejected,
    wait_for_breaker: bool,
) -> Instead {
    let hint = match (rejected, rejected.retry_at()) {
        (Rejected::Breaker(_), _) if !wait_for_breaker => Hint::Never,
        (_, Some(at)) => Hint::After(at.since(now)),
        // As long as nobody knows how long calls take, the backoff is all there is to go by.
        (Rejected::Adaptive(_), None) => Hint::None,
        (_, None) => Hint::Never,
    };
    let verdict = guards
        .retry
        .any()
        .zip(call.attempts.as_mut())
        .map(|(retry, attempts)| retry.after(now, attempts, Outcome::Overload, hint));
    match verdict {
        Some(Verdict::Again { at, .. }) => Instead::Again { at },
        _ => {
            guards.counters.expired += u64::from(matches!(rejected, Rejected::Expired(_)));
            Instead::GiveUp(rejected)
        }
    }
}

fn give_back(now: Time, guards: &mut Guards, room: Option<adaptive::Permit>) {
    if let Some((adaptive, permit)) = guards.adaptive.any().zip(room) {
        adaptive.settle(now, permit, Outcome::Neutral);
    }
}

/// Its peer isn't configured any more: nobody will answer.
#[cold]
fn no_time(at: Time) -> crate::resilience::timeout::Expired {
    crate::resilience::timeout::Expired { set_by: Scope::Operation, at }
}

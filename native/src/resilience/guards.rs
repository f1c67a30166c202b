//! The manager, its clock, and who is in line.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use conclave_core::{
    resilience::{
        breaker,
        bulkhead::Ticket,
        chaos::{Experiment, Fault},
        manager::{BadPolicy, Config, Event, Key, Manager, Turn, Unknown},
    },
    time::Time,
};
use thiserror::Error;
use tokio::sync::oneshot;

use super::runtime::{Instant, Mutex, PoisonError, sleep_until};

/// Time passes at least so often, though no guard asks for it: what viewers see is no older.
const TICK: Duration = Duration::from_secs(1);

/// All guards of a process.
pub struct Guards {
    state: Mutex<State>,
    start: Instant,
}

/// What the lock is around.
pub(super) struct State {
    pub(super) manager: Manager,
    pub(super) waiters: BTreeMap<(Key, Ticket), oneshot::Sender<Turn>>,
}

/// Such a fault can't be injected around a call: it is for hosts that own clock, disk or process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{0:?} can't be injected around a call")]
pub struct CannotInject(pub Fault);

impl Guards {
    /// With all that is configured.
    pub fn new(config: Config) -> Result<Arc<Self>, BadPolicy> {
        let state = State { manager: Manager::new(config)?, waiters: BTreeMap::new() };
        Ok(Arc::new(Self { state: Mutex::new(state), start: Instant::now() }))
    }

    /// What a peer's operation is called by.
    pub fn key(&self, peer: u16, operation: &str) -> Result<Key, Unknown> {
        self.with(|state, _| state.manager.key(peer, operation))
    }

    /// Another configuration from now on; what is known stays. Who is in line where more may run now
    /// goes on at once.
    pub fn reconfigure(&self, config: Config) -> Result<(), BadPolicy> {
        self.with(|state, now| {
            state.manager.reconfigure(now, config)?;
            state.deliver_all(now);
            Ok(())
        })
    }

    /// Sets an experiment up, or takes it away. Nothing is touched before it is permitted.
    pub fn set_experiment(&self, experiment: Option<Experiment>) -> Result<(), CannotInject> {
        if let Some(fault) = experiment.as_ref().map(|it| it.config().fault)
            && matches!(
                fault,
                Fault::ClockSkew { .. } | Fault::DiskLoss | Fault::DiskCorruption | Fault::Crash
            )
        {
            return Err(CannotInject(fault));
        }
        self.with(|state, _| state.manager.set_experiment(experiment));
        Ok(())
    }

    /// For whoever looks at the manager, holds its degradation or permits its experiment.
    pub fn manager<R>(&self, look: impl FnOnce(&mut Manager, Time) -> R) -> R {
        self.with(|state, now| look(&mut state.manager, now))
    }

    /// Lets time pass for all guards, for as long as it is polled.
    pub async fn run(self: Arc<Self>) {
        loop {
            let wake = self.with(|state, now| {
                state.manager.tick(now);
                while let Some((key, event)) = state.manager.poll_event() {
                    tell(key, event);
                }
                state.manager.next_wake().unwrap_or(Time::MAX).min(now + TICK)
            });
            // Never at once: a guard that always is due must not spin.
            let soonest = Instant::now() + Duration::from_millis(1);
            sleep_until(self.instant(wake).max(soonest)).await;
        }
    }

    /// Does something with the state. Never across an await.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut State, Time) -> R) -> R {
        // No change leaves the state half changed: decisions are the core's, and it doesn't panic.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state, Time::ZERO + self.start.elapsed())
    }

    /// When that time will be, for the runtime's timers.
    pub(super) fn instant(&self, time: Time) -> Instant {
        const DAY: Duration = Duration::from_hours(24);
        let after = time.since(Time::ZERO);
        let latest = self.start.elapsed() + DAY;
        self.start + after.min(latest)
    }
}

/// What people are told: that a peer isn't called any more, or is again. The rest is for who looks closely.
fn tell(key: Key, event: Event) {
    match event {
        Event::Breaker(
            what @ (breaker::Event::Opened { .. }
            | breaker::Event::Closed
            | breaker::Event::ModeSet(_)),
        ) => tracing::info!(peer = key.peer(), ?what, "a breaker"),
        what => tracing::debug!(peer = key.peer(), ?what, "a guard"),
    }
}

impl State {
    /// Somebody is in line: where to tell it that it is its turn.
    pub(super) fn enlist(&mut self, key: Key, ticket: Ticket) -> oneshot::Receiver<Turn> {
        let (sender, receiver) = oneshot::channel();
        self.waiters.insert((key, ticket), sender);
        receiver
    }

    /// It isn't any more.
    pub(super) fn strike(&mut self, key: Key, ticket: Ticket) {
        self.waiters.remove(&(key, ticket));
    }

    /// Tells everybody in line there whose turn it is.
    pub(super) fn deliver(&mut self, now: Time, key: Key) {
        while let Some(turn) = self.manager.poll_turn(now, key) {
            let undelivered = match self.waiters.remove(&(key, turn.ticket)) {
                Some(waiter) => waiter.send(turn).err(),
                None => Some(turn),
            };
            if let Some(turn) = undelivered {
                self.manager.decline(key, turn);
            }
        }
    }

    /// Tells everybody in line anywhere.
    fn deliver_all(&mut self, now: Time) {
        let keys: BTreeSet<Key> = self.waiters.keys().map(|(key, _)| *key).collect();
        for key in keys {
            self.deliver(now, key);
        }
    }
}

//! Which requests are let in, and what is made of how they went.

use core::time::Duration;

use serde::Serialize;

use super::{
    busy::{MAX_RETRY_AFTER_MS, Why},
    config::Config,
};
use crate::{
    config::BadConfig,
    event::EventKind,
    ids::{ClientId, RequestId, Timestamp},
    resilience::{
        Outcome, Priority,
        degradation::{self, Degradation, Level, NoSuchSignal},
        objective::{self, ErrorBudget},
        rate::{KeyedLimiter, KeyedSnapshot},
        shares,
    },
    sorted::SortedMap,
    time::Time,
};

/// The most requests that are timed at once.
pub const MAX_MEASURED: usize = 4_096;
/// When to come back as long as nobody knows how long requests take.
const UNKNOWN: Duration = Duration::from_millis(100);

/// What a client asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) client: ClientId,
    /// `None`: it asks who the members are.
    pub(crate) request: Option<Timestamp>,
    pub(crate) is_read: bool,
    /// It is answered already, or waits here.
    pub(crate) is_known: bool,
    /// How many clients wait, if this one would be one more.
    pub(crate) waiting: Option<usize>,
}

const fn priority_of(client: ClientId) -> Priority {
    match client {
        ClientId::ADMINISTRATOR => Priority::Important,
        _ => Priority::Normal,
    }
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests, reads and questions that were let in.
    pub admitted: u64,
    /// Those that were not, by [`Why`].
    pub refused: [u64; 3],
    /// Requests that were not executed within the time that is configured.
    pub overdue: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// The rates, where there are any.
    pub rate: Option<KeyedSnapshot>,
    /// How many clients may wait, where that is bounded.
    pub may_wait: Option<u32>,
    /// The promises, where there are any.
    pub objective: Option<objective::Snapshot>,
    /// How bad it is, where it degrades.
    pub degradation: Option<degradation::Snapshot>,
    /// How long a request usually takes, in microseconds; zero as long as nobody knows.
    pub usual_us: u64,
    /// Requests that are being timed.
    pub measured: u32,
    /// For metrics.
    pub counters: Counters,
}

/// What a client waits for.
#[derive(Clone, Copy, Debug, Serialize)]
struct UnderWay {
    timestamp: Timestamp,
    is_read: bool,
    /// Since when it has waited, for this or for what it asked before in vain.
    since: Time,
}

/// The gate of one node.
#[derive(Clone, Debug, Serialize)]
pub struct Gate {
    config: Config,
    rate: Option<KeyedLimiter<ClientId>>,
    budget: Option<ErrorBudget>,
    degradation: Option<Degradation>,
    /// What each client was let in with and isn't done.
    under_way: SortedMap<ClientId, UnderWay>,
    usual_us: u64,
    counters: Counters,
}

impl Gate {
    pub(in super::super) fn new(config: Config) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            rate: config.keyed().map(KeyedLimiter::new).transpose()?,
            budget: config.objective.clone().map(ErrorBudget::new).transpose()?,
            degradation: config.degradation.clone().map(Degradation::new).transpose()?,
            under_way: SortedMap::new(),
            usual_us: 0,
            counters: Counters::default(),
            config,
        })
    }

    /// Another configuration from now on. What each part knows stays, if there still is that part.
    pub(in super::super) fn reconfigure(
        &mut self,
        now: Time,
        config: Config,
    ) -> Result<(), BadConfig> {
        config.validate()?;
        match (&mut self.rate, config.keyed()) {
            (Some(rate), Some(keyed)) => rate.reconfigure(now, keyed)?,
            (rate, keyed) => *rate = keyed.map(KeyedLimiter::new).transpose()?,
        }
        match (&mut self.budget, config.objective.clone()) {
            (Some(budget), Some(objective)) => budget.reconfigure(objective)?,
            (budget, objective) => *budget = objective.map(ErrorBudget::new).transpose()?,
        }
        match (&mut self.degradation, config.degradation.clone()) {
            (Some(degradation), Some(config)) => degradation.reconfigure(now, config)?,
            (degradation, config) => *degradation = config.map(Degradation::new).transpose()?,
        }
        self.config = config;
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How bad it is.
    pub fn level(&self) -> Level {
        self.degradation.as_ref().map_or(Level::Normal, Degradation::level)
    }

    /// Whether something that can be left out isn't: see [`super::FEATURES`].
    pub fn is_on(&self, feature: &str) -> bool {
        // What isn't configured is never left out.
        self.degradation.as_ref().is_none_or(|it| it.is_on(feature).unwrap_or(true))
    }

    /// How often a client could ask at once now, and how often one could that hasn't asked for long.
    /// `None`: there are no rates.
    pub fn permits(&self, now: Time, client: ClientId) -> Option<(u32, u32)> {
        Some(self.rate.as_ref()?.free(now, client, priority_of(client)))
    }

    /// All that is to be seen of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            rate: self.rate.as_ref().map(KeyedLimiter::snapshot),
            may_wait: self.config.waiting.as_ref().map(|it| it.most),
            objective: self.budget.as_ref().map(ErrorBudget::snapshot),
            degradation: self.degradation.as_ref().map(Degradation::snapshot),
            usual_us: self.usual_us,
            measured: self.under_way.len() as u32,
            counters: self.counters,
        }
    }

    /// Whether it is let in; else why not, and when to come back.
    pub(in super::super) fn admit(&mut self, now: Time, asked: Asked) -> Result<(), (Why, u32)> {
        if let Err((why, wait)) = self.judge(now, asked) {
            let refused = &mut self.counters.refused[why as usize];
            *refused = refused.saturating_add(1);
            let ms = wait.as_micros().div_ceil(1_000).clamp(1, u128::from(MAX_RETRY_AFTER_MS));
            return Err((why, ms as u32));
        }
        self.counters.admitted = self.counters.admitted.saturating_add(1);
        if let Some(timestamp) = asked.request.filter(|_| !asked.is_known) {
            self.begins(now, asked.client, timestamp, asked.is_read);
        }
        Ok(())
    }

    /// Who asks anew before it was served has waited since it first asked: else clients that give up a
    /// little before they would count as failed would hide that nothing is executed at all. One that is
    /// in a hurry costs nothing: something of it is executed in between.
    fn begins(&mut self, now: Time, client: ClientId, timestamp: Timestamp, is_read: bool) {
        let before = self.under_way.get(&client).copied();
        if before.is_none() && self.under_way.len() >= MAX_MEASURED {
            return;
        }
        let waits = before.filter(|it| !it.is_read && !is_read);
        let since = waits.map_or(now, |it| it.since);
        self.under_way.insert(client, UnderWay { timestamp, is_read, since });
    }

    fn judge(&mut self, now: Time, asked: Asked) -> Result<(), (Why, Duration)> {
        let priority = priority_of(asked.client);
        let left_out = asked.is_read && !self.is_on("reads");
        if let Some(degradation) = self.degradation.as_mut().filter(|_| !asked.is_known) {
            let shed = degradation.admit(now, priority).err().map(|it| it.retry_at);
            let improve = Duration::from_millis(degradation.config().improve_ms);
            if let Some(retry_at) = shed.or(left_out.then_some(None)) {
                return Err((Why::Degraded, retry_at.map_or(improve, |at| at.since(now))));
            }
        }
        if let Some(rate) = &mut self.rate
            && let Err(rejected) = rate.admit(now, asked.client, 1, priority)
        {
            return Err((Why::Rate, rejected.retry_at.map_or(UNKNOWN, |at| at.since(now))));
        }
        if let Some((bound, waiting)) = self.config.waiting.as_ref().zip(asked.waiting) {
            let most = u64::from(bound.most);
            let limits = shares::of(most, 1, bound.normal_ppm, bound.normal_ppm, 1_000_000);
            if waiting as u64 >= limits[priority as usize] {
                let usual = Duration::from_micros(self.usual_us);
                return Err((Why::Full, if usual.is_zero() { UNKNOWN } else { usual }));
            }
        }
        Ok(())
    }

    /// The replica reports what happened.
    pub(in super::super) fn saw(&mut self, now: Time, event: &EventKind) {
        match event {
            EventKind::Executed { requests, .. } => {
                for id in requests {
                    self.ended(now, *id);
                }
            }
            EventKind::ReadAnswered { request, .. } => self.ended(now, *request),
            // What was under way was executed elsewhere.
            EventKind::StateTransferred { .. } => self.under_way.clear(),
            _ => {}
        }
    }

    fn ended(&mut self, now: Time, id: RequestId) {
        let Some(UnderWay { timestamp, since, .. }) = self.under_way.get(&id.client).copied()
        else {
            return;
        };
        // Who asked for something else since then doesn't wait for it any more.
        if timestamp > id.timestamp {
            return;
        }
        self.under_way.remove(&id.client);
        let took = now.since(since);
        let took_us = took.as_micros() as u64;
        let usual = if self.usual_us == 0 { took_us } else { self.usual_us };
        // An eighth of the way from what was usual.
        self.usual_us = (usual - usual / 8).saturating_add(took_us / 8).max(1);
        self.settle(now, took);
    }

    fn settle(&mut self, now: Time, took: Duration) {
        let late = took >= Duration::from_millis(self.config.patience_ms);
        self.counters.overdue = self.counters.overdue.saturating_add(u64::from(late));
        if let Some(budget) = &mut self.budget {
            budget.settle(now, if late { Outcome::Timeout } else { Outcome::Success }, took);
        }
    }

    /// Lets time pass, `waiting` clients waiting.
    pub(in super::super) fn tick(&mut self, now: Time, waiting: usize) {
        let patience = Duration::from_millis(self.config.patience_ms);
        while let Some((client, is_read)) = self.first_overdue(now, patience) {
            self.under_way.remove(&client);
            // A replica may leave a read alone, and does if it is none: its client has it ordered then,
            // and that is what is promised.
            if !is_read {
                self.settle(now, patience);
            }
        }
        let heat = self.budget.as_mut().map(|budget| {
            budget.tick(now);
            budget.heat_ppm()
        });
        let queue = self.config.waiting.as_ref();
        let queue = queue.map(|it| waiting as u64 * 1_000_000 / u64::from(it.most));
        for (signal, ppm) in [heat, queue].into_iter().enumerate() {
            // There are as many, at least.
            let _ = self.observe(now, signal as u8, ppm.unwrap_or(0));
        }
    }

    fn first_overdue(&self, now: Time, patience: Duration) -> Option<(ClientId, bool)> {
        let mut all = self.under_way.iter();
        let found = all.find(|(_, it)| now.since(it.since) >= patience);
        found.map(|(client, it)| (*client, it.is_read))
    }

    /// See [`Degradation::observe`].
    pub(in super::super) fn observe(
        &mut self,
        now: Time,
        signal: u8,
        ppm: u64,
    ) -> Result<(), NoSuchSignal> {
        self.degradation.as_mut().map_or(Ok(()), |it| it.observe(now, signal, ppm))
    }

    /// See [`Degradation::hold`]. False: it doesn't degrade.
    pub(in super::super) fn hold(&mut self, now: Time, level: Option<Level>) -> bool {
        self.degradation.as_mut().map(|it| it.hold(now, level)).is_some()
    }

    /// What has changed since it was last asked.
    pub(in super::super) fn poll_event(&mut self) -> Option<EventKind> {
        while let Some(event) = self.degradation.as_mut().and_then(Degradation::poll_event) {
            if let degradation::Event::Moved { from, to, highest_ppm } = event {
                return Some(EventKind::LevelChanged { from, to, highest_ppm });
            }
        }
        let event = self.budget.as_mut().and_then(ErrorBudget::poll_event)?;
        Some(match event {
            objective::Event::Fires { kind, pair, .. } => {
                EventKind::BudgetBurns { objective: kind, pair: Some(pair), over: false }
            }
            objective::Event::Clears { kind, pair } => {
                EventKind::BudgetBurns { objective: kind, pair: Some(pair), over: true }
            }
            objective::Event::Exhausted(kind) => {
                EventKind::BudgetBurns { objective: kind, pair: None, over: false }
            }
            objective::Event::Replenished(kind) => {
                EventKind::BudgetBurns { objective: kind, pair: None, over: true }
            }
        })
    }
}

//! The guards of one peer and operation.
//!
//! One that a new configuration does without stays, unused: permits that are out come back to it, and
//! if it is wanted again it still knows what it knew. All of a peer or an operation that a new
//! configuration doesn't name go together, once nothing of them is out.

use super::{
    config::Policy,
    metrics::{Counters, Snapshot},
};
use crate::{
    config::BadConfig,
    resilience::{
        adaptive::AdaptiveLimiter,
        breaker::Breaker,
        bulkhead::Bulkhead,
        rate::Limiter,
        retry::{Hedger, Retry},
        timeout::Timeouts,
    },
    time::Time,
};

/// A guard, and whether it is used.
#[derive(Clone, Debug)]
pub(super) struct Maybe<G> {
    guard: Option<G>,
    used: bool,
}

impl<G> Maybe<G> {
    fn new<C: Clone>(
        config: Option<&C>,
        new: impl Fn(C) -> Result<G, BadConfig>,
    ) -> Result<Self, BadConfig> {
        let guard = config.map(|it| new(it.clone())).transpose()?;
        Ok(Self { used: guard.is_some(), guard })
    }

    fn set<C: Clone>(
        &mut self,
        config: Option<&C>,
        new: impl Fn(C) -> Result<G, BadConfig>,
        set: impl Fn(&mut G, C) -> Result<(), BadConfig>,
    ) -> Result<(), BadConfig> {
        self.used = config.is_some();
        match (&mut self.guard, config) {
            (Some(guard), Some(config)) => set(guard, config.clone()),
            (empty @ None, Some(config)) => {
                *empty = Some(new(config.clone())?);
                Ok(())
            }
            (_, None) => Ok(()),
        }
    }

    /// For whoever asks anew.
    #[inline]
    pub(super) fn used(&mut self) -> Option<&mut G> {
        if self.used { self.guard.as_mut() } else { None }
    }

    /// For whoever gives something back.
    #[inline]
    pub(super) fn any(&mut self) -> Option<&mut G> {
        self.guard.as_mut()
    }

    pub(super) fn seen(&self) -> Option<&G> {
        self.guard.as_ref().filter(|_| self.used)
    }
}

/// All of one peer and operation.
#[derive(Clone, Debug)]
pub(super) struct Guards {
    pub(super) rate: Maybe<Limiter>,
    pub(super) bulkhead: Maybe<Bulkhead>,
    pub(super) adaptive: Maybe<AdaptiveLimiter>,
    pub(super) retry: Maybe<Retry>,
    pub(super) hedge: Maybe<Hedger>,
    pub(super) breaker: Maybe<Breaker>,
    pub(super) timeout: Timeouts,
    pub(super) counters: Counters,
}

impl Guards {
    pub(super) fn new(policy: &Policy) -> Result<Self, BadConfig> {
        Ok(Self {
            rate: Maybe::new(policy.rate.as_ref(), Limiter::new)?,
            bulkhead: Maybe::new(policy.bulkhead.as_ref(), Bulkhead::new)?,
            adaptive: Maybe::new(policy.adaptive.as_ref(), AdaptiveLimiter::new)?,
            retry: Maybe::new(policy.retry.as_ref(), Retry::new)?,
            hedge: Maybe::new(policy.hedge.as_ref(), Hedger::new)?,
            breaker: Maybe::new(policy.breaker.as_ref(), Breaker::new)?,
            timeout: Timeouts::new(policy.timeout.clone())?,
            counters: Counters::default(),
        })
    }

    pub(super) fn reconfigure(&mut self, now: Time, policy: &Policy) -> Result<(), BadConfig> {
        self.rate.set(policy.rate.as_ref(), Limiter::new, |it, new| it.reconfigure(now, new))?;
        self.bulkhead.set(policy.bulkhead.as_ref(), Bulkhead::new, Bulkhead::reconfigure)?;
        let adaptive = policy.adaptive.as_ref();
        self.adaptive.set(adaptive, AdaptiveLimiter::new, AdaptiveLimiter::reconfigure)?;
        self.retry.set(policy.retry.as_ref(), Retry::new, Retry::reconfigure)?;
        self.hedge.set(policy.hedge.as_ref(), Hedger::new, Hedger::reconfigure)?;
        self.breaker.set(policy.breaker.as_ref(), Breaker::new, Breaker::reconfigure)?;
        self.timeout.reconfigure(policy.timeout.clone())
    }

    /// Whether nothing of them is out: no call, nobody in line, no work whose caller gave up.
    pub(super) fn is_idle(&self) -> bool {
        let works = self.bulkhead.guard.as_ref().is_some_and(|it| it.running() > 0);
        self.counters.under_way() == 0 && !works
    }

    pub(super) fn tick(&mut self, now: Time) {
        if let Some(breaker) = self.breaker.any() {
            breaker.tick(now);
        }
        if let Some(adaptive) = self.adaptive.any() {
            adaptive.tick(now);
        }
    }

    pub(super) fn next_wake(&self) -> Option<Time> {
        let breaker = self.breaker.guard.as_ref().and_then(Breaker::next_wake);
        let adaptive = self.adaptive.guard.as_ref().and_then(AdaptiveLimiter::next_wake);
        let bulkhead = self.bulkhead.guard.as_ref().and_then(Bulkhead::next_wake);
        [breaker, adaptive, bulkhead].into_iter().flatten().min()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot {
            rate: self.rate.seen().map(Limiter::snapshot),
            bulkhead: self.bulkhead.seen().map(Bulkhead::snapshot),
            adaptive: self.adaptive.seen().map(AdaptiveLimiter::snapshot),
            retry: self.retry.seen().map(Retry::snapshot),
            hedge: self.hedge.seen().map(Hedger::counters),
            breaker: self.breaker.seen().map(Breaker::snapshot),
            timeout: self.timeout.snapshot(),
            counters: self.counters,
        }
    }
}

//! One limit for each key, in memory that doesn't grow.
//!
//! A key has its place in one of a few slots. Where all of them are taken, the newcomer gets the one
//! with the least debt *and that debt*, as in the algorithm Space-Saving (Metwally, Agrawal and El
//! Abbadi, 2005). A slot that has drained loses nothing by it; where none has, whoever uses many keys
//! wins nothing by using one more, and others wait no longer than the least busy of its neighbours.

use alloc::{vec, vec::Vec};
use core::hash::{Hash, Hasher};

use serde::Serialize;
use siphasher::sip::SipHasher13;

use super::{
    bucket::{Bucket, Terms},
    config::KeyedConfig,
    machine::{Rejected, Why},
};
use crate::{
    config::BadConfig,
    resilience::{Priority, steady::Steady},
    time::Time,
};

/// Slots in which a key may be: searched one by one.
const WAYS: usize = 8;

#[derive(Clone, Copy, Debug, Serialize)]
struct Slot<K> {
    key: Option<K>,
    bucket: Bucket,
}

/// For metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeyedCounters {
    /// Calls that passed.
    pub admitted: u64,
    /// Calls that didn't.
    pub rejected: u64,
    /// Keys that had no slot when they came.
    pub newcomers: u64,
    /// Those of them that got another's slot and its debt, because all of theirs were busy.
    pub crowded: u64,
}

/// All that is to be seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct KeyedSnapshot {
    /// Keys that have a debt.
    pub busy: u32,
    /// Keys that there is room for.
    pub room: u32,
    /// For metrics.
    pub counters: KeyedCounters,
}

/// One rate limit for each key.
#[derive(Clone, Debug, Serialize)]
pub struct KeyedLimiter<K> {
    config: KeyedConfig,
    terms: Terms,
    clock: Steady,
    slots: Vec<Slot<K>>,
    counters: KeyedCounters,
}

fn slots<K: Copy>(config: &KeyedConfig) -> Vec<Slot<K>> {
    let sets = (config.keys as usize).div_ceil(WAYS).next_power_of_two();
    vec![Slot { key: None, bucket: Bucket::default() }; sets * WAYS]
}

impl<K: Copy + Eq + Hash> KeyedLimiter<K> {
    /// One of which nothing is used.
    pub fn new(config: KeyedConfig) -> Result<Self, BadConfig> {
        config.validate()?;
        Ok(Self {
            terms: Terms::new(&config.each),
            slots: slots(&config),
            config,
            clock: Steady::default(),
            counters: KeyedCounters::default(),
        })
    }

    /// Asks for a call of such a weight, for that key.
    pub fn admit(
        &mut self,
        now: Time,
        key: K,
        weight: u32,
        priority: Priority,
    ) -> Result<(), Rejected> {
        let now = self.clock.read(now);
        let at = self.place(now, key);
        match self.slots[at].bucket.take(now, &self.terms, weight, priority) {
            Ok(()) => {
                self.counters.admitted = self.counters.admitted.saturating_add(1);
                Ok(())
            }
            Err(refusal) => Err(self.reject(refusal.why, refusal.wait.map(|it| now + it))),
        }
    }

    /// How many permits that key would get at once, and how many of one that used none.
    pub fn free(&self, now: Time, key: K, priority: Priority) -> (u32, u32) {
        let now = self.clock.of_host(now);
        let first = self.first_of(&key);
        let own = self.slots[first..first + WAYS].iter().find(|slot| slot.key == Some(key));
        let of = |bucket: Bucket| bucket.free(now, &self.terms, priority);
        let all = of(Bucket::default());
        (own.map_or(all, |slot| of(slot.bucket)), all)
    }

    /// Others from now on. What each key used stays used, counted in permits; with room for fewer
    /// keys, or with another seed, crowded ones share as they do otherwise.
    pub fn reconfigure(&mut self, now: Time, config: KeyedConfig) -> Result<(), BadConfig> {
        config.validate()?;
        let (now, terms) = (self.clock.read(now), Terms::new(&config.each));
        for slot in &mut self.slots {
            slot.bucket.convert(now, &self.terms, &terms);
        }
        self.terms = terms;
        let moves = config.keys != self.config.keys || config.seed != self.config.seed;
        self.config = config;
        if moves {
            self.rehash(now);
        }
        Ok(())
    }

    /// What it is set up with.
    pub fn config(&self) -> &KeyedConfig {
        &self.config
    }

    /// All that is to be seen of it. Looks at every slot.
    pub fn snapshot(&self) -> KeyedSnapshot {
        let now = self.clock.now();
        let busy = self.slots.iter().filter(|it| it.bucket.debt(now, &self.terms) > 0).count();
        KeyedSnapshot { busy: busy as u32, room: self.slots.len() as u32, counters: self.counters }
    }

    /// Where that key is from now on.
    fn place(&mut self, now: Time, key: K) -> usize {
        let first = self.first_of(&key);
        let ways = &self.slots[first..first + WAYS];
        match ways.iter().position(|slot| slot.key == Some(key)) {
            Some(way) => first + way,
            None => self.take_over(now, first, key),
        }
    }

    #[cold]
    fn take_over(&mut self, now: Time, first: usize, key: K) -> usize {
        let debt = |at: usize| self.slots[at].bucket.debt(now, &self.terms);
        // Of those without debt, the one that was used longest ago, so that keys that come in turns
        // keep their places.
        let worth = |at: &usize| (debt(*at), self.slots[*at].bucket.used_at());
        let least = (first..first + WAYS).min_by_key(worth).unwrap_or(first);
        self.counters.newcomers = self.counters.newcomers.saturating_add(1);
        if debt(least) > 0 {
            self.counters.crowded = self.counters.crowded.saturating_add(1);
        }
        self.slots[least].key = Some(key);
        least
    }

    fn rehash(&mut self, now: Time) {
        let old = core::mem::replace(&mut self.slots, slots(&self.config));
        for slot in old {
            if let Some(key) = slot.key
                && slot.bucket.debt(now, &self.terms) > 0
            {
                let at = self.place(now, key);
                let here = &mut self.slots[at].bucket;
                if slot.bucket.debt(now, &self.terms) > here.debt(now, &self.terms) {
                    *here = slot.bucket;
                }
            }
        }
    }

    fn first_of(&self, key: &K) -> usize {
        let mut hasher = SipHasher13::new_with_keys(self.config.seed, WAYS as u64);
        key.hash(&mut hasher);
        let sets = self.slots.len() / WAYS;
        (hasher.finish() as usize & (sets - 1)) * WAYS
    }

    #[cold]
    fn reject(&mut self, why: Why, retry_at: Option<Time>) -> Rejected {
        self.counters.rejected = self.counters.rejected.saturating_add(1);
        Rejected { why, retry_at: retry_at.map(|at| self.clock.to_host(at)) }
    }
}

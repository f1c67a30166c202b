//! How much of what a member in quarantine says is read.
//!
//! Its votes count as before, so nothing of it is thrown away: what comes sooner than it may waits in its
//! own socket. By default that is several times what a member says at full load (two votes a batch, and
//! hundreds of batches a second), and a fraction of what it takes to keep a core busy with signatures.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use conclave_core::{
    ids::NodeId,
    quorum::NodeSet,
    resilience::{
        Priority,
        rate::{Config, Limiter, Snapshot},
    },
};
use serde::Serialize;
use tokio::time::sleep_until;

use crate::node::Clock;

/// A message costs one permit, and one more for so many bytes.
const BYTES_PER_PERMIT: usize = 4_096;

/// The rates of those in quarantine. Shared by all connections and the driver.
pub struct Restraint {
    clock: Clock,
    /// Whether anybody is: the others pay for no lock.
    any: AtomicBool,
    state: Mutex<State>,
}

struct State {
    config: Option<Config>,
    held: BTreeMap<NodeId, Option<Limiter>>,
    /// Messages that had to wait, of all that ever were in quarantine.
    waited: u64,
}

/// A member in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RestrainedSeen {
    /// Who.
    pub peer: NodeId,
    /// What it may still say at once; `None`: it isn't limited.
    pub rate: Option<Snapshot>,
}

impl Restraint {
    /// Nobody is in quarantine. `None`: whoever is may say as much as others.
    pub fn new(config: Option<Config>, clock: Clock) -> Self {
        let state = State { config, held: BTreeMap::new(), waited: 0 };
        Self { clock, any: AtomicBool::new(false), state: Mutex::new(state) }
    }

    /// These are in quarantine, and nobody else.
    pub fn follow(&self, restrained: NodeSet) {
        let State { config, held, .. } = &mut *self.lock();
        held.retain(|node, _| restrained.contains(*node));
        for node in restrained.iter() {
            held.entry(node).or_insert_with(|| limiter(config.as_ref()));
        }
        self.any.store(!held.is_empty(), Ordering::Release);
    }

    /// Another rate from now on.
    pub fn reconfigure(&self, config: Option<Config>) {
        let now = self.clock.now();
        let mut state = self.lock();
        for held in state.held.values_mut() {
            match (held.as_mut(), &config) {
                // It was checked with the whole configuration.
                (Some(limiter), Some(config)) => drop(limiter.reconfigure(now, config.clone())),
                _ => *held = limiter(config.as_ref()),
            }
        }
        state.config = config;
    }

    /// Returns when so many bytes of a peer may be read: at once, unless it is in quarantine.
    pub(super) async fn pace(&self, peer: NodeId, bytes: usize) {
        let mut is_first = true;
        while let Some(until) = self.ask(peer, bytes, is_first) {
            is_first = false;
            sleep_until(until.into()).await;
        }
    }

    fn ask(&self, peer: NodeId, bytes: usize, is_first: bool) -> Option<Instant> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        let now = self.clock.now();
        let mut state = self.lock();
        let limiter = state.held.get_mut(&peer)?.as_mut()?;
        // What is longer than all that may come at once takes all of it.
        let permits = u32::try_from(1 + bytes / BYTES_PER_PERMIT).unwrap_or(u32::MAX);
        let permits = permits.min(limiter.config().burst);
        let until = limiter.admit(now, permits, Priority::Consensus).err()?.retry_at;
        state.waited += u64::from(is_first);
        until.map(|until| self.clock.instant(until))
    }

    /// Who is in quarantine, and what they may say.
    pub fn snapshot(&self) -> Vec<RestrainedSeen> {
        let seen = |(peer, limiter): (&NodeId, &Option<Limiter>)| RestrainedSeen {
            peer: *peer,
            rate: limiter.as_ref().map(Limiter::snapshot),
        };
        self.lock().held.iter().map(seen).collect()
    }

    /// Messages that had to wait.
    pub fn waited(&self) -> u64 {
        self.lock().waited
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No change here can stop half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limiter(config: Option<&Config>) -> Option<Limiter> {
    Limiter::new(config?.clone()).ok() // it was checked with the whole configuration
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const FREE: NodeId = NodeId(1);
    const HELD: NodeId = NodeId(2);

    fn restraint() -> Restraint {
        let config = Config::default().permits(10).per_ms(1_000_000).burst(10);
        let restraint = Restraint::new(Some(config), Clock::start());
        let mut held = NodeSet::default();
        held.insert(HELD);
        restraint.follow(held);
        restraint
    }

    #[test]
    fn who_is_in_quarantine_waits_beyond_its_rate_and_nobody_else_does() {
        let restraint = restraint();
        let heard =
            |peer| (0..100).take_while(|_| restraint.ask(peer, 100, true).is_none()).count();
        assert_eq!((heard(FREE), heard(HELD)), (100, 10));
        let until = restraint.ask(HELD, 100, false).expect("it waits");
        assert!(until > Instant::now() + Duration::from_secs(50));
        assert_eq!(restraint.waited(), 1, "a message that waits twice is one");
        restraint.follow(NodeSet::default());
        assert_eq!((heard(HELD), restraint.snapshot().len()), (100, 0));
    }

    #[test]
    fn bytes_count_and_the_longest_message_passes_too() {
        let restraint = restraint();
        assert_eq!(restraint.ask(HELD, 9 * BYTES_PER_PERMIT, true), None, "all ten permits");
        assert!(restraint.ask(HELD, 1, true).is_some());
        let restraint = self::restraint();
        assert_eq!(restraint.ask(HELD, usize::MAX, true), None, "it takes all there is");
        assert!(restraint.ask(HELD, 1, true).is_some());
    }

    #[test]
    fn another_rate_counts_at_once_and_none_lets_all_pass() {
        let restraint = restraint();
        (0..10).for_each(|_| assert_eq!(restraint.ask(HELD, 1, true), None));
        assert!(restraint.ask(HELD, 1, true).is_some());
        restraint.reconfigure(None);
        (0..100).for_each(|_| assert_eq!(restraint.ask(HELD, 1, true), None));
        restraint.reconfigure(Some(Config::default().permits(1).burst(1)));
        assert_eq!(restraint.ask(HELD, 1, true), None);
        assert!(restraint.ask(HELD, 1, true).is_some());
    }
}

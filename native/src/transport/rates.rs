//! How often each client may speak. What comes sooner waits in the client's own socket, before it is
//! read: a flood costs whoever makes it, and nothing of it is lost.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use conclave_core::{
    config::BadConfig,
    ids::ClientId,
    resilience::{
        Priority,
        rate::{Config, KeyedConfig, KeyedLimiter},
    },
};

use super::limits::MAX_CLIENT_CONNECTIONS;
use crate::node::Clock;

/// A client's pause is at most so long at a time: its connection isn't to look dead.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The rates of all clients.
pub struct Rates {
    clients: Mutex<KeyedLimiter<ClientId>>,
    clock: Clock,
}

impl Rates {
    /// The same rate for each client.
    pub fn new(each: Config, clock: Clock) -> Result<Self, BadConfig> {
        let config = KeyedConfig::default()
            .each(each)
            .keys(MAX_CLIENT_CONNECTIONS as u32)
            // Without randomness clients could choose numbers that share a place, if they could
            // choose their numbers.
            .seed(getrandom::u64().unwrap_or(0));
        Ok(Self { clients: Mutex::new(KeyedLimiter::new(config)?), clock })
    }

    /// A client says something: how long that has to wait before it is asked again, if it has to.
    pub(super) fn take(&self, client: ClientId, priority: Priority) -> Option<Duration> {
        let now = self.clock.now();
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let rejected = clients.admit(now, client, 1, priority).err()?;
        // One call always fits in the end.
        let wait = rejected.retry_at.map_or(LONGEST_PAUSE, |at| at.since(now));
        Some(wait.clamp(Duration::from_millis(1), LONGEST_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_floods_waits_and_nobody_else_does() {
        let each = Config::default().permits(10).burst(5);
        let rates = Rates::new(each, Clock::start()).unwrap();
        let flood =
            |client| (0..100).filter_map(|_| rates.take(client, Priority::Important)).count();
        assert!(flood(ClientId(1)) >= 95);
        assert_eq!(rates.take(ClientId(2), Priority::Important), None);
        let wait = rates.take(ClientId(1), Priority::Important).unwrap();
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
    }
}

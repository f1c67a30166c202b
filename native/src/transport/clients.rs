//! Where replies go: the connections on which each client can be reached right now.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use conclave_core::{event::LossCause, ids::ClientId};
use tokio::sync::mpsc;

use super::limits::{MAX_CLIENT_CONNECTIONS, MAX_CONNECTIONS_PER_CLIENT};

/// The clients that are connected. Shared by all connections and the driver.
#[derive(Default)]
pub struct Clients(Mutex<Connected>);

#[derive(Default)]
struct Connected {
    next: u64,
    total: usize,
    by_client: BTreeMap<ClientId, OfClient>,
}

#[derive(Default)]
struct OfClient {
    connections: Vec<(u64, mpsc::Sender<Bytes>)>,
    /// Nothing of it is read before.
    held_until: Option<Instant>,
}

/// A client is held back for so long at a time at most: its connection isn't to look dead.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Clients {
    /// Adds a connection; `None` if there are too many. It is forgotten when the value that is
    /// returned is dropped.
    pub(super) fn register(
        &self,
        client: ClientId,
        replies: mpsc::Sender<Bytes>,
    ) -> Option<Registered<'_>> {
        let mut connected = self.lock();
        if connected.total >= MAX_CLIENT_CONNECTIONS {
            return None;
        }
        let number = connected.next;
        let of_client = &mut connected.by_client.entry(client).or_default().connections;
        if of_client.len() >= MAX_CONNECTIONS_PER_CLIENT {
            return None;
        }
        of_client.push((number, replies));
        connected.next += 1;
        connected.total += 1;
        Some(Registered { clients: self, client, number })
    }

    /// Queues a reply on every connection of the client.
    pub fn reply(&self, client: ClientId, frame: &Bytes) -> Result<(), LossCause> {
        let connected = self.lock();
        let mut outcome = Err(LossCause::Down);
        let of_client = connected.by_client.get(&client);
        for (_, replies) in of_client.into_iter().flat_map(|it| &it.connections) {
            match (replies.try_send(frame.clone()), outcome) {
                (Ok(()), _) => outcome = Ok(()),
                (Err(mpsc::error::TrySendError::Full(_)), Err(_)) => {
                    outcome = Err(LossCause::Overflow);
                }
                (Err(_), _) => {}
            }
        }
        outcome
    }

    /// A client was turned away. What it says next waits in its own socket, before it is read: a
    /// flood costs whoever makes it, and nothing of it is lost.
    pub fn hold_back(&self, client: ClientId, wait: Duration) {
        if let Some(of_client) = self.lock().by_client.get_mut(&client) {
            of_client.held_until = Instant::now().checked_add(wait.min(LONGEST_PAUSE));
        }
    }

    /// Until when a client is held back, if it is.
    pub(super) fn held_until(&self, client: ClientId) -> Option<Instant> {
        let held = self.lock().by_client.get(&client)?.held_until?;
        (held > Instant::now()).then_some(held)
    }

    /// How many connections there are.
    pub fn connections(&self) -> usize {
        self.lock().total
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        // No change here can stop half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of a client, for as long as it lives.
pub(super) struct Registered<'a> {
    clients: &'a Clients,
    client: ClientId,
    number: u64,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let mut connected = self.clients.lock();
        connected.total -= 1;
        if let Some(of_client) = connected.by_client.get_mut(&self.client) {
            of_client.connections.retain(|(number, _)| *number != self.number);
            if of_client.connections.is_empty() {
                connected.by_client.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_reached_on_every_connection_and_forgotten_with_its_last() {
        let clients = Clients::default();
        let client = ClientId(3);
        let reply = Bytes::from_static(b"reply");
        assert_eq!(clients.reply(client, &reply), Err(LossCause::Down));

        let (sender, mut first) = mpsc::channel(1);
        let one = clients.register(client, sender).unwrap();
        let (sender, mut second) = mpsc::channel(1);
        let two = clients.register(client, sender).unwrap();
        assert_eq!(clients.reply(client, &reply), Ok(()));
        assert_eq!(
            (first.try_recv().unwrap(), second.try_recv().unwrap()),
            (reply.clone(), reply.clone())
        );

        drop(one);
        assert_eq!(clients.reply(client, &reply), Ok(()));
        assert_eq!(clients.reply(client, &reply), Err(LossCause::Overflow));
        drop(two);
        assert_eq!(
            (clients.reply(client, &reply), clients.connections()),
            (Err(LossCause::Down), 0)
        );
    }

    #[test]
    fn who_was_turned_away_is_held_back_for_as_long_and_nobody_else_is() {
        let clients = Clients::default();
        let (sender, _receiver) = mpsc::channel(1);
        let _one = clients.register(ClientId(1), sender.clone()).unwrap();
        let _two = clients.register(ClientId(2), sender).unwrap();
        clients.hold_back(ClientId(1), Duration::from_hours(1));
        let held = clients.held_until(ClientId(1)).unwrap();
        assert!(held <= Instant::now() + LONGEST_PAUSE, "its connection isn't to look dead");
        assert_eq!(clients.held_until(ClientId(2)), None);
        clients.hold_back(ClientId(1), Duration::ZERO);
        assert_eq!(clients.held_until(ClientId(1)), None);
        clients.hold_back(ClientId(3), Duration::ZERO); // it has gone
    }

    #[test]
    fn one_client_can_not_take_all_connections() {
        let clients = Clients::default();
        let (sender, _receiver) = mpsc::channel(1);
        let open: Vec<_> = (0..MAX_CONNECTIONS_PER_CLIENT)
            .map(|_| clients.register(ClientId(1), sender.clone()).unwrap())
            .collect();
        assert!(clients.register(ClientId(1), sender.clone()).is_none());
        assert!(clients.register(ClientId(2), sender).is_some());
        drop(open);
    }
}

//! The protocol as a real host drives it: bytes in, bytes out, records kept and replayed.

use alloc::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    vec::Vec,
};
use core::time::Duration;

use conclave_core::{
    app::{KeyValue, Operation},
    client::{Client, ClientEffect, Patience},
    crypto::{Authenticator, Digest, Directory, Ed25519, SecretKey, verify},
    ids::{ClientId, NodeId, Principal, Timestamp},
    pbft::{Config, Message, Record, Replica},
    protocol::{Effect, Input, Protocol, To},
    quorum::Membership,
    time::Time,
};

struct Nodes {
    members: Membership,
    keys: Vec<Arc<dyn Authenticator>>,
    replicas: Vec<Replica<KeyValue>>,
    records: Vec<Vec<Record>>,
    client: Client,
    on_the_wire: VecDeque<(Principal, NodeId, Vec<u8>)>,
}

/// Runs for so many rounds and restarts a replica from its records at the end.
pub(crate) fn drive(seed: u64, rounds: u32) -> Option<Digest> {
    let members = Membership::new(4).ok()?;
    let client = Principal::Client(ClientId(seed));
    let names: Vec<_> = members.nodes().map(Principal::Node).chain([client]).collect();
    let secret = |name: &Principal| SecretKey::from_seed(&Digest::of(&(seed, name)).0);
    let directory: Directory = names.iter().map(|name| (*name, secret(name).public())).collect();
    let directory = Arc::new(directory);
    let mut keys: Vec<Arc<dyn Authenticator>> = Vec::new();
    for name in names {
        keys.push(Arc::new(Ed25519::new(name, secret(&name), directory.clone())));
    }
    let client_keys = keys.pop()?;
    let mut replicas = Vec::new();
    for (id, key) in members.nodes().zip(&keys) {
        replicas.push(
            Replica::new(id, members, Config::default(), key.clone(), KeyValue::default()).ok()?,
        );
    }
    let mut nodes = Nodes {
        members,
        keys,
        records: replicas.iter().map(|_| Vec::new()).collect(),
        replicas,
        client: Client::new(
            members,
            client_keys,
            Patience::doubling(Duration::from_millis(seed)),
            Timestamp(1),
        )
        .ok()?,
        on_the_wire: VecDeque::new(),
    };
    for round in 0..rounds {
        nodes.round(Time::from_millis(u64::from(round)), seed);
    }
    let id = NodeId(u16::try_from(seed % 4).ok()?);
    let records = nodes.records.swap_remove(usize::from(id.0));
    let key = nodes.keys.swap_remove(usize::from(id.0));
    let restored =
        Replica::restore(id, members, Config::default(), key, KeyValue::default(), records).ok()?;
    Some(Digest::of(&(restored.state_hash(), nodes.state())))
}

impl Nodes {
    fn round(&mut self, now: Time, seed: u64) {
        // Refused while the last one is outstanding; that is fine.
        let _ = self.client.submit(now, operation(seed, now));
        self.client.tick(now);
        while let Some(effect) = self.client.poll_effect() {
            if let ClientEffect::Send { to, message } = effect {
                self.send(Principal::Client(ClientId(seed)), to, &message);
            }
        }
        for at in 0..self.replicas.len() {
            self.tell(at, now, Input::Tick);
        }
        for _ in 0..self.on_the_wire.len() {
            let Some((from, to, bytes)) = self.on_the_wire.pop_front() else { break };
            self.deliver(now, from, to, &bytes);
        }
    }

    fn deliver(&mut self, now: Time, from: Principal, to: NodeId, bytes: &[u8]) {
        let at = usize::from(to.0);
        let (Ok(message), Some(key)) = (Message::decode(bytes), self.keys.get(at)) else { return };
        let Ok(message) = verify(message, self.members, &**key) else { return };
        let input = match from {
            Principal::Node(from) => Input::Message { from, message },
            Principal::Client(_) => Input::Request(message),
        };
        self.tell(at, now, input);
    }

    fn tell(&mut self, at: usize, now: Time, input: Input) {
        let (Some(replica), Some(records)) = (self.replicas.get_mut(at), self.records.get_mut(at))
        else {
            return;
        };
        let id = replica.id();
        replica.handle(now, input);
        let mut outgoing = Vec::new();
        while let Some(effect) = replica.poll_effect() {
            match effect {
                Effect::Persist(number, record) => {
                    records.push(*record);
                    replica.handle(now, Input::Durable(number));
                }
                Effect::Send { to, message } => outgoing.push((to, message)),
                Effect::Reply { message, .. } => {
                    if let Some(Ok(reply)) =
                        self.keys.get(at).map(|key| verify(message, self.members, &**key))
                    {
                        self.client.handle_reply(now, &reply);
                    }
                }
                Effect::Event(_) => {}
            }
        }
        for (to, message) in outgoing {
            self.send(Principal::Node(id), to, &message);
        }
    }

    fn send(&mut self, from: Principal, to: To, message: &Message) {
        let bytes = message.encode();
        let others = self.members.nodes().filter(|node| match to {
            To::Others => Principal::Node(*node) != from,
            To::Node(to) => *node == to,
        });
        self.on_the_wire.extend(others.map(|node| (from, node, bytes.clone())));
    }

    fn state(&self) -> BTreeMap<NodeId, Digest> {
        self.replicas.iter().map(|replica| (replica.id(), replica.state_hash())).collect()
    }
}

/// An operation whose content the compiler can't know.
fn operation(seed: u64, now: Time) -> Vec<u8> {
    let key = seed.to_be_bytes().to_vec();
    let value = now.as_micros().to_be_bytes().to_vec();
    Operation::Put { key, value }.encode()
}

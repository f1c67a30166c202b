//! This node's ways to all others, as the membership changes them while it runs.
//!
//! A node that joins brings its key and its address with the change that the cluster agreed on, so
//! no file needs to know it. What `cluster.toml` says of an address counts more: whoever runs a
//! node may have moved it since. One that was removed is cut off in both directions, and its key is
//! nobody's from then on.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use conclave_core::{config::BadConfig, ids::NodeId, pbft::NewMember, resilience::bulkhead};
use tokio::task::JoinSet;

use super::{
    inbound::Peers,
    outbound::{Outbound, QueueSeen},
    peer_health::PeerHealth,
    restraint::Restraint,
    tls::Tls,
};
use crate::{chaos::Chaos, config::Address, node::Observer, resilience::Guards};

/// What all links are guarded by.
#[derive(Clone)]
pub struct Guarding {
    /// Connections are made by it.
    pub dialing: Arc<Guards>,
    /// What each queue is bounded by.
    pub queue: bulkhead::Config,
    /// Who is told how sending goes.
    pub health: Arc<PeerHealth>,
    /// How much of what those in quarantine say is read.
    pub restraint: Arc<Restraint>,
    /// What they are disturbed by, if anything.
    pub chaos: Arc<Chaos>,
}

/// One link to each other node.
pub struct Links {
    own: NodeId,
    tls: Tls,
    observer: Arc<Observer>,
    guarding: Guarding,
    /// The other direction: what they say.
    inbound: Arc<Peers>,
    open: BTreeMap<NodeId, Outbound>,
    tasks: JoinSet<()>,
}

impl Links {
    /// None yet.
    pub fn new(
        own: NodeId,
        tls: Tls,
        observer: Arc<Observer>,
        inbound: Arc<Peers>,
        guarding: Guarding,
    ) -> Self {
        let (open, tasks) = (BTreeMap::new(), JoinSet::new());
        Self { own, tls, observer, guarding, inbound, open, tasks }
    }

    /// Other queues from now on, in the links that are open too.
    pub fn reconfigure(&mut self, queue: &bulkhead::Config) -> Result<(), BadConfig> {
        self.guarding.queue = queue.clone();
        self.open.values().try_for_each(|link| link.reconfigure(queue))
    }

    /// How full each queue is.
    pub fn queues(&self) -> Vec<QueueSeen> {
        self.open.iter().map(|(peer, link)| link.queue_seen(*peer)).collect()
    }

    /// Opens the link to a node, unless there is one.
    pub fn open(&mut self, node: NodeId, address: &Address) {
        if node == self.own {
            return;
        }
        if let Entry::Vacant(free) = self.open.entry(node) {
            let observer = self.observer.clone();
            let made =
                Outbound::new(self.tls.clone(), node, address.clone(), observer, &self.guarding);
            match made {
                Ok((peer, link)) => {
                    free.insert(peer);
                    self.tasks.spawn(link);
                }
                Err(why) => tracing::error!(%node, %why, "can't open a link to it"),
            }
        }
    }

    /// Lets in a node that the cluster agreed on, and opens the link to it.
    pub fn admit(&mut self, member: &NewMember) {
        let id = member.id;
        if id == self.own {
            return;
        }
        if let Some(key) = member.key {
            self.tls.admit(id, key);
        }
        match member.contact.parse() {
            Ok(address) => self.open(id, &address),
            Err(why) if !self.open.contains_key(&id) => tracing::error!(
                node = %id,
                %why,
                "a node joins whose address can't be used; give it one in cluster.toml"
            ),
            Err(_) => {} // the file has a better one
        }
    }

    /// Cuts a node off for good.
    pub fn close(&mut self, node: NodeId) {
        if self.open.remove(&node).is_some() {
            tracing::info!(%node, "closed the links to it: it is no member any more");
        }
        self.tls.dismiss(node);
        self.guarding.health.forget(node);
        self.inbound.close(node);
    }

    /// The way to a node.
    pub fn get(&self, node: NodeId) -> Option<&Outbound> {
        self.open.get(&node)
    }

    /// The nodes that links lead to.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        self.open.keys().copied()
    }

    /// Those of them that are reached right now.
    pub fn connected(&self) -> impl Iterator<Item = NodeId> {
        self.open.iter().filter(|(_, peer)| peer.is_connected()).map(|(node, _)| *node)
    }

    /// Returns only if a link's task broke. One that was closed ends, and that is no failure.
    pub async fn broken(&mut self) {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(())) => {}
                Some(Err(_)) => return,
                // Alone so far: links may be opened later, and then this is asked anew.
                None => std::future::pending().await,
            }
        }
    }
}

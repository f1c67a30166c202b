//! Starts a node, and ends it whole: when a [`Node`] is dropped, every task and connection of it
//! is gone.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use conclave_core::{
    VERSION,
    analyzer::Level,
    app::KeyValue,
    config::BadConfig,
    crypto::{Authenticator, Ed25519, PublicKey},
    ids::{Epoch, NodeId, Principal},
    node::Node as Core,
    pbft::{Record, RestoreError},
    protocol::Protocol as _,
    resilience::manager::BadPolicy,
    time::Time,
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};

use super::{
    Clock, Observer, Status, StatusBoard, WallClock,
    driver::{Driver, Followed, Stopped, takes_part},
    guard_board::GuardBoard,
    storage::{Beginning, Journal, JournalIdentity, Memory, Storage, StorageError},
    wishes::Wishes,
};
use crate::{
    admin,
    chaos::Chaos,
    config::{ClusterConfig, ConfigError, FirstStart, Identity},
    resilience::Guards,
    transport::{
        Clients, Guarding, Links, Listening, PeerHealth, Peers, Restraint, Tls, TlsError, Trust,
        limits::MAX_INBOX_MESSAGES, listen,
    },
};

/// What a node is started with.
pub struct NodeOptions {
    /// The cluster.
    pub config: Arc<ClusterConfig>,
    /// Which node of it, and its key.
    pub identity: Identity,
    /// Where its records go; `None`: into memory.
    pub data: Option<PathBuf>,
    /// What it means if there are none yet.
    pub beginning: Beginning,
    /// The permission that is used up once there are.
    pub first_start: FirstStart,
    /// Listen here instead of at the address that the others know (behind address translation).
    pub listen: Option<SocketAddr>,
    /// Where cluster.toml is, to be read again when an operator wants the guards to be as it says.
    pub directory: Option<PathBuf>,
}

/// Why a node doesn't start, or ended.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The identity is no node of the cluster.
    #[error("the cluster's configuration knows no {0}")]
    Unknown(Principal),
    /// An address can't be listened at.
    #[error("can't listen at {address} ({field} of node {node} in cluster.toml): {why}")]
    Bind {
        /// Where.
        address: String,
        /// Which setting says so.
        field: &'static str,
        /// Of which node.
        node: NodeId,
        /// What the system said.
        why: std::io::Error,
    },
    /// A file beside the configuration can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// It has no place for its HTTP.
    #[error("cluster.toml gives node {0} no `admin`: the address where it answers HTTP")]
    NoAdmin(NodeId),
    /// The own key can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Clients can't be let in like that. A configuration that was read has been checked.
    #[error("cluster.toml, [guards.clients]: {0}")]
    Clients(#[from] BadConfig),
    /// Peers can't be called like that. Likewise.
    #[error("cluster.toml, [guards.peers]: {0}")]
    Peers(#[from] BadPolicy),
    /// The records can't be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// No replica can be made from configuration and records.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The disk failed while the node ran.
    #[error("storage failed, and a node that can't remember must stop: {0}")]
    StorageFailed(String),
    /// The cluster gave its number to another.
    #[error(
        "the cluster agreed that node {node} is whoever holds the key {agreed}, and this is \
         another key: prepare this node anew with a number of its own (`conclave member prepare`)"
    )]
    OtherKey {
        /// The number.
        node: NodeId,
        /// Whose it is.
        agreed: Box<PublicKey>,
    },
    /// A part of the node ended that never should.
    #[error("{0} ended unexpectedly")]
    Ended(&'static str),
}

/// A running node.
pub struct Node {
    observer: Arc<Observer>,
    board: Arc<StatusBoard>,
    guards: Arc<GuardBoard>,
    driver: JoinHandle<Result<(), Stopped>>,
    tasks: JoinSet<&'static str>,
}

impl Node {
    /// Starts it: listening, connecting, and answering HTTP at its admin address.
    pub async fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let NodeOptions { config, identity, data, beginning, first_start, listen, directory } =
            options;
        let principal = identity.principal;
        let Principal::Node(id) = principal else { return Err(NodeError::Unknown(principal)) };
        let own = config.node(id).ok_or(NodeError::Unknown(principal))?;
        let admin = own.admin.ok_or(NodeError::NoAdmin(id))?;

        let peers = match listen {
            Some(address) => TcpListener::bind(address).await,
            None => TcpListener::bind((own.address.host(), own.address.port())).await,
        };
        let peers = peers.map_err(|why| NodeError::Bind {
            address: listen.map_or_else(|| own.address.to_string(), |it| it.to_string()),
            field: "address",
            node: id,
            why,
        })?;
        let http = TcpListener::bind(admin).await.map_err(|why| NodeError::Bind {
            address: admin.to_string(),
            field: "admin",
            node: id,
            why,
        })?;

        match data {
            None => {
                let memory = Memory::default();
                Self::run(id, &config, &identity, directory, peers, http, memory, vec![])
            }
            Some(path) => {
                let owner = JournalIdentity::of(id, &config);
                // The clock numbers the life that begins if memory was lost.
                let life = Clock::start().origin().0;
                let opening = tokio::task::spawn_blocking(move || {
                    Journal::open(&path, owner, life, beginning)
                });
                let (journal, records) =
                    opening.await.map_err(|_| NodeError::Ended("opening the journal"))??;
                // Before the node says anything: from here on an empty directory is a loss.
                first_start.used()?;
                tracing::info!(records = records.len(), "restored from the journal");
                Self::run(id, &config, &identity, directory, peers, http, journal, records)
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a node is made of, said once")]
    fn run<S: Storage>(
        id: NodeId,
        config: &ClusterConfig,
        identity: &Identity,
        directory: Option<PathBuf>,
        peers: TcpListener,
        http: TcpListener,
        storage: S,
        records: Vec<Record>,
    ) -> Result<Self, NodeError> {
        let own_key = identity.seed.signing_key().public();
        let authenticator: Arc<dyn Authenticator> = Arc::new(Ed25519::new(
            identity.principal,
            identity.seed.signing_key(),
            config.first_directory(),
        ));
        let tls = Tls::new(identity, config.directory(), config.pbft.agreed())?;
        let clock = Clock::start();
        let observer = Arc::new(Observer::new(id, clock));
        let mut node = Core::restore(
            id,
            config.members(),
            config.pbft.clone(),
            authenticator.clone(),
            KeyValue::default(),
            records,
        )?;
        // Without randomness clients could choose numbers that share a place among rates, if they could
        // choose their numbers.
        let seed = getrandom::u64().unwrap_or(0);
        node.guard(Some(config.guards.clients.clone().seed(seed)))?;
        node.stand_by(config.standby());
        let replica = node.replica();
        let members = replica.members();
        let health = Arc::new(PeerHealth::new(&config.guards.peers, clock));
        health.follow(members);
        let restraint = Arc::new(Restraint::new(config.guards.peers.restrained.clone(), clock));
        restraint.follow(replica.docket().restrained());
        let dialing = Guards::new(config.guards.manager())?;
        let queue = config.guards.peers.queue.clone();
        let chaos =
            Arc::new(Chaos::new(id, clock, config.development, members, authenticator.clone()));
        observer.show_chaos(chaos.clone());
        let guarding = Guarding {
            dialing: dialing.clone(),
            queue,
            health: health.clone(),
            restraint: restraint.clone(),
            chaos: chaos.clone(),
        };
        let (wish, wishes) = Wishes::new();
        let guards = Arc::new(GuardBoard::new(guarding.clone(), wish.clone(), directory));
        observer.show_guards(guards.clone());
        let trust = Arc::new(Trust::new(members, replica.authenticator().clone()));
        observer.restored(
            members,
            replica.view(),
            replica.last_executed(),
            replica.low_water_mark(),
        );
        let board = Arc::new(StatusBoard::new(first_status(&node, clock, &storage)));
        let clients = Arc::new(Clients::default());
        let (inbox_sender, inbox) = mpsc::channel(MAX_INBOX_MESSAGES);

        let mut tasks = JoinSet::new();
        let inbound = Arc::new(Peers::default());
        let mut links =
            Links::new(id, tls.clone(), observer.clone(), inbound.clone(), guarding.clone());
        for node in &config.nodes {
            links.open(node.id, &node.address);
        }
        let listening = Arc::new(Listening {
            tls,
            trust: trust.clone(),
            observer: observer.clone(),
            inbox: inbox_sender,
            clients: clients.clone(),
            peers: inbound,
            health,
            restraint,
            chaos: chaos.clone(),
        });
        tasks.spawn(async move {
            listen(peers, listening).await;
            "the listener"
        });
        tasks.spawn(async move {
            dialing.run().await;
            "the clock of guards"
        });
        let (experiments, watching) = (chaos.clone(), observer.clone());
        tasks.spawn(async move {
            experiments.run(watching).await;
            "the clock of chaos experiments"
        });
        let watched = admin::Watched {
            observer: observer.clone(),
            board: board.clone(),
            guards: guards.clone(),
            chaos,
            trust: trust.clone(),
            wishes: wish,
        };
        let router = admin::router(watched);
        tasks.spawn(async move {
            admin::serve(http, router).await;
            "the admin server"
        });
        board.show(node.export(), node.proofs());
        observer.convicted(node.proofs());
        let driver = Driver {
            #[cfg(feature = "lies")]
            tongue: super::lying::tongue(id, config.development),
            node,
            inbox,
            links,
            followed: Followed::default(),
            own_key,
            wall: WallClock::of_this_machine(),
            clients,
            trust,
            storage,
            observer: observer.clone(),
            board: board.clone(),
            guards: guards.clone(),
            wishes,
            guarding,
            guards_at: Time::ZERO,
            reported: 0,
            slots_at: Time::ZERO,
            decided: (Epoch(0), (0, 0)),
            beyond: false,
        };
        let driver = tokio::spawn(driver.run());
        Ok(Self { observer, board, guards, driver, tasks })
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.board.read()
    }

    /// What its guards do.
    pub fn guards(&self) -> &Arc<GuardBoard> {
        &self.guards
    }

    /// What happened at it.
    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// Returns only if the node can't go on.
    pub async fn failed(&mut self) -> NodeError {
        tokio::select! {
            ended = &mut self.driver => match ended {
                Ok(Err(Stopped::Storage(why))) => NodeError::StorageFailed(why),
                Ok(Err(Stopped::OtherKey { agreed })) => {
                    NodeError::OtherKey { node: self.observer.own(), agreed }
                }
                Ok(Err(Stopped::Link)) => NodeError::Ended("a link to a peer"),
                Ok(Ok(())) | Err(_) => NodeError::Ended("the protocol's task"),
            },
            ended = self.tasks.join_next() => {
                NodeError::Ended(ended.and_then(Result::ok).unwrap_or("a task"))
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn first_status<S: Storage>(node: &Core<KeyValue>, clock: Clock, storage: &S) -> Status {
    debug_assert!(node.deadline().is_some(), "a replica that never ticks can't be driven");
    let replica = node.replica();
    Status {
        id: replica.id(),
        epoch: replica.epoch(),
        protocol: replica.members().protocol(),
        members: replica.members().nodes().collect(),
        nodes: replica.members().n(),
        following: !takes_part(replica),
        view: replica.view(),
        active: replica.is_active(),
        recovering: replica.is_recovering(),
        primary: replica.primary(),
        executed: replica.last_executed(),
        low_water_mark: replica.low_water_mark(),
        high_water_mark: replica.high_water_mark(),
        slots: 0,
        convicted: Vec::new(),
        suspected: Vec::new(),
        restrained: Vec::new(),
        threat: Level::Low,
        safe_mode: false,
        pending: 0,
        connected: Vec::new(),
        clients: 0,
        started_at: clock.origin(),
        now: clock.origin(),
        core: VERSION.to_owned(),
        durable: storage.is_durable(),
    }
}

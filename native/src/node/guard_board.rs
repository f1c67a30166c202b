//! What a node's guards do, written by the driver about once a second and read by anybody; and the way
//! by which an operator reaches them.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use conclave_core::{
    ids::NodeId,
    node::admission,
    resilience::{degradation::Level, manager},
};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::{
    config::{ClusterConfig, ConfigError, DIAL, GuardsConfig},
    resilience::Guards,
    transport::{PeerHealth, PeerSeen, QueueSeen},
};

/// What an operator wants of a running node's guards.
#[derive(Debug)]
pub(super) enum Wanted {
    /// Others from now on; what is known stays.
    Reconfigured(Box<GuardsConfig>, oneshot::Sender<()>),
    /// It leaves out so much, whatever signals say; `None`: what signals say. Answered with whether it
    /// leaves anything out at all.
    Held(Option<Level>, oneshot::Sender<bool>),
}

/// How many wishes of operators wait: they come by hand.
pub(super) const MAX_WISHES: usize = 8;

/// Why a wish isn't granted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotDone {
    /// The file says what can't work. The guards are as they were.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The node doesn't know where its file is.
    #[error("this node was started without a file to read again")]
    NoFile,
    /// It leaves nothing out.
    #[error("clients.degradation is \"off\": there is no level to hold")]
    NoLevels,
    /// The node is stopping.
    #[error("the node is stopping")]
    Stopping,
}

/// How connections to a peer are made.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct DialingSeen {
    /// Which peer.
    pub peer: NodeId,
    /// Breaker, retries and timeout.
    pub guards: manager::Snapshot,
}

/// All that is to be seen of a node's guards.
#[derive(Clone, Debug, Serialize)]
pub struct GuardsSeen {
    /// Clients' requests.
    pub clients: Option<admission::Snapshot>,
    /// What waits for each peer.
    pub queues: Vec<QueueSeen>,
    /// How connections to each are made.
    pub dialing: Vec<DialingSeen>,
    /// What links tell of each. Advice.
    pub peers: Vec<PeerSeen>,
}

/// See the module's head.
pub struct GuardBoard {
    clients: Mutex<(Option<admission::Snapshot>, Vec<QueueSeen>)>,
    events_off: std::sync::atomic::AtomicBool,
    dialing: Arc<Guards>,
    health: Arc<PeerHealth>,
    wishes: mpsc::Sender<Wanted>,
    directory: Option<PathBuf>,
}

impl GuardBoard {
    pub(super) fn new(
        dialing: Arc<Guards>,
        health: Arc<PeerHealth>,
        wishes: mpsc::Sender<Wanted>,
        directory: Option<PathBuf>,
    ) -> Self {
        Self {
            clients: Mutex::default(),
            events_off: false.into(),
            dialing,
            health,
            wishes,
            directory,
        }
    }

    /// All that is to be seen.
    pub fn read(&self) -> GuardsSeen {
        let (clients, queues) = self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dialing = queues.iter().filter_map(|queue| {
            let key = self.dialing.key(queue.peer.0, DIAL).ok()?;
            let guards = self.dialing.manager(|manager, _| manager.snapshot(key)).ok()?;
            Some(DialingSeen { peer: queue.peer, guards })
        });
        let dialing = dialing.collect();
        GuardsSeen { clients, queues, dialing, peers: self.health.snapshot() }
    }

    /// Whether new viewers of events are turned away.
    pub fn events_are_off(&self) -> bool {
        self.events_off.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Reads the table `[guards]` of the node's file again. What is known stays; what can't work
    /// changes nothing.
    pub async fn reload(&self) -> Result<(), NotDone> {
        let directory = self.directory.clone().ok_or(NotDone::NoFile)?;
        let read = tokio::task::spawn_blocking(move || ClusterConfig::load(&directory));
        let config = read.await.map_err(|_| NotDone::Stopping)??;
        let (done, answer) = oneshot::channel();
        self.wish(Wanted::Reconfigured(Box::new(config.guards), done)).await?;
        answer.await.map_err(|_| NotDone::Stopping)
    }

    /// Leaves out so much, whatever signals say; `None`: what signals say.
    pub async fn hold(&self, level: Option<Level>) -> Result<(), NotDone> {
        let (done, answer) = oneshot::channel();
        self.wish(Wanted::Held(level, done)).await?;
        let held = answer.await.map_err(|_| NotDone::Stopping)?;
        held.then_some(()).ok_or(NotDone::NoLevels)
    }

    async fn wish(&self, wanted: Wanted) -> Result<(), NotDone> {
        self.wishes.send(wanted).await.map_err(|_| NotDone::Stopping)
    }

    pub(super) fn show(&self, gate: Option<&admission::Gate>, queues: Vec<QueueSeen>) {
        let off = gate.is_some_and(|gate| !gate.is_on("events"));
        self.events_off.store(off, std::sync::atomic::Ordering::Relaxed);
        *self.clients.lock().unwrap_or_else(PoisonError::into_inner) =
            (gate.map(admission::Gate::snapshot), queues);
    }
}

/// Where the board will be, for metrics that are made before it.
pub(super) type BoardPlace = Arc<OnceLock<Arc<GuardBoard>>>;

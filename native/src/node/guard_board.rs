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

use super::wishes::{Stopping, Wanted, Wishes};
use crate::{
    config::{ClusterConfig, ConfigError, DIAL},
    transport::{Guarding, PeerSeen, QueueSeen, RestrainedSeen},
};

/// Why a wish isn't granted.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotDone {
    /// The file says what can't work. The guards are as they were.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A part of them can't be set up so, though it was checked; the others are.
    #[error("only a part of the guards is as the file says: {0}")]
    InPart(String),
    /// The node doesn't know where its file is.
    #[error("this node was started without a file to read again")]
    NoFile,
    /// It leaves nothing out.
    #[error("clients.degradation is \"off\": there is no level to hold")]
    NoLevels,
    /// The node is stopping.
    #[error(transparent)]
    Stopping(#[from] Stopping),
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
    /// Those in quarantine, and what they may say.
    pub restrained: Vec<RestrainedSeen>,
    /// Messages of such that had to wait.
    pub restrained_waits: u64,
}

/// See the module's head.
pub struct GuardBoard {
    clients: Mutex<(Option<admission::Snapshot>, Vec<QueueSeen>)>,
    events_off: std::sync::atomic::AtomicBool,
    guarding: Guarding,
    wishes: Wishes,
    directory: Option<PathBuf>,
}

impl GuardBoard {
    pub(super) fn new(guarding: Guarding, wishes: Wishes, directory: Option<PathBuf>) -> Self {
        Self { clients: Mutex::default(), events_off: false.into(), guarding, wishes, directory }
    }

    /// All that is to be seen.
    pub fn read(&self) -> GuardsSeen {
        let (clients, queues) = self.clients.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Guarding { dialing, health, restraint, .. } = &self.guarding;
        let dialing = queues.iter().filter_map(|queue| {
            let key = dialing.key(queue.peer.0, DIAL).ok()?;
            let guards = dialing.manager(|manager, _| manager.snapshot(key)).ok()?;
            Some(DialingSeen { peer: queue.peer, guards })
        });
        let dialing = dialing.collect();
        GuardsSeen {
            clients,
            queues,
            dialing,
            peers: health.snapshot(),
            restrained: restraint.snapshot(),
            restrained_waits: restraint.waited(),
        }
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
        let config = read.await.map_err(|_| Stopping)??;
        let config = Box::new(config.guards);
        let done = self.wishes.granted(|done| Wanted::Reconfigured(config, done)).await?;
        done.map_err(NotDone::InPart)
    }

    /// Leaves out so much, whatever signals say; `None`: what signals say.
    pub async fn hold(&self, level: Option<Level>) -> Result<(), NotDone> {
        let held = self.wishes.granted(|done| Wanted::Held(level, done)).await?;
        held.then_some(()).ok_or(NotDone::NoLevels)
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

//! What others say to this node: the listener, and for each connection who is at its other end and for
//! how long it lives. Reading what it says is the `connection`'s.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use conclave_core::{
    ids::{ClientId, NodeId, Principal},
    quorum::NodeSet,
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use super::{
    clients::Clients,
    connection::{Connection, Inbound},
    frame::{FrameReader, keepalive},
    limits::{
        KEEPALIVE_INTERVAL, MAX_HANDSHAKES, MAX_QUEUED_REPLIES, WRITE_TIMEOUT, max_frame_bytes,
    },
    peer_health::PeerHealth,
    restraint::Restraint,
    tls::Tls,
    trust::Trust,
};
use crate::{
    chaos::Chaos,
    node::{ConnectionKind, Observer, RefusedAs},
};

/// What every connection's task needs.
pub struct Listening {
    /// The own identity.
    pub tls: Tls,
    /// Whose word counts.
    pub trust: Arc<Trust>,
    /// Who watches.
    pub observer: Arc<Observer>,
    /// Where checked messages go.
    pub inbox: mpsc::Sender<Inbound>,
    /// Where replies come from.
    pub clients: Arc<Clients>,
    /// The connections of nodes.
    pub peers: Arc<Peers>,
    /// What links tell of peers.
    pub health: Arc<PeerHealth>,
    /// How much of what those in quarantine say is read.
    pub restraint: Arc<Restraint>,
    /// Whom an experiment cuts off.
    pub chaos: Arc<Chaos>,
}

/// After an error of the listener itself (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Why a stranger isn't greeted.
const CROWDED: &str = "too many connections are being greeted";

/// Accepts connections for as long as it is polled; ends all of them when dropped.
pub async fn listen(listener: TcpListener, shared: Arc<Listening>) {
    let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
    let mut connections = JoinSet::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(why) => {
                    tracing::warn!(%why, "can't accept connections");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let Ok(permit) = handshakes.clone().try_acquire_owned() else {
            shared.observer.refused_stranger(RefusedAs::Crowd, address, &CROWDED);
            continue;
        };
        connections.spawn(greet(stream, address, permit, shared.clone()));
    }
}

/// The newest connection from each peer; an older one is a leftover and is ended.
#[derive(Default)]
pub struct Peers(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    newest: BTreeMap<NodeId, AbortHandle>,
    /// Who was cut off. Numbers are never used again, so this is for ever.
    closed: NodeSet,
}

impl Peers {
    fn replace(&self, node: NodeId, newest: AbortHandle) {
        let mut all = self.lock();
        if all.closed.contains(node) {
            newest.abort(); // it came in while it was cut off
        } else if let Some(older) = all.newest.insert(node, newest) {
            older.abort();
        }
    }

    /// Ends what a node has open, and lets it have nothing more.
    pub(super) fn close(&self, node: NodeId) {
        let mut all = self.lock();
        all.closed.insert(node);
        if let Some(open) = all.newest.remove(&node) {
            open.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Connections> {
        // No change here can stop half way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn greet(
    stream: TcpStream,
    address: SocketAddr,
    permit: OwnedSemaphorePermit,
    shared: Arc<Listening>,
) {
    let _ = stream.set_nodelay(true); // only slower without
    let (caller, stream) = match shared.tls.accept(stream).await {
        Ok(accepted) => accepted,
        Err(why) => {
            shared.observer.refused_stranger(RefusedAs::Handshake, address, &why);
            return;
        }
    };
    drop(permit);
    match caller {
        own if own == shared.tls.own() => {
            shared.observer.refused(caller, RefusedAs::Role, &"it uses this node's own key");
        }
        Principal::Node(node) => {
            let peers = shared.peers.clone();
            let serving = tokio::spawn(async move {
                let _counted = shared.observer.connected(ConnectionKind::PeerIn);
                let mut connection = Connection::new(
                    caller,
                    FrameReader::new(stream, max_frame_bytes(caller)),
                    &shared,
                );
                connection.run().await;
            });
            let abort = serving.abort_handle();
            let _end_with_this = AbortOnDrop(abort.clone());
            peers.replace(node, abort);
            let _ = serving.await;
        }
        Principal::Client(client) => serve_client(client, stream, &shared).await,
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn serve_client(
    client: ClientId,
    stream: tokio_rustls::server::TlsStream<TcpStream>,
    shared: &Listening,
) {
    let principal = Principal::Client(client);
    let (sender, replies) = mpsc::channel(MAX_QUEUED_REPLIES);
    let Some(_registered) = shared.clients.register(client, sender) else {
        shared.observer.refused(principal, RefusedAs::Crowd, &"too many connections of clients");
        return;
    };
    let _counted = shared.observer.connected(ConnectionKind::Client);
    let (reader, writer) = split(stream);
    let reader = FrameReader::new(reader, max_frame_bytes(principal));
    let mut connection = Connection::new(principal, reader, shared);
    tokio::select! {
        () = connection.run() => {}
        () = send_replies(replies, writer) => {}
    }
}

async fn send_replies(mut replies: mpsc::Receiver<Bytes>, mut writer: impl AsyncWrite + Unpin) {
    loop {
        let frame = match timeout(KEEPALIVE_INTERVAL, replies.recv()).await {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(_) => keepalive(),
        };
        let write = async {
            writer.write_all(&frame).await?;
            writer.flush().await
        };
        if !matches!(timeout(WRITE_TIMEOUT, write).await, Ok(Ok(()))) {
            return;
        }
    }
}

//! What others say to this node: the listener, and for each connection a task that reads frames,
//! checks what they hold, and hands it to the protocol's inbox in the order it came.
//!
//! Checking signatures happens here, in parallel for different peers and never on the protocol's
//! task. The inbox is bounded and fair: each connection waits in line with one message at a time.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use conclave_core::{
    crypto::{Digest, Refusal, Verified},
    ids::{ClientId, MessageId, NodeId, Principal},
    pbft::Message,
    quorum::NodeSet,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::{AbortHandle, JoinSet},
    time::{sleep, sleep_until, timeout},
};

use super::{
    clients::Clients,
    frame::{FrameError, FrameReader, keepalive},
    limits::{
        CHECK_ELSEWHERE_BYTES, KEEPALIVE_INTERVAL, MAX_HANDSHAKES, MAX_QUEUED_REPLIES,
        MAX_UNHANDLED_BYTES, WRITE_TIMEOUT, max_frame_bytes,
    },
    peer_health::PeerHealth,
    tls::Tls,
    trust::Trust,
};
use crate::{
    chaos::Chaos,
    node::{ConnectionKind, Observer, RefusedAs, message_id},
};

/// What came on a connection.
#[derive(Debug)]
pub enum Arrived {
    /// A message that was checked.
    Message {
        /// Its name among events.
        id: MessageId,
        /// What it says.
        message: Verified<Message>,
    },
    /// One that was turned away: it may be evidence against its author.
    Refused {
        /// What it says.
        message: Box<Message>,
        /// What is wrong with it.
        why: Refusal,
    },
    /// What no node may say, or no message at all.
    Unreadable,
}

/// What came, on its way to the protocol.
#[derive(Debug)]
pub struct Inbound {
    /// Whom the connection authenticated.
    pub from: Principal,
    /// What came.
    pub what: Arrived,
    /// The room it takes among what its sender may have unhandled.
    _room: OwnedSemaphorePermit,
}

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
    /// Whom an experiment cuts off.
    pub chaos: Arc<Chaos>,
}

/// Room is counted in units of this many bytes, rounded up.
const ROOM_UNIT: usize = 1_024;
/// After something that no correct node sends, its connection is read only after a pause: it
/// doubles with each further one up to this.
const MAX_PAUSE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// After an error of the listener itself (out of file descriptors, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

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
            shared.observer.refused_stranger(RefusedAs::Crowd);
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
            shared.observer.refused_stranger(RefusedAs::Handshake);
            tracing::warn!(%address, %why, "a connection was refused");
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

/// One authenticated connection, read.
struct Connection<'a, R> {
    from: Principal,
    reader: FrameReader<R>,
    shared: &'a Listening,
    room: Arc<Semaphore>,
    /// Refused messages that no good ones have made up for yet.
    strikes: u32,
}

impl<'a, R: AsyncRead + Unpin> Connection<'a, R> {
    fn new(from: Principal, reader: FrameReader<R>, shared: &'a Listening) -> Self {
        let room = Arc::new(Semaphore::new(MAX_UNHANDLED_BYTES / ROOM_UNIT + 1));
        Self { from, reader, shared, room, strikes: 0 }
    }

    async fn run(&mut self) {
        loop {
            match self.next().await {
                Ok(Heard::Message(inbound)) => {
                    self.strikes = self.strikes.saturating_sub(1);
                    if self.shared.inbox.send(inbound).await.is_err() {
                        return; // the node is stopping
                    }
                }
                Ok(Heard::OfAnotherEpoch | Heard::CutOff) => {}
                // A client that errs has to come back; a node's honest messages may follow.
                Ok(Heard::Refused(_)) if matches!(self.from, Principal::Client(_)) => return,
                Ok(Heard::Refused(inbound)) => {
                    if self.shared.inbox.send(inbound).await.is_err() {
                        return; // the node is stopping
                    }
                    let pause = FIRST_PAUSE * (1 << self.strikes.min(10));
                    self.strikes = self.strikes.saturating_add(1);
                    sleep(pause.min(MAX_PAUSE)).await;
                }
                // People look for lost nodes; clients come and go.
                Err(why) if why.is_end() && matches!(self.from, Principal::Client(_)) => {
                    tracing::debug!(from = %self.from, "closed its connection");
                    return;
                }
                Err(why) if why.is_end() => {
                    tracing::info!(from = %self.from, "closed its connection");
                    return;
                }
                Err(why @ FrameError::TooLong { .. }) => {
                    self.shared.observer.refused(self.from, RefusedAs::Frame, &why);
                    return;
                }
                Err(why) => {
                    tracing::info!(from = %self.from, %why, "connection lost");
                    return;
                }
            }
        }
    }

    /// The next message.
    async fn next(&mut self) -> Result<Heard, FrameError> {
        let announced = self.announced().await?;
        if let Principal::Client(client) = self.from {
            self.pace(client).await;
        }
        // Before the frame is read: a sender that is ahead of the protocol waits in its own socket.
        let units = announced.div_ceil(ROOM_UNIT) as u32; // at most 64 Ki
        let Ok(room) = self.room.clone().acquire_many_owned(units).await else {
            return Err(FrameError::Closed); // the semaphore is never closed
        };
        let bytes = self.reader.body(announced).await?;
        if self.is_cut_off() {
            return Ok(Heard::CutOff);
        }
        self.shared.observer.received_bytes(bytes.len());
        let own = self.shared.tls.own();
        match self.check(bytes).await {
            Ok((digest, message)) => {
                let id = message_id(&digest, self.from, own);
                let what = Arrived::Message { id, message };
                Ok(Heard::Message(Inbound { from: self.from, what, _room: room }))
            }
            Err((what, why, arrived)) => {
                self.shared.observer.refused(self.from, what, &why);
                Ok(match what {
                    RefusedAs::Epoch => Heard::OfAnotherEpoch,
                    _ => Heard::Refused(Inbound { from: self.from, what: arrived, _room: room }),
                })
            }
        }
    }

    /// The length of the next message. Whatever a peer sends before, it is there.
    async fn announced(&mut self) -> Result<usize, FrameError> {
        loop {
            let announced = self.reader.header().await?;
            if let Principal::Node(node) = self.from
                && !self.is_cut_off()
            {
                self.shared.health.heard(node);
            }
            if announced > 0 {
                return Ok(announced);
            }
        }
    }

    /// Whether an experiment has it that nothing comes from there.
    fn is_cut_off(&self) -> bool {
        matches!(self.from, Principal::Node(node) if self.shared.chaos.cuts_off(node))
    }

    /// Returns when a client may be heard.
    async fn pace(&self, client: ClientId) {
        let mut held_back = false;
        while let Some(until) = self.shared.clients.held_until(client) {
            held_back = true;
            sleep_until(until.into()).await;
        }
        self.shared.observer.heard_client(held_back);
    }

    async fn check(
        &self,
        bytes: Bytes,
    ) -> Result<(Digest, Verified<Message>), (RefusedAs, String, Arrived)> {
        let (from, trust) = (self.from, self.shared.trust.clone());
        let heavy = bytes.len() >= CHECK_ELSEWHERE_BYTES;
        let work = move || {
            let message = Message::decode(&bytes)
                .map_err(|why| (RefusedAs::Encoding, why.to_string(), Arrived::Unreadable))?;
            may_say(from, &message)
                .map_err(|why| (RefusedAs::Role, why.to_owned(), Arrived::Unreadable))?;
            let message = trust.verify(message.clone()).map_err(|why| {
                let what = match why {
                    Refusal::Epoch { .. } => RefusedAs::Epoch,
                    _ => RefusedAs::Content,
                };
                (what, why.to_string(), Arrived::Refused { message: message.into(), why })
            })?;
            Ok((Digest::of_bytes(&bytes), message))
        };
        if !heavy {
            return work();
        }
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
            let why = "it could not be checked".into();
            Err((RefusedAs::Content, why, Arrived::Unreadable))
        })
    }
}

/// What came of reading a message.
enum Heard {
    Message(Inbound),
    /// No correct node sends it.
    Refused(Inbound),
    /// Correct nodes do send it: they don't all turn to a new epoch in the same moment. Whoever is
    /// behind asks for the proof by itself.
    OfAnotherEpoch,
    /// It was said, and an experiment has it that it never came.
    CutOff,
}

/// Who may say what, as far as the connection alone can tell.
fn may_say(from: Principal, message: &Message) -> Result<(), &'static str> {
    match (from, message) {
        (Principal::Client(_), Message::Request(request)) if request.by == from => Ok(()),
        (Principal::Client(_), Message::Read(read)) if read.by == from => Ok(()),
        (Principal::Client(_), Message::FetchEpochEnds(fetch)) if fetch.by == from => Ok(()),
        (
            Principal::Client(_),
            Message::Request(_) | Message::Read(_) | Message::FetchEpochEnds(_),
        ) => Err("a request signed by somebody else"),
        (Principal::Client(_), _) => Err("a client may only send requests"),
        (Principal::Node(_), Message::Reply(_) | Message::ReadReply(_) | Message::Busy(_)) => {
            Err("replies are for clients")
        }
        (Principal::Node(_), Message::Read(_) | Message::FetchEpochEnds(_)) => {
            Err("reads come from clients themselves")
        }
        (Principal::Node(_), _) => Ok(()),
    }
}

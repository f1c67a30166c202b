//! What this node says to one other: a bounded queue, and a task that keeps a connection to it.
//!
//! Nothing here ever makes the protocol wait. A peer that is away or slow loses messages; the
//! protocol notices by itself who lacks what and sends that again.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use conclave_core::{
    config::BadConfig,
    event::{EventKind, LossCause},
    ids::{MessageId, NodeId, Principal},
    pbft::MessageKind,
    resilience::{
        Outcome, Priority,
        bulkhead::{self, Admission, Bulkhead, Permit},
        manager::{Key, Unknown},
    },
};
use serde::Serialize;
use thiserror::Error;
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::TcpStream,
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    disturbed::{Disturbed, Fate, broken, damaged},
    frame::keepalive,
    limits::{
        HANDSHAKE_TIMEOUT, KEEPALIVE_INTERVAL, MAX_BACKOFF, MAX_QUEUED_BYTES, MIN_BACKOFF,
        WRITE_TIMEOUT,
    },
    links::Guarding,
    peer_health::PeerHealth,
    tls::{Tls, TlsError},
};
use crate::{
    config::{Address, DIAL},
    node::{Clock, ConnectionKind, Observer},
    resilience::{Ask, CallError, Guards, Judged},
};

/// Frames are put together up to this size, so that many small ones share one TLS record and one
/// system call.
const COALESCE_BYTES: usize = 16 * 1024;

/// A message that was not queued.
pub type Undelivered = LossCause;

struct Queued {
    id: MessageId,
    kind: MessageKind,
    frame: Bytes,
    permit: Permit,
}

/// The way to one peer.
pub struct Outbound {
    node: NodeId,
    queue: mpsc::UnboundedSender<Queued>,
    state: Arc<State>,
}

struct State {
    connected: AtomicBool,
    queued_bytes: AtomicUsize,
    /// Bounds how many messages wait: each has a place in it from when it is queued until it is
    /// written or lost.
    places: Mutex<Bulkhead>,
    health: Arc<PeerHealth>,
    clock: Clock,
}

impl State {
    fn places<R>(&self, with: impl FnOnce(&mut Bulkhead) -> R) -> R {
        // No change here can stop half way.
        with(&mut self.places.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A message left the queue.
    fn left(&self, bytes: usize, permit: Permit) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.places(|places| places.release(self.clock.now(), permit));
    }
}

/// How full the queue to a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct QueueSeen {
    /// Which peer.
    pub peer: NodeId,
    /// Whether it is reached right now.
    pub connected: bool,
    /// Bytes that wait.
    pub bytes: usize,
    /// Messages that do.
    pub messages: bulkhead::Snapshot,
}

impl Outbound {
    /// The way to `node`, and the task that keeps it open, for the caller to run.
    pub fn new(
        tls: Tls,
        node: NodeId,
        address: Address,
        observer: Arc<Observer>,
        guarding: &Guarding,
    ) -> Result<(Self, impl Future<Output = ()> + Send + 'static), CannotLink> {
        let key = guarding.dialing.key(node.0, DIAL)?;
        let (queue, receiver) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            connected: AtomicBool::new(false),
            queued_bytes: AtomicUsize::new(0),
            places: Mutex::new(Bulkhead::new(guarding.queue.clone())?),
            health: guarding.health.clone(),
            clock: observer.clock(),
        });
        let (dialing, away) = (guarding.dialing.clone(), AtomicBool::new(false));
        let link = Link {
            tls,
            node,
            address,
            observer,
            receiver,
            state: state.clone(),
            dialing,
            key,
            away,
            disturbed: Disturbed::new(guarding.chaos.clone(), node),
        };
        Ok((Self { node, queue, state }, link.run()))
    }

    /// Queues a frame, at once or not at all.
    pub fn send(&self, id: MessageId, kind: MessageKind, frame: Bytes) -> Result<(), Undelivered> {
        let result = self.queue(id, kind, frame);
        let outcome = match result {
            Ok(()) => Outcome::Success,
            Err(LossCause::Overflow) => Outcome::Overload,
            Err(_) => Outcome::Failure,
        };
        self.state.health.sent(self.node, outcome);
        result
    }

    fn queue(&self, id: MessageId, kind: MessageKind, frame: Bytes) -> Result<(), Undelivered> {
        if !self.is_connected() {
            return Err(LossCause::Down);
        }
        let (state, length) = (&self.state, frame.len());
        if state.queued_bytes.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES {
            state.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(LossCause::Overflow);
        }
        let now = state.clock.now();
        // Nobody is in line for a queue: what finds no place is lost, as by a network.
        let place = state.places(|places| match places.admit(now, Priority::Consensus, None) {
            Ok(Admission::Go(permit)) => Some(permit),
            Ok(Admission::Wait(ticket)) => {
                places.leave(ticket);
                None
            }
            Err(_) => None,
        });
        let Some(permit) = place else {
            state.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(LossCause::Overflow);
        };
        self.queue.send(Queued { id, kind, frame, permit }).map_err(|unsent| {
            let Queued { permit, .. } = unsent.0;
            state.left(length, permit);
            LossCause::Down
        })
    }

    /// Room for so many from now on.
    pub fn reconfigure(&self, queue: &bulkhead::Config) -> Result<(), BadConfig> {
        self.state.places(|places| places.reconfigure(queue.clone()))
    }

    /// How full it is.
    pub fn queue_seen(&self, peer: NodeId) -> QueueSeen {
        QueueSeen {
            peer,
            connected: self.is_connected(),
            bytes: self.state.queued_bytes.load(Ordering::Relaxed),
            messages: self.state.places(|places| places.snapshot()),
        }
    }

    /// Whether the other end was reached and authenticated, and is still there.
    pub fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }
}

/// Why there is no link.
#[derive(Debug, Error)]
pub enum CannotLink {
    /// Its number is beyond what is guarded.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// No such queue can be made.
    #[error(transparent)]
    Queue(#[from] BadConfig),
}

impl Judged for TlsError {
    fn outcome(&self) -> Outcome {
        match self {
            Self::TimedOut => Outcome::Timeout,
            _ => Outcome::Failure,
        }
    }
}

struct Link {
    tls: Tls,
    node: NodeId,
    address: Address,
    observer: Arc<Observer>,
    receiver: mpsc::UnboundedReceiver<Queued>,
    state: Arc<State>,
    dialing: Arc<Guards>,
    key: Key,
    /// Whether people were told that it can't be reached.
    away: AtomicBool,
    /// What an experiment does to what it writes.
    disturbed: Disturbed<Queued>,
}

impl Link {
    /// Until the other half of the queue is dropped.
    async fn run(mut self) {
        let mut refusals = 0_u32;
        while !self.receiver.is_closed() {
            let Ok(stream) = self.connect().await else {
                // Waits are within: this only keeps an error from spinning.
                sleep(MIN_BACKOFF).await;
                continue;
            };
            self.away.store(false, Ordering::Relaxed);
            if refusals == 0 {
                tracing::info!(peer = %self.node, address = %self.address, "connected");
            }
            let why = self.serve(stream).await;
            let why = self.tls.refusal(why);
            self.lose_queued();
            // To be refused is no connection: the next attempt waits longer.
            if !matches!(why, TlsError::RefusedThere(_)) {
                refusals = 0;
                tracing::info!(peer = %self.node, %why, "disconnected");
            } else if refusals == 0 {
                tracing::warn!(peer = %self.node, address = %self.address, %why, "refused");
                refusals = 1;
            } else {
                refusals = refusals.saturating_add(1);
            }
            sleep(backoff(refusals)).await;
        }
    }

    /// Under the guards of dialing: breaker, timeout, and waits in between.
    async fn connect(
        &self,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, CallError<TlsError>> {
        let attempt = |_| async {
            let dialed = self.dial().await;
            // Once per outage is enough for people; the rest is for who looks closely.
            match &dialed {
                Err(why) if !self.away.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(peer = %self.node, address = %self.address, %why, "can't connect");
                }
                Err(why) => tracing::debug!(peer = %self.node, %why, "can't connect"),
                Ok(_) => {}
            }
            dialed
        };
        self.dialing.call(self.key, Ask::default(), attempt).await
    }

    async fn dial(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, TlsError> {
        if self.disturbed.cuts_off() {
            return Err(broken().into());
        }
        let connecting = TcpStream::connect((self.address.host(), self.address.port()));
        let stream =
            timeout(HANDSHAKE_TIMEOUT, connecting).await.map_err(|_| TlsError::TimedOut)??;
        stream.set_nodelay(true)?;
        self.tls.connect(self.node, stream).await
    }

    async fn serve(&mut self, stream: tokio_rustls::client::TlsStream<TcpStream>) -> io::Error {
        let _counted = self.observer.connected(ConnectionKind::PeerOut);
        self.state.connected.store(true, Ordering::Relaxed);
        let (mut reader, mut writer) = split(stream);
        let mut keepalives = interval(KEEPALIVE_INTERVAL);
        keepalives.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut nothing = [0; 1];
        let mut together = BytesMut::with_capacity(COALESCE_BYTES);
        let why = loop {
            let written = tokio::select! {
                queued = self.receiver.recv() => match queued {
                    Some(queued) => self.write(queued, &mut together, &mut writer).await,
                    None => break io::Error::other("this node closed it"),
                },
                () = self.disturbed.wake() => self.write_held(&mut together, &mut writer).await,
                _ = keepalives.tick() => {
                    if self.disturbed.cuts_off() {
                        Ok(())
                    } else {
                        write(&mut writer, &keepalive()).await
                    }
                }
                // Nothing is said on this side of the connection; only its end can be read.
                read = reader.read(&mut nothing) => break match read {
                    Ok(0) => io::Error::other("the peer closed the connection"),
                    Ok(_) => io::Error::other("the peer spoke where it may only listen"),
                    Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => {
                        io::Error::other("the peer went away")
                    }
                    Err(why) => why,
                },
            };
            if let Err(why) = written {
                break why;
            }
        };
        self.state.connected.store(false, Ordering::Relaxed);
        why
    }

    /// Writes one message, and with it what small ones are waiting.
    async fn write(
        &mut self,
        first: Queued,
        together: &mut BytesMut,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let mut next = Some(first);
        while let Some(queued) = next.take() {
            let (frame, times) = self.leaving(queued)?;
            for _ in 0..times {
                put(&frame, together, writer).await?;
            }
            while let Some(queued) = (times > 0).then(|| self.disturbed.overtaken()).flatten() {
                put(&self.left(queued), together, writer).await?;
            }
            if together.len() < COALESCE_BYTES {
                next = self.receiver.try_recv().ok();
            }
        }
        flush(together, writer).await
    }

    /// Writes what was held back until now.
    async fn write_held(
        &mut self,
        together: &mut BytesMut,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        while let Some(queued) = self.disturbed.due() {
            put(&self.left(queued), together, writer).await?;
        }
        flush(together, writer).await
    }

    /// What of a message is to be written, and how often; an error if the connection is to break.
    fn leaving(&mut self, queued: Queued) -> io::Result<(Bytes, u8)> {
        match self.disturbed.fate(queued.kind) {
            Fate::Written(times) => Ok((self.left(queued), times)),
            Fate::Damaged => Ok((damaged(&self.left(queued)), 1)),
            Fate::Held { delay, until_overtaken } => {
                self.disturbed.hold(queued, delay, until_overtaken);
                Ok((Bytes::new(), 0))
            }
            Fate::Lost => {
                self.lose(queued, LossCause::Dropped);
                Ok((Bytes::new(), 0))
            }
            Fate::Breaks => {
                self.lose(queued, LossCause::Dropped);
                Err(broken())
            }
        }
    }

    /// It leaves the queue.
    fn left(&self, queued: Queued) -> Bytes {
        let Queued { frame, permit, .. } = queued;
        self.state.left(frame.len(), permit);
        frame
    }

    fn lose(&self, queued: Queued, why: LossCause) {
        let (id, to) = (queued.id, Principal::Node(self.node));
        self.left(queued);
        self.observer.event(EventKind::Lost { id, to, why });
    }

    /// The connection is gone: what waits for it will never arrive.
    fn lose_queued(&mut self) {
        while let Some(queued) = self.disturbed.any().or_else(|| self.receiver.try_recv().ok()) {
            self.lose(queued, LossCause::Down);
        }
    }
}

/// A frame behind others that are written together, or by itself if it is long.
async fn put(
    frame: &Bytes,
    together: &mut BytesMut,
    writer: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    if together.is_empty() && frame.len() >= COALESCE_BYTES {
        return write(writer, frame).await;
    }
    together.extend_from_slice(frame);
    if together.len() < COALESCE_BYTES { Ok(()) } else { flush(together, writer).await }
}

async fn flush(together: &mut BytesMut, writer: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    if !together.is_empty() {
        write(writer, together).await?;
        together.clear();
    }
    Ok(())
}

async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    let all = async {
        writer.write_all(bytes).await?;
        writer.flush().await
    };
    timeout(WRITE_TIMEOUT, all).await.map_err(|_| io::Error::other("the peer reads nothing"))?
}

/// How long to wait before connecting again: doubling, capped, and somewhere between half of it
/// and all of it, so that nodes which lost each other at once don't all come back at once.
pub fn backoff(failures: u32) -> Duration {
    let full = MIN_BACKOFF.saturating_mul(1 << failures.min(16)).min(MAX_BACKOFF);
    // Without randomness there is no jitter; that is no reason not to connect.
    let dice = getrandom::u32().unwrap_or(u32::MAX);
    full / 2 + (full / 2).mul_f64(f64::from(dice) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_within_half_and_full_up_to_the_cap() {
        for failures in [0, 1, 4, 40] {
            let full = MIN_BACKOFF.saturating_mul(1 << failures.min(16)).min(MAX_BACKOFF);
            for _ in 0..100 {
                let wait = backoff(failures);
                assert!(wait >= full / 2 && wait <= full, "{failures}: {wait:?} of {full:?}");
            }
        }
    }
}

//! What this node says to one other: a bounded queue, and a task that keeps a connection to it.
//!
//! Nothing here ever makes the protocol wait. A peer that is away or slow loses messages; the
//! protocol notices by itself who lacks what and sends that again.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use conclave_core::{
    event::{EventKind, LossCause},
    ids::{MessageId, NodeId, Principal},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::TcpStream,
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    frame::keepalive,
    limits::{
        HANDSHAKE_TIMEOUT, KEEPALIVE_INTERVAL, MAX_BACKOFF, MAX_QUEUED_BYTES, MAX_QUEUED_MESSAGES,
        MIN_BACKOFF, WRITE_TIMEOUT,
    },
    tls::{Tls, TlsError},
};
use crate::{
    config::Address,
    node::{ConnectionKind, Observer},
};

/// Frames are put together up to this size, so that many small ones share one TLS record and one
/// system call.
const COALESCE_BYTES: usize = 16 * 1024;

/// A message that was not queued.
pub type Undelivered = LossCause;

struct Queued {
    id: MessageId,
    frame: Bytes,
}

/// The way to one peer.
pub struct Outbound {
    queue: mpsc::Sender<Queued>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connected: AtomicBool,
    queued_bytes: AtomicUsize,
}

impl Outbound {
    /// The way to `node`, and the task that keeps it open, for the caller to run.
    pub fn new(
        tls: Tls,
        node: NodeId,
        address: Address,
        observer: Arc<Observer>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, receiver) = mpsc::channel(MAX_QUEUED_MESSAGES);
        let state = Arc::new(State::default());
        let link = Link { tls, node, address, observer, receiver, state: state.clone() };
        (Self { queue, state }, link.run())
    }

    /// Queues a frame, at once or not at all.
    pub fn send(&self, id: MessageId, frame: Bytes) -> Result<(), Undelivered> {
        if !self.is_connected() {
            return Err(LossCause::Down);
        }
        let length = frame.len();
        if self.state.queued_bytes.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES
            || self.queue.try_send(Queued { id, frame }).is_err()
        {
            self.state.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(LossCause::Overflow);
        }
        Ok(())
    }

    /// Whether the other end was reached and authenticated, and is still there.
    pub fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }
}

struct Link {
    tls: Tls,
    node: NodeId,
    address: Address,
    observer: Arc<Observer>,
    receiver: mpsc::Receiver<Queued>,
    state: Arc<State>,
}

impl Link {
    /// Until the other half of the queue is dropped.
    async fn run(mut self) {
        let mut failures = 0;
        let mut refused = false;
        while !self.receiver.is_closed() {
            match self.connect().await {
                Ok(stream) => {
                    if !refused {
                        tracing::info!(peer = %self.node, address = %self.address, "connected");
                    }
                    let why = self.serve(stream).await;
                    let why = self.tls.refusal(why);
                    self.lose_queued();
                    // To be refused is no connection: the next attempt waits longer.
                    let refused_before = refused;
                    refused = matches!(why, TlsError::RefusedThere(_));
                    if !refused {
                        failures = 0;
                        tracing::info!(peer = %self.node, %why, "disconnected");
                    } else if !refused_before {
                        tracing::warn!(peer = %self.node, address = %self.address, %why, "refused");
                    }
                }
                // Once per outage is enough for people; the rest is for who looks closely.
                Err(why) if failures == 0 => {
                    tracing::warn!(peer = %self.node, address = %self.address, %why, "can't connect");
                }
                Err(why) => tracing::debug!(peer = %self.node, %why, "can't connect"),
            }
            sleep(backoff(failures)).await;
            failures = failures.saturating_add(1);
        }
    }

    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, TlsError> {
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
                _ = keepalives.tick() => write(&mut writer, &keepalive()).await,
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
        while let Some(Queued { frame, .. }) = next.take() {
            self.state.queued_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            if together.is_empty() && frame.len() >= COALESCE_BYTES {
                write(writer, &frame).await?;
            } else {
                together.extend_from_slice(&frame);
            }
            if together.len() < COALESCE_BYTES {
                next = self.receiver.try_recv().ok();
            }
        }
        if !together.is_empty() {
            write(writer, together).await?;
            together.clear();
        }
        Ok(())
    }

    /// The connection is gone: what waits for it will never arrive.
    fn lose_queued(&mut self) {
        while let Ok(Queued { id, frame }) = self.receiver.try_recv() {
            self.state.queued_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
            let to = Principal::Node(self.node);
            self.observer.event(EventKind::Lost { id, to, why: LossCause::Down });
        }
    }
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

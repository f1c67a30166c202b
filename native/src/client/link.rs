//! A client's connection to one node: requests out, checked replies in, for as long as it is wanted.

use std::sync::Arc;

use bytes::Bytes;
use conclave_core::{crypto::Verified, ids::NodeId, pbft::Message, quorum::NodeSet};
use tokio::{
    io::{AsyncWriteExt as _, split},
    net::TcpStream,
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};

use crate::{
    config::Address,
    transport::{
        FrameReader, Tls, TlsError, Trust, backoff, keepalive,
        limits::{HANDSHAKE_TIMEOUT, KEEPALIVE_INTERVAL, MAX_CLIENT_FRAME_BYTES, WRITE_TIMEOUT},
    },
};

/// Requests that wait for one node. There is one under way; the rest are its retransmissions.
pub(super) const MAX_QUEUED: usize = 4;

pub(super) struct Link {
    pub(super) tls: Tls,
    pub(super) node: NodeId,
    pub(super) address: Address,
    pub(super) trust: Arc<Trust>,
    pub(super) requests: mpsc::Receiver<Bytes>,
    pub(super) replies: mpsc::Sender<(NodeId, Verified<Message>)>,
    /// Which links are up.
    pub(super) connected: watch::Sender<NodeSet>,
}

impl Link {
    /// Until nobody sends requests any more.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        while !self.requests.is_closed() {
            match self.connect().await {
                Ok(stream) => {
                    failures = 0;
                    self.up(true);
                    self.serve(stream).await;
                    self.up(false);
                    tracing::debug!(node = %self.node, "disconnected");
                }
                Err(why) => {
                    tracing::debug!(node = %self.node, address = %self.address, %why, "can't connect");
                }
            }
            sleep(backoff(failures)).await;
            failures = failures.saturating_add(1);
        }
    }

    fn up(&self, up: bool) {
        self.connected.send_modify(|all| {
            if up {
                all.insert(self.node);
            } else {
                all.remove(self.node);
            }
        });
    }

    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, TlsError> {
        let connecting = TcpStream::connect((self.address.host(), self.address.port()));
        let stream =
            timeout(HANDSHAKE_TIMEOUT, connecting).await.map_err(|_| TlsError::TimedOut)??;
        stream.set_nodelay(true)?;
        self.tls.connect(self.node, stream).await
    }

    async fn serve(&mut self, stream: tokio_rustls::client::TlsStream<TcpStream>) {
        let (reader, mut writer) = split(stream);
        let (node, replies, trust) = (self.node, self.replies.clone(), self.trust.clone());
        let reading = async move {
            let mut reader = FrameReader::new(reader, MAX_CLIENT_FRAME_BYTES);
            loop {
                let bytes = match reader.next().await {
                    Ok(bytes) => bytes,
                    Err(why) => {
                        tracing::debug!(%node, %why, "connection lost");
                        return;
                    }
                };
                // A node that sends nonsense is one that doesn't answer.
                let checked = Message::decode(&bytes)
                    .map_err(|why| why.to_string())
                    .and_then(|message| trust.verify(message).map_err(|why| why.to_string()));
                match checked {
                    Ok(message) => {
                        if replies.send((node, message)).await.is_err() {
                            return;
                        }
                    }
                    // Or one that is in another epoch than this client knows of.
                    Err(why) => tracing::debug!(%node, why, "refused a reply"),
                }
            }
        };
        let writing = async {
            let mut keepalives = interval(KEEPALIVE_INTERVAL);
            keepalives.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let frame = tokio::select! {
                    request = self.requests.recv() => match request {
                        Some(frame) => frame,
                        None => return,
                    },
                    _ = keepalives.tick() => keepalive(),
                };
                let write = async {
                    writer.write_all(&frame).await?;
                    writer.flush().await
                };
                if !matches!(timeout(WRITE_TIMEOUT, write).await, Ok(Ok(()))) {
                    return;
                }
            }
        };
        tokio::select! {
            () = reading => {}
            () = writing => {}
        }
    }
}

//! Somebody with a real key who doesn't keep to the protocol.

use conclave::transport::{FrameReader, Tls, frame, limits::MAX_CLIENT_FRAME_BYTES};
use conclave_core::{
    app::Operation,
    crypto::{Ed25519, Signed},
    ids::{ClientId, Epoch, NodeId, Principal, RequestId, Seq, Timestamp, View},
    pbft::{Batch, Message, PrePrepare, Request},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::TcpStream,
};

use super::real::RealCluster;

/// A connection to one node, authenticated as `principal`, on which anything can be said.
pub(crate) struct Liar {
    key: Ed25519,
    client_key: Ed25519,
    from: Box<dyn AsyncRead + Send + Unpin>,
    to: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Liar {
    pub(crate) async fn connect(cluster: &RealCluster, principal: Principal, node: NodeId) -> Self {
        let directory = cluster.config.directory();
        let key_of = |principal| {
            let seed = cluster.identity(principal).seed;
            Ed25519::new(principal, seed.signing_key(), directory.clone())
        };
        let tls =
            Tls::new(&cluster.identity(principal), directory.clone(), cluster.config.pbft.agreed())
                .unwrap();
        let address = &cluster.config.node(node).unwrap().address;
        let stream = TcpStream::connect((address.host(), address.port())).await.unwrap();
        let (from, to) = split(tls.connect(node, stream).await.unwrap());
        let client_key = key_of(Principal::Client(ClientId(8)));
        Self { key: key_of(principal), client_key, from: Box::new(from), to: Box::new(to) }
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.to.write_all(bytes).await.unwrap();
        self.to.flush().await.unwrap();
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        self.send_bytes(&frame(&message.encode())).await;
    }

    /// A request of client 8, whose key the liar also has.
    pub(crate) fn request(&self, timestamp: u64, value: &str) -> Signed<Request> {
        let operation = Operation::Put { key: b"lie".to_vec(), value: value.into() }.encode();
        let id = RequestId { client: ClientId(8), timestamp: Timestamp(timestamp) };
        self.raw_request(id, operation)
    }

    /// One whose operation may be anything.
    pub(crate) fn raw_request(&self, id: RequestId, operation: Vec<u8>) -> Signed<Request> {
        Signed::new(Request { id, operation }, &self.client_key)
    }

    /// Two proposals for one position, both properly signed.
    pub(crate) async fn equivocate(&mut self) {
        for value in ["one story", "another"] {
            let batch = Batch::new(vec![self.request(1, value)]);
            let (view, seq, digest) = (View(0), Seq(1), batch.digest());
            let header = Signed::new(PrePrepare { epoch: Epoch(0), view, seq, digest }, &self.key);
            self.send(&Message::PrePrepare(header.into(), batch.into())).await;
        }
    }

    /// Waits until the node ends the connection; what it says before that doesn't matter.
    pub(crate) async fn until_dropped(&mut self) {
        let mut ignored = [0; 4_096];
        while matches!(self.from.read(&mut ignored).await, Ok(read) if read > 0) {}
    }

    /// The next reply.
    pub(crate) async fn reply(self) -> Message {
        let mut reader = FrameReader::new(self.from, MAX_CLIENT_FRAME_BYTES);
        Message::decode(&reader.next().await.unwrap()).unwrap()
    }
}

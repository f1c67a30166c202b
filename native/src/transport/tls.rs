//! TLS 1.3 with raw public keys (RFC 7250): each end proves that it holds the Ed25519 key that
//! `cluster.toml` names, or that the cluster agreed on when a node joined. There are no
//! certificates, no authorities, no names and no dates to check.
//!
//! A node that accepts learns from the key *who* is calling; one that calls insists on the one it
//! wants. There is no resumption and no early data: every connection proves both identities anew.
//! Whose keys count changes with the membership ([`Tls::admit`], [`Tls::dismiss`]); connections
//! that exist are their owners' to end.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, PoisonError, RwLock},
};

use conclave_core::{
    crypto::{Digest, Directory, PublicKey},
    ids::{NodeId, Principal},
};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName,
    Error as RustlsError, PeerIncompatible, ServerConfig, SignatureScheme,
    client::{
        AlwaysResolvesClientRawPublicKeys, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key},
    pki_types::{
        CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, SubjectPublicKeyInfoDer,
        UnixTime,
    },
    server::{
        AlwaysResolvesServerRawPublicKeys, NoServerSessionStorage,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
    version::TLS13,
};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};
use zeroize::Zeroizing;

use super::limits::HANDSHAKE_TIMEOUT;
use crate::config::Identity;

/// What clients speak: both ends must mean this protocol, in this version.
const CLIENTS: &str = "conclave/2";

/// What nodes speak with each other names also what must be equal on all of them, so that two that
/// would execute differently never exchange a message.
fn among_nodes(agreed: Digest) -> Vec<u8> {
    format!("{CLIENTS}/{agreed}").into_bytes()
}

/// DER of an Ed25519 public key up to the key itself (RFC 8410 §4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
/// DER of an Ed25519 private key up to the key itself (RFC 8410 §7).
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// Why there is no authenticated connection.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The own key can't be used.
    #[error("the private key can't be used for TLS: {0}")]
    Setup(RustlsError),
    /// No such node in the configuration or among those that joined.
    #[error("the configuration knows no {0}")]
    Unknown(Principal),
    /// Who answers isn't who was called.
    #[error(
        "whoever answers there does not hold the key of {0}: its address is another's, or its key \
         is another"
    )]
    OtherKey(Principal),
    /// Who calls is unknown.
    #[error(
        "the caller's key is nobody's here: a new node is let in once it was added \
         (`conclave member add`), one that was removed never again"
    )]
    Stranger,
    /// The other end doesn't know this one.
    #[error(
        "the other end refused {0}'s key: there it is no member yet, or no longer, or has another \
         key"
    )]
    RefusedThere(Principal),
    /// Reaching the other end failed.
    #[error("{0}")]
    Handshake(io::Error),
    /// It took too long.
    #[error("the handshake took over {} s", HANDSHAKE_TIMEOUT.as_secs())]
    TimedOut,
    /// The other end speaks TLS, but not our protocol, or is a node that was set up differently.
    #[error(
        "the two ends don't speak the same: one runs another version, or was set up with another \
         `checkpoint_interval`, `window` or `max_sessions` than the other; these must be equal in \
         every node's `cluster.toml`"
    )]
    OtherProtocol,
}

impl TlsError {
    /// What the system or the library said, where it means something here.
    fn of(why: io::Error, own: Principal, unverified: Self) -> Self {
        let inner = why.get_ref().and_then(|inner| inner.downcast_ref::<RustlsError>());
        match inner {
            Some(RustlsError::InvalidCertificate(_)) => unverified,
            Some(
                RustlsError::NoApplicationProtocol
                | RustlsError::AlertReceived(AlertDescription::NoApplicationProtocol),
            ) => Self::OtherProtocol,
            Some(RustlsError::AlertReceived(AlertDescription::AccessDenied)) => {
                Self::RefusedThere(own)
            }
            _ => Self::Handshake(why),
        }
    }
}

impl From<io::Error> for TlsError {
    fn from(why: io::Error) -> Self {
        Self::Handshake(why)
    }
}

/// Whose keys count. Shared by all connections of one identity.
#[derive(Debug)]
struct Known(RwLock<Keys>);

#[derive(Debug)]
struct Keys {
    /// By the key as TLS carries it.
    owners: BTreeMap<Vec<u8>, Principal>,
    directory: Arc<Directory>,
}

impl Known {
    fn new(directory: Arc<Directory>) -> Self {
        let owners = directory.iter().map(|(principal, key)| (spki(key), *principal)).collect();
        Self(RwLock::new(Keys { owners, directory }))
    }

    fn owner(&self, key: &[u8]) -> Option<Principal> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.owners.get(key).copied()
    }

    fn key(&self, of: Principal) -> Option<PublicKey> {
        let keys = self.0.read().unwrap_or_else(PoisonError::into_inner);
        keys.directory.get(&of).copied()
    }

    /// From here on this is the principal's key; `None`: it has none.
    fn set(&self, principal: Principal, key: Option<PublicKey>) {
        // No change here can stop half way.
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        keys.owners.retain(|_, owner| *owner != principal);
        let directory = Arc::make_mut(&mut keys.directory);
        match key {
            Some(key) => {
                directory.insert(principal, key);
                keys.owners.insert(spki(&key), principal);
            }
            None => {
                directory.remove(&principal);
            }
        }
    }
}

/// One identity's way to accept and make connections.
#[derive(Clone)]
pub struct Tls {
    own: Principal,
    known: Arc<Known>,
    key: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
    acceptor: TlsAcceptor,
    /// What nodes speak with each other.
    among_nodes: Vec<u8>,
}

impl Tls {
    /// For `identity` among the principals of `directory`. `agreed` names what must be equal on
    /// all nodes; clients need not know it.
    pub fn new(
        identity: &Identity,
        directory: Arc<Directory>,
        agreed: Digest,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let secret: Zeroizing<Vec<u8>> =
            Zeroizing::new([&PKCS8_PREFIX[..], identity.seed.bytes()].concat());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(secret.as_slice()));
        let signing_key =
            provider.key_provider.load_private_key(private.clone_key()).map_err(TlsError::Setup)?;
        let public = spki(&identity.seed.signing_key().public());
        let key = Arc::new(CertifiedKey::new(vec![CertificateDer::from(public)], signing_key));
        let known = Arc::new(Known::new(directory));

        let verifier = Arc::new(Pinned {
            allowed: Allowed::Anyone(known.clone()),
            algorithms: provider.signature_verification_algorithms,
        });
        let mut server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Setup)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(key.clone())));
        let among_nodes = among_nodes(agreed);
        server.alpn_protocols = vec![among_nodes.clone(), CLIENTS.into()];
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        let acceptor = TlsAcceptor::from(Arc::new(server));
        Ok(Self { own: identity.principal, known, key, provider, acceptor, among_nodes })
    }

    /// From here on `node` is whoever holds this key.
    pub fn admit(&self, node: NodeId, key: PublicKey) {
        self.known.set(Principal::Node(node), Some(key));
    }

    /// From here on nobody is `node`.
    pub fn dismiss(&self, node: NodeId) {
        self.known.set(Principal::Node(node), None);
    }

    /// Whose identity this is.
    pub fn own(&self) -> Principal {
        self.own
    }

    /// What `caller` speaks with nodes of the same setting.
    fn language(&self, caller: Principal) -> &[u8] {
        match caller {
            Principal::Node(_) => &self.among_nodes,
            Principal::Client(_) => CLIENTS.as_bytes(),
        }
    }

    /// Takes a connection, and learns who is calling.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(Principal, server::TlsStream<TcpStream>), TlsError> {
        let stream = timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(stream))
            .await
            .map_err(|_| TlsError::TimedOut)?
            .map_err(|why| TlsError::of(why, self.own, TlsError::Stranger))?;
        let (_, connection) = stream.get_ref();
        let caller = connection
            .peer_certificates()
            .and_then(|keys| keys.first())
            .and_then(|key| self.known.owner(key.as_ref()))
            // The verifier let only known keys through, but the owner may have been dismissed since.
            .ok_or(TlsError::Stranger)?;
        if connection.alpn_protocol() != Some(self.language(caller)) {
            return Err(TlsError::OtherProtocol);
        }
        Ok((caller, stream))
    }

    /// Makes a connection to `node` and to nobody else. Whether the other end lets this one in
    /// shows only when something is read ([`Tls::refusal`]).
    pub async fn connect(
        &self,
        node: NodeId,
        stream: TcpStream,
    ) -> Result<client::TlsStream<TcpStream>, TlsError> {
        let principal = Principal::Node(node);
        let expected = self.known.key(principal).ok_or(TlsError::Unknown(principal))?;
        let verifier = Arc::new(Pinned {
            allowed: Allowed::Only(spki(&expected)),
            algorithms: self.provider.signature_verification_algorithms,
        });
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&TLS13])
            .map_err(TlsError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(
                self.key.clone(),
            )));
        let language = self.language(self.own);
        config.alpn_protocols = vec![language.to_vec()];
        config.resumption = Resumption::disabled();
        config.enable_sni = false;
        // Required by the library; with raw keys there is nothing that it could be compared with.
        let name = ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into());
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
        let stream = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .map_err(|_| TlsError::TimedOut)?
            .map_err(|why| TlsError::of(why, self.own, TlsError::OtherKey(principal)))?;
        if stream.get_ref().1.alpn_protocol() != Some(language) {
            return Err(TlsError::OtherProtocol);
        }
        Ok(stream)
    }

    /// Why a connection that was made ended: in TLS 1.3 the caller learns only when it reads that
    /// its key was refused.
    pub fn refusal(&self, why: io::Error) -> TlsError {
        TlsError::of(why, self.own, TlsError::Stranger)
    }
}

/// The public key as TLS carries it.
fn spki(key: &PublicKey) -> Vec<u8> {
    [&SPKI_PREFIX[..], &key.to_bytes()].concat()
}

#[derive(Debug)]
enum Allowed {
    Anyone(Arc<Known>),
    Only(Vec<u8>),
}

/// Accepts exactly the keys that it was made with.
#[derive(Debug)]
struct Pinned {
    allowed: Allowed,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Pinned {
    fn check(
        &self,
        key: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
    ) -> Result<(), RustlsError> {
        let allowed = match &self.allowed {
            Allowed::Anyone(known) => known.owner(key.as_ref()).is_some(),
            Allowed::Only(expected) => key.as_ref() == expected,
        };
        if allowed && more.is_empty() {
            Ok(())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        let spki = SubjectPublicKeyInfoDer::from(key.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.algorithms)
    }
}

/// There is no TLS 1.2 here.
fn not_tls12() -> RustlsError {
    PeerIncompatible::Tls12NotOffered.into()
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        key: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, RustlsError> {
        self.check(key, more).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        Err(not_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.check_signature(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

impl ClientCertVerifier for Pinned {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        key: &CertificateDer<'_>,
        more: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, RustlsError> {
        self.check(key, more).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _key: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        Err(not_tls12())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        key: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, RustlsError> {
        self.check_signature(message, key, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }

    fn requires_raw_public_keys(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use conclave_core::ids::ClientId;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;
    use crate::config::{NewCluster, Ports, Seed, Sizes};

    const NODE_0: Principal = Principal::Node(NodeId(0));

    fn cluster() -> (Arc<Directory>, Vec<Identity>) {
        let made = NewCluster::generate(
            Sizes { nodes: 4, standby: 0, clients: 1 },
            &Ports::default(),
            true,
        )
        .unwrap();
        (made.config.directory(), made.identities)
    }

    fn of(identities: &[Identity], principal: Principal) -> &Identity {
        identities.iter().find(|it| it.principal == principal).unwrap()
    }

    fn agreed() -> Digest {
        conclave_core::pbft::Config::default().agreed()
    }

    /// `caller` calls `node`, and `answerer` answers: what both make of it.
    async fn meet(
        caller: &Tls,
        node: NodeId,
        answerer: &Tls,
    ) -> (Result<(), TlsError>, Result<Principal, TlsError>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accept = async {
            let (stream, _) = listener.accept().await.unwrap();
            let (who, mut stream) = answerer.accept(stream).await?;
            stream.write_all(b"hello").await?;
            stream.shutdown().await?;
            Ok(who)
        };
        let connect = async {
            let stream = TcpStream::connect(address).await.unwrap();
            let mut stream = caller.connect(node, stream).await?;
            let mut greeting = [0; 5];
            // In TLS 1.3 the caller learns only here whether it was let in.
            stream.read_exact(&mut greeting).await.map_err(|why| caller.refusal(why))?;
            Ok(())
        };
        tokio::join!(connect, accept)
    }

    #[tokio::test]
    async fn each_end_learns_who_the_other_is() {
        let (directory, identities) = cluster();
        let node = Tls::new(of(&identities, NODE_0), directory.clone(), agreed()).unwrap();
        for caller in [Principal::Node(NodeId(1)), Principal::Client(ClientId(0))] {
            let tls = Tls::new(of(&identities, caller), directory.clone(), agreed()).unwrap();
            let (called, answered) = meet(&tls, NodeId(0), &node).await;
            called.unwrap();
            assert_eq!(answered.unwrap(), caller);
        }
    }

    #[tokio::test]
    async fn nodes_that_would_execute_differently_refuse_each_other_and_clients_need_not_know() {
        let (directory, identities) = cluster();
        let node = Tls::new(of(&identities, NODE_0), directory.clone(), agreed()).unwrap();
        let other = conclave_core::pbft::Config { max_sessions: 64, ..Default::default() }.agreed();
        let peer = of(&identities, Principal::Node(NodeId(1)));
        let peer = Tls::new(peer, directory.clone(), other).unwrap();
        let (called, answered) = meet(&peer, NodeId(0), &node).await;
        assert!(matches!(called, Err(TlsError::OtherProtocol)), "{called:?}");
        assert!(matches!(answered, Err(TlsError::OtherProtocol)), "{answered:?}");
        let sentence = called.unwrap_err().to_string();
        assert!(sentence.contains("`max_sessions`"), "{sentence}");

        let client = Principal::Client(ClientId(0));
        let client = Tls::new(of(&identities, client), directory, other).unwrap();
        meet(&client, NodeId(0), &node).await.1.unwrap();
    }

    #[tokio::test]
    async fn a_stranger_is_not_let_in() {
        let (directory, identities) = cluster();
        let node = Tls::new(of(&identities, NODE_0), directory.clone(), agreed()).unwrap();
        let stranger =
            Identity { principal: Principal::Node(NodeId(1)), seed: Seed::generate().unwrap() };
        let stranger = Tls::new(&stranger, directory, agreed()).unwrap();
        let (called, answered) = meet(&stranger, NodeId(0), &node).await;
        let own = Principal::Node(NodeId(1));
        assert!(matches!(called, Err(TlsError::RefusedThere(it)) if it == own), "{called:?}");
        assert!(matches!(answered, Err(TlsError::Stranger)), "{answered:?}");
    }

    #[tokio::test]
    async fn a_node_is_let_in_once_it_is_admitted_and_not_after_it_is_dismissed() {
        let (directory, identities) = cluster();
        let node = Tls::new(of(&identities, NODE_0), directory.clone(), agreed()).unwrap();
        let seed = Seed::generate().unwrap();
        let key = seed.signing_key().public();
        let newcomer = Identity { principal: Principal::Node(NodeId(4)), seed };
        let newcomer = Tls::new(&newcomer, directory, agreed()).unwrap();
        assert!(matches!(meet(&newcomer, NodeId(0), &node).await.1, Err(TlsError::Stranger)));
        assert!(matches!(
            meet(&node, NodeId(4), &newcomer).await.0,
            Err(TlsError::Unknown(Principal::Node(NodeId(4))))
        ));

        node.admit(NodeId(4), key);
        let (called, answered) = meet(&newcomer, NodeId(0), &node).await;
        called.unwrap();
        assert_eq!(answered.unwrap(), Principal::Node(NodeId(4)));
        let (called, answered) = meet(&node, NodeId(4), &newcomer).await;
        called.unwrap();
        assert_eq!(answered.unwrap(), NODE_0);

        node.dismiss(NodeId(4));
        assert!(matches!(meet(&newcomer, NodeId(0), &node).await.1, Err(TlsError::Stranger)));
    }

    #[tokio::test]
    async fn a_node_that_poses_as_another_is_found_out() {
        let (directory, identities) = cluster();
        let caller = Tls::new(of(&identities, NODE_0), directory.clone(), agreed()).unwrap();
        let impostor =
            Tls::new(of(&identities, Principal::Node(NodeId(2))), directory, agreed()).unwrap();
        let (called, _) = meet(&caller, NodeId(1), &impostor).await;
        assert!(matches!(called, Err(TlsError::OtherKey(Principal::Node(NodeId(1))))));
    }
}

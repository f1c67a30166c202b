//! Who is to join: what the administrator says of it, and whether it is there.

use std::{io, time::Duration};

use clap::Args;
use conclave_core::{
    crypto::PublicKey,
    hex,
    ids::{NodeId, Principal},
    pbft::NewMember,
};
use thiserror::Error;
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};

use crate::{
    config::{Address, ClusterConfig, Identity, NodeEntry},
    transport::{Tls, TlsError, limits::HANDSHAKE_TIMEOUT},
};

/// A node that refuses a key says so at once; one that doesn't say anything let it in.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);

/// What the command line says of a node that joins.
#[derive(Debug, Args)]
pub(super) struct Newcomer {
    /// Where it listens, as `conclave member prepare` printed it; by default as in cluster.toml
    #[arg(long, value_name = "HOST:PORT", requires = "key")]
    address: Option<Address>,
    /// Its public key, likewise
    #[arg(long, value_name = "HEX", requires = "address", value_parser = public_key)]
    key: Option<PublicKey>,
    /// Don't check first that it answers there and holds that key
    #[arg(long)]
    unchecked: bool,
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    let mut bytes = [0; 32];
    hex::decode(text, &mut bytes).map_err(|why| why.to_string())?;
    PublicKey::from_bytes(&bytes).map_err(|why| why.to_string())
}

/// Why a node is not asked to join.
#[derive(Debug, Error)]
pub(super) enum NewcomerError {
    /// It was there already.
    #[error(
        "node {0} was a member from the beginning, and a number is never used twice: add a node \
         with a new number and a key of its own (`conclave member prepare`)"
    )]
    NumberUsed(NodeId),
    /// Nobody said where it is.
    #[error(
        "cluster.toml has no node {0}: say where it is and what its key is with --address and \
         --key, as `conclave member prepare` printed them on its machine"
    )]
    Unknown(NodeId),
    /// Two places say different things.
    #[error("cluster.toml says that node {node} has the key {in_file}, and --key says otherwise")]
    OtherKey {
        /// Which.
        node: NodeId,
        /// What the file says.
        in_file: Box<PublicKey>,
    },
    /// The key is in use.
    #[error("--key is the key of {owner}: node {node} needs one of its own")]
    KeyUsed {
        /// Who joins.
        node: NodeId,
        /// Whose key it is.
        owner: Principal,
    },
    /// Nobody answers.
    #[error(
        "node {node} can't be reached at {address} ({why}): start it there first (`conclave node`), \
         or say --unchecked if only this machine can't reach it"
    )]
    Unreachable {
        /// Who joins.
        node: NodeId,
        /// Where it should be.
        address: Address,
        /// What the system said.
        why: io::Error,
    },
    /// Somebody answers who isn't it, or doesn't want to know us.
    #[error("asked at {address} whether it is node {node}: {why}")]
    NotIt {
        /// Who joins.
        node: NodeId,
        /// Where it should be.
        address: Address,
        /// What came of it.
        why: TlsError,
    },
}

impl Newcomer {
    /// What the cluster must know of it.
    pub(super) fn describe(
        &self,
        config: &ClusterConfig,
        id: NodeId,
    ) -> Result<NewMember, NewcomerError> {
        let in_file = config.node(id);
        if in_file.is_some_and(|node| !node.standby) {
            return Err(NewcomerError::NumberUsed(id));
        }
        let (key, address) = match (&self.address, self.key, in_file) {
            (Some(address), Some(key), None) => (key, address),
            (Some(address), Some(key), Some(node)) if key == node.public_key => (key, address),
            (Some(_), Some(_), Some(node)) => {
                return Err(NewcomerError::OtherKey {
                    node: id,
                    in_file: Box::new(node.public_key),
                });
            }
            // The command line lets no half of it through.
            (_, _, Some(NodeEntry { public_key, address, .. })) => (*public_key, address),
            (_, _, None) => return Err(NewcomerError::Unknown(id)),
        };
        let directory = config.directory();
        let owner =
            directory.iter().find(|(owner, it)| **it == key && **owner != Principal::Node(id));
        match owner {
            Some((owner, _)) => Err(NewcomerError::KeyUsed { node: id, owner: *owner }),
            None => Ok(NewMember { id, key: Some(key), contact: address.to_string() }),
        }
    }

    /// Meets it, unless told not to: it answers where it should, holds its key, and is of this
    /// cluster. What is wrong with it is easier to mend before it counts as one of the f faulty.
    pub(super) async fn meet(
        &self,
        config: &ClusterConfig,
        administrator: &Identity,
        member: &NewMember,
    ) -> Result<(), NewcomerError> {
        let (node, key) = match member.key {
            Some(key) if !self.unchecked => (member.id, key),
            _ => return Ok(()),
        };
        // It was made from an address.
        let Ok(address) = member.contact.parse::<Address>() else { return Ok(()) };
        let unreachable = |why| NewcomerError::Unreachable { node, address: address.clone(), why };
        let not_it = |why| NewcomerError::NotIt { node, address: address.clone(), why };
        let connecting = TcpStream::connect((address.host(), address.port()));
        let stream = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(unreachable)?;
        let tls =
            Tls::new(administrator, config.directory(), config.pbft.agreed()).map_err(not_it)?;
        tls.admit(node, key);
        let mut stream = tls.connect(node, stream).await.map_err(not_it)?;
        match timeout(REFUSAL_TIMEOUT, stream.read_u8()).await {
            Ok(Err(why)) => Err(not_it(tls.refusal(why))),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }
}

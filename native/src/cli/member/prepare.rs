//! `conclave member prepare`: what a node needs before anybody knows it.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use clap::Args;
use conclave_core::{
    ids::{NodeId, Principal},
    quorum::MAX_NODES,
};

use crate::{
    config::{Address, CLUSTER_FILE, ClusterConfig, FirstStart, Identity, NodeEntry, Seed},
    failure::Failure,
};

/// Where nodes of one machine answer HTTP: node *i* at this port and *i*, as `conclave init` has it.
const FIRST_ADMIN_PORT: u16 = 7_701;

/// Make a key and a data directory for a node that will join
///
/// Run it on the new node's own machine: its key never leaves it. It needs a copy of cluster.toml,
/// and adds the new node to that copy only; no other file has to know the node. Then start the
/// node, and have the administrator add it as the last lines say.
#[derive(Debug, Args)]
pub(super) struct Prepare {
    /// Where the other nodes and clients will reach it
    #[arg(value_name = "HOST:PORT")]
    address: Address,
    /// Its number, which no node ever had; by default the next one after those in cluster.toml
    #[arg(long, value_name = "N")]
    id: Option<u16>,
    /// Where it will answer HTTP about itself; by default on loopback at port 7701 + its number
    #[arg(long, value_name = "IP:PORT")]
    admin: Option<SocketAddr>,
    /// Where it will keep its records; by default data-N beside its key
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl Prepare {
    pub(super) fn run(self, directory: &Path) -> Result<(), Failure> {
        let config = ClusterConfig::load(directory).map_err(|why| Failure::bad_input(&why))?;
        let next = config.nodes.last().map_or(0, |last| last.id.0 + 1);
        let id = NodeId(self.id.unwrap_or(next));
        if id.0 >= MAX_NODES {
            return Err(Failure::BadInput(format!(
                "node number {id} is too high: numbers go up to {}",
                MAX_NODES - 1
            )));
        }
        if config.node(id).is_some() {
            return Err(Failure::BadInput(format!(
                "{}/{CLUSTER_FILE} has a node {id} already: a number is never used twice, so choose \
                 another --id",
                directory.display()
            )));
        }
        let data = self.data.unwrap_or_else(|| directory.join(format!("data-{id}")));
        if fs::read_dir(&data).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::BadInput(format!(
                "{} is not empty: it may hold another node's records; choose another --data",
                data.display()
            )));
        }
        let seed = Seed::generate()
            .map_err(|why| Failure::Unmet(format!("no random numbers for a key: {why}")))?;
        let public_key = seed.signing_key().public();
        let admin = self.admin.unwrap_or_else(|| {
            SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_ADMIN_PORT + id.0)) // at most 7956
        });
        let node = NodeEntry {
            id,
            address: self.address.clone(),
            admin: Some(admin),
            public_key,
            standby: true,
        };
        let identity = Identity { principal: Principal::Node(id), seed };
        let key = identity.write(directory, false).map_err(|why| Failure::bad_input(&why))?;
        if let Err(why) = ClusterConfig::append(directory, &node) {
            let _ = fs::remove_file(&key); // nobody knows it, so nobody misses it
            return Err(Failure::bad_input(&why));
        }
        FirstStart::of(directory, id).permit().map_err(|why| Failure::bad_input(&why))?;
        fs::create_dir_all(&data)
            .map_err(|why| Failure::BadInput(format!("can't make {}: {why}", data.display())))?;
        let (dir, data, address) = (directory.display(), data.display(), self.address);
        println!("node {id} is prepared:");
        println!("  {}: its private key, which stays on this machine", key.display());
        println!("  {dir}/{CLUSTER_FILE}: names it now, on this machine; no other file has to");
        println!("  {data}: for its records");
        println!("Start it; it waits until it is added:");
        println!("  conclave node --config {dir} --id {id} --data {data}");
        println!("Then, where administrator.key is, one of:");
        let newcomer = format!("--address {address} --key {public_key}");
        println!("  conclave member --config DIR add {id} {newcomer}");
        println!("  conclave member --config DIR replace OLD {id} {newcomer}");
        Ok(())
    }
}

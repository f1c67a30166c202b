//! A new cluster: fresh keys for n nodes and some clients, and the configuration that names them.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use conclave_core::{
    ids::{ClientId, NodeId, Principal},
    pbft::Config,
    quorum::Membership,
};
use thiserror::Error;

use super::{
    CLUSTER_FILE, ClientEntry, ClusterConfig, ConfigError, FirstStart, GuardsConfig, Identity,
    NodeEntry, Seed, key_file_name,
};

/// Where nodes listen, by number.
#[derive(Clone, Debug)]
pub struct Ports {
    /// The machine's own address.
    pub host: IpAddr,
    /// The admin port of each node.
    pub admin: Vec<u16>,
    /// The port of each node for nodes and clients.
    pub peers: Vec<u16>,
}

/// Ports of nodes and clients lie this far above the web port,
const PEERS_ABOVE: u16 = 101;
/// admin ports this far: so up to 100 nodes have both.
const ADMIN_ABOVE: u16 = 1;
/// The most nodes that fit between the two.
const MAX_ON_ONE_MACHINE: u16 = PEERS_ABOVE - ADMIN_ABOVE;

impl Ports {
    /// On loopback: node *i* answers HTTP at `base + 1 + i` and talks to others at
    /// `base + 101 + i`.
    pub fn from_base(base: u16, nodes: u16) -> Option<Self> {
        let last = u32::from(base) + u32::from(PEERS_ABOVE) + u32::from(nodes);
        if nodes > MAX_ON_ONE_MACHINE || last > u32::from(u16::MAX) {
            return None;
        }
        Some(Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            admin: (0..nodes).map(|i| base + ADMIN_ABOVE + i).collect(),
            peers: (0..nodes).map(|i| base + PEERS_ABOVE + i).collect(),
        })
    }
}

impl Default for Ports {
    /// 7701, 7702, … for HTTP and 7801, 7802, … for nodes and clients, of up to 100 nodes.
    fn default() -> Self {
        let range = |above: u16| (0..MAX_ON_ONE_MACHINE).map(|i| 7_700 + above + i).collect();
        Self {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            admin: range(ADMIN_ABOVE),
            peers: range(PEERS_ABOVE),
        }
    }
}

/// How many of each there are.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Nodes that the cluster begins with.
    pub nodes: u16,
    /// Nodes that stand by to become members.
    pub standby: u16,
    /// Clients.
    pub clients: u64,
}

impl Sizes {
    /// All nodes, whether they stand by or not.
    pub fn all_nodes(self) -> u16 {
        self.nodes.saturating_add(self.standby)
    }
}

/// A configuration and every private key, before they are given to their owners.
pub struct NewCluster {
    /// What everybody may know.
    pub config: ClusterConfig,
    /// What only its owner may know.
    pub identities: Vec<Identity>,
}

/// Why there is no new cluster.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// A size that can't be.
    #[error(transparent)]
    Size(#[from] conclave_core::quorum::BadClusterSize),
    /// Fewer ports than nodes.
    #[error("{nodes} nodes on one machine need {nodes} pairs of ports; there are {ports}")]
    Ports {
        /// Nodes asked for.
        nodes: u16,
        /// Pairs of ports at hand.
        ports: usize,
    },
    /// The operating system has no randomness.
    #[error("no random numbers for keys: {0}")]
    Randomness(#[from] getrandom::Error),
    /// A file exists already.
    #[error(
        "{path} exists: a cluster's keys are not overwritten unless you say --force (then the \
         old ones are gone)",
        path = .0.display()
    )]
    Exists(PathBuf),
    /// A file can't be written.
    #[error(transparent)]
    Write(#[from] ConfigError),
}

impl NewCluster {
    /// New keys for replicas, clients and the administrator.
    pub fn generate(sizes: Sizes, ports: &Ports, development: bool) -> Result<Self, GenerateError> {
        let members = Membership::new(sizes.nodes)?;
        let nodes = sizes.all_nodes();
        let available = ports.admin.len().min(ports.peers.len());
        if available < usize::from(nodes) {
            return Err(GenerateError::Ports { nodes, ports: available });
        }
        let mut identities = Vec::new();
        let mut fresh = |principal| -> Result<_, GenerateError> {
            let seed = Seed::generate()?;
            let public_key = seed.signing_key().public();
            identities.push(Identity { principal, seed });
            Ok(public_key)
        };
        let place = |port| SocketAddr::new(ports.host, port);
        let mut config = ClusterConfig {
            development,
            pbft: Config::for_members(members),
            guards: GuardsConfig::default(),
            administrator: Some(fresh(Principal::ADMINISTRATOR)?),
            nodes: Vec::new(),
            clients: Vec::new(),
        };
        for id in 0..nodes {
            config.nodes.push(NodeEntry {
                id: NodeId(id),
                address: place(ports.peers[usize::from(id)]).into(),
                // Admin is loopback, wherever the node itself listens.
                admin: Some(SocketAddr::new(
                    Ipv4Addr::LOCALHOST.into(),
                    ports.admin[usize::from(id)],
                )),
                public_key: fresh(Principal::Node(NodeId(id)))?,
                standby: id >= sizes.nodes,
            });
        }
        for id in (0..sizes.clients).map(ClientId) {
            config.clients.push(ClientEntry { id, public_key: fresh(Principal::Client(id))? });
        }
        Ok(Self { config, identities })
    }

    /// Writes `cluster.toml` and all key files. The configuration comes last: where there is one,
    /// the keys are there too.
    pub fn write(&self, directory: &Path, force: bool) -> Result<(), GenerateError> {
        let config_path = directory.join(CLUSTER_FILE);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |why| ConfigError::Write { path, why }
        };
        if !force {
            let names = self.identities.iter().map(|it| key_file_name(it.principal));
            let paths = names.map(|name| directory.join(name)).chain([config_path.clone()]);
            if let Some(existing) = paths.into_iter().find(|path| path.exists()) {
                return Err(GenerateError::Exists(existing));
            }
        }
        fs::create_dir_all(directory).map_err(failed(directory))?;
        for identity in &self.identities {
            identity.write(directory, force)?;
            if let Principal::Node(node) = identity.principal {
                FirstStart::of(directory, node).permit()?;
            }
        }
        fs::write(&config_path, self.config.render()).map_err(failed(&config_path))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_exists_is_not_overwritten_unless_forced() {
        let directory = std::env::temp_dir().join(format!("conclave-init-{}", std::process::id()));
        let sizes = Sizes { nodes: 4, standby: 1, clients: 1 };
        let make = || NewCluster::generate(sizes, &Ports::default(), false).unwrap();
        make().write(&directory, false).unwrap();
        let before = fs::read_to_string(directory.join(CLUSTER_FILE)).unwrap();
        assert!(matches!(make().write(&directory, false), Err(GenerateError::Exists(_))));
        assert_eq!(fs::read_to_string(directory.join(CLUSTER_FILE)).unwrap(), before);

        let forced = make();
        forced.write(&directory, true).unwrap();
        let config = ClusterConfig::load(&directory).unwrap();
        assert_eq!(config, forced.config);
        for identity in &forced.identities {
            Identity::load(&directory, identity.principal, &config).unwrap();
        }
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn ports_of_a_machine_never_overlap() {
        let ports = Ports::from_base(7_700, 100).unwrap();
        assert_eq!((ports.admin[99], ports.peers[0]), (7_800, 7_801));
        assert!(Ports::from_base(7_700, 101).is_none());
        assert!(Ports::from_base(65_500, 4).is_none());
    }
}

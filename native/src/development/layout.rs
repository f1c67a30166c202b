//! Where a development cluster lives on the disk, and which ports it takes.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
};

use conclave_core::ids::NodeId;
use thiserror::Error;

use crate::config::{
    CLUSTER_FILE, ClusterConfig, ConfigError, FirstStart, GenerateError, NewCluster, Ports, Sizes,
};

/// Clients of a development cluster: number 0 for people, the others for the demo load.
pub const CLIENTS: u64 = 9;

/// Why there is no such cluster.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A file can't be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No cluster could be made.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The directory holds something else.
    #[error(
        "{directory} holds a cluster that was not made by `conclave cluster`; choose another \
         --dir, or start its nodes with `conclave node`",
        directory = .0.display()
    )]
    NotDevelopment(PathBuf),
    /// The directory holds a cluster of another size.
    #[error(
        "{directory} holds a cluster of another size; choose another --dir or say \
         --nodes {found} --standby {standby}",
        directory = directory.display()
    )]
    Size {
        /// Where.
        directory: PathBuf,
        /// How many it has.
        found: u16,
        /// How many stand by.
        standby: u16,
    },
    /// The ports would not fit.
    #[error(
        "{nodes} nodes from port {port} on don't fit: at most 100 nodes, and ports end at 65535"
    )]
    NoRoom {
        /// How many nodes.
        nodes: u16,
        /// From which port.
        port: u16,
    },
    /// A port is taken.
    #[error(
        "port {port} is taken ({what}); a cluster takes the web port, the next ones for HTTP and \
         those from 101 above for its nodes: choose another with --port{why}",
        why = reason(why)
    )]
    Taken {
        /// Which.
        port: u16,
        /// For what it was meant.
        what: String,
        /// What the system said.
        why: io::Error,
    },
}

fn reason(why: &io::Error) -> String {
    match why.kind() {
        io::ErrorKind::AddrInUse => String::new(),
        _ => format!(" ({why})"),
    }
}

/// A development cluster on the disk.
#[derive(Debug)]
pub struct Layout {
    /// Its directory.
    pub directory: PathBuf,
    /// What is in it.
    pub config: ClusterConfig,
    /// Whether the directory is only for this run.
    temporary: bool,
}

impl Layout {
    /// The cluster in `directory`, made if there is none; without a directory, one for this run.
    /// Addresses follow from `port`, keys stay. Port 0: any free ports.
    pub fn prepare(
        directory: Option<PathBuf>,
        sizes: Sizes,
        port: u16,
    ) -> Result<Self, LayoutError> {
        let nodes = sizes.all_nodes();
        let ports = match port {
            0 => free_ports(nodes)?,
            base => {
                let ports = Ports::from_base(base, nodes);
                let ports = ports.ok_or(LayoutError::NoRoom { nodes, port })?;
                all_free(&ports)?;
                ports
            }
        };
        let temporary = directory.is_none();
        let directory = directory.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("conclave-cluster-{}", std::process::id()))
        });
        if !directory.join(CLUSTER_FILE).exists() {
            let made = NewCluster::generate(sizes, &ports, true)?;
            // What a run with this process number left behind has no configuration: not in use.
            made.write(&directory, temporary)?;
            return Ok(Self { directory, config: made.config, temporary });
        }
        let mut config = ClusterConfig::load(&directory)?;
        if !config.development {
            return Err(LayoutError::NotDevelopment(directory));
        }
        let (first, all) = (config.members().n(), config.nodes.len() as u16);
        if (first, all) != (sizes.nodes, nodes) {
            let (found, standby) = (first, all - first);
            return Err(LayoutError::Size { directory, found, standby });
        }
        for (index, node) in config.nodes.iter_mut().enumerate() {
            let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            node.address = at(ports.peers[index]).into();
            node.admin = Some(at(ports.admin[index]));
        }
        if !config.nodes.iter().any(|node| Self::data_in(&directory, node.id).exists()) {
            // Nothing is left of what these nodes said, so nobody can contradict it.
            for node in &config.nodes {
                FirstStart::of(&directory, node.id).permit()?;
            }
        }
        let path = directory.join(CLUSTER_FILE);
        fs::write(&path, config.render()).map_err(|why| ConfigError::Write { path, why })?;
        Ok(Self { directory, config, temporary })
    }

    /// Where a node keeps its records.
    pub fn data(&self, node: NodeId) -> PathBuf {
        Self::data_in(&self.directory, node)
    }

    /// The same, in a given directory.
    pub(super) fn data_in(directory: &Path, node: NodeId) -> PathBuf {
        directory.join(format!("data-{node}"))
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        if self.temporary {
            // Left behind, it is a few kilobytes where the system tidies up by itself.
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

fn all_free(ports: &Ports) -> Result<(), LayoutError> {
    let what = |list: &[u16], role: &str| {
        list.iter()
            .enumerate()
            .map(|(node, port)| (*port, format!("{role} of node {node}")))
            .collect::<Vec<_>>()
    };
    for (port, what) in what(&ports.admin, "HTTP").into_iter().chain(what(&ports.peers, "address"))
    {
        if let Err(why) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Err(LayoutError::Taken { port, what, why });
        }
    }
    Ok(())
}

/// Ports that nobody has right now, all different because all are held while the last is found.
///
/// They lie below those that the system gives to outgoing connections: one of these could take
/// such a port between here and the moment when the node listens at it.
fn free_ports(nodes: u16) -> Result<Ports, LayoutError> {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 22_000;
    const ATTEMPTS: u32 = 100;
    let failed = |why| LayoutError::Taken { port: 0, what: "any free one".into(), why };
    let mut held = Vec::new();
    let mut take = || {
        let mut outcome = Err(io::Error::other("none of many was free"));
        for _ in 0..ATTEMPTS {
            let dice = getrandom::u32().map_err(io::Error::other)?;
            let port = (FIRST + dice % COUNT) as u16;
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(listener) => {
                    held.push(listener);
                    return Ok(port);
                }
                Err(why) => outcome = Err(why),
            }
        }
        outcome
    };
    let mut ports = Ports { host: Ipv4Addr::LOCALHOST.into(), admin: vec![], peers: vec![] };
    for _ in 0..nodes {
        ports.admin.push(take().map_err(failed)?);
        ports.peers.push(take().map_err(failed)?);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_keeps_its_keys_when_its_ports_change() {
        let directory =
            std::env::temp_dir().join(format!("conclave-layout-{}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        let prepare = |nodes| {
            let sizes = Sizes { nodes, standby: 0, clients: CLIENTS };
            Layout::prepare(Some(directory.clone()), sizes, 0)
        };
        let keys = |layout: &Layout| {
            layout.config.nodes.iter().map(|node| node.public_key).collect::<Vec<_>>()
        };
        let first = prepare(4).unwrap();
        let second = prepare(4).unwrap();
        assert_eq!(keys(&first), keys(&second));
        assert_ne!(first.config.nodes[0].address, second.config.nodes[0].address);
        assert!(matches!(prepare(7), Err(LayoutError::Size { found: 4, standby: 0, .. })));
        drop((first, second));
        assert!(directory.exists(), "a directory that was named is kept");

        // What nodes remember decides whether they may begin anew.
        let permitted = || FirstStart::of(&directory, NodeId(2));
        permitted().used().unwrap();
        let data = Layout::data_in(&directory, NodeId(0));
        fs::create_dir(&data).unwrap();
        drop(prepare(4).unwrap());
        assert!(!permitted().is_permitted(), "node 0 remembers that there is a history");
        fs::remove_dir(data).unwrap();
        drop(prepare(4).unwrap());
        assert!(permitted().is_permitted(), "nobody does");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_changes_it() {
        let (taken, base) = (0..100)
            .find_map(|_| {
                let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let port = taken.local_addr().unwrap().port();
                (port < 60_000).then_some((taken, port - 1))
            })
            .unwrap();
        let port = taken.local_addr().unwrap().port();
        let sizes = Sizes { nodes: 4, standby: 0, clients: CLIENTS };
        let error = Layout::prepare(None, sizes, base).unwrap_err().to_string();
        assert!(error.contains(&format!("port {port} is taken")), "{error}");
        assert!(error.contains("--port"), "{error}");
    }
}

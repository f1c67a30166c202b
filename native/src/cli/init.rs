//! `conclave init`.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;

use crate::{
    config::{CLUSTER_FILE, NewCluster, Ports, Sizes},
    failure::Failure,
};

/// Make keys and configuration for a new cluster
///
/// Writes cluster.toml, which every node and client needs, and one private key file for each of
/// them, readable for its owner only. Then edit the addresses in cluster.toml, and give each
/// machine that file, its own key and node-N.first-start (which permits the node's first start, and
/// which the node then removes), and no other key.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave init --nodes 4 --dir my-cluster
  conclave init --nodes 4 --standby 1 --dir my-cluster
  conclave init --nodes 7 --clients 3 --host 10.0.0.1 --dir my-cluster")]
pub(super) struct Init {
    /// How many nodes; f of n may be Byzantine where n is at least 3f+1 (4: one, 7: two)
    #[arg(long, default_value_t = 4, value_name = "N")]
    nodes: u16,
    /// How many further nodes stand by, which `conclave member` can make members later
    #[arg(long, default_value_t = 0, value_name = "N")]
    standby: u16,
    /// How many clients get a key
    #[arg(long, default_value_t = 2, value_name = "N")]
    clients: u64,
    /// The directory to write to
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Where nodes listen for each other, before you edit cluster.toml
    #[arg(long, default_value = "127.0.0.1", value_name = "IP")]
    host: IpAddr,
    /// The first port: HTTP (on loopback) from the next one on, nodes from 101 above it
    #[arg(long, default_value_t = 7_700, value_name = "PORT")]
    port: u16,
    /// Overwrite a cluster's keys and configuration that are there already
    #[arg(long)]
    force: bool,
}

impl Init {
    pub(super) fn run(self) -> Result<(), Failure> {
        let sizes = Sizes { nodes: self.nodes, standby: self.standby, clients: self.clients };
        let all = sizes.all_nodes();
        let ports = Ports::from_base(self.port, all).ok_or_else(|| {
            Failure::BadInput(format!(
                "{all} nodes from --port {} on don't fit: at most 100 nodes, and ports end at 65535",
                self.port
            ))
        })?;
        let ports = Ports { host: self.host, ..ports };
        let made = NewCluster::generate(sizes, &ports, false)
            .and_then(|made| made.write(&self.dir, self.force).map(|()| made))
            .map_err(|why| Failure::bad_input(&why))?;
        let dir = self.dir.display();
        println!("{dir}/{CLUSTER_FILE}: {} nodes, f = {}", self.nodes, made.config.members().f());
        println!("{dir}/node-0.key … node-{}.key: one for each machine", all - 1);
        println!(
            "  (and beside each node-N.first-start, which permits its first start: copy it along)"
        );
        if self.standby > 0 {
            println!("  (from node-{}.key on: these nodes stand by)", self.nodes);
        }
        if self.clients > 0 {
            println!("{dir}/client-0.key … client-{}.key: one for each client", self.clients - 1);
        }
        println!("{dir}/administrator.key: changes the membership; keep it on no node");
        println!("Next: edit the addresses in {CLUSTER_FILE}, then on each machine:");
        println!("  conclave node --config {dir} --id 0 --data {dir}/data-0");
        Ok(())
    }
}

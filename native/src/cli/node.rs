//! `conclave node`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use conclave_core::ids::{NodeId, Principal};

use super::signals;
use crate::{
    config::{ClusterConfig, Identity},
    failure::Failure,
    node::{Node, NodeError, NodeOptions},
};

/// Run one node of a cluster
///
/// Talks to the other nodes and to clients over TLS 1.3 at its address in cluster.toml, and
/// answers HTTP at its admin address there: /healthz /readyz /status /metrics /events.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave node --config my-cluster --id 0 --data /var/lib/conclave
  conclave node --config my-cluster --id 0 --listen 0.0.0.0:7801")]
pub(super) struct RunNode {
    /// The directory with cluster.toml and this node's key
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// Which node of the cluster this is
    #[arg(long, value_name = "N")]
    id: u16,
    /// Keep what must not be forgotten in this directory. Without it a node that restarts has
    /// forgotten its promises, and counts as one of the f faulty ones
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Listen here instead of at the address that the others know
    #[arg(long, value_name = "IP:PORT")]
    listen: Option<SocketAddr>,
    /// End when standard input closes, and leave Ctrl-C to the parent (for supervisors)
    #[arg(long)]
    exit_with_parent: bool,
}

impl RunNode {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = ClusterConfig::load(&self.config).map_err(|why| Failure::bad_input(&why))?;
        let principal = Principal::Node(NodeId(self.id));
        if config.node(NodeId(self.id)).is_none() {
            return Err(Failure::BadInput(format!(
                "--id {}: the cluster in {} has the nodes 0 to {}",
                self.id,
                self.config.display(),
                config.nodes.len() - 1
            )));
        }
        let identity = Identity::load(&self.config, principal, &config)
            .map_err(|why| Failure::bad_input(&why))?;
        let config = Arc::new(config);
        let options = NodeOptions { config, identity, data: self.data, listen: self.listen };
        let mut node = Node::start(options).await.map_err(|why| match why {
            NodeError::Bind { .. }
            | NodeError::Storage(_)
            | NodeError::Restore(_)
            | NodeError::Tls(_)
            | NodeError::Unknown(_) => Failure::bad_input(&why),
            _ => Failure::unmet(&why),
        })?;
        tracing::info!(node = self.id, "running");
        let end = async {
            if self.exit_with_parent {
                signals::parent_ended().await
            } else {
                signals::asked_to_end().await
            }
        };
        tokio::select! {
            why = end => {
                tracing::info!(why = why?, "ending");
                Ok(())
            }
            why = node.failed() => Err(Failure::unmet(&why)),
        }
    }
}

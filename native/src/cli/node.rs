//! `conclave node`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use clap::Args;
use conclave_core::ids::{NodeId, Principal};

use super::signals;
use crate::{
    config::{ClusterConfig, FirstStart, Identity},
    failure::Failure,
    node::{GuardBoard, Node, NodeError, NodeOptions, storage::Beginning},
};

/// Run one node of a cluster
///
/// Talks to the other nodes and to clients over TLS 1.3 at its address in cluster.toml, and
/// answers HTTP at its admin address there: /healthz /readyz /status /metrics /evidence /guards /events.
/// On SIGHUP it reads the table `[guards]` of cluster.toml again; what the guards know stays.
///
/// A node's first start is permitted by the file that `conclave init` and `conclave member prepare`
/// lay beside its key, and which the node then removes. Afterwards an empty --data is a loss: the
/// node refuses to start as if nothing had been said.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave node --config my-cluster --id 0 --data /var/lib/conclave
  conclave node --config my-cluster --id 0 --data /var/lib/conclave --listen 0.0.0.0:7801
  conclave node --config my-cluster --id 0 --data /var/lib/conclave --recover   its disk is new")]
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
    /// If there is nothing in --data, it was lost: start, but say nothing that counts until this
    /// node has caught up with the others
    #[arg(long, requires = "data", conflicts_with = "first_start")]
    recover: bool,
    /// If there is nothing in --data, this node never ran: needed only where the file that permits
    /// it is not beside the key. Never leave it in a script: a lost disk would go unnoticed
    #[arg(long, requires = "data")]
    first_start: bool,
    /// End when standard input closes, and leave Ctrl-C to the parent (for supervisors)
    #[arg(long)]
    exit_with_parent: bool,
}

impl RunNode {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = ClusterConfig::load(&self.config).map_err(|why| Failure::bad_input(&why))?;
        let id = NodeId(self.id);
        let principal = Principal::Node(id);
        if config.node(id).is_none() {
            let first = config.first_nodes().count();
            let later = config.nodes.iter().skip(first).map(|node| format!(", {}", node.id));
            return Err(Failure::BadInput(format!(
                "--id {id}: {}/cluster.toml has the nodes 0 to {}{}; a new one is made by `conclave \
                 member prepare`",
                self.config.display(),
                first - 1, // at least four
                later.collect::<String>()
            )));
        }
        let identity = Identity::load(&self.config, principal, &config)
            .map_err(|why| Failure::bad_input(&why))?;
        let config = Arc::new(config);
        let first_start = FirstStart::of(&self.config, id);
        let beginning = match () {
            () if self.recover => Beginning::Lost,
            () if self.first_start || first_start.is_permitted() => Beginning::First,
            () => Beginning::Unexpected,
        };
        let options = NodeOptions {
            config,
            identity,
            data: self.data,
            beginning,
            first_start,
            listen: self.listen,
            directory: Some(self.config.clone()),
        };
        let mut node = Node::start(options).await.map_err(|why| match why {
            NodeError::Bind { .. }
            | NodeError::Storage(_)
            | NodeError::Restore(_)
            | NodeError::Tls(_)
            | NodeError::Config(_)
            | NodeError::NoAdmin(_)
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
        let reloading = reload_when_asked(node.guards().clone());
        tokio::select! {
            why = end => {
                tracing::info!(why = why?, "ending");
                Ok(())
            }
            why = node.failed() => Err(Failure::unmet(&why)),
            failed = reloading => failed,
        }
    }
}

/// On SIGHUP the guards are as cluster.toml says from then on. Returns only if there is no such signal.
async fn reload_when_asked(guards: Arc<GuardBoard>) -> Result<(), Failure> {
    let mut asked = signals::hang_up()?;
    loop {
        if asked.recv().await.is_none() {
            return std::future::pending().await;
        }
        if let Err(why) = guards.reload().await {
            tracing::error!(%why, "the guards are as they were");
        }
    }
}

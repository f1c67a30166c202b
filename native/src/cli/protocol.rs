//! `conclave protocol`: what orders the log, and how that changes.

use clap::{Args, Subcommand};
use conclave_core::{
    analyzer::Protocol,
    ids::{ClientId, NodeId},
    pbft::Change,
};
use serde::{
    Deserialize as _,
    de::{IntoDeserializer as _, value},
};

use super::member::Cluster;
use crate::failure::Failure;

/// Show or switch the protocol that orders a cluster's log
///
/// A switch is agreed like any request and takes effect at the next checkpoint, without a pause: the
/// old protocol orders up to there, the new one from there, and every request is executed once. It
/// needs administrator.key. Raft is refused unless every node's cluster.toml says deployment =
/// "crash-only" in its table pbft: where one member lies, Raft lets it rewrite history.
/// Exit code 0: done; 1: refused, or no answer in time; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave protocol --config my-cluster show
  conclave protocol --config my-cluster switch raft
  conclave protocol --config my-cluster switch trust-ordered-pbft --last 0,2")]
pub(super) struct Switch {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the epoch, its protocol and its members, proven by the cluster
    Show {
        /// Which client's key to ask with
        #[arg(long, default_value_t = 0, value_name = "N")]
        client: u64,
    },
    /// Order the log by another protocol
    Switch {
        /// Which
        #[arg(value_parser = protocol)]
        to: Protocol,
        /// Whom to make primary last, under trust-ordered-pbft
        #[arg(long, value_delimiter = ',', value_name = "NODES")]
        last: Vec<u16>,
    },
}

/// By the name that files use too.
fn protocol(name: &str) -> Result<Protocol, String> {
    let deserializer: value::StrDeserializer<'_, value::Error> = name.into_deserializer();
    Protocol::deserialize(deserializer).map_err(|why| why.to_string())
}

impl Switch {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let asked = self.cluster.asked()?;
        match self.action {
            Action::Show { client } => asked.show(ClientId(client)).await,
            Action::Switch { to, last } => {
                let last = last.into_iter().map(NodeId).collect();
                asked.switch(&Change { last, ..Change::switch_to(to) }).await
            }
        }
    }
}

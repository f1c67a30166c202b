//! `conclave chaos`: experiments on running nodes.

mod radius;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use clap::{Args, Subcommand};
use conclave_core::{
    crypto::{Ed25519, Signed},
    ids::NodeId,
    resilience::chaos::{Config, MAX_PERMISSION_MS, Permission},
    time::WallTime,
};
use serde_json::Value;

use super::{
    client::{self, seconds},
    member::administrator,
    output::print,
    status::ask_each,
};
use crate::{
    chaos::Asked,
    config::{ClusterConfig, load_experiment},
    failure::Failure,
    http_get::post,
};
use radius::{Stand, beyond};

/// How much longer than it should take a permission lasts: clocks differ.
const SPARE: Duration = Duration::from_secs(30);

/// Show, start or abort chaos experiments on running nodes: faults on purpose, to few links, for a while
///
/// An experiment disturbs what one node says to its peers, or what clients ask of it (where `peers` lists
/// the node's own number), looks how that node's client requests fare, and ends itself when the hypothesis
/// breaks, at the end of its schedule, or when its permission is over. Outside of development clusters
/// that permission is signed here, with administrator.key, for this experiment at this node, once. It
/// isn't started where more than f nodes would be disturbed or down: all nodes are asked first, so don't
/// start two at the same moment from two places.
/// Exit code 0: done; 1: refused, or no answer; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave chaos example > slow-link.toml
  conclave chaos --config my-cluster start slow-link.toml --node 2
  conclave chaos --config my-cluster status
  conclave chaos --config my-cluster abort                 wherever one is under way
  conclave chaos --config my-cluster start core/scenarios/chaos-abort.toml --node 0")]
pub(super) struct ChaosOf {
    /// The directory with cluster.toml, and with administrator.key to start one
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print a file to begin with
    Example,
    /// Begin an experiment
    Start {
        /// A file with a table `chaos`, as `example` prints; a scenario that has one is such a file too
        file: PathBuf,
        /// At which node; several with commas, f at most
        #[arg(long, required = true, value_delimiter = ',', value_name = "N")]
        node: Vec<u16>,
        /// How long it is permitted, an hour at most [default: baseline and injection, and half a minute]
        #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
        lasts: Option<Duration>,
    },
    /// Print the experiment of each node that is under way, or was last
    Status,
    /// End experiments at once; that needs no permission
    Abort {
        /// Only at these nodes
        #[arg(long, value_delimiter = ',', value_name = "N")]
        node: Vec<u16>,
    },
}

impl ChaosOf {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if let Action::Example = self.action {
            return print(include_str!("example.toml"));
        }
        let directory = client::directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        match self.action {
            Action::Example => Ok(()),
            Action::Start { file, node, lasts } => {
                let experiment = load_experiment(&file).map_err(|why| Failure::bad_input(&why))?;
                start(&directory, &config, &experiment, &ids(node), lasts).await
            }
            Action::Status => status(&config).await,
            Action::Abort { node } => abort(&config, &ids(node)).await,
        }
    }
}

fn ids(nodes: Vec<u16>) -> Vec<NodeId> {
    nodes.into_iter().map(NodeId).collect()
}

fn admin_of(config: &ClusterConfig, node: NodeId) -> Result<SocketAddr, Failure> {
    let admin = config.node(node).and_then(|it| it.admin);
    admin.ok_or_else(|| {
        Failure::BadInput(format!("cluster.toml has no node {node} with an `admin`"))
    })
}

async fn start(
    directory: &Path,
    config: &ClusterConfig,
    experiment: &Config,
    nodes: &[NodeId],
    lasts: Option<Duration>,
) -> Result<(), Failure> {
    for node in nodes {
        admin_of(config, *node)?;
    }
    let stands = ask_each::<Stand>(config, "/chaos").await;
    if let Some(why) = beyond(&stands, nodes) {
        return Err(Failure::Unmet(why));
    }
    let mut begun = Vec::new();
    for (node, stand) in stands.into_iter().filter(|(node, _)| nodes.contains(node)) {
        let refused = match wish(directory, config, experiment, node, stand, lasts) {
            Ok(body) => post(admin_of(config, node)?, "/chaos", &body)
                .await
                .map_err(|why| Failure::Unmet(format!("node {node}: {why}"))),
            Err(why) => Err(why),
        };
        if let Err(why) = refused {
            // All of them, or none.
            if !begun.is_empty() {
                abort(config, &begun).await?;
            }
            return Err(why);
        }
        println!("node {node}: begun; `conclave chaos status` shows how it fares");
        begun.push(node);
    }
    Ok(())
}

/// What a node is asked for, with the permission that it needs.
fn wish(
    directory: &Path,
    config: &ClusterConfig,
    experiment: &Config,
    node: NodeId,
    stand: Result<Stand, String>,
    lasts: Option<Duration>,
) -> Result<String, Failure> {
    let stand = stand.map_err(|why| Failure::Unmet(format!("node {node}: {why}")))?;
    let asked = if stand.development {
        Asked::Development(experiment.clone().into())
    } else {
        let number = stand.number.ok_or_else(|| {
            Failure::Unmet(format!("node {node} has no randomness to give out a number from"))
        })?;
        let identity = administrator(directory, config)?;
        let scheduled = Duration::from_millis(experiment.baseline_ms + experiment.inject_ms);
        let lasts_ms = lasts.unwrap_or(scheduled + SPARE).as_millis() as u64; // days at most
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let until = WallTime(now.as_millis() as u64).after_ms(lasts_ms.min(MAX_PERMISSION_MS));
        let permission = Permission { node, number, until, experiment: experiment.clone() };
        let key = identity.seed.signing_key();
        let authenticator = Ed25519::new(identity.principal, key, config.directory());
        Asked::Permitted(Signed::new(permission, &authenticator).into())
    };
    serde_json::to_string(&asked).map_err(|why| Failure::bad_input(&why))
}

async fn abort(config: &ClusterConfig, nodes: &[NodeId]) -> Result<(), Failure> {
    for node in nodes {
        admin_of(config, *node)?;
    }
    let mut failed = false;
    for entry in config.nodes.iter().filter(|it| nodes.is_empty() || nodes.contains(&it.id)) {
        let Some(admin) = entry.admin else { continue };
        match post(admin, "/chaos/abort", "").await {
            Ok(said) => println!("node {}: {said}", entry.id),
            Err(why) => {
                failed = true;
                println!("node {}: {why}", entry.id);
            }
        }
    }
    if failed { Err(Failure::Unmet("not every node did".into())) } else { Ok(()) }
}

async fn status(config: &ClusterConfig) -> Result<(), Failure> {
    let mut answered = false;
    for (node, seen) in ask_each::<Value>(config, "/chaos").await {
        match seen {
            Ok(seen) => {
                answered = true;
                println!("node {node}: {}", words(&seen));
            }
            Err(why) => println!("node {node}: {why}"),
        }
    }
    if answered { Ok(()) } else { Err(Failure::Unmet("no node answered".into())) }
}

/// A few lines. Another version may leave something out; then so does this.
fn words(seen: &Value) -> String {
    let it = &seen["experiment"];
    if it.is_null() {
        return "no experiment since it started".into();
    }
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    let ends = match (it["phase_ends"].as_u64(), seen["now"].as_u64()) {
        (Some(ends), Some(now)) => format!(", for {} s more", ends.saturating_sub(now) / 1_000_000),
        _ => String::new(),
    };
    let (counters, steady) = (&it["counters"], &it["steady"]);
    let peers: Vec<_> =
        it["peers"].as_array().into_iter().flatten().map(ToString::to_string).collect();
    let peers = if peers.is_empty() { "none".into() } else { peers.join(", ") };
    format!(
        "{} {}{ends}\n  hypothesis: {}\n  touched {} of {} messages; peers touched: {peers}\n  of {} \
         requests in the last window {} failed, {} were slow",
        text(&it["config"]["name"]),
        text(&it["says"]),
        text(&it["config"]["hypothesis"]),
        counters["injected"],
        counters["in_scope"],
        steady["calls"],
        steady["failed"],
        steady["slow"],
    )
}

//! `conclave guards`: what keeps nodes from harm, and how that changes while they run.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Subcommand};
use conclave_core::{ids::NodeId, resilience::degradation::Level};
use serde_json::Value;

use super::client;
use crate::{
    config::{ClusterConfig, GuardsConfig},
    failure::Failure,
    http_get::{NoAnswer, get, post},
};

/// More than the guards of 256 nodes towards 256 others.
const MAX_GUARDS_BYTES: usize = 4 * 1024 * 1024;

/// Show what nodes' guards do, or change them while the nodes run
///
/// Guards are configured in the table `[guards]` of each node's cluster.toml; what stands there counts
/// over the defaults, which `conclave guards defaults` prints. A node that is told to reload reads its
/// own file again: what can't work is refused with the reason and changes nothing, what the guards know
/// stays. Exit code 0: done; 1: a node refused or didn't answer; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave guards --config my-cluster show
  conclave guards --config my-cluster reload               after cluster.toml was changed
  conclave guards --config my-cluster hold severe --node 2
  conclave guards defaults > guards.toml")]
pub(super) struct Guards {
    /// The directory with cluster.toml
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Only this node
    #[arg(long, global = true, value_name = "N")]
    node: Option<u16>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print what every node turns away and why, its level, and how it reaches its peers
    Show,
    /// Have nodes read the table `[guards]` of their own cluster.toml again
    Reload,
    /// Have nodes leave out so much, whatever they measure
    Hold {
        /// auto (what they measure), normal, degraded, severe or emergency
        #[arg(value_parser = level)]
        level: String,
    },
    /// Print the table with every default
    Defaults,
}

fn level(name: &str) -> Result<String, String> {
    let known = name == "auto" || Level::ALL.iter().any(|level| level.name() == name);
    known.then(|| name.to_owned()).ok_or_else(|| "auto, or the name of a level".into())
}

impl Guards {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let path = match self.action {
            Action::Defaults => {
                print!("{}", GuardsConfig::default().describe());
                return Ok(());
            }
            Action::Show => None,
            Action::Reload => Some("/guards/reload".to_owned()),
            Action::Hold { level } => Some(format!("/guards/hold?level={level}")),
        };
        let directory = client::directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        let wanted = |id: NodeId| self.node.is_none_or(|wanted| wanted == id.0);
        let asked: Vec<(NodeId, SocketAddr)> = config
            .nodes
            .iter()
            .filter(|node| wanted(node.id))
            .filter_map(|node| Some((node.id, node.admin?)))
            .collect();
        if asked.is_empty() {
            return Err(Failure::BadInput("cluster.toml has no such node with an `admin`".into()));
        }
        let mut failed = false;
        for (node, admin) in asked {
            let said = match &path {
                None => show(admin).await,
                Some(path) => post(admin, path, "").await,
            };
            match said {
                Ok(said) => println!("node {node}: {said}"),
                Err(why) => {
                    failed = true;
                    println!("node {node}: {why}");
                }
            }
        }
        if failed { Err(Failure::Unmet("not every node did".into())) } else { Ok(()) }
    }
}

async fn show(admin: SocketAddr) -> Result<String, NoAnswer> {
    let body = get(admin, "/guards", MAX_GUARDS_BYTES).await?;
    let seen: Value = serde_json::from_slice(&body)
        .map_err(|_| NoAnswer::Unreadable { limit: MAX_GUARDS_BYTES })?;
    Ok(words(&seen))
}

/// A few lines. Another version may leave something out; then so does this.
fn words(seen: &Value) -> String {
    let mut lines = Vec::new();
    let clients = &seen["clients"];
    let level = clients["degradation"]["level"].as_str().unwrap_or("none (off)");
    let held = if clients["degradation"]["held"].is_null() { "" } else { ", held" };
    let counters = &clients["counters"];
    let refused: Vec<_> = ["too much to do", "over their rate", "too many wait"]
        .iter()
        .zip(counters["refused"].as_array().into_iter().flatten())
        .map(|(why, count)| format!("{count} {why}"))
        .collect();
    lines.push(format!(
        "level {level}{held}; let in {}, turned away: {}",
        counters["admitted"],
        refused.join(", ")
    ));
    for dialing in seen["dialing"].as_array().into_iter().flatten() {
        let of = |list: &str| {
            let mut all = seen[list].as_array().into_iter().flatten();
            all.find(|it| it["peer"] == dialing["peer"]).cloned().unwrap_or_default()
        };
        let (queue, link) = (of("queues"), of("peers"));
        let state = match &dialing["guards"]["breaker"]["state"] {
            Value::String(state) => state.clone(),
            _ => "off".into(),
        };
        let flag = |is: &Value, words| if is.as_bool() == Some(true) { words } else { "" };
        lines.push(format!(
            "  peer {}: {}, breaker {state}, {} waiting{}{}{}",
            dialing["peer"],
            if queue["connected"].as_bool() == Some(true) { "connected" } else { "away" },
            queue["messages"]["running"],
            flag(&link["phi"]["suspected"], ", silent"),
            flag(&link["ejected"], ", loses more than others"),
            if of("restrained").is_null() { "" } else { ", in quarantine: read slowly" },
        ));
    }
    lines.join("\n")
}

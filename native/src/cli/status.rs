//! `conclave status`: where every node stands, and what it knows of the others.

use std::path::PathBuf;

use clap::Args;
use conclave_core::{detector::suspicion::Standing, ids::NodeId};
use serde::de::DeserializeOwned;

use super::client;
use crate::{config::ClusterConfig, failure::Failure, http_get::get, node::Status};

/// More than the status of 256 nodes that all suspect each other.
const MAX_STATUS_BYTES: usize = 4 * 1024 * 1024;

/// Show where every node stands, whom it suspects and whom it holds proof against
///
/// Asks the admin address of every node that cluster.toml gives one. Exit code 0: at least one node
/// answered; 1: none did; 2: something can't be used.
#[derive(Debug, Args)]
pub(super) struct ShowStatus {
    /// The directory with cluster.toml
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
}

impl ShowStatus {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let directory = client::directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        let mut answered = false;
        for (node, status) in ask_each::<Status>(&config, "/status").await {
            match status {
                Ok(status) => {
                    answered = true;
                    print(&status);
                }
                Err(why) => println!("node {node}: {why}"),
            }
        }
        if answered { Ok(()) } else { Err(Failure::Unmet("no node answered".into())) }
    }
}

/// What every node that has an admin address says at a path, or why it doesn't.
pub(super) async fn ask_each<T: DeserializeOwned>(
    config: &ClusterConfig,
    path: &str,
) -> Vec<(NodeId, Result<T, String>)> {
    let mut answers = Vec::new();
    for node in &config.nodes {
        let Some(admin) = node.admin else { continue };
        let answer = match get(admin, path, MAX_STATUS_BYTES).await {
            Ok(body) => serde_json::from_slice(&body).map_err(|why| format!("{path}: {why}")),
            Err(why) => Err(why.to_string()),
        };
        answers.push((node.id, answer));
    }
    answers
}

fn print(status: &Status) {
    let ready = match status.ready() {
        Ok(()) => "ready".to_owned(),
        Err(why) => why.to_string(),
    };
    let Status { id, epoch, protocol, view, primary, executed, threat, .. } = status;
    let name = protocol.name();
    println!(
        "node {id}: epoch {epoch} under {name}, view {view} (primary {primary}), executed \
         {executed}; threat {threat}; {ready}"
    );
    if status.safe_mode {
        println!("  safe mode: more are convicted than may lie, so nothing is written any more");
    }
    let listed = status.restrained.iter().map(ToString::to_string).collect::<Vec<_>>();
    if !listed.is_empty() {
        println!("  agreed: {} in quarantine", listed.join(", "));
    }
    for offence in &status.convicted {
        println!("  holds proof: {offence}");
    }
    for standing in &status.suspected {
        println!("  {}", words(standing));
    }
}

fn words(standing: &Standing) -> String {
    let Standing { suspect, score, accused, reasons } = standing;
    let why: Vec<String> =
        reasons.iter().map(|reason| format!("{} {}", reason.kind.name(), reason.points)).collect();
    let verb = if *accused { "suspects" } else { "has something against" };
    format!("{verb} node {suspect}: {score} points ({})", why.join(", "))
}

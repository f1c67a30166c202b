//! `conclave status`: where every node stands, and what it knows of the others.

use std::path::PathBuf;

use clap::Args;
use conclave_core::detector::suspicion::Standing;

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
        for node in &config.nodes {
            let Some(admin) = node.admin else { continue };
            match get(admin, "/status", MAX_STATUS_BYTES).await {
                Ok(body) => match serde_json::from_slice(&body) {
                    Ok(status) => {
                        answered = true;
                        print(&status);
                    }
                    Err(why) => println!("node {}: no status: {why}", node.id),
                },
                Err(why) => println!("node {}: {why}", node.id),
            }
        }
        if answered { Ok(()) } else { Err(Failure::Unmet("no node answered".into())) }
    }
}

fn print(status: &Status) {
    let ready = match status.ready() {
        Ok(()) => "ready".to_owned(),
        Err(why) => why.to_string(),
    };
    let Status { id, epoch, view, primary, executed, .. } = status;
    println!(
        "node {id}: epoch {epoch}, view {view} (primary {primary}), executed {executed}; {ready}"
    );
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

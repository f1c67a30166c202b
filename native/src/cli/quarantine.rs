//! `conclave quarantine`: who is in quarantine, and the operator's last word on it.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use conclave_core::{detector::quarantine::Order, ids::NodeId, replica::Override};

use super::{
    member::{Asked, Cluster},
    status::ask_each,
};
use crate::{
    failure::Failure,
    node::{DocketView, Listed},
};

/// Show or change who is in quarantine
///
/// Nodes decide that together, in the log: f+1 that accuse hold a node for a while, a proof convicts
/// it. Whoever is in quarantine votes as before, but doesn't lead and is asked for nothing. `hold` and
/// `free` overrule that and are recorded; they need administrator.key.
/// Exit code 0: done; 1: refused, or no answer in time; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave quarantine --config my-cluster list
  conclave quarantine --config my-cluster hold 2
  conclave quarantine --config my-cluster free 2
  conclave quarantine --config my-cluster free 2 --rules     no order any more: the rules hold")]
pub(super) struct QuarantineOf {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print what the nodes agree on: who is held, why, and what was decided lately
    List,
    /// Put a node into quarantine, whatever anyone says of it
    Hold {
        /// The node's number
        node: u16,
    },
    /// Take a node out of quarantine, whatever anyone says or proves of it
    Free {
        /// The node's number
        node: u16,
        /// Leave it to the rules again instead
        #[arg(long)]
        rules: bool,
    },
}

impl QuarantineOf {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let asked = self.cluster.asked()?;
        let (node, order) = match self.action {
            Action::List => return list(&asked).await,
            Action::Hold { node } => (node, Some(Order::Hold)),
            Action::Free { node, rules } => (node, (!rules).then_some(Order::Free)),
        };
        asked.order(Override { node: NodeId(node), order }).await
    }
}

/// Nodes that say the same are named together: they should be all, but for who is behind.
async fn list(asked: &Asked) -> Result<(), Failure> {
    let mut views: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut answered = false;
    for (node, view) in ask_each::<DocketView>(asked.config(), "/docket").await {
        match view {
            Ok(view) => {
                answered = true;
                views.entry(words(&view)).or_default().push(node.to_string());
            }
            Err(why) => eprintln!("node {node}: {why}"),
        }
    }
    for (view, nodes) in views {
        println!("by node {}:\n{view}", nodes.join(", "));
    }
    if answered { Ok(()) } else { Err(Failure::Unmet("no node answered".into())) }
}

fn words(view: &DocketView) -> String {
    let mut lines =
        vec![format!("  threat: {}, {}; network: {}", view.level, view.trend, view.network)];
    if view.safe_mode {
        lines.push("  safe mode: nothing is written any more".into());
    }
    if !view.recommendation.is_empty() {
        lines.push(format!("  run: {}", view.recommendation));
    }
    lines.extend(view.members.iter().map(|listed| format!("  {}", of_member(listed))));
    lines.extend(view.recent.iter().map(|it| format!("  {}. {}", it.number, it.says)));
    lines.join("\n")
}

fn of_member(listed: &Listed) -> String {
    let Listed { node, restrained, convicted, order, accused_by, silenced, .. } = listed;
    let mut is = vec![if *restrained { "in quarantine" } else { "free" }];
    if *convicted {
        is.push("convicted");
    }
    if order.is_some() {
        is.push("by order");
    }
    if *silenced {
        is.push("not heard");
    }
    let accused: Vec<_> = accused_by.iter().map(ToString::to_string).collect();
    let by = if accused.is_empty() {
        String::new()
    } else {
        format!(", accused by {}", accused.join(", "))
    };
    format!("node {node}: {}{by}", is.join(", "))
}

//! `conclave member`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use conclave_core::{
    app::Operation,
    ids::{ClientId, Epoch, NodeId, Principal},
    pbft::{Change, ChangeOutcome, NewMember},
    quorum::Membership,
};
use tokio::time::{Instant, sleep};

use super::client::{seconds, take_turn};
use crate::{
    client::{AskError, ClientHandle, ClientOptions},
    config::{ClusterConfig, Identity, NodeEntry, key_file_name},
    failure::Failure,
};

/// Show or change which nodes are members of a cluster
///
/// A change is agreed like any request and takes effect at the next checkpoint, without a pause. It
/// needs administrator.key. A new member must stand in cluster.toml with `standby = true` (on every
/// machine: edit the file and restart one node after the other), and its process should run
/// before it is added: until it has fetched the state it counts as one of the f faulty nodes.
/// Exit code 0: done; 1: refused, or no answer in time; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave member --config my-cluster list
  conclave member --config my-cluster add 4
  conclave member --config my-cluster remove 2
  conclave member --config my-cluster replace 0 4      both at once: the size stays")]
pub(super) struct Member {
    /// The directory with cluster.toml and the keys
    #[arg(long, value_name = "DIR")]
    config: PathBuf,
    /// How many seconds to wait for the change to take effect
    #[arg(long, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the epoch and its members, proven by the cluster
    List {
        /// Which client's key to ask with
        #[arg(long, default_value_t = 0, value_name = "N")]
        client: u64,
    },
    /// Make a node that stands by a member
    Add {
        /// The node's number in cluster.toml
        id: u16,
    },
    /// Take a member out; its number is never used again
    Remove {
        /// The node's number
        id: u16,
    },
    /// Take one member out and put another in its place, in one step
    Replace {
        /// The member that leaves
        old: u16,
        /// The node that joins
        new: u16,
    },
}

impl Member {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = ClusterConfig::load(&self.config).map_err(|why| Failure::bad_input(&why))?;
        let (add, remove) = match self.action {
            Action::List { client } => return self.list(&config, ClientId(client)).await,
            Action::Add { id } => (Some(id), None),
            Action::Remove { id } => (None, Some(id)),
            Action::Replace { old, new } => (Some(new), Some(old)),
        };
        let add = add.map(|id| new_member(&config, NodeId(id))).transpose()?;
        let remove = remove.map(NodeId);
        let change =
            Change { add: add.into_iter().collect(), remove: remove.into_iter().collect() };
        self.change(&config, &change).await
    }

    async fn list(&self, config: &ClusterConfig, client: ClientId) -> Result<(), Failure> {
        let principal = Principal::Client(client);
        let _turn = take_turn(self.config.join(key_file_name(principal))).await?;
        let client = self.connect(config, principal)?;
        ask_anything(&client, self.timeout).await?;
        let members = client.members();
        println!("epoch {}, {}", members.epoch(), size(members));
        println!("{:<6} {:<24} member", "node", "address");
        for NodeEntry { id, address, .. } in &config.nodes {
            let member = if members.contains(*id) { "yes" } else { "no" };
            println!("{id:<6} {:<24} {member}", address.to_string());
        }
        for unknown in members.nodes().filter(|node| config.node(*node).is_none()) {
            println!("{unknown:<6} {:<24} yes", "(not in cluster.toml)");
        }
        Ok(())
    }

    async fn change(&self, config: &ClusterConfig, change: &Change) -> Result<(), Failure> {
        if config.administrator.is_none() {
            return Err(Failure::BadInput(format!(
                "{}/cluster.toml names no [administrator], so this cluster's membership can't be \
                 changed; `conclave init` makes clusters that have one",
                self.config.display()
            )));
        }
        let principal = Principal::ADMINISTRATOR;
        let _turn = take_turn(self.config.join(key_file_name(principal))).await?;
        let client = self.connect(config, principal)?;
        let outcome =
            client.change(change, self.timeout).await.map_err(|why| Failure::unmet(&why))?;
        let (epoch, after) = match outcome {
            ChangeOutcome::Changed { epoch, after } => (epoch, after),
            ChangeOutcome::Refused(why) => {
                return Err(Failure::Unmet(format!("the cluster refused to {change}: {why}")));
            }
        };
        eprintln!("agreed: {change}; epoch {epoch} begins after position {after}");
        let members = begun(&client, epoch, self.timeout).await?;
        println!("epoch {}, {}", members.epoch(), size(members));
        for node in &change.remove {
            eprintln!(
                "node {node} is no member any more; keep it running until every new member is \
                 ready (/readyz), for they may fetch the state from it"
            );
        }
        Ok(())
    }

    fn connect(
        &self,
        config: &ClusterConfig,
        principal: Principal,
    ) -> Result<ClientHandle, Failure> {
        let identity = Identity::load(&self.config, principal, config)
            .map_err(|why| Failure::bad_input(&why))?;
        ClientHandle::start(config, &identity, &ClientOptions::default())
            .map_err(|why| Failure::bad_input(&why))
    }
}

/// What the cluster must know of a node that joins.
fn new_member(config: &ClusterConfig, id: NodeId) -> Result<NewMember, Failure> {
    match config.node(id) {
        Some(NodeEntry { standby: true, public_key, address, .. }) => {
            Ok(NewMember { id, key: Some(*public_key), contact: address.to_string() })
        }
        Some(_) => Err(Failure::BadInput(format!(
            "node {id} was a member from the beginning; one that was removed can't come back: add \
             a node with a new number and a key of its own"
        ))),
        None => Err(Failure::BadInput(format!(
            "cluster.toml has no node {id}: only a node that stands there (with `standby = true`) \
             can join, because the others must know its address and key"
        ))),
    }
}

/// An answer of the newest epoch, whatever it says, proves which one that is. (The administrator's
/// is ordered if the nodes' answers differ, and then refused: as a change these bytes are empty.)
async fn ask_anything(client: &ClientHandle, patience: Duration) -> Result<(), Failure> {
    let anything = Operation::Get { key: Vec::new() };
    match client.read(&anything, patience).await {
        Ok(_) | Err(AskError::Incomprehensible) => Ok(()),
        Err(why) => Err(Failure::unmet(&why)),
    }
}

/// Waits until a quorum answers in that epoch, or a later one.
async fn begun(
    client: &ClientHandle,
    epoch: Epoch,
    patience: Duration,
) -> Result<Membership, Failure> {
    /// Filling up an epoch takes a few rounds.
    const PAUSE: Duration = Duration::from_millis(100);
    let give_up = Instant::now() + patience;
    let too_late = || {
        Failure::Unmet(format!(
            "the change is agreed, but epoch {epoch} has not begun within {} s; `conclave member \
             list` shows when it has",
            patience.as_secs_f32()
        ))
    };
    loop {
        if ask_anything(client, give_up - Instant::now()).await.is_err() {
            return Err(too_late());
        }
        let members = client.members();
        if members.epoch() >= epoch {
            return Ok(members);
        }
        if Instant::now() >= give_up {
            return Err(too_late());
        }
        sleep(PAUSE).await;
    }
}

fn size(members: Membership) -> String {
    let ids: Vec<_> = members.nodes().map(|node| node.to_string()).collect();
    format!(
        "{} members ({}), of which {} may be Byzantine",
        members.n(),
        ids.join(", "),
        members.f()
    )
}

//! `conclave member`: who is a member, and how that changes.

mod newcomer;
mod prepare;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use conclave_core::{
    app::Operation,
    detector::quarantine::Order,
    ids::{ClientId, Epoch, NodeId, Principal},
    pbft::{Change, ChangeOutcome, NewMember},
    quorum::Membership,
    replica::Override,
};
use tokio::time::{Instant, sleep};

use super::client::{self, seconds, take_turn};
use crate::{
    client::{AskError, ClientHandle, ClientOptions},
    config::{CLUSTER_FILE, ClusterConfig, ConfigError, Identity, NodeEntry, key_file_name},
    failure::Failure,
};
use newcomer::{Newcomer, NewcomerError};
use prepare::Prepare;

/// Show or change which nodes are members of a cluster
///
/// A change is agreed like any request and takes effect at the next checkpoint, without a pause. It
/// needs administrator.key. A node that is to join is made on its own machine by `prepare`, and
/// should run before it is added; the running nodes learn its address and key from the change
/// itself. Until it has fetched the state it counts as one of the f faulty nodes.
/// Exit code 0: done; 1: refused, or no answer in time; 2: something can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave member --config my-cluster list
  conclave member --config my-copy prepare 10.0.0.5:7801       on the new node's machine
  conclave member --config my-cluster add 4 --address 10.0.0.5:7801 --key 91f0…
  conclave member --config my-cluster replace 0 4 --address 10.0.0.5:7801 --key 91f0…
  conclave member --config my-cluster add 4                    it stands by in cluster.toml
  conclave member --config my-cluster remove 2")]
pub(super) struct Member {
    #[command(flatten)]
    cluster: Cluster,
    #[command(subcommand)]
    action: Action,
}

/// Which cluster, and how long to ask it: the same for all that the administrator can ask.
#[derive(Debug, Args)]
pub(super) struct Cluster {
    /// The directory with cluster.toml and the keys
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    /// How many seconds to wait for the change to take effect
    #[arg(long, global = true, default_value = "30", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
}

impl Cluster {
    pub(super) fn asked(self) -> Result<Asked, Failure> {
        Asked::new(client::directory(self.config)?, self.timeout)
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print the epoch and its members, proven by the cluster
    List {
        /// Which client's key to ask with
        #[arg(long, default_value_t = 0, value_name = "N")]
        client: u64,
    },
    Prepare(Prepare),
    /// Make a node that runs already a member
    Add {
        /// The node's number
        id: u16,
        #[command(flatten)]
        newcomer: Newcomer,
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
        #[command(flatten)]
        newcomer: Newcomer,
    },
}

impl Member {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let Self { cluster, action } = self;
        let (add, remove) = match action {
            Action::Prepare(prepare) => return prepare.run(&client::directory(cluster.config)?),
            Action::List { client } => return cluster.asked()?.list(ClientId(client)).await,
            Action::Add { id, newcomer } => (Some((id, newcomer)), None),
            Action::Remove { id } => (None, Some(id)),
            Action::Replace { old, new, newcomer } => (Some((new, newcomer)), Some(old)),
        };
        let asked = cluster.asked()?;
        let (member, newcomer) = match add {
            Some((id, newcomer)) => {
                let member = newcomer.describe(&asked.config, NodeId(id));
                (Some(member.map_err(|why| Failure::bad_input(&why))?), Some(newcomer))
            }
            None => (None, None),
        };
        let remove = remove.map(NodeId).into_iter().collect();
        let change = Change { add: member.into_iter().collect(), remove, ..Change::default() };
        asked.change(&change, newcomer).await
    }
}

/// A cluster, and for how long to ask it.
pub(super) struct Asked {
    directory: PathBuf,
    config: ClusterConfig,
    timeout: Duration,
}

impl Asked {
    fn new(directory: PathBuf, timeout: Duration) -> Result<Self, Failure> {
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        Ok(Self { directory, config, timeout })
    }

    pub(super) fn config(&self) -> &ClusterConfig {
        &self.config
    }

    /// Overrules what the nodes agree on about one of them.
    pub(super) async fn order(&self, order: Override) -> Result<(), Failure> {
        let identity = self.administrator()?;
        let _turn = take_turn(self.directory.join(key_file_name(identity.principal))).await?;
        let client = self.connect(&identity)?;
        let outcome =
            client.order(order, self.timeout).await.map_err(|why| Failure::unmet(&why))?;
        outcome.map_err(|why| Failure::Unmet(format!("the cluster refused: {why}")))?;
        let node = order.node;
        match order.order {
            Some(Order::Hold) => println!("node {node} is held by order"),
            Some(Order::Free) => println!("node {node} is free by order"),
            None => println!("node {node} is under the rules again"),
        }
        Ok(())
    }

    fn administrator(&self) -> Result<Identity, Failure> {
        administrator(&self.directory, &self.config)
    }

    /// What orders, and who takes part.
    pub(super) async fn show(&self, client: ClientId) -> Result<(), Failure> {
        let principal = Principal::Client(client);
        let identity = self.identity(principal)?;
        let _turn = take_turn(self.directory.join(key_file_name(principal))).await?;
        let client = self.connect(&identity)?;
        ask_anything(&client, self.timeout).await?;
        println!("{}", in_words(client.members()));
        Ok(())
    }

    async fn list(&self, client: ClientId) -> Result<(), Failure> {
        let principal = Principal::Client(client);
        let identity = self.identity(principal)?;
        let _turn = take_turn(self.directory.join(key_file_name(principal))).await?;
        let client = self.connect(&identity)?;
        ask_anything(&client, self.timeout).await?;
        let members = client.members();
        println!("epoch {}, {}", members.epoch(), size(members));
        println!("{:<6} {:<24} member", "node", "address");
        let joined = client.joined().into_iter().map(|member| (member.id, member.contact));
        let in_file = self.config.nodes.iter().map(|it| (it.id, it.address.to_string()));
        for (id, address) in joined.chain(in_file).collect::<BTreeMap<_, _>>() {
            let member = if members.contains(id) { "yes" } else { "no" };
            println!("{id:<6} {address:<24} {member}");
        }
        Ok(())
    }

    /// Has the protocol switched, and waits until that has taken effect.
    pub(super) async fn switch(&self, change: &Change) -> Result<(), Failure> {
        self.change(change, None).await
    }

    /// Has a change agreed, and waits until it has taken effect.
    async fn change(&self, change: &Change, newcomer: Option<Newcomer>) -> Result<(), Failure> {
        let identity = self.administrator()?;
        if let (Some(newcomer), Some(member)) = (newcomer, change.add.first()) {
            newcomer.meet(&self.config, &identity, member).await.map_err(|why| match why {
                NewcomerError::Unreachable { .. } => Failure::unmet(&why),
                _ => Failure::bad_input(&why),
            })?;
        }
        let _turn = take_turn(self.directory.join(key_file_name(identity.principal))).await?;
        let client = self.connect(&identity)?;
        let outcome =
            client.change(change, self.timeout).await.map_err(|why| Failure::unmet(&why))?;
        let (epoch, after) = match outcome {
            ChangeOutcome::Changed { epoch, after } => (epoch, after),
            ChangeOutcome::Refused(why) => {
                return Err(Failure::Unmet(format!("the cluster refused to {change}: {why}")));
            }
        };
        eprintln!("agreed: {change}; epoch {epoch} begins after position {after}");
        self.note(&change.add);
        let members = begun(&client, epoch, self.timeout).await?;
        if change.protocol.is_some() {
            println!("{}", in_words(members));
        } else {
            println!("epoch {}, {}", members.epoch(), size(members));
        }
        for node in &change.remove {
            eprintln!(
                "node {node} is no member any more; keep it running until every new member is \
                 ready (/readyz), for they may fetch the state from it"
            );
        }
        Ok(())
    }

    /// Writes down who joined, for nodes and clients that come when those that the cluster began
    /// with are gone.
    fn note(&self, added: &[NewMember]) {
        let file = self.directory.join(CLUSTER_FILE);
        for NewMember { id, key, contact } in added {
            let (None, Some(public_key), Ok(address)) =
                (self.config.node(*id), *key, contact.parse())
            else {
                continue;
            };
            let node = NodeEntry { id: *id, address, admin: None, public_key, standby: true };
            match ClusterConfig::append(&self.directory, &node) {
                Ok(_) => eprintln!(
                    "{} names node {id} now; give that file to nodes and clients that come later",
                    file.display()
                ),
                Err(why) => eprintln!("warning: node {id} is not noted in {CLUSTER_FILE}: {why}"),
            }
        }
    }

    fn identity(&self, principal: Principal) -> Result<Identity, Failure> {
        identity(&self.directory, &self.config, principal)
    }

    fn connect(&self, identity: &Identity) -> Result<ClientHandle, Failure> {
        ClientHandle::start(&self.config, identity, &ClientOptions::default())
            .map_err(|why| Failure::bad_input(&why))
    }
}

/// The administrator's key, if the cluster has one.
pub(super) fn administrator(directory: &Path, config: &ClusterConfig) -> Result<Identity, Failure> {
    if config.administrator.is_none() {
        return Err(Failure::BadInput(format!(
            "{}/{CLUSTER_FILE} names no [administrator], so nobody can change this cluster; \
             `conclave init` makes clusters that have one",
            directory.display()
        )));
    }
    identity(directory, config, Principal::ADMINISTRATOR)
}

fn identity(
    directory: &Path,
    config: &ClusterConfig,
    principal: Principal,
) -> Result<Identity, Failure> {
    Identity::load(directory, principal, config).map_err(|why| match why {
        ConfigError::Read { path, why, .. } if principal == Principal::ADMINISTRATOR => {
            Failure::BadInput(format!(
                "only the administrator can do that, and {} can't be read \
                 ({why}): `conclave init` made that key, so run this where it is kept",
                path.display()
            ))
        }
        why => Failure::bad_input(&why),
    })
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

fn in_words(members: Membership) -> String {
    format!("epoch {}, {}, {}", members.epoch(), members.protocol().name(), size(members))
}

fn size(members: Membership) -> String {
    let ids: Vec<_> = members.nodes().map(|node| node.to_string()).collect();
    format!(
        "{} members ({}), of which {} may be {}",
        members.n(),
        ids.join(", "),
        members.f(),
        if members.is_crash_only() { "down" } else { "Byzantine" }
    )
}

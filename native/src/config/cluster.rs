//! `cluster.toml`: the members, where they are, their public keys, and how PBFT is set up.

use std::{collections::BTreeSet, fmt::Write as _, fs, net::SocketAddr, path::Path, sync::Arc};

use conclave_core::{
    crypto::{Directory, PublicKey},
    ids::{ClientId, NodeId, Principal},
    pbft::{Config, NewMember},
    quorum::{MAX_NODES, Membership},
};
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{Address, ConfigError, GuardsConfig, place::field_span};

/// The name of the configuration inside a cluster's directory.
pub const CLUSTER_FILE: &str = "cluster.toml";

/// What this version of the program reads and writes.
const VERSION: u32 = 1;
/// 256 nodes and 4096 clients are a quarter of it.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Each client may have one request under way and one session at every replica.
const MAX_CLIENTS: usize = 4_096;

/// A replica, as everybody knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEntry {
    /// Its number.
    pub id: NodeId,
    /// Where it listens for nodes and clients.
    pub address: Address,
    /// Where it answers HTTP about itself. A node that joined later may be known here without.
    pub admin: Option<SocketAddr>,
    /// Whom its TLS identity and its signatures must belong to.
    pub public_key: PublicKey,
    /// Not one of those that the cluster began with: the administrator may make it a member.
    pub standby: bool,
}

/// A client, as every node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientEntry {
    /// Its number.
    pub id: ClientId,
    /// Whom its TLS identity and its signatures must belong to.
    pub public_key: PublicKey,
}

/// A whole cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Made by `conclave cluster`: all on this machine, and nothing in it is worth protecting.
    pub development: bool,
    /// Sizes and timers of every replica.
    pub pbft: Config,
    /// How nodes and clients keep themselves and each other from harm.
    pub guards: GuardsConfig,
    /// Whom a change of membership must come from. None: nobody can make one.
    pub administrator: Option<PublicKey>,
    /// The replicas, in order of their numbers: the first members, without gaps, then those that
    /// stand by or joined later.
    pub nodes: Vec<NodeEntry>,
    /// The clients, in rising order.
    pub clients: Vec<ClientEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    version: Spanned<u32>,
    #[serde(default)]
    development: bool,
    #[serde(default)]
    pbft: Option<Spanned<Config>>,
    #[serde(default)]
    guards: Option<Spanned<toml::Table>>,
    #[serde(default)]
    administrator: Option<RawAdministrator>,
    node: Vec<RawNode>,
    #[serde(default)]
    client: Vec<RawClient>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAdministrator {
    public_key: Spanned<PublicKey>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNode {
    id: Spanned<u16>,
    address: Spanned<Address>,
    #[serde(default)]
    admin: Option<Spanned<SocketAddr>>,
    public_key: Spanned<PublicKey>,
    #[serde(default)]
    standby: Option<Spanned<bool>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClient {
    id: Spanned<u64>,
    public_key: Spanned<PublicKey>,
}

impl ClusterConfig {
    /// Reads and checks the configuration in a cluster's directory.
    pub fn load(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(CLUSTER_FILE);
        let failed = |why| ConfigError::Read {
            path: path.clone(),
            why,
            hint: " (a cluster's directory is made by `conclave init`)",
        };
        if fs::metadata(&path).map_err(failed)?.len() > MAX_FILE_BYTES {
            return Err(ConfigError::whole(&path, "over the limit of 4 MiB for a configuration"));
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        Self::parse(&path, &text)
    }

    /// Reads and checks a configuration; `path` is only for what is said about it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: RawFile =
            toml::from_str(text).map_err(|error| ConfigError::toml(path, text, &error))?;
        let at = |span, why: String| ConfigError::at(path, text, &span, why);

        if *file.version.get_ref() != VERSION {
            return Err(at(
                file.version.span(),
                format!("version {} is not known, this is {VERSION}", file.version.get_ref()),
            ));
        }
        let pbft = match file.pbft {
            None => None,
            Some(pbft) => {
                let Config { policy, deployment, .. } = pbft.get_ref();
                policy.validate(*deployment).map_err(|why| {
                    let start = why.stands_at(text, "pbft.policy");
                    at(start..start, format!("[pbft.policy]: {why}"))
                })?;
                pbft.get_ref().validate().map_err(|why| {
                    let span = field_span(text, &pbft.span(), why.field);
                    at(span, why.to_string())
                })?;
                Some(pbft.into_inner())
            }
        };
        let guards = match file.guards {
            None => GuardsConfig::default(),
            Some(said) => {
                // A table without a header of its own has but its first header's place.
                let below = said.span().start..text.len();
                let wrong = |field: &str, why: String| at(field_span(text, &below, field), why);
                let guards = GuardsConfig::read(said.get_ref())
                    .map_err(|why| wrong("", format!("[guards]: {why}")))?;
                guards
                    .validate()
                    .map_err(|(table, why)| wrong(why.field, format!("[guards.{table}]: {why}")))?;
                guards
            }
        };
        if file.node.len() > usize::from(MAX_NODES) || file.client.len() > MAX_CLIENTS {
            return Err(ConfigError::whole(
                path,
                format_args!("over the limit of {MAX_NODES} nodes or {MAX_CLIENTS} clients"),
            ));
        }
        let stands_by = |node: &RawNode| node.standby.as_ref().is_some_and(|it| *it.get_ref());
        let first = file.node.iter().filter(|node| !stands_by(node)).count();
        let members = Membership::new(first as u16).map_err(|why| ConfigError::whole(path, why))?;
        let pbft = pbft.unwrap_or_else(|| Config::for_members(members));
        pbft.must_fit(members).map_err(|why| ConfigError::whole(path, why))?;

        let mut keys = BTreeSet::new();
        let mut fresh = |key: &Spanned<PublicKey>| {
            if keys.insert(key.get_ref().to_bytes()) {
                return Ok(*key.get_ref());
            }
            Err(at(
                key.span(),
                "this public key stands here twice: each member needs its own".into(),
            ))
        };
        let mut places = BTreeSet::new();
        let mut free = |what: String, span| {
            let taken = format!("{what} stands here twice: no two can listen there");
            if places.insert(what) { Ok(()) } else { Err(at(span, taken)) }
        };

        let administrator = file.administrator.map(|it| fresh(&it.public_key)).transpose()?;
        let mut nodes: Vec<NodeEntry> = Vec::with_capacity(file.node.len());
        for (index, node) in file.node.into_iter().enumerate() {
            let (id, standby) = (NodeId(*node.id.get_ref()), stands_by(&node));
            if index < first && usize::from(id.0) != index {
                return Err(at(
                    node.id.span(),
                    format!(
                        "the nodes that the cluster began with are numbered 0, 1, 2, … in order: \
                         this must be {index}"
                    ),
                ));
            }
            if standby != (index >= first) {
                return Err(at(
                    node.standby.as_ref().map_or_else(|| node.id.span(), Spanned::span),
                    "those that stand by come after all that the cluster began with".into(),
                ));
            }
            let in_order = nodes.last().is_none_or(|last| last.id < id);
            if id.0 >= MAX_NODES || !in_order {
                return Err(at(
                    node.id.span(),
                    format!(
                        "nodes stand in the order of their numbers, each once, up to {}",
                        MAX_NODES - 1
                    ),
                ));
            }
            if !standby && node.admin.is_none() {
                let why = "this node has no `admin`: where it answers HTTP about itself";
                return Err(at(node.id.span(), why.into()));
            }
            free(node.address.get_ref().to_string(), node.address.span())?;
            if let Some(admin) = &node.admin {
                free(admin.get_ref().to_string(), admin.span())?;
            }
            nodes.push(NodeEntry {
                id,
                public_key: fresh(&node.public_key)?,
                address: node.address.into_inner(),
                admin: node.admin.map(Spanned::into_inner),
                standby,
            });
        }
        let mut clients: Vec<ClientEntry> = Vec::with_capacity(file.client.len());
        for client in file.client {
            let id = ClientId(*client.id.get_ref());
            if id >= ClientId::FIRST_RESERVED {
                let what = format!("clients have numbers below {}", ClientId::FIRST_RESERVED);
                return Err(at(client.id.span(), what));
            }
            if clients.last().is_some_and(|last| last.id >= id) {
                return Err(at(
                    client.id.span(),
                    "clients stand in the order of their numbers, each once".into(),
                ));
            }
            clients.push(ClientEntry { id, public_key: fresh(&client.public_key)? });
        }
        let development = file.development;
        Ok(Self { development, pbft, guards, administrator, nodes, clients })
    }

    /// The text of the configuration, which [`parse`](Self::parse) reads back.
    pub fn render(&self) -> String {
        let mut text = String::from(
            "# A Conclave cluster. Every node and client needs this same file beside its own key.\n",
        );
        // Writing to a string can't fail.
        let _ = writeln!(text, "version = {VERSION}");
        if self.development {
            text.push_str("# Made by `conclave cluster`, for this machine only.\n");
            text.push_str("development = true\n");
        }
        let pbft = toml::to_string(&Tables { pbft: &self.pbft }).unwrap_or_default(); // always can
        let _ = write!(text, "\n{pbft}");
        text.push_str(&self.guards.render());
        if let Some(public_key) = &self.administrator {
            let _ = write!(
                text,
                "\n# Who may change the membership.\n\
                 [administrator]\npublic_key = \"{public_key}\"\n"
            );
        }
        for node in &self.nodes {
            text.push_str(&node.render());
        }
        for ClientEntry { id, public_key } in &self.clients {
            let _ = write!(text, "\n[[client]]\nid = {id}\npublic_key = \"{public_key}\"\n");
        }
        text
    }

    /// Whom the cluster began with, and every threshold that follows. Who is a member now, the
    /// cluster itself says and proves.
    pub fn members(&self) -> Membership {
        // Both ways to get a `ClusterConfig` check the number of nodes first.
        Membership::new(self.first_nodes().count() as u16)
            .unwrap_or_else(|_| unreachable!("a configuration holds a checked number of nodes"))
    }

    /// Those that the cluster began with.
    pub fn first_nodes(&self) -> impl Iterator<Item = &NodeEntry> {
        self.nodes.iter().filter(|node| !node.standby)
    }

    /// Those that stand by, as whoever proposes one of them as a member describes it.
    pub fn standby(&self) -> impl Iterator<Item = NewMember> {
        let standby = self.nodes.iter().filter(|node| node.standby);
        standby.map(|node| NewMember {
            id: node.id,
            key: Some(node.public_key),
            contact: node.address.to_string(),
        })
    }

    /// Who has which public key, those that stand by included: who may connect.
    pub fn directory(&self) -> Arc<Directory> {
        self.keys_of(self.nodes.iter())
    }

    /// Whose signatures count when the cluster begins. The key of a node that joins counts as the
    /// cluster agreed on it, whatever this file says.
    pub fn first_directory(&self) -> Arc<Directory> {
        self.keys_of(self.first_nodes())
    }

    fn keys_of<'a>(&'a self, nodes: impl Iterator<Item = &'a NodeEntry>) -> Arc<Directory> {
        let nodes = nodes.map(|it| (Principal::Node(it.id), it.public_key));
        let clients = self.clients.iter().map(|it| (Principal::Client(it.id), it.public_key));
        let administrator = self.administrator.map(|key| (Principal::ADMINISTRATOR, key));
        Arc::new(nodes.chain(clients).chain(administrator).collect())
    }

    /// One node, if there is one with this number.
    pub fn node(&self, id: NodeId) -> Option<&NodeEntry> {
        let index = self.nodes.binary_search_by_key(&id, |node| node.id).ok()?;
        self.nodes.get(index)
    }

    /// Adds a node to the file in a cluster's directory, and leaves the rest of it as people wrote
    /// it. Gives what stands there then.
    pub fn append(directory: &Path, node: &NodeEntry) -> Result<Self, ConfigError> {
        Self::load(directory)?;
        let path = directory.join(CLUSTER_FILE);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |why| ConfigError::Write { path, why }
        };
        let mut text = fs::read_to_string(&path).map_err(failed(&path))?;
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&node.render());
        let config = Self::parse(&path, &text)?;
        // Never half a configuration.
        let next = directory.join(format!("{CLUSTER_FILE}.next"));
        fs::write(&next, text).map_err(failed(&next))?;
        fs::rename(&next, &path).map_err(failed(&path))?;
        Ok(config)
    }
}

impl NodeEntry {
    /// Its part of the file.
    fn render(&self) -> String {
        let Self { id, address, admin, public_key, standby } = self;
        let mut text = format!("\n[[node]]\nid = {id}\naddress = \"{address}\"\n");
        // Writing to a string can't fail.
        if let Some(admin) = admin {
            let _ = writeln!(text, "admin = \"{admin}\"");
        }
        let _ = writeln!(text, "public_key = \"{public_key}\"");
        if *standby {
            text.push_str("standby = true\n");
        }
        text
    }
}

/// For writing: tables within the table have its name before theirs.
#[derive(Serialize)]
struct Tables<'a> {
    pbft: &'a Config,
}

#[cfg(test)]
mod tests {
    use conclave_core::resilience::rate;

    use super::*;
    use crate::config::{NewCluster, Ports, Sizes};

    fn sample() -> ClusterConfig {
        let sizes = Sizes { nodes: 4, standby: 1, clients: 2 };
        NewCluster::generate(sizes, &Ports::default(), true).unwrap().config
    }

    fn error(text: &str) -> String {
        ClusterConfig::parse(Path::new("cluster.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn a_configuration_reads_back_as_it_was_written() {
        let config = sample();
        let text = config.render();
        assert_eq!(ClusterConfig::parse(Path::new("x"), &text).unwrap(), config);
    }

    #[test]
    fn guards_are_what_the_file_says_over_the_defaults_and_checked() {
        let mut config = sample();
        assert!(!config.render().contains("guards"), "the usual isn't written down");
        let rate = rate::Config::default().permits(7).burst(3);
        config.guards.clients.rate = Some(rate);
        let text = config.render();
        assert_eq!(ClusterConfig::parse(Path::new("x"), &text).unwrap(), config);
        let line = 1 + text.lines().position(|line| line == "burst = 3").unwrap();
        let found = error(&text.replacen("burst = 3", "burst = 0", 1));
        assert!(found.contains("burst = 0 can't work"), "{found}");
        assert!(found.starts_with(&format!("cluster.toml, line {line}, column 1:")), "{found}");
        let found = error(&text.replacen("burst = 3", "brust = 3", 1));
        assert!(found.contains("brust"), "{found}");
    }

    #[test]
    fn a_policy_is_what_the_file_says_and_an_unsound_one_is_refused_with_its_line() {
        let mut config = sample();
        assert!(!config.render().contains("policy"), "the usual isn't written down");
        config.pbft.policy.dwell_ms = 7_000;
        config.pbft.policy.rules[0].parameters.timeout_percent = 300;
        let text = config.render();
        assert_eq!(ClusterConfig::parse(Path::new("x"), &text).unwrap(), config);
        assert_ne!(config.pbft.agreed(), sample().pbft.agreed(), "others are refused");
        let refused = |from: &str, to: &str, line: &str, why: &str| {
            assert!(text.contains(from), "{text}");
            let text = text.replacen(from, to, 1);
            let line = 1 + text.lines().position(|it| it == line).unwrap();
            let found = error(&text);
            assert!(found.contains(why), "{found}");
            assert!(found.starts_with(&format!("cluster.toml, line {line}, column 1:")), "{found}");
        };
        let raft = "protocol = \"raft\"";
        refused("protocol = \"pbft\"", raft, raft, "rule 4 offers Raft, which is for crash-only");
        refused("= 7000", "= 0", "dwell_ms = 0", "dwell_ms = 0 can't work");
        refused("percent = 300", "percent = 3", "timeout_percent = 3", "rule 1: timeout_percent");
    }

    #[test]
    fn every_mistake_is_said_with_its_line_and_column() {
        let text = sample().render();
        let broken = |from: &str, to: &str| error(&text.replacen(from, to, 1));
        let found = broken("version = 1", "version = 9");
        assert!(found.starts_with("cluster.toml, line 2, column 11: version 9"), "{found}");
        let found = broken("id = 1", "id = 3");
        assert!(
            found.contains("column 6: the nodes that the cluster began with are numbered"),
            "{found}"
        );
        let found = broken("window = 200", "window = 150");
        assert!(found.contains("column 1: window = 150 can't work"), "{found}");
        let found = broken("admin = \"127.0.0.1:7702\"", "admin = \"127.0.0.1:7701\"");
        assert!(found.contains("twice"), "{found}");
        let found = broken("[pbft]", "[pbtf]");
        assert!(found.contains("line 6") && found.contains("unknown field"), "{found}");
        let found = broken("version = 1", "version =");
        assert!(found.starts_with("cluster.toml, line 2, column"), "{found}");
    }

    #[test]
    fn who_stands_by_is_known_but_no_first_member_and_comes_last() {
        let config = sample();
        assert_eq!((config.members().n(), config.nodes.len()), (4, 5));
        assert!(config.directory().contains_key(&Principal::Node(NodeId(4))));
        assert!(config.directory().contains_key(&Principal::ADMINISTRATOR));
        let text = config.render();
        let moved = text.replacen("standby = true\n", "", 1).replacen(
            "\n[[node]]\nid = 3",
            "standby = true\n\n[[node]]\nid = 3",
            1,
        );
        assert!(error(&moved).contains("those that stand by come after"), "{}", error(&moved));
    }

    #[test]
    fn a_node_that_joined_is_appended_and_what_people_wrote_stays() {
        let directory =
            std::env::temp_dir().join(format!("conclave-append-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let written = format!("# our cluster\n{}", sample().render());
        fs::write(directory.join(CLUSTER_FILE), &written).unwrap();
        let public_key = crate::config::Seed::generate().unwrap().signing_key().public();
        let node = NodeEntry {
            id: NodeId(9), // numbers in between were used by others
            address: "node-9.example:7801".parse().unwrap(),
            admin: None,
            public_key,
            standby: true,
        };
        let config = ClusterConfig::append(&directory, &node).unwrap();
        assert_eq!(config, ClusterConfig::load(&directory).unwrap());
        assert_eq!(config.node(NodeId(9)), Some(&node));
        assert_eq!((config.node(NodeId(5)), config.members().n()), (None, 4));
        let key_of_9 = Principal::Node(NodeId(9));
        assert!(config.directory().contains_key(&key_of_9), "it may connect");
        assert!(!config.first_directory().contains_key(&key_of_9), "its word counts once agreed");
        let text = fs::read_to_string(directory.join(CLUSTER_FILE)).unwrap();
        assert!(text.starts_with(&written));
        // What would make the file wrong is not written.
        let twice = ClusterConfig::append(&directory, &node).unwrap_err().to_string();
        assert!(twice.contains("each once"), "{twice}");
        assert_eq!(fs::read_to_string(directory.join(CLUSTER_FILE)).unwrap(), text);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn one_key_for_two_members_is_refused() {
        let mut config = sample();
        config.nodes[1].public_key = config.nodes[0].public_key;
        assert!(error(&config.render()).contains("this public key stands here twice"));
    }
}

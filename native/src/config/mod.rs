//! What a cluster is (`cluster.toml`) and who one is in it (a private key file).
//!
//! Read once at the start, checked whole, then shared by reference; nothing of it changes later but
//! the guards, which a running node reads again when it is told to.
//!
//! | file | holds |
//! |---|---|
//! | `cluster` | [`ClusterConfig`]: members, addresses, public keys, PBFT settings; reading, writing |
//! | `address` | [`Address`]: `host:port` |
//! | `experiment` | a chaos experiment in a file |
//! | `keys` | [`Identity`]: a private key file, owner-only |
//! | `first_start` | [`FirstStart`]: whether a node may begin with nothing |
//! | `generate` | a new cluster: keys and configuration for n nodes |
//! | `guards` | [`GuardsConfig`]: the table `[guards]`, its defaults, and how a file's part is laid over them |
//! | `place` | where in a text file something is wrong |

mod address;
mod cluster;
mod experiment;
mod first_start;
mod generate;
mod guards;
mod keys;
mod place;

pub use address::{Address, BadAddress};
pub use cluster::{CLUSTER_FILE, ClientEntry, ClusterConfig, NodeEntry};
pub use experiment::load_experiment;
pub use first_start::FirstStart;
pub use generate::{GenerateError, NewCluster, Ports, Sizes};
pub use guards::{DIAL, GuardsConfig, INBOX_SIGNAL, PeersConfig};
pub use keys::{Identity, Seed, key_file_name};
pub use place::{ConfigError, Position};

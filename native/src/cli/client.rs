//! `conclave client`.

use std::{fs::File, io::Write as _, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use conclave_core::{
    app::{MAX_KEY_BYTES, MAX_VALUE_BYTES, Operation, Outcome},
    client::Way,
    ids::{ClientId, Principal},
};

use crate::{
    client::{ClientHandle, ClientOptions},
    config::{ClusterConfig, ConfigError, Identity, key_file_name},
    failure::Failure,
};

/// Read and write keys of a cluster
///
/// Believes a result once f+1 nodes gave the same one; a get, once a quorum answers alike from
/// their states in one round, else it is ordered too. Exit code 0: done; 1: not found, not
/// swapped, or no answer in time; 2: something about the request can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave client --config my-cluster put greeting hello
  conclave client --config my-cluster put lock mine --ttl 30
  conclave client --config my-cluster get greeting
  conclave client --config my-cluster get greeting --ordered
  conclave client --config my-cluster cas greeting --expect hello --set goodbye
  conclave client --config my-cluster cas lock --expect-none --set mine
  conclave client --config my-cluster delete greeting")]
pub(super) struct Ask {
    /// The directory with cluster.toml and the client's key
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Which client's key to use; calls that use the same one take turns
    #[arg(long, global = true, default_value_t = 0, value_name = "N",
        value_parser = clap::value_parser!(u64).range(..ClientId::FIRST_RESERVED.0))]
    client: u64,
    /// How many seconds to wait for an answer
    #[arg(long, global = true, default_value = "10", value_name = "SECONDS", value_parser = seconds)]
    timeout: Duration,
    /// Say on stderr in which view and how fast it was answered
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    operation: Asked,
}

#[derive(Debug, Subcommand)]
enum Asked {
    /// Print a key's value
    Get {
        /// The key
        key: String,
        /// Have the read ordered among the writes, as it is anyway when the nodes' answers differ
        #[arg(long)]
        ordered: bool,
    },
    /// Write a key
    Put {
        /// The key
        key: String,
        /// Its new value
        value: String,
        /// Remove it so many seconds later, by the time that the nodes agree on
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        ttl: Option<Duration>,
    },
    /// Remove a key
    Delete {
        /// The key
        key: String,
    },
    /// Write a key only if it holds what is expected (compare and set)
    Cas(CompareAndSet),
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("expected").required(true))]
#[command(group = clap::ArgGroup::new("new").required(true))]
struct CompareAndSet {
    /// The key
    key: String,
    /// It must hold this
    #[arg(long, value_name = "VALUE", group = "expected")]
    expect: Option<String>,
    /// It must not exist
    #[arg(long, group = "expected")]
    expect_none: bool,
    /// Write this
    #[arg(long, value_name = "VALUE", group = "new")]
    set: Option<String>,
    /// Remove it
    #[arg(long, group = "new")]
    remove: bool,
}

/// Where the cluster's files are. It may be said before or after what is asked, which is why the
/// parser can't insist on it.
pub(super) fn directory(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    given.ok_or_else(|| {
        Failure::BadInput(
            "say with --config DIR where cluster.toml and the key are (`conclave cluster` prints \
             its own)"
                .into(),
        )
    })
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() && seconds <= 86_400.0 => Ok(duration),
        _ => Err("between a moment and a day".into()),
    }
}

impl Ask {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let in_one_round = matches!(self.operation, Asked::Get { ordered: false, .. });
        let operation = self.operation.into_operation()?;
        let directory = directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        let principal = Principal::Client(ClientId(self.client));
        let identity = Identity::load(&directory, principal, &config)
            .map_err(|why| Failure::bad_input(&why))?;
        let _turn = take_turn(directory.join(key_file_name(principal))).await?;
        let client = ClientHandle::start(&config, &identity, &ClientOptions::default())
            .map_err(|why| Failure::bad_input(&why))?;
        let answer = if in_one_round {
            client.read(&operation, self.timeout).await
        } else {
            client.ask(&operation, self.timeout).await
        };
        for liar in client.lied().iter() {
            eprintln!(
                "node {liar} answered otherwise than f+1 others: all nodes were shown the proof \
                 (`conclave evidence list`)"
            );
        }
        if !client.lied().is_empty() {
            client.close().await;
        }
        let answer = answer.map_err(|why| Failure::unmet(&why))?;
        if self.verbose {
            let ms = answer.latency.as_secs_f64() * 1_000.0;
            let way = match answer.way {
                Way::Ordered => "ordered",
                Way::Read => "read in one round",
            };
            eprintln!("view {}, {way}, {ms:.1} ms", answer.view);
        }
        show(&operation, answer.outcome)
    }
}

impl Asked {
    fn into_operation(self) -> Result<Operation, Failure> {
        let fits = |what: &str, text: String, limit: usize| {
            let bytes = text.into_bytes();
            if bytes.len() > limit {
                let found = bytes.len();
                return Err(Failure::BadInput(format!(
                    "the {what} has {found} bytes, over the limit of {limit}"
                )));
            }
            Ok(bytes)
        };
        let key = |text| fits("key", text, MAX_KEY_BYTES);
        let value = |text| fits("value", text, MAX_VALUE_BYTES);
        Ok(match self {
            Self::Get { key: name, .. } => Operation::Get { key: key(name)? },
            Self::Put { key: name, value: new, ttl: None } => {
                Operation::Put { key: key(name)?, value: value(new)? }
            }
            Self::Put { key: name, value: new, ttl: Some(ttl) } => {
                let ttl_ms = (ttl.as_millis() as u64).max(1); // at most a day
                Operation::PutFor { key: key(name)?, value: value(new)?, ttl_ms }
            }
            Self::Delete { key: name } => Operation::Delete { key: key(name)? },
            Self::Cas(cas) => Operation::CompareAndSet {
                key: key(cas.key)?,
                expected: cas.expect.map(value).transpose()?,
                new: cas.set.map(value).transpose()?,
            },
        })
    }
}

/// Two calls with one key would use the same request numbers: the second waits for the first.
pub(super) async fn take_turn(path: PathBuf) -> Result<File, Failure> {
    let waiting = tokio::task::spawn_blocking(move || {
        let locked = File::open(&path).and_then(|file| file.lock().map(|()| file));
        locked.map_err(|why| ConfigError::Read { path, why, hint: " (while taking turns)" })
    });
    waiting
        .await
        .map_err(|_| Failure::Unmet("waiting for the key was interrupted".into()))?
        .map_err(|why| Failure::bad_input(&why))
}

fn show(operation: &Operation, outcome: Outcome) -> Result<(), Failure> {
    let line = |bytes: &[u8]| {
        let mut out = std::io::stdout().lock();
        out.write_all(bytes)
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush())
            .map_err(|why| Failure::Unmet(format!("can't print the answer: {why}")))
    };
    match outcome {
        Outcome::Value(Some(value)) => line(&value),
        Outcome::Value(None) => Err(Failure::Unmet("there is no such key".into())),
        Outcome::Done | Outcome::Removed(true) | Outcome::Swapped => line(b"ok"),
        Outcome::Removed(false)
        | Outcome::Kept(_)
        | Outcome::Malformed
        | Outcome::Unsafe(_)
        | Outcome::SafeMode => Err(Failure::Unmet(format!("{operation}: {outcome}"))),
    }
}

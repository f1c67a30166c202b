//! `conclave evidence`: who is proven to have lied, and the proof for anybody to judge.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use conclave_core::{
    crypto::{Authenticator, Ed25519},
    detector::evidence::Said,
    hex::Hex,
    ids::{NodeId, Principal},
    node::{Account, Export, Judged, MAX_ACCOUNT_BYTES, MAX_EXPORT_BYTES},
    quorum::Membership,
};

use super::{client, output::write_new, simulate};
use crate::{
    admin::{Listed, MAX_SHOWN_BYTES},
    config::{ClusterConfig, Seed},
    failure::Failure,
    http_get::{get, post},
};

/// Show, save and judge proofs that nodes lied
///
/// A proof is what the offender itself signed: two statements that contradict each other, or one that no
/// correct node signs. Nodes find them and show them to each other. `verify` asks nobody: it needs the
/// file and the public keys in cluster.toml, and decides by itself. So does `compare`, by what nodes
/// hold of what was said.
/// Exit code 0: done, or everything is proven; 1: something is not, or there is none; 2: something
/// can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave evidence --config my-cluster list
  conclave evidence --config my-cluster export lies.evidence
  conclave evidence --config keys-only verify lies.evidence    anywhere, cluster.toml is all it takes
  conclave evidence verify lab.evidence --of 'http://…/#r=aBC…'    saved in the lab, in this run

Where more lied than the cluster can stand, each node may hold a story that fits. Put together, what
they hold convicts f+1 at least:
  conclave evidence --config my-cluster compare --export together.evidence
  conclave evidence --config my-cluster account node2.account --from 2    where node 2 answers, and then
  conclave evidence --config my-cluster compare node2.account             where the others do
  conclave evidence --config my-cluster show together.evidence            so that the nodes know it, too")]
pub(super) struct Evidence {
    /// The directory with cluster.toml
    #[arg(long, global = true, value_name = "DIR")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print whom the nodes hold proof against
    List,
    /// Write a node's proofs to a file
    Export {
        /// The file; an existing one is not overwritten
        file: PathBuf,
        /// Ask this node, instead of the first that holds any
        #[arg(long, value_name = "N")]
        from: Option<u16>,
    },
    /// Judge the proofs in a file, by nothing but the public keys
    Verify {
        /// The file
        file: PathBuf,
        /// It is from this run in the lab: a link to it, or its scenario's name or file
        #[arg(long, value_name = "RUN", conflicts_with = "config")]
        of: Option<String>,
        /// The run's seed, instead of the scenario's own
        #[arg(long, value_name = "N", requires = "of")]
        seed: Option<u64>,
    },
    /// Write what a node holds of what was said to a file
    Account {
        /// The file; an existing one is not overwritten
        file: PathBuf,
        /// Ask this node
        #[arg(long, value_name = "N")]
        from: u16,
    },
    /// Put together what nodes hold of what was said, and print whom that convicts
    Compare {
        /// Accounts in files; without any, every node in cluster.toml is asked
        files: Vec<PathBuf>,
        /// Write the proofs to this file; an existing one is not overwritten
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
    },
    /// Show the proofs in a file to the nodes: those that they don't know, they tell all others
    Show {
        /// The file
        file: PathBuf,
    },
}

impl Evidence {
    pub(super) async fn run(self) -> Result<(), Failure> {
        if let Action::Verify { file, of: Some(run), seed } = self.action {
            let run = simulate::named(&run, seed)?;
            return verify(&file, run.scenario.members, run.keys());
        }
        let directory = client::directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        match self.action {
            Action::List => list(&config).await,
            Action::Export { file, from } => export(&config, &file, from.map(NodeId)).await,
            Action::Verify { file, .. } => verify(&file, config.members(), keys(&config)?),
            Action::Account { file, from } => account(&config, &file, NodeId(from)).await,
            Action::Compare { files, export } => compare(&config, &files, export.as_deref()).await,
            Action::Show { file } => show(&config, &file).await,
        }
    }
}

async fn list(config: &ClusterConfig) -> Result<(), Failure> {
    let mut known: BTreeMap<String, Vec<NodeId>> = BTreeMap::new();
    let mut answered = false;
    for node in &config.nodes {
        let Some(admin) = node.admin else { continue };
        match get(admin, "/evidence", 4 * MAX_EXPORT_BYTES).await {
            Ok(body) => {
                answered = true;
                let listed: Vec<Listed> = serde_json::from_slice(&body).map_err(|why| {
                    Failure::Unmet(format!("node {} answered no list of proofs: {why}", node.id))
                })?;
                for proof in listed {
                    known.entry(proof.says).or_default().push(node.id);
                }
            }
            Err(why) => eprintln!("node {} at {admin}: {why}", node.id),
        }
    }
    if !answered {
        return Err(Failure::Unmet("no node answered".into()));
    }
    if known.is_empty() {
        println!("nobody is proven to have lied");
    }
    for (says, by) in known {
        let by: Vec<String> = by.iter().map(NodeId::to_string).collect();
        println!("{says} (held by {})", by.join(", "));
    }
    Ok(())
}

async fn export(config: &ClusterConfig, file: &Path, from: Option<NodeId>) -> Result<(), Failure> {
    let mut why_not = "no node that can be asked is in cluster.toml".to_owned();
    for node in config.nodes.iter().filter(|node| from.is_none_or(|from| node.id == from)) {
        let Some(admin) = node.admin else { continue };
        let bytes = match get(admin, "/evidence/export", MAX_EXPORT_BYTES).await {
            Ok(bytes) => bytes,
            Err(why) => {
                why_not = format!("node {} at {admin}: {why}", node.id);
                continue;
            }
        };
        let export = Export::decode(&bytes)
            .map_err(|why| Failure::Unmet(format!("node {}: {why}", node.id)))?;
        if export.proofs.is_empty() {
            why_not = "nobody is proven to have lied: there is nothing to export".into();
            continue;
        }
        write_new(file, &bytes)?;
        println!("{} proofs of node {} in {}", export.proofs.len(), node.id, file.display());
        return Ok(());
    }
    Err(Failure::Unmet(why_not))
}

fn verify(file: &Path, members: Membership, keys: Arc<dyn Authenticator>) -> Result<(), Failure> {
    let export =
        Export::decode(&read(file, MAX_EXPORT_BYTES)?).map_err(|why| unusable(file, &why))?;
    let judged = export.judge(members, keys).map_err(|why| unusable(file, &why))?;
    if judged.is_empty() {
        return Err(Failure::Unmet(format!("{}: there is no proof in it", file.display())));
    }
    let refuted = judged.iter().filter(|(_, verdict)| verdict.is_err()).count();
    for proof in &judged {
        print(proof);
    }
    if refuted > 0 {
        let all = judged.len();
        return Err(Failure::Unmet(format!("{refuted} of {all} in the file prove nothing")));
    }
    Ok(())
}

async fn account(config: &ClusterConfig, file: &Path, from: NodeId) -> Result<(), Failure> {
    let admin = config.node(from).and_then(|node| node.admin).ok_or_else(|| {
        Failure::BadInput(format!("cluster.toml has no node {from} with an `admin`"))
    })?;
    let bytes = get(admin, "/evidence/account", MAX_ACCOUNT_BYTES)
        .await
        .map_err(|why| Failure::Unmet(format!("node {from} at {admin}: {why}")))?;
    let account =
        Account::decode(&bytes).map_err(|why| Failure::Unmet(format!("node {from}: {why}")))?;
    write_new(file, &bytes)?;
    println!("what node {from} holds of epoch {} in {}", account.epoch, file.display());
    Ok(())
}

async fn compare(
    config: &ClusterConfig,
    files: &[PathBuf],
    export: Option<&Path>,
) -> Result<(), Failure> {
    let (mut names, mut accounts) = (Vec::new(), Vec::new());
    for file in files {
        let bytes = read(file, MAX_ACCOUNT_BYTES)?;
        names.push(file.display().to_string());
        accounts.push(Account::decode(&bytes).map_err(|why| unusable(file, &why))?);
    }
    let asked = config.nodes.iter().filter(|_| files.is_empty());
    for (node, admin) in asked.filter_map(|node| Some((node.id, node.admin?))) {
        let account = match get(admin, "/evidence/account", MAX_ACCOUNT_BYTES).await {
            Ok(bytes) => Account::decode(&bytes).map_err(|why| why.to_string()),
            Err(why) => Err(why.to_string()),
        };
        match account {
            Ok(account) => {
                names.push(format!("node {node}"));
                accounts.push(account);
            }
            Err(why) => eprintln!("node {node} at {admin}: {why}"),
        }
    }
    let (found, usable) = Account::compare(accounts, config.members(), &keys(config)?);
    let mut compared = Vec::new();
    for (name, usable) in names.iter().zip(usable) {
        match usable {
            Ok(()) => compared.push(name.as_str()),
            Err(why) => eprintln!("{name}: left out: {why}"),
        }
    }
    if compared.is_empty() {
        return Err(Failure::Unmet("there is nothing to compare".into()));
    }
    eprintln!("compared: {}", compared.join(", "));
    // Nodes' chains may differ only where agreement is broken; the longest is the first of these.
    let mut proofs = Export::default();
    for one in found {
        for proof in
            &one.judge(config.members(), keys(config)?).map_err(|why| Failure::unmet(&why))?
        {
            print(proof);
        }
        if one.chain.len() >= proofs.chain.len() {
            proofs.chain = one.chain;
        }
        proofs.proofs.extend(one.proofs);
    }
    if proofs.proofs.is_empty() {
        return Err(Failure::Unmet("what they hold proves nobody guilty".into()));
    }
    if let Some(file) = export {
        write_new(file, &proofs.encode())?;
        println!("{} proofs in {}", proofs.proofs.len(), file.display());
    }
    Ok(())
}

async fn show(config: &ClusterConfig, file: &Path) -> Result<(), Failure> {
    let bytes = read(file, MAX_SHOWN_BYTES)?;
    Export::decode(&bytes).map_err(|why| unusable(file, &why))?;
    let mut failed = false;
    for (node, admin) in config.nodes.iter().filter_map(|node| Some((node.id, node.admin?))) {
        match post(admin, "/evidence", &bytes).await {
            Ok(said) => println!("node {node} {said}"),
            Err(why) => {
                failed = true;
                eprintln!("node {node} at {admin}: {why}");
            }
        }
    }
    if failed { Err(Failure::Unmet("not every node took them".into())) } else { Ok(()) }
}

fn unusable(file: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::BadInput(format!("{}: {why}", file.display()))
}

/// A file of up to so many bytes.
fn read(file: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let length = fs::metadata(file).map_err(|why| unusable(file, &why))?.len();
    if length > limit as u64 {
        return Err(unusable(file, &format!("{length} bytes are over the limit of {limit}")));
    }
    fs::read(file).map_err(|why| unusable(file, &why))
}

/// Public keys to check with. It takes a key of one's own to make an authenticator; this one signs
/// nothing.
fn keys(config: &ClusterConfig) -> Result<Arc<dyn Authenticator>, Failure> {
    let seed = Seed::generate()
        .map_err(|why| Failure::Unmet(format!("the system has no randomness: {why}")))?;
    Ok(Arc::new(Ed25519::new(Principal::NOBODY, seed.signing_key(), config.first_directory())))
}

fn print((evidence, verdict): &Judged) {
    match verdict {
        Ok(offence) => println!("PROVEN: {offence}"),
        Err(why) => println!("NOT PROVEN against {}: {why}", evidence.accused()),
    }
    for (number, said) in (1..).zip(evidence.statements()) {
        println!("  {number}. {}", words(&said));
    }
}

/// What a statement says, and the signature that its author can't deny.
fn words(said: &Said) -> String {
    let what = &said.what;
    let mut parts = vec![format!("{} signed {}", said.by, what.kind.name())];
    parts.extend(what.view.map(|view| format!("view {view}")));
    parts.extend(what.seq.map(|seq| format!("position {seq}")));
    parts
        .extend(what.request.map(|it| format!("request {} of client {}", it.timestamp, it.client)));
    parts.extend(what.digest.map(|digest| format!("digest {digest}")));
    parts.push(format!("signature {}", Hex(said.signature.as_bytes())));
    parts.join(", ")
}

//! `conclave evidence`: who is proven to have lied, and the proof for anybody to judge.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};
use conclave_core::{
    crypto::{Authenticator, Ed25519},
    detector::evidence::Said,
    hex::Hex,
    ids::{ClientId, NodeId, Principal},
    node::{Export, Judged, MAX_EXPORT_BYTES},
};

use super::client;
use crate::{
    admin::Listed,
    config::{ClusterConfig, Seed},
    failure::Failure,
    http_get::get,
};

/// Show, save and judge proofs that nodes lied
///
/// A proof is what the offender itself signed: two statements that contradict each other, or one that no
/// correct node signs. Nodes find them and show them to each other. `verify` asks nobody: it needs the
/// file and the public keys in cluster.toml, and decides by itself.
/// Exit code 0: done, or everything is proven; 1: something is not, or there is none; 2: something
/// can't be used.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave evidence --config my-cluster list
  conclave evidence --config my-cluster export lies.evidence
  conclave evidence --config keys-only verify lies.evidence    anywhere, cluster.toml is all it takes")]
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
    },
}

impl Evidence {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let directory = client::directory(self.config)?;
        let config = ClusterConfig::load(&directory).map_err(|why| Failure::bad_input(&why))?;
        match self.action {
            Action::List => list(&config).await,
            Action::Export { file, from } => export(&config, &file, from.map(NodeId)).await,
            Action::Verify { file } => verify(&config, &file),
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

async fn export(
    config: &ClusterConfig,
    file: &PathBuf,
    from: Option<NodeId>,
) -> Result<(), Failure> {
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
        let mut new = fs::File::create_new(file)
            .map_err(|why| Failure::BadInput(format!("{}: {why}", file.display())))?;
        std::io::Write::write_all(&mut new, &bytes)
            .map_err(|why| Failure::Unmet(format!("{}: {why}", file.display())))?;
        println!("{} proofs of node {} in {}", export.proofs.len(), node.id, file.display());
        return Ok(());
    }
    Err(Failure::Unmet(why_not))
}

fn verify(config: &ClusterConfig, file: &PathBuf) -> Result<(), Failure> {
    let unusable =
        |why: &dyn std::fmt::Display| Failure::BadInput(format!("{}: {why}", file.display()));
    let length = fs::metadata(file).map_err(|why| unusable(&why))?.len();
    if length > MAX_EXPORT_BYTES as u64 {
        return Err(unusable(&format!(
            "{length} bytes are over the limit of {MAX_EXPORT_BYTES} for a file of evidence"
        )));
    }
    let bytes = fs::read(file).map_err(|why| unusable(&why))?;
    let export = Export::decode(&bytes).map_err(|why| unusable(&why))?;
    let judged = export.judge(config.members(), keys(config)?).map_err(|why| unusable(&why))?;
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

/// Public keys to check with. It takes a key of one's own to make an authenticator; this one signs
/// nothing.
fn keys(config: &ClusterConfig) -> Result<Arc<dyn Authenticator>, Failure> {
    let seed = Seed::generate()
        .map_err(|why| Failure::Unmet(format!("the system has no randomness: {why}")))?;
    let nobody = Principal::Client(ClientId(u64::MAX - 1));
    Ok(Arc::new(Ed25519::new(nobody, seed.signing_key(), config.first_directory())))
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

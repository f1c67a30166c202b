//! What fuzzing drives: any bytes at every entry point. A panic, or a bound that doesn't hold, is a
//! finding; anything else is an answer.
//!
//! `cargo fuzz` runs these with bytes that it finds by coverage; the suite runs them with bytes
//! from a seed and with mutations of valid input.

mod replica;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use conclave_core::{
    crypto::verify,
    detector::evidence::Evidence,
    ids::{ClientId, NodeId, Principal, Seq, View},
    node::Export,
    pbft::{Batch, Message},
    quorum::Membership,
    sim::{Address, BUILTIN, Cluster, Run, Scenario, builtin},
};

pub use self::replica::{Reached, replica, replica_seeds};
use crate::{
    forge::Forge,
    rounds::{CLUSTER_KEY, keys, request},
};

/// Who signs what seeds make of it.
const LIAR: NodeId = NodeId(0);
/// Longer ones are no seeds: `cargo fuzz` tries inputs as long as the longest, and in most of those
/// a change comes too late to matter.
const MAX_SEED_BYTES: usize = 4_096;

/// An entry point: its name, what takes the bytes, and valid input from which mutation starts.
pub struct Target {
    /// As `cargo fuzz run` knows it.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
    /// Bytes that get far.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Those of the core. Those of real nodes are beside `cargo fuzz`'s crate.
pub const TARGETS: [Target; 5] = [
    Target { name: "message", run: message, seeds: message_seeds },
    Target { name: "replica", run: drive, seeds: replica_seeds },
    Target { name: "scenario", run: scenario, seeds: scenario_seeds },
    Target { name: "link", run: link, seeds: link_seeds },
    Target { name: "evidence", run: evidence, seeds: evidence_seeds },
];

fn cluster() -> Membership {
    Membership::new(4).expect("four replicas are a cluster")
}

/// Decoding and checking: what is a message has one encoding, and is refused or not by its content.
///
/// # Panics
///
/// If it finds something.
pub fn message(bytes: &[u8]) {
    let Ok(message) = Message::decode(bytes) else { return };
    let encoded = message.encode();
    assert_eq!(Message::decode(&encoded).as_ref(), Ok(&message), "it decodes to itself");
    let _ = message.summary();
    let _ = verify(message, cluster(), &keys(Principal::Node(NodeId(1))));
}

/// Everything that a small cluster says, as bytes.
#[must_use]
pub fn message_seeds() -> Vec<Vec<u8>> {
    let forge = Forge::new(4, LIAR);
    let batch = Arc::new(Batch::default());
    let digest = batch.digest();
    let mut messages = vec![
        Message::Request(request(1, 1)),
        forge.pre_prepare(View(0), Seq(1), &batch),
        Message::Prepare(forge.prepare(View(1), Seq(1), digest)),
        forge.commit(View(0), Seq(1), digest),
        forge.view_change(View(1), Vec::new()),
        Message::FetchBatch(digest),
        Message::Batch(batch),
    ];
    messages.extend(forge.honest_messages().iter().cloned());
    messages.extend(said_in_scenarios());
    messages.iter().map(Message::encode).filter(|seed| seed.len() <= MAX_SEED_BYTES).collect()
}

/// The first message of each kind that is said where view changes, state is transferred, a disk
/// lies and members change; signed with the keys that are used here.
fn said_in_scenarios() -> Vec<Message> {
    let mut said = BTreeMap::new();
    for name in ["slow-primary", "late-replica", "lying-disk", "membership-change"] {
        let mut scenario = builtin(name).expect("it is built in");
        scenario.workload.read_ppm = 200_000;
        let mut cluster = Cluster::new(&Run::new(scenario, CLUSTER_KEY)).expect("it is valid");
        while cluster.step() {
            for flight in cluster.in_flight() {
                let message = flight.message();
                said.entry(message.kind()).or_insert_with(|| message.clone());
            }
        }
    }
    said.into_values().collect()
}

/// A file of evidence from anybody, judged as `conclave evidence verify` does.
///
/// # Panics
///
/// If it finds something.
pub fn evidence(bytes: &[u8]) {
    if let Ok(evidence) = Evidence::decode(bytes) {
        assert_eq!(evidence.encode(), bytes, "one encoding");
    }
    let Ok(export) = Export::decode(bytes) else { return };
    assert_eq!(export.encode(), bytes, "one file");
    let stranger = Arc::new(keys(Principal::Client(ClientId(1))));
    let Ok(judged) = export.judge(cluster(), stranger) else { return };
    for (evidence, verdict) in judged {
        assert!(!evidence.statements().is_empty());
        if let Ok(offence) = verdict {
            let by = Principal::Node(offence.by);
            assert_eq!(evidence.accused(), by);
            // Only these two ever lie where the seeds come from, and nobody else's key is here.
            assert!(offence.by.0 < 2, "{offence}");
        }
    }
}

/// What nodes export after runs in which somebody lied to them.
///
/// # Panics
///
/// If nobody was found out.
#[must_use]
pub fn evidence_seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for name in ["equivocating-primary", "one-liar-too-many", "two-faced-view-change"] {
        let scenario = builtin(name).expect("it is built in");
        let mut cluster = Cluster::new(&Run::new(scenario, CLUSTER_KEY)).expect("it is valid");
        while cluster.step() {}
        let exports = cluster.nodes().iter().map(|host| host.node().export());
        let known: Vec<_> = exports.filter(|export| !export.proofs.is_empty()).collect();
        assert!(!known.is_empty(), "{name}: nobody was found out");
        for export in known {
            seeds.extend(export.proofs.iter().map(|proof| proof.encode()));
            seeds.push(export.encode());
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

/// Puts valid input where `cargo fuzz run` starts from, beside what it found there before.
///
/// # Panics
///
/// If a file can't be written.
pub fn sow(target: &str, seeds: &[Vec<u8>]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    fs::create_dir_all(&folder).expect("the folder can be made");
    for (index, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), seed).expect("a seed can be written");
    }
}

fn drive(bytes: &[u8]) {
    let _ = replica(bytes);
}

/// Scenario files.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(scenario) = Scenario::parse(text) {
        let seed = scenario.seed;
        let _ = Run::new(scenario, seed).validate();
    }
}

/// The built-in scenarios.
#[must_use]
pub fn scenario_seeds() -> Vec<Vec<u8>> {
    BUILTIN.iter().map(|known| known.source.as_bytes().to_vec()).collect()
}

/// Links to a moment of a run.
pub fn link(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(address) = Address::decode(text) {
        let _ = address.run();
        let _ = Address::decode(&address.encode());
    }
}

/// A link into each of the built-in scenarios.
#[must_use]
pub fn link_seeds() -> Vec<Vec<u8>> {
    let scenarios = BUILTIN.iter();
    let runs = scenarios.filter_map(|known| builtin(known.name));
    runs.map(|scenario| Address::new(&Run::new(scenario, 7), 100).encode().into_bytes()).collect()
}

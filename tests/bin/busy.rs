//! `busy N MESSAGES [heard|watched]`: delivers so many messages in a busy cluster of `N` replicas and
//! prints the run's trace hash. What `cargo xtask test --only instructions` counts the instructions
//! of.
//!
//! What the collectors of evidence cost is the difference between `watched`, where one stands beside
//! every replica, and `heard`, where the same is handed out and dropped.

use std::{env, process::ExitCode};

use conclave_core::{detector::evidence::Watch, ids::Principal, sim::Cluster};
use conclave_tests::{busy_cluster, deliver, deliver_to};

/// As in the `conclave` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let n = arguments.next().and_then(|text| text.parse().ok());
    let messages = arguments.next().and_then(|text| text.parse().ok());
    let (Some(n), Some(messages)) = (n, messages) else {
        eprintln!("usage: busy N MESSAGES [heard|watched]");
        return ExitCode::from(2);
    };
    let mut cluster = busy_cluster(n);
    match arguments.next().as_deref() {
        None => deliver(&mut cluster, messages),
        Some("heard") => deliver_to(&mut cluster, messages, |_, heard| drop(heard)),
        Some(_) => watched(&mut cluster, messages),
    }
    println!("{} messages, trace {}", cluster.counts().delivered, cluster.trace_hash());
    ExitCode::SUCCESS
}

fn watched(cluster: &mut Cluster, messages: u64) {
    let (members, window) = (cluster.members(), cluster.scenario().config.window);
    let mut watches: Vec<_> = members.nodes().map(|_| Watch::new(members, window)).collect();
    deliver_to(cluster, messages, |cluster, heard| {
        let Principal::Node(node) = heard.to else { return };
        let replica = cluster.nodes()[node.0 as usize].replica();
        let watch = &mut watches[node.0 as usize];
        watch.saw(&heard.message);
        watch.follow(replica.members(), replica.low_water_mark());
        assert!(watch.take_found().is_empty(), "everyone is honest");
    });
}

//! `busy N MESSAGES [heard|watched]`: delivers so many messages in a busy cluster of `N` replicas and
//! prints the run's trace hash. `busy guard NAME CALLS`: so many calls through a guard, one after the
//! other. What `cargo xtask test --only instructions` counts the instructions of.
//!
//! What the collectors of evidence cost is the difference between `watched`, where one stands beside
//! every replica, and `heard`, where the same is handed out and dropped.

use std::{env, process::ExitCode};

use conclave_core::{detector::evidence::Watch, ids::Principal, sim::Cluster, time::Time};
use conclave_tests::{busy_cluster, deliver, deliver_to, guards};

/// As in the `conclave` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["guard", name, calls] => calls.parse().ok().and_then(|calls| guard(name, calls)),
        [n, messages] => cluster(n, messages, deliver),
        [n, messages, "heard"] => {
            cluster(n, messages, |it, most| deliver_to(it, most, |_, heard| drop(heard)))
        }
        [n, messages, "watched"] => cluster(n, messages, watched),
        _ => None,
    };
    match done {
        Some(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("usage: busy N MESSAGES [heard|watched] | busy guard NAME CALLS");
            ExitCode::from(2)
        }
    }
}

fn cluster(n: &str, messages: &str, deliver: impl Fn(&mut Cluster, u64)) -> Option<String> {
    let mut cluster = busy_cluster(n.parse().ok()?);
    deliver(&mut cluster, messages.parse().ok()?);
    Some(format!("{} messages, trace {}", cluster.counts().delivered, cluster.trace_hash()))
}

/// Calls through a guard, if there is one of that name.
fn guard(name: &str, calls: u64) -> Option<String> {
    let mut guard = guards::all().into_iter().find(|guard| guard.name() == name)?;
    let passed = guard.run(Time::ZERO, calls);
    Some(format!("{passed} of {calls} calls passed"))
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

//! `busy N MESSAGES`: delivers so many messages in a busy cluster of `N` replicas and prints the
//! run's trace hash. What `cargo xtask test --only instructions` counts the instructions of.

use std::{env, process::ExitCode};

use conclave_tests::{busy_cluster, deliver};

/// As in the `conclave` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let n = arguments.next().and_then(|text| text.parse().ok());
    let messages = arguments.next().and_then(|text| text.parse().ok());
    let (Some(n), Some(messages)) = (n, messages) else {
        eprintln!("usage: busy N MESSAGES");
        return ExitCode::from(2);
    };
    let mut cluster = busy_cluster(n);
    deliver(&mut cluster, messages);
    println!("{} messages, trace {}", cluster.counts().delivered, cluster.trace_hash());
    ExitCode::SUCCESS
}

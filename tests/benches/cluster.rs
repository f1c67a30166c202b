//! What a committed operation costs on real nodes: four processes on loopback, 512-byte values.
//!
//! Prints, for each number of clients (each with one request under way), each kind of storage and each
//! protocol that orders writes:
//! committed operations a second, latency at the median and the 99th percentile, and the CPU
//! microseconds of one operation, summed over all four node processes (from `/proc/PID/stat`; the
//! clients' own are not in it). Takes a fixed time, not a fixed number of operations.
//!
//! `cargo bench -p conclave-tests --bench cluster -- [SECONDS]`

#[path = "../suite/cluster/real.rs"]
#[allow(dead_code, reason = "tests use all of it, this a part")]
mod real;

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use conclave_core::{
    analyzer::{Assumption, Protocol},
    app::{Operation, Outcome},
    ids::NodeId,
};
use real::{RealCluster, until};
use tokio::task::JoinSet;

const VALUE_BYTES: usize = 512;
const NODES: u16 = 4;
/// Before anything is counted: connections, caches, the allocator.
const WARM_UP: Duration = Duration::from_secs(1);
/// What is printed takes this long for each line, unless told otherwise.
const SECONDS: f64 = 3.0;
/// Ticks of `/proc/PID/stat` a second: 100 on every Linux there is (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

fn main() {
    // Cargo adds --bench; a test run of all targets (`--test`) only wants to know that it builds.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let seconds = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(SECONDS);
    let span = Duration::from_secs_f64(seconds);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    println!("{NODES} nodes on loopback, {VALUE_BYTES}-byte values, {seconds} s each");
    println!(
        "{:<20} {:<10} {:>8} {:>12} {:>12} {:>10} {:>10}",
        "protocol", "storage", "clients", "ops/s", "CPU µs/op", "p50 ms", "p99 ms"
    );
    for protocol in Protocol::ALL.iter().filter(|it| it.orders_writes()) {
        for durable in [false, true] {
            for clients in [1, 8, 64] {
                let figures = runtime.block_on(measure(*protocol, durable, clients, span));
                println!(
                    "{:<20} {:<10} {:>8} {:>12.0} {:>12.0} {:>10.2} {:>10.2}",
                    protocol.name(),
                    if durable { "journal" } else { "memory" },
                    clients,
                    figures.per_second,
                    figures.cpu_us,
                    figures.p50_ms,
                    figures.p99_ms
                );
            }
        }
    }
}

/// A cluster whose log is ordered by this protocol: every log begins with PBFT, and is switched.
async fn started(protocol: Protocol, durable: bool, clients: u64) -> RealCluster {
    let mut cluster = RealCluster::prepare(NODES, clients, durable);
    if protocol.assumption() == Assumption::CrashOnly {
        cluster = cluster.declare_crash_only();
    }
    let cluster = cluster.started().await;
    if protocol != Protocol::Pbft {
        let name = serde_json::to_value(protocol).expect("a name");
        let name = name.as_str().expect("a name");
        let (code, said) = cluster.protocol(&["switch", name]).await;
        assert_eq!(code, Some(0), "{said}");
        let there = |node| cluster.status(NodeId(node)).is_some_and(|it| it.protocol == protocol);
        until("the protocol is everywhere", || (0..NODES).all(there)).await;
    }
    cluster
}

struct Figures {
    per_second: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

async fn measure(protocol: Protocol, durable: bool, clients: u64, span: Duration) -> Figures {
    let cluster = started(protocol, durable, clients + 1).await;
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let mut load = JoinSet::new();
    for id in 1..=clients {
        let (client, latencies) = (cluster.client(id), latencies.clone());
        load.spawn(async move {
            for count in 0_u64.. {
                let key = format!("key-{id}-{}", count % 1_000).into_bytes();
                let put = Operation::Put { key, value: vec![count as u8; VALUE_BYTES] };
                let answer = client.ask(&put, Duration::from_secs(30)).await.expect("an answer");
                assert_eq!(answer.outcome, Outcome::Done);
                latencies.lock().expect("no panic").push(answer.latency);
            }
        });
    }
    tokio::time::sleep(WARM_UP).await;
    latencies.lock().expect("no panic").clear();
    let (before, start) = (cpu_seconds(&cluster), Instant::now());
    tokio::time::sleep(span).await;
    let (elapsed, cpu) = (start.elapsed(), cpu_seconds(&cluster) - before);
    let mut done = std::mem::take(&mut *latencies.lock().expect("no panic"));
    load.shutdown().await;
    cluster.supervisor.stop_all().await;
    assert!(!done.is_empty(), "nothing was committed");
    done.sort_unstable();
    let at = |share: f64| done[((done.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    Figures {
        per_second: done.len() as f64 / elapsed.as_secs_f64(),
        cpu_us: cpu * 1e6 / done.len() as f64,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
    }
}

/// User and system time of all node processes so far.
fn cpu_seconds(cluster: &RealCluster) -> f64 {
    let ticks = |process: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
        // After the name in parentheses come state, 10 more fields, then utime and stime.
        let fields = stat.rsplit(')').next().expect("a stat line").split_whitespace();
        fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().expect("ticks")).sum::<f64>()
    };
    let states = cluster.supervisor.states();
    states.iter().filter_map(|state| state.process).map(ticks).sum::<f64>() / TICKS_PER_SECOND
}

//! What a delivered message costs the simulator, from n = 4 to n = 100, under every protocol that
//! orders writes: signatures checked, invariants held, trace hash kept, on one thread. And what a
//! request does, answered by a quorum: protocols differ in how many messages that takes.
//!
//! `cargo bench -p conclave-tests --bench simulator`

use std::time::Instant;

use conclave_core::analyzer::Protocol;
use conclave_tests::{busy_cluster_of, deliver};

/// As in the `conclave` program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZES: [u16; 6] = [4, 7, 13, 31, 61, 100];
/// Ten positions at n = 100, so that no round is all votes or all replies.
const MESSAGES: u64 = 200_000;
/// The best of so many: whatever else runs here can only make a round slower.
const ROUNDS: u32 = 10;

fn main() {
    // A test run of all targets (`--test`) only wants to know that it builds.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    println!(
        "{:<20} {:>5} {:>20} {:>12} {:>12} {:>18}",
        "protocol", "n", "million messages/s", "ns/message", "ns/request", "messages/request"
    );
    for protocol in Protocol::ALL.iter().filter(|it| it.orders_writes()) {
        for n in SIZES {
            let Round { nanos, delivered, completed } = best_round(n, *protocol);
            println!(
                "{:<20} {n:>5} {:>20.2} {:>12.0} {:>12.0} {:>18.1}",
                protocol.name(),
                1_000.0 * delivered / nanos,
                nanos / delivered,
                nanos / completed,
                delivered / completed,
            );
        }
    }
}

struct Round {
    nanos: f64,
    delivered: f64,
    completed: f64,
}

fn best_round(n: u16, protocol: Protocol) -> Round {
    // One cluster for all rounds: what a long run costs, checkpoints and all.
    let mut cluster = busy_cluster_of(n, protocol);
    deliver(&mut cluster, MESSAGES);
    let round = || {
        let (start, before) = (Instant::now(), cluster.counts().clone());
        deliver(&mut cluster, MESSAGES);
        let (nanos, after) = (start.elapsed().as_nanos() as f64, cluster.counts());
        let delivered = after.delivered - before.delivered;
        let completed = after.completed - before.completed;
        assert!(delivered >= MESSAGES && completed > 0, "{protocol:?}, n = {n}: the run ended");
        Round { nanos, delivered: delivered as f64, completed: completed as f64 }
    };
    let cost = |it: &Round| it.nanos / it.delivered;
    let rounds = std::iter::repeat_with(round).take(ROUNDS as usize);
    rounds.min_by(|one, other| cost(one).total_cmp(&cost(other))).expect("a round")
}

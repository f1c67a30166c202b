//! What a delivered message costs the simulator, from n = 4 to n = 100: signatures checked,
//! invariants held, trace hash kept, on one thread.
//!
//! `cargo bench -p conclave-tests --bench simulator`

use std::time::Instant;

use conclave_tests::{busy_cluster, deliver};

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
    println!("{:>5} {:>22} {:>14}", "n", "million messages/s", "ns/message");
    for n in SIZES {
        let nanos = nanos_per_message(n);
        println!("{n:>5} {:>22.2} {nanos:>14.0}", 1_000.0 / nanos);
    }
}

fn nanos_per_message(n: u16) -> f64 {
    // One cluster for all rounds: what a long run costs, checkpoints and all.
    let mut cluster = busy_cluster(n);
    deliver(&mut cluster, MESSAGES);
    let round = || {
        let (start, before) = (Instant::now(), cluster.counts().delivered);
        deliver(&mut cluster, MESSAGES);
        let delivered = cluster.counts().delivered - before;
        assert!(delivered >= MESSAGES, "n = {n}: the run ended");
        start.elapsed().as_nanos() as f64 / delivered as f64
    };
    std::iter::repeat_with(round).take(ROUNDS as usize).fold(f64::INFINITY, f64::min)
}

//! Delivered messages per second of the simulator, signatures checked and invariants held, at
//! n = 4, 31 and 100.

use conclave_tests::{busy_cluster, deliver};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const MESSAGES: u64 = 20_000;

fn simulator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("simulator");
    group.sample_size(10).throughput(Throughput::Elements(MESSAGES));
    for n in [4, 31, 100] {
        let mut warm = busy_cluster(n);
        deliver(&mut warm, MESSAGES);
        // One cluster for all rounds: what a long run costs, checkpoints and all.
        group.bench_function(format!("n = {n}"), |bencher| {
            bencher.iter(|| deliver(&mut warm, MESSAGES));
        });
    }
    group.finish();
}

criterion_group!(benches, simulator);
criterion_main!(benches);

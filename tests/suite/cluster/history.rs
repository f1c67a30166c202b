//! What concurrent clients of a real cluster saw while its primary was killed, judged from outside.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conclave_core::{
    app::Operation,
    ids::{NodeId, View},
};
use conclave_tests::History;

use super::real::{RealCluster, until};

/// Clients that ask at the same time.
const CONCURRENT: u64 = 8;
/// Few, so that clients meet at them.
const KEYS: u64 = 5;
const PATIENCE: Duration = Duration::from_secs(30);

/// The count-th operation of a client: writes, reads, swaps and removals, the same in every run.
fn operation(client: u64, count: u64) -> Operation {
    let key = format!("k{}", (client * 7 + count * 3) % KEYS).into_bytes();
    let value = |count: u64| format!("{client}.{count}").into_bytes();
    match (client + count) % 8 {
        0..3 => Operation::Put { key, value: value(count) },
        3..6 => Operation::Get { key },
        6 => Operation::CompareAndSet {
            key,
            expected: count.checked_sub(8).map(value),
            new: Some(value(count)),
        },
        _ => Operation::Delete { key },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_eight_clients_saw_while_the_primary_was_killed_is_linearizable() {
    let cluster = RealCluster::start_with(4, CONCURRENT, true).await;
    let history = Arc::new(Mutex::new(History::default()));
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..CONCURRENT)
        .map(|id| {
            let (history, stop) = (history.clone(), stop.clone());
            let client = cluster.client(id);
            tokio::spawn(async move {
                for count in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let operation = operation(id, count);
                    // Noted before it is sent and after it is believed: the times in between are
                    // at least those that it really took.
                    let call = history.lock().unwrap().ask(operation.clone());
                    let answer = client.ask(&operation, PATIENCE).await.expect("an answer");
                    history.lock().unwrap().answer(call, &answer.outcome);
                    tokio::time::sleep(Duration::from_millis(5 + 11 * id)).await;
                }
            })
        })
        .collect();
    let calls = || history.lock().unwrap().len();
    until("calls before the crash", || calls() >= 150).await;

    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    let at_crash = calls();
    until("calls after the crash", || calls() >= at_crash + 150).await;
    cluster.supervisor.start(NodeId(0)).unwrap();
    let at_restart = calls();
    until("calls after the restart", || calls() >= at_restart + 100).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("the client ends well");
    }

    assert!(cluster.status(NodeId(1)).unwrap().view > View(0), "the primary's view was left");
    let history = history.lock().unwrap();
    println!("{} calls, up to {} at a time", history.len(), history.concurrency());
    assert!(history.concurrency() >= 4, "only {} at a time", history.concurrency());
    history.check().unwrap_or_else(|broken| panic!("{broken}"));
}

//! What concurrent clients of a real cluster see is recorded and judged from outside: here while
//! its primary is killed, in `membership` while a member is replaced, in `lying` while its primary
//! lies.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conclave::client::ClientHandle;
use conclave_core::{
    app::Operation,
    ids::{NodeId, View},
};
use conclave_tests::History;
use tokio::task::JoinHandle;

use super::real::{RealCluster, until};

/// Clients that ask at the same time.
pub(super) const CONCURRENT: u64 = 8;
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

/// Clients that ask all the time, and everything that they are told.
pub(super) struct Clients {
    history: Arc<Mutex<History>>,
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Clients {
    /// All of the cluster's clients begin.
    pub(super) fn start(cluster: &RealCluster) -> Self {
        let history = Arc::new(Mutex::new(History::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let one = |id| {
            let (history, stop) = (history.clone(), stop.clone());
            tokio::spawn(ask_all_the_time(cluster.client(id), id, history, stop))
        };
        let tasks = (0..CONCURRENT).map(one).collect();
        Self { history, stop, tasks }
    }

    /// Waits until so many more calls were made.
    pub(super) async fn more(&self, calls: usize, when: &str) {
        let made = || self.history.lock().unwrap().len();
        let before = made();
        until(&format!("{calls} calls {when}"), || made() >= before + calls).await;
    }

    /// They end, and what they saw is judged.
    pub(super) async fn judge(self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("the client ends well");
        }
        let history = self.history.lock().unwrap();
        println!("{} calls, up to {} at a time", history.len(), history.concurrency());
        assert!(history.concurrency() >= 4, "only {} at a time", history.concurrency());
        history.check().unwrap_or_else(|broken| panic!("{broken}"));
    }
}

async fn ask_all_the_time(
    client: ClientHandle,
    id: u64,
    history: Arc<Mutex<History>>,
    stop: Arc<AtomicBool>,
) {
    for count in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let operation = operation(id, count);
        // Noted before it is sent and after it is believed: the times in between are at least those
        // that it really took.
        let call = history.lock().unwrap().ask(operation.clone());
        let answer = client.ask(&operation, PATIENCE).await.expect("an answer");
        history.lock().unwrap().answer(call, &answer.outcome);
        tokio::time::sleep(Duration::from_millis(5 + 11 * id)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_eight_clients_saw_while_the_primary_was_killed_is_linearizable() {
    let cluster = RealCluster::start_with(4, CONCURRENT, true).await;
    let clients = Clients::start(&cluster);
    clients.more(150, "before the crash").await;
    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    clients.more(150, "after the crash").await;
    cluster.supervisor.start(NodeId(0)).unwrap();
    clients.more(100, "after the restart").await;
    assert!(cluster.status(NodeId(1)).unwrap().view > View(0), "the primary's view was left");
    clients.judge().await;
}

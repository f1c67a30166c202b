//! Real clusters: four processes of the real program on loopback, real TLS, real SIGKILL.

mod chaos;
mod evidence;
mod guards;
mod history;
pub(crate) mod liar;
mod lost;
mod lying;
mod membership;
mod overruling;
pub(crate) mod real;
mod safe_mode;
mod switching;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conclave::{config::Sizes, development::CLIENTS};
use conclave_core::{
    app::{Operation, Outcome},
    client::Way,
    event::{Event, EventKind, Place},
    ids::{Epoch, NodeId, Principal, View},
    pbft::MessageKind,
};
use liar::Liar;
use real::{EventStream, RealCluster, Scratch, get, program, request, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// Writes that were acknowledged: key and value.
type Acknowledged = Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>;

/// Clients 1 to `clients` write, each key once, until told to stop.
fn write_load(cluster: &RealCluster, clients: u64) -> (Acknowledged, impl AsyncFnOnce() -> ()) {
    let acknowledged = Acknowledged::default();
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for id in 1..=clients {
        let (client, acknowledged, stop) = (cluster.client(id), acknowledged.clone(), stop.clone());
        tasks.push(tokio::spawn(async move {
            for count in 0_u32.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let key = format!("key-{id}-{count}").into_bytes();
                let value = format!("value {count} of client {id}").into_bytes();
                let put = Operation::Put { key: key.clone(), value: value.clone() };
                let answer = client.ask(&put, PATIENCE).await.expect("a write is answered");
                assert_eq!(answer.outcome, Outcome::Done);
                acknowledged.lock().unwrap().insert(key, value);
            }
        }));
    }
    let finish = async move || {
        stop.store(true, Ordering::Relaxed);
        for task in tasks {
            task.await.expect("the load ends well");
        }
    };
    (acknowledged, finish)
}

#[tokio::test(flavor = "multi_thread")]
async fn losing_the_primary_by_sigkill_loses_no_acknowledged_write() {
    let cluster = RealCluster::start(4, true).await;
    let primary = NodeId(0);
    assert_eq!(cluster.status(primary).unwrap().primary, primary);
    let (acknowledged, finish) = write_load(&cluster, 3);
    let count = || acknowledged.lock().unwrap().len();
    until("writes before the crash", || count() >= 100).await;

    let process = cluster.supervisor.states()[0].process.expect("the primary runs");
    cluster.supervisor.kill(primary).await.unwrap();
    assert!(!std::path::Path::new(&format!("/proc/{process}")).exists(), "it is really gone");
    assert!(get(cluster.admin(primary), "/healthz").is_none());
    let at_crash = count();
    until("writes after the crash", || count() >= at_crash + 100).await;
    finish().await;

    for node in [1, 2, 3].map(NodeId) {
        let status = cluster.status(node).unwrap();
        assert!(status.view > View(0) && status.active, "node {node}: {status:?}");
        assert_ne!(status.primary, primary);
    }
    // Every acknowledged key, by f+1 matching replies, from a client that didn't write it.
    let reader = cluster.client(0);
    let written = acknowledged.lock().unwrap().clone();
    for (key, value) in written {
        let shown = String::from_utf8_lossy(&key).into_owned();
        let answer = reader.ask(&Operation::Get { key }, PATIENCE).await.unwrap();
        assert_eq!(answer.outcome, Outcome::Value(Some(value)), "{shown}");
    }

    // And from its journal the old primary comes back, as one of the others.
    cluster.supervisor.start(primary).unwrap();
    until("the old primary has caught up", || {
        let (Some(old), Some(other)) = (cluster.status(primary), cluster.status(NodeId(1))) else {
            return false;
        };
        old.executed == other.executed && old.view == other.view && old.ready().is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_journal_is_damaged_says_so_and_recovers_before_it_is_ready() {
    let cluster = RealCluster::start(4, true).await;
    let node = NodeId(2);
    let (acknowledged, finish) = write_load(&cluster, 2);
    until("writes", || acknowledged.lock().unwrap().len() >= 50).await;
    cluster.supervisor.kill(node).await.unwrap();
    finish().await;
    let journal = cluster.scratch.path().join("data-2").join("journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x55;
    std::fs::write(&journal, bytes).unwrap();

    // Nobody asks for anything: the epoch is filled up and ends for it.
    cluster.supervisor.start(node).unwrap();
    cluster.until_ready(node).await;
    assert!(journal.with_file_name("journal.damaged").exists(), "set aside, not thrown away");
    let status = cluster.status(node).unwrap();
    assert!(!status.recovering && status.epoch == Epoch(1), "{status:?}");
    let client = cluster.client(0);
    let written = acknowledged.lock().unwrap().clone();
    let (key, value) = written.into_iter().next().unwrap();
    let answer = client.ask(&Operation::Get { key }, PATIENCE).await.unwrap();
    assert_eq!(answer.outcome, Outcome::Value(Some(value)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_ready_only_together_with_a_quorum() {
    let cluster = RealCluster::prepare(4, CLIENTS, false);
    cluster.supervisor.start(NodeId(0)).unwrap();
    let admin = cluster.admin(NodeId(0));
    until("node 0 lives", || get(admin, "/healthz").is_some_and(|answer| answer.code == 200)).await;
    let alone = get(admin, "/readyz").unwrap();
    assert_eq!(alone.code, 503);
    assert!(alone.body.contains("a quorum is 3"), "{}", alone.body);
    for node in [1, 2].map(NodeId) {
        cluster.supervisor.start(node).unwrap();
    }
    cluster.until_ready(NodeId(0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_of_the_schema_and_pair_up_between_nodes_and_streams_resume() {
    let cluster = RealCluster::start(4, false).await;
    let client = cluster.client(1);
    let mut streams: Vec<_> = [0, 1]
        .map(|node| EventStream::open(cluster.admin(NodeId(node)), "/events?backlog=0", ""))
        .into();
    for stream in &mut streams {
        assert_eq!(stream.next().name.as_deref(), Some("hello"));
    }
    let put = Operation::Put { key: b"k".to_vec(), value: b"v".to_vec() };
    client.ask(&put, PATIENCE).await.unwrap();

    let (mut sent, mut delivered) = (BTreeSet::new(), BTreeSet::new());
    let mut last = [0, 0];
    for (node, stream) in streams.iter_mut().enumerate() {
        loop {
            let message = stream.next();
            let id = message.id.expect("events are numbered");
            assert!(id > last[node], "numbers grow");
            last[node] = id;
            let event: Event = serde_json::from_str(&message.data).expect("an event");
            assert_eq!(event.place, Place::Node(NodeId(node as u16)));
            assert_eq!(serde_json::to_string(&event).unwrap(), message.data, "nothing is lost");
            match event.kind {
                EventKind::Sent { id, to: Principal::Node(NodeId(1)), what } if node == 0 => {
                    sent.insert((id, what.kind));
                }
                // Its own execution may come first: three other commits are a quorum.
                EventKind::Delivered { id, from: Principal::Node(NodeId(0)), what }
                    if node == 1 =>
                {
                    delivered.insert((id, what.kind));
                    if what.kind == MessageKind::Commit {
                        break;
                    }
                }
                EventKind::Executed { .. } if node == 0 => break,
                _ => {}
            }
        }
    }
    let paired: Vec<_> = sent.intersection(&delivered).collect();
    assert!(paired.len() >= 2, "pre-prepare and commit: {sent:?} {delivered:?}");

    let resume = format!("Last-Event-ID: {}\r\n", last[0]);
    let mut resumed = EventStream::open(cluster.admin(NodeId(0)), "/events", &resume);
    assert_eq!(resumed.next().name.as_deref(), Some("hello"));
    client.ask(&put, PATIENCE).await.unwrap();
    assert_eq!(resumed.next().id, Some(last[0] + 1));
}

/// Whatever way a read takes, it sees what was answered; and only one that fell back is ordered.
#[tokio::test(flavor = "multi_thread")]
async fn a_get_is_read_in_one_round_and_uses_no_position_in_the_log() {
    let cluster = RealCluster::start(4, false).await;
    let (writer, reader) = (cluster.client(1), cluster.client(2));
    let get = Operation::Get { key: b"k".to_vec() };
    let (mut ordered, mut read) = (0, 0);
    for count in 0..20 {
        let value = format!("{count}").into_bytes();
        let put = Operation::Put { key: b"k".to_vec(), value: value.clone() };
        assert_eq!(writer.ask(&put, PATIENCE).await.unwrap().way, Way::Ordered);
        ordered += 1;
        // Twice: at once, though some nodes may not have executed it yet, and again.
        for _ in 0..2 {
            let answer = reader.read(&get, PATIENCE).await.unwrap();
            assert_eq!(answer.outcome, Outcome::Value(Some(value.clone())));
            match answer.way {
                Way::Ordered => ordered += 1,
                Way::Read => read += 1,
            }
        }
    }
    assert!(read >= 20, "{read} of 40 in one round");
    until("node 0 has executed what was ordered", || {
        cluster.status(NodeId(0)).is_some_and(|status| status.executed.0 == ordered)
    })
    .await;

    // Three of four are a quorum.
    cluster.supervisor.kill(NodeId(3)).await.unwrap();
    let answer = reader.read(&get, PATIENCE).await.unwrap();
    assert_eq!(answer.outcome, Outcome::Value(Some(b"19".to_vec())));
    // No node answers what is no read: it is ordered when the client's patience ends.
    let put = Operation::Put { key: b"k".to_vec(), value: b"sly".to_vec() };
    assert_eq!(reader.read(&put, PATIENCE).await.unwrap().way, Way::Ordered);
}

/// The samples of a scrape, summed over labels, by family; every declared family has an entry.
fn families(text: &str) -> BTreeMap<String, f64> {
    let mut families: BTreeMap<String, f64> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| line.split(' ').next())
        .map(|name| (name.to_owned(), 0.0))
        .collect();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a sample");
        let name = name.split('{').next().unwrap();
        let name =
            ["_total", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
        if let Some(sum) = families.get_mut(name) {
            *sum += value.parse::<f64>().expect("a number");
        }
    }
    families
}

/// Families that have a test of their own: more liars than may be, and a bad network.
const ELSEWHERE: [&str; 2] = ["conclave_safe_mode", "conclave_network_condition"];

/// Whatever a family counts is made to happen here, misbehaviour included; but for guards and a few
/// others, which have tests of their own.
#[tokio::test(flavor = "multi_thread")]
async fn every_metric_that_is_declared_is_live() {
    let sizes = Sizes { nodes: 4, standby: 1, clients: CLIENTS };
    let cluster = RealCluster::start_of(sizes, false).await;
    /// More than the ring and all socket buffers between the two hold.
    const FAR_BEHIND: f64 = 120_000.0;
    let mut live = BTreeMap::new();
    let scrape = |live: &mut BTreeMap<String, f64>| {
        for node in 0..4 {
            let Some(answer) = get(cluster.admin(NodeId(node)), "/metrics") else { continue };
            assert!(answer.headers.contains("openmetrics"), "{}", answer.headers);
            for (family, value) in families(&answer.body) {
                let highest = live.entry(family).or_insert(0.0_f64);
                *highest = highest.max(value);
            }
        }
    };
    // A viewer that opens a stream and doesn't read: it will miss events.
    let mut sleeper = EventStream::open(cluster.admin(NodeId(1)), "/events", "");
    assert_eq!(sleeper.next().name.as_deref(), Some("hello"));

    // The primary turns liar: it is killed, and its key tells node 1 two stories.
    cluster.supervisor.kill(NodeId(0)).await.unwrap();
    let mut liar = Liar::connect(&cluster, Principal::Node(NodeId(0)), NodeId(1)).await;
    liar.equivocate().await;
    for _ in 0..4 {
        liar.send_bytes(&[0, 0, 0, 1, 255]).await; // a frame that holds no message
    }

    // Enough to need a view change, then state transfer for who comes back empty.
    let (acknowledged, finish) = write_load(&cluster, 6);
    let executed = |node| cluster.status(NodeId(node)).map_or(0, |status| status.executed.0);
    until("the others go on", || executed(1) > 250).await;
    scrape(&mut live);
    cluster.supervisor.start(NodeId(0)).unwrap();
    cluster.until_ready(NodeId(0)).await;
    until("node 0 got the state", || executed(0) >= 200).await;
    // However slow the machine: each part of the way is a wait of its own.
    for part in 1..=4 {
        until("the sleeping viewer fell behind", || {
            scrape(&mut live);
            live["conclave_events"] > FAR_BEHIND * f64::from(part) / 4.0
        })
        .await;
    }
    // Another epoch, with one node more; that one and those that turn late are of another epoch.
    let (code, said) = cluster.member(&["add", "4"]).await;
    assert_eq!(code, Some(0), "{said}");
    finish().await;
    assert!(!acknowledged.lock().unwrap().is_empty());
    // It reads on, and is told.
    while sleeper.next().name.as_deref() != Some("lagged") {}
    scrape(&mut live);

    live.retain(|family, _| !family.starts_with("conclave_guard_"));
    live.retain(|family, _| !ELSEWHERE.contains(&family.as_str()));
    let dead: Vec<_> = live.iter().filter(|(_, value)| **value == 0.0).collect();
    assert!(dead.is_empty(), "declared, but never counted: {dead:?}");
    assert!(live.len() >= 20, "{live:?}");
}

/// A `conclave cluster` as people start it.
struct Started {
    process: std::process::Child,
    lab: std::net::SocketAddr,
    _scratch: Scratch,
}

impl Started {
    async fn new(arguments: &[&str]) -> Self {
        let scratch = Scratch::new();
        let output = scratch.path().join("output");
        let process = Command::new(program())
            .args(["--log", "warn", "cluster", "--port", "0", "--memory", "--dir"])
            .arg(scratch.path().join("cluster"))
            .args(arguments)
            .current_dir(scratch.path())
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&output).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lab = None;
        until("the cluster says where it is", || {
            let text = std::fs::read_to_string(&output).unwrap();
            lab = text.lines().find_map(|line| {
                let (_, address) = line.strip_prefix("lab:")?.rsplit_once("http://")?;
                address.trim_end_matches('/').parse().ok()
            });
            lab.is_some() && text.contains("Ctrl-C")
        })
        .await;
        Self { process, lab: lab.unwrap(), _scratch: scratch }
    }

    fn children(&self) -> Vec<u32> {
        let id = self.process.id();
        let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
        let lists = threads.filter_map(|thread| {
            std::fs::read_to_string(thread.ok()?.path().join("children")).ok()
        });
        lists
            .flat_map(|list| {
                list.split_whitespace().map(|id| id.parse().unwrap()).collect::<Vec<u32>>()
            })
            .collect()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Whether a process runs (one that ended and was not waited for doesn't).
fn runs(process: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_node_outlives_the_cluster_command_however_it_ends() {
    let mut started = Started::new(&[]).await;
    let children = started.children();
    assert_eq!(children.len(), 4);
    assert!(children.iter().all(|child| runs(*child)));
    started.process.kill().unwrap();
    until("the nodes are gone", || !children.iter().any(|child| runs(*child))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn real_nodes_are_killed_and_restarted_only_where_it_is_allowed_and_by_the_lab_itself() {
    let post = |lab, path: &str, origin: &str| {
        request(lab, "POST", path, &[("Origin", origin), ("Content-Length", "0")]).unwrap()
    };
    let forbidding = Started::new(&[]).await;
    let own = format!("http://{}", forbidding.lab);
    assert_eq!(post(forbidding.lab, "/api/nodes/0/kill", &own).code, 405);
    assert!(get(forbidding.lab, "/api/cluster").unwrap().body.contains("\"control\":false"));
    drop(forbidding);

    let allowing = Started::new(&["--dev-control", "--load", "20"]).await;
    let (lab, own) = (allowing.lab, format!("http://{}", allowing.lab));
    assert_eq!(post(lab, "/api/nodes/0/kill", "http://evil.example").code, 403);
    assert_eq!(post(lab, "/api/nodes/9/kill", &own).code, 404);
    assert_eq!(post(lab, "/api/nodes/x/kill", &own).code, 400);
    assert_eq!(post(lab, "/api/nodes/0/restart", &own).code, 409);
    assert_eq!(allowing.children().len(), 4);
    assert_eq!(post(lab, "/api/nodes/0/kill", &own).code, 200);
    assert_eq!(allowing.children().len(), 3);
    let info = get(lab, "/api/cluster").unwrap().body;
    assert!(info.contains("\"up\":false") && info.contains("\"control\":true"), "{info}");

    // The demo load goes through the view change: the others still execute.
    let info: serde_json::Value = serde_json::from_str(&info).unwrap();
    let admin = info["nodes"][1]["admin"].as_str().unwrap().strip_prefix("http://").unwrap();
    let admin = admin.parse().unwrap();
    until("the demo load is executed in a later view", || {
        let Some(answer) = get(admin, "/status") else { return false };
        let status: conclave::node::Status = serde_json::from_str(&answer.body).unwrap();
        status.view > View(0) && status.active && status.executed.0 > 5
    })
    .await;

    assert_eq!(post(lab, "/api/nodes/0/restart", &own).code, 200);
    assert_eq!(allowing.children().len(), 4);
}

//! Real clusters for tests and benches: processes of the real program, on free ports, ended and
//! removed when dropped.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conclave::{
    client::{ClientHandle, ClientOptions},
    config::{CLUSTER_FILE, ClusterConfig, Identity, Sizes},
    development::{CLIENTS, Layout, Supervisor, SupervisorOptions},
    node::Status,
};
use conclave_core::{
    analyzer::Deployment,
    ids::{ClientId, NodeId, Principal},
};

/// The program under test: `CONCLAVE_BIN`, or built now beside this test.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("CONCLAVE_BIN") {
            return given.into();
        }
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--package", "conclave", "--bin", "conclave"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().expect("cargo starts").success(), "the program is built");
        // This is target/PROFILE/deps/suite-…
        let own = std::env::current_exe().expect("a test knows where it is");
        let profile = own.ancestors().nth(2).expect("tests lie two folders deep");
        let directory = if cfg!(debug_assertions) {
            profile.to_owned()
        } else {
            profile.with_file_name("release") // benches have a profile, but no folder, of their own
        };
        directory.join("conclave")
    })
}

/// A directory that is gone when this is.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("conclave-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary directory");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Node processes with their keys, configuration and data.
pub(crate) struct RealCluster {
    pub(crate) config: Arc<ClusterConfig>,
    pub(crate) supervisor: Supervisor,
    pub(crate) scratch: Scratch,
}

impl RealCluster {
    /// Keys and configuration on free ports; nothing runs yet.
    pub(crate) fn prepare(nodes: u16, clients: u64, durable: bool) -> Self {
        Self::prepare_of(Sizes { nodes, standby: 0, clients }, durable)
    }

    /// The same, with nodes that stand by.
    pub(crate) fn prepare_of(sizes: Sizes, durable: bool) -> Self {
        let scratch = Scratch::new();
        let directory = Some(scratch.path().to_owned());
        let layout = Layout::prepare(directory, sizes, 0).expect("a cluster");
        let options = SupervisorOptions {
            program: program().to_owned(),
            directory: scratch.path().to_owned(),
            durable,
            log: "warn".into(),
            print: std::env::var_os("CONCLAVE_TEST_LOG").is_some(),
        };
        let supervisor = Supervisor::new(options, sizes.all_nodes());
        Self { config: Arc::new(layout.config.clone()), supervisor, scratch }
    }

    /// Members crash and none lies, as every node's configuration has it from now on.
    pub(crate) fn declare_crash_only(mut self) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.pbft.deployment = Deployment::CrashOnly;
        let file = self.scratch.path().join(CLUSTER_FILE);
        std::fs::write(file, config.render()).expect("it can be written");
        self
    }

    /// No development cluster, as every node's configuration has it.
    pub(crate) fn in_production(mut self) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.development = false;
        let file = self.scratch.path().join(CLUSTER_FILE);
        std::fs::write(file, config.render()).expect("it can be written");
        self
    }

    /// Who is proven to lie is replaced by who stands by, as every node's configuration has it.
    pub(crate) fn replace_convicted(mut self, is_wanted: bool) -> Self {
        let config = Arc::make_mut(&mut self.config);
        config.pbft.policy.replace_convicted = is_wanted;
        let file = self.scratch.path().join(CLUSTER_FILE);
        std::fs::write(file, config.render()).expect("it can be written");
        self
    }

    /// All nodes running and ready.
    pub(crate) async fn start(nodes: u16, durable: bool) -> Self {
        Self::start_with(nodes, CLIENTS, durable).await
    }

    /// The same with keys for so many clients.
    pub(crate) async fn start_with(nodes: u16, clients: u64, durable: bool) -> Self {
        Self::start_of(Sizes { nodes, standby: 0, clients }, durable).await
    }

    /// The same with nodes that stand by, which run too.
    pub(crate) async fn start_of(sizes: Sizes, durable: bool) -> Self {
        Self::prepare_of(sizes, durable).started().await
    }

    /// All that the cluster begins with run and are ready.
    pub(crate) async fn started(self) -> Self {
        self.supervisor.start_all().expect("nodes start");
        for node in self.config.first_nodes() {
            self.until_ready(node.id).await;
        }
        self
    }

    pub(crate) fn admin(&self, node: NodeId) -> SocketAddr {
        let entry = self.config.node(node).expect("a node of the cluster");
        entry.admin.expect("it answers HTTP")
    }

    pub(crate) fn identity(&self, principal: Principal) -> Identity {
        Identity::load(self.scratch.path(), principal, &self.config).expect("a key")
    }

    pub(crate) fn client(&self, id: u64) -> ClientHandle {
        let identity = self.identity(Principal::Client(ClientId(id)));
        ClientHandle::start(&self.config, &identity, &ClientOptions::default()).expect("a client")
    }

    /// What `conclave member` ends with, and says to both outputs.
    pub(crate) async fn member(&self, arguments: &[&str]) -> (Option<i32>, String) {
        member_in(self.scratch.path(), arguments).await
    }

    /// The same of `conclave protocol`.
    pub(crate) async fn protocol(&self, arguments: &[&str]) -> (Option<i32>, String) {
        conclave_in(self.scratch.path(), &[&["protocol"], arguments].concat()).await
    }

    /// What a node says about itself, if it answers.
    pub(crate) fn status(&self, node: NodeId) -> Option<Status> {
        let answer = get(self.admin(node), "/status")?;
        assert_eq!(answer.code, 200, "{}", answer.body);
        Some(serde_json::from_str(&answer.body).expect("a status"))
    }

    pub(crate) async fn until_ready(&self, node: NodeId) {
        let ready = || get(self.admin(node), "/readyz").is_some_and(|answer| answer.code == 200);
        until(&format!("node {node} is ready"), ready).await;
    }
}

/// What `conclave member`, asked in a directory, ends with and says to both outputs.
async fn member_in(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    conclave_in(directory, &[&["member"], arguments].concat()).await
}

/// The same of any command that takes `--config`.
pub(crate) async fn conclave_in(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = tokio::process::Command::new(program());
    let (name, rest) = arguments.split_first().expect("a command");
    command.args(["--log", "error", name, "--config"]).arg(directory);
    let output = command.args(rest).output().await.expect("the program starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).expect("text"))
}

/// Waits until something is so; fails if it takes too long.
pub(crate) async fn until(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// An HTTP answer.
pub(crate) struct Answer {
    pub(crate) code: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// GET, or `None` if nobody answers.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    request(address, "GET", path, &[])
}

/// Any request without a body.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Option<Answer> {
    exchange(address, method, path, headers, "")
}

/// POST with a body.
pub(crate) fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let length = body.len().to_string();
    let headers = [headers, &[("Content-Length", &length)]].concat();
    exchange(address, "POST", path, &headers, body)
}

/// Blocking: loopback answers in well under a millisecond.
fn exchange(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        let _ = write!(head, "Host: {address}\r\n"); // writing to a string can't fail
    }
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n" + body).as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let code = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { code, headers: head.to_lowercase(), body: body.to_owned() })
}

/// One server-sent event.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    pub(crate) id: Option<u64>,
    pub(crate) name: Option<String>,
    pub(crate) data: String,
}

/// An open event stream.
pub(crate) struct EventStream(BufReader<TcpStream>);

impl EventStream {
    pub(crate) fn open(address: SocketAddr, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the node answers");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).expect("a request");
        Self(BufReader::new(stream))
    }

    /// The next event that has data. Chunk sizes and comments in between are skipped.
    pub(crate) fn next(&mut self) -> Sse {
        let mut event = Sse::default();
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).expect("a stream goes on");
            assert!(read > 0, "the stream ended");
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id: ") {
                event.id = Some(id.parse().expect("a number"));
            } else if let Some(name) = line.strip_prefix("event: ") {
                event.name = Some(name.to_owned());
            } else if let Some(data) = line.strip_prefix("data: ") {
                data.clone_into(&mut event.data);
                return event;
            }
        }
    }
}

/// A node that no file of the cluster knows: its own directory, as if on a machine of its own.
pub(crate) struct Newcomer {
    pub(crate) id: NodeId,
    /// What `conclave member` is to be told of it.
    pub(crate) described: [String; 4],
    pub(crate) supervisor: Supervisor,
    admin: SocketAddr,
    _scratch: Scratch,
}

impl Newcomer {
    /// Prepared as its operator would, from a copy of the cluster's current file.
    pub(crate) async fn prepare(cluster: &RealCluster, id: NodeId) -> Self {
        let scratch = Scratch::new();
        let directory = scratch.path().to_owned();
        let file = "cluster.toml";
        std::fs::copy(cluster.scratch.path().join(file), directory.join(file)).expect("a copy");
        let [address, admin] = free_addresses();
        let (code, said) = member_in(
            &directory,
            &[
                "prepare",
                &address.to_string(),
                "--id",
                &id.to_string(),
                "--admin",
                &admin.to_string(),
            ],
        )
        .await;
        assert_eq!(code, Some(0), "{said}");
        let add = said.lines().find(|line| line.contains(" add ")).expect("it says how to add it");
        let words: Vec<_> = add.split_whitespace().map(str::to_owned).collect();
        let described = words.last_chunk().expect("address and key").clone();
        let options = SupervisorOptions {
            program: program().to_owned(),
            directory,
            durable: true,
            log: "warn".into(),
            print: std::env::var_os("CONCLAVE_TEST_LOG").is_some(),
        };
        let supervisor = Supervisor::new(options, id.0 + 1);
        Self { id, described, supervisor, admin, _scratch: scratch }
    }

    pub(crate) fn start(&self) {
        self.supervisor.start(self.id).expect("it starts");
    }

    pub(crate) async fn kill(&self) {
        self.supervisor.kill(self.id).await.expect("it runs");
    }

    pub(crate) fn status(&self) -> Option<Status> {
        let answer = get(self.admin, "/status")?;
        Some(serde_json::from_str(&answer.body).expect("a status"))
    }

    /// What it says about being ready.
    pub(crate) fn ready(&self) -> Option<Answer> {
        get(self.admin, "/readyz")
    }

    pub(crate) async fn until_ready(&self) {
        let ready = || self.ready().is_some_and(|answer| answer.code == 200);
        until(&format!("newcomer {} is ready", self.id), ready).await;
    }

    /// `conclave member VERB … --address … --key …`, by the administrator.
    pub(crate) async fn join(&self, cluster: &RealCluster, verb: &[&str]) -> (Option<i32>, String) {
        let id = self.id.to_string();
        let described = self.described.iter().map(String::as_str);
        let arguments: Vec<_> =
            verb.iter().copied().chain([id.as_str()]).chain(described).collect();
        cluster.member(&arguments).await
    }
}

/// Two places on loopback where nobody listens, below the ports of outgoing connections.
fn free_addresses() -> [SocketAddr; 2] {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    std::array::from_fn(|_| {
        loop {
            let step = NEXT.fetch_add(1, Ordering::Relaxed) + u64::from(std::process::id()) * 7;
            let address = SocketAddr::from(([127, 0, 0, 1], 10_000 + (step % 22_000) as u16));
            if std::net::TcpListener::bind(address).is_ok() {
                return address;
            }
        }
    })
}

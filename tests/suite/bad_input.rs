//! Broken input of every kind: one clear sentence with the place, exit code 2 or a 4xx, and
//! nothing is lost or crashed.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use conclave::development::CLIENTS;
use conclave_core::{
    app::{Operation, Outcome},
    crypto::Signed,
    ids::{ClientId, NodeId, Principal, RequestId, Timestamp},
    pbft::{Message, Request},
};

use crate::cluster::{
    liar::Liar,
    real::{Answer, RealCluster, Scratch, get, program, request, until},
};

/// Runs the program; gives what it says to stderr, which must be one line, and checks that it ends
/// with exit code 2 and prints nothing to stdout.
fn refused(arguments: &[&str]) -> String {
    let output = Command::new(program())
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the program can be started");
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{arguments:?} said {said}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    let line = said.trim_end();
    assert!(line.starts_with("error: ") && !line.contains('\n'), "one sentence: {said}");
    line.strip_prefix("error: ").unwrap().to_owned()
}

/// A cluster's directory that was made by `conclave init`.
fn initialised() -> (Scratch, String) {
    let scratch = Scratch::new();
    let directory = scratch.path().join("c").to_str().unwrap().to_owned();
    let made = Command::new(program())
        .args(["init", "--dir", &directory])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(made.success());
    (scratch, directory)
}

/// Changes one file of a cluster's directory.
fn edit(directory: &str, file: &str, change: impl FnOnce(String) -> String) {
    let path = Path::new(directory).join(file);
    let text = fs::read_to_string(&path).unwrap();
    let changed = change(text.clone());
    assert_ne!(text, changed, "the edit must break something");
    fs::write(&path, changed).unwrap();
}

fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "“{part}” in: {said}");
    }
}

#[test]
fn a_broken_configuration_is_refused_with_file_line_and_column() {
    let broken: &[(&str, &str, &[&str])] = &[
        ("version = 1", "version = ", &["cluster.toml, line 2, column"]),
        ("version = 1", "version = 2", &["line 2, column 11", "version 2 is not known"]),
        ("[pbft]", "[pbtf]", &["line 4, column 2", "unknown field"]),
        ("window = 200", "window = 3", &["window = 3 can't work", "twice the checkpoint"]),
        ("id = 2", "id = 1", &["column 6", "this must be 2"]),
        ("127.0.0.1:7801", "127.0.0.1", &["column 11", "not an address"]),
        ("127.0.0.1:7702", "127.0.0.1:7701", &["stands here twice"]),
        ("public_key = \"", "public_key = \"zz", &["column 14", "66"]),
    ];
    for (from, to, parts) in broken {
        let (_scratch, directory) = initialised();
        edit(&directory, "cluster.toml", |text| text.replacen(from, to, 1));
        let said = refused(&["node", "--config", &directory, "--id", "0"]);
        assert_says(&said, &["cluster.toml"]);
        assert_says(&said, parts);
        // Whoever reads the same file says the same.
        assert_eq!(said, refused(&["client", "--config", &directory, "get", "k"]));
    }
}

#[test]
fn a_broken_or_open_or_foreign_key_is_refused_and_never_shown() {
    let node = |directory: &str| refused(&["node", "--config", directory, "--id", "0"]);

    let (_scratch, directory) = initialised();
    let key = fs::read_to_string(Path::new(&directory).join("node-0.key")).unwrap();
    let secret = key.split('"').nth(1).unwrap().to_owned();
    edit(&directory, "node-0.key", |text| text.replace(&secret, &secret[..62]));
    let said = node(&directory);
    assert_says(
        &said,
        &["node-0.key, line 3, column 15", "expected 64 hexadecimal digits, found 62"],
    );
    assert!(!said.contains(&secret[..16]), "{said}");

    let (_scratch, directory) = initialised();
    let path = Path::new(&directory).join("node-0.key");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_says(&node(&directory), &["node-0.key", "640", "chmod 600"]);

    let (_scratch, directory) = initialised();
    fs::copy(Path::new(&directory).join("node-1.key"), Path::new(&directory).join("node-0.key"))
        .unwrap();
    assert_says(&node(&directory), &["node-0.key", "the key of node 1, not of node 0"]);
    edit(&directory, "node-0.key", |text| text.replace("node = 1", "node = 0"));
    assert_says(&node(&directory), &["does not belong to the public key"]);
    fs::remove_file(Path::new(&directory).join("node-0.key")).unwrap();
    assert_says(&node(&directory), &["node-0.key", "conclave init"]);
}

#[test]
fn a_cluster_that_exists_is_not_overwritten() {
    let (_scratch, directory) = initialised();
    let key = Path::new(&directory).join("node-0.key");
    let before = fs::read(&key).unwrap();
    assert_says(&refused(&["init", "--dir", &directory]), &["exists", "--force"]);
    assert_eq!(fs::read(&key).unwrap(), before);
    assert_says(&refused(&["init", "--nodes", "3", "--dir", &directory]), &["from 4"]);
}

#[test]
fn what_is_not_there_is_named() {
    let (_scratch, directory) = initialised();
    let said = refused(&["node", "--config", &directory, "--id", "4"]);
    assert_says(&said, &["--id 4", "nodes 0 to 3"]);
    let said = refused(&["client", "--config", &directory, "--client", "9", "get", "k"]);
    assert_says(&said, &["client-9.key"]);
    let said = refused(&["node", "--config", "no-such-directory", "--id", "0"]);
    assert_says(&said, &["no-such-directory/cluster.toml", "conclave init"]);
    let said = refused(&["serve", "--web", &directory]);
    assert_says(&said, &["--web", "index.html"]);
    let said = refused(&["--log", "conclave=loud", "simulate", "--list"]);
    assert_says(&said, &["--log", "conclave=loud"]);
}

#[test]
fn a_broken_scenario_or_link_is_refused_with_its_place() {
    let scratch = Scratch::new();
    let path = scratch.path().join("mine.toml");
    let good = conclave_core::sim::BUILTIN[0].source;
    let file = path.to_str().unwrap();
    for (broken, place) in [
        (good.replacen("schema = 1", "schema = ", 1), "mine.toml, line "),
        (good.replacen("schema = 1", "schema = 99", 1), "mine.toml, line "),
        (format!("{good}\n[surprise]\n"), "mine.toml, line "),
    ] {
        fs::write(&path, broken).unwrap();
        assert_says(&refused(&["simulate", file]), &[place, "column "]);
    }
    assert_says(&refused(&["simulate", "no-such"]), &["no-such", "normal-case"]);
    for link in ["", "a", "zzz", "http://127.0.0.1:7700/#r=a!!!!", "aAAAA"] {
        assert_says(&refused(&["simulate", "--link", link]), &["the link"]);
    }
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for arguments in
        [&["cluster", "--port", &port][..], &["cluster", "--port", &port, "--load", "1"]]
    {
        assert_says(&refused(arguments), &[&format!("port {port}"), "--port"]);
    }

    let (_scratch, directory) = initialised();
    edit(&directory, "cluster.toml", |text| text.replacen("7801", &port, 1));
    let said = refused(&["node", "--config", &directory, "--id", "0"]);
    assert_says(&said, &[&format!("127.0.0.1:{port}"), "address of node 0 in cluster.toml"]);
}

#[test]
fn a_damaged_journal_is_not_started_from() {
    let (_scratch, directory) = initialised();
    let data = Path::new(&directory).join("data");
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("journal"), "this is no journal, but it is long enough to be one ........")
        .unwrap();
    let data = data.to_str().unwrap();
    let said = refused(&["node", "--config", &directory, "--id", "0", "--data", data]);
    assert_says(&said, &["journal", "it is no journal"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn http_that_makes_no_sense_gets_a_4xx_and_a_sentence() {
    let cluster = RealCluster::prepare(4, CLIENTS, false);
    cluster.supervisor.start(NodeId(0)).unwrap();
    let admin = cluster.admin(NodeId(0));
    until("it answers", || get(admin, "/healthz").is_some()).await;
    let ask = |method, path, headers: &[(&str, &str)]| -> Answer {
        request(admin, method, path, headers).expect("an answer")
    };
    for (path, code, part) in [
        ("/events?backlog=many", 400, "backlog=many"),
        ("/events?since=3", 400, "backlog=N and after=ID"),
        ("/nothing", 404, "/status"),
        ("/../etc/passwd", 404, "/status"),
    ] {
        let answer = ask("GET", path, &[]);
        assert_eq!(answer.code, code, "{path}");
        assert_says(&answer.body, &[part]);
    }
    assert_eq!(ask("GET", "/events", &[("Last-Event-ID", "x")]).code, 400);
    assert_eq!(ask("POST", "/status", &[("Content-Length", "0")]).code, 405);
    assert_eq!(ask("GET", "/status", &[("Host", "evil.example")]).code, 403);
    let foreign = ask("GET", "/status", &[("Origin", "http://evil.example")]);
    assert!(!foreign.headers.contains("access-control-allow-origin"), "{}", foreign.headers);
    let own = ask("GET", "/status", &[("Origin", "http://127.0.0.1:7700")]);
    assert!(own.headers.contains("access-control-allow-origin: http://127.0.0.1:7700"));
    assert_eq!(ask("GET", "/healthz", &[]).code, 200, "and it lives");
}

/// How often a node refused something, by what was wrong.
fn refusals(cluster: &RealCluster, node: NodeId, cause: &str) -> u64 {
    let text = get(cluster.admin(node), "/metrics").unwrap().body;
    let start = format!("conclave_refused_total{{cause=\"{cause}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_the_wire_is_refused_before_it_costs_anything_and_the_cluster_goes_on() {
    const NODE: NodeId = NodeId(1);
    let cluster = RealCluster::start(4, false).await;
    let client = Principal::Client(ClientId(8));
    let until_refused = async |cause: &str| {
        until(&format!("a refusal by {cause}"), || refusals(&cluster, NODE, cause) > 0).await;
    };

    // Not TLS at all.
    let address = &cluster.config.node(NODE).unwrap().address;
    let text = format!("{}:{}", address.host(), address.port());
    use std::io::Write as _;
    std::net::TcpStream::connect(text).unwrap().write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    until_refused("handshake").await;

    // A frame over the limit, of which only the length is sent: the answer can't wait for more.
    for principal in [client, Principal::Node(NodeId(3))] {
        let before = refusals(&cluster, NODE, "frame");
        let mut liar = Liar::connect(&cluster, principal, NODE).await;
        liar.send_bytes(&u32::MAX.to_be_bytes()).await;
        tokio::time::timeout(Duration::from_secs(5), liar.until_dropped()).await.unwrap();
        assert_eq!(refusals(&cluster, NODE, "frame"), before + 1);
    }

    // Bytes that are no message; a request whose operation was changed after it was signed; one
    // that somebody else signed; something that only nodes may say.
    let mut liar = Liar::connect(&cluster, client, NODE).await;
    liar.send_bytes(&[0, 0, 0, 3, 255, 255, 255]).await;
    until_refused("encoding").await;

    let mut liar = Liar::connect(&cluster, client, NODE).await;
    let mut forged = liar.request(1, "true");
    forged.body.operation =
        Operation::Put { key: b"lie".to_vec(), value: b"false".to_vec() }.encode();
    liar.send(&Message::Request(forged.into())).await;
    until_refused("content").await;

    let mut liar = Liar::connect(&cluster, Principal::Client(ClientId(7)), NODE).await;
    let others: Signed<Request> = liar.request(2, "false");
    liar.send(&Message::Request(others.into())).await;
    until_refused("role").await;

    // None of it was executed, and everyone else is served as before.
    let answer = cluster
        .client(1)
        .ask(&Operation::Get { key: b"lie".to_vec() }, Duration::from_secs(20))
        .await
        .unwrap();
    assert_eq!(answer.outcome, Outcome::Value(None));

    // An operation that is none gets an answer that says so.
    let mut odd = Liar::connect(&cluster, client, NodeId(0)).await;
    let request = odd.raw_request(
        RequestId { client: ClientId(8), timestamp: Timestamp(3) },
        vec![250, 1, 2, 3],
    );
    odd.send(&Message::Request(request.into())).await;
    let Message::Reply(reply) = odd.reply().await else { panic!("not a reply") };
    assert_eq!(Outcome::decode(&reply.body.result), Some(Outcome::Malformed));
    for node in 0..4 {
        assert!(cluster.status(NodeId(node)).is_some(), "node {node} lives");
    }
}

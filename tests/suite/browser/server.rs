//! The program under test as a process that serves the lab: alone, or with a real cluster.

use std::{
    env,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use super::webdriver::wait_for;

/// The `conclave` program: the one that `cargo xtask test` names, or the one built beside us.
pub fn program() -> PathBuf {
    let program = env::var_os("CONCLAVE_BIN").map(PathBuf::from).or_else(|| {
        let tests = env::current_exe().ok()?;
        Some(tests.parent()?.parent()?.join(format!("conclave{}", env::consts::EXE_SUFFIX)))
    });
    program
        .filter(|program| program.is_file())
        .expect("the program `conclave` isn't built: run `cargo xtask test`, or `cargo build` first")
}

/// The finished lab.
pub fn dist() -> PathBuf {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    assert!(
        dist.join("index.html").is_file(),
        "the lab isn't built: run `cargo xtask test`, or `cargo xtask build-web` first"
    );
    dist
}

/// A process that serves the lab, ended when dropped.
pub struct Server {
    process: Child,
    /// Where the lab is.
    pub url: String,
}

impl Server {
    /// Just the lab.
    pub fn lab() -> Self {
        Self::start(|command, port| {
            command.args(["serve", "--port", &port.to_string(), "--web"]).arg(dist());
        })
    }

    /// The lab beside a real cluster under a little load.
    pub fn cluster(nodes: u16) -> Self {
        Self::start(|command, port| {
            command.args(["cluster", "--nodes", &nodes.to_string()]);
            command.args(["--port", &port.to_string(), "--load", "5", "--web"]).arg(dist());
        })
    }

    fn start(arguments: impl FnOnce(&mut Command, u16)) -> Self {
        let port = free_port();
        let mut command = Command::new(program());
        arguments(&mut command, port);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().expect("the program can be started");
        let mut server = Self { process, url: format!("http://127.0.0.1:{port}/") };
        wait_for("conclave to listen", Duration::from_secs(30), || {
            if let Ok(Some(status)) = server.process.try_wait() {
                panic!("conclave ended at once ({status}); what it said is above");
            }
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()
        });
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// Asks politely, so that a cluster can end its nodes; then doesn't ask.
fn end(process: &mut Child) {
    #[cfg(unix)]
    if let Ok(id) = i32::try_from(process.id()) {
        let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::SIGTERM);
        for _ in 0..100 {
            if matches!(process.try_wait(), Ok(Some(_)) | Err(_)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    let _ = process.kill();
    let _ = process.wait();
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    listener.local_addr().expect("it is bound").port()
}

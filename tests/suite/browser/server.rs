//! The program under test as a process that serves the lab: alone, or with a real cluster.

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Longest that the program may take to say where the lab is.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The `conclave` program: the one that `cargo xtask test` names, or the one built beside us.
pub(crate) fn program() -> PathBuf {
    let program = env::var_os("CONCLAVE_BIN").map(PathBuf::from).or_else(|| {
        let tests = env::current_exe().ok()?;
        Some(tests.parent()?.parent()?.join(format!("conclave{}", env::consts::EXE_SUFFIX)))
    });
    program.filter(|program| program.is_file()).expect(
        "the program `conclave` isn't built: run `cargo xtask test`, or `cargo build` first",
    )
}

/// The finished lab.
pub(crate) fn dist() -> PathBuf {
    let dist = Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/dist");
    assert!(
        dist.join("index.html").is_file(),
        "the lab isn't built: run `cargo xtask test`, or `cargo xtask build-web` first"
    );
    dist
}

/// A process that serves the lab, ended when dropped.
pub(crate) struct Server {
    process: Child,
    /// Where the lab is.
    pub(crate) url: String,
}

impl Server {
    /// Just the lab.
    pub(crate) fn lab() -> Self {
        Self::start(&["serve"])
    }

    /// The lab beside a real cluster of four under a little load, whose nodes it may kill.
    /// Its keys and data are kept in that directory.
    pub(crate) fn cluster(directory: &Path) -> Self {
        let directory = directory.to_str().expect("text");
        let load = ["--nodes", "4", "--load", "5", "--dev-control", "--dir", directory];
        Self::start(&[&["--log", "warn", "cluster"][..], &load].concat())
    }

    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.args(arguments).args(["--port", "0", "--web"]).arg(dist());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program can be started");
        let output = process.stdout.take().expect("its output was asked for");
        let mut server = Self { process, url: String::new() };
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            // Reads on after the address is known: a full pipe would stop the program.
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(url) = lab_in(&line) {
                    let _ = tell.send(url);
                }
            }
        });
        server.url = told.recv_timeout(START_LIMIT).unwrap_or_else(|_| {
            panic!("conclave doesn't say where the lab is; what it said instead is above")
        });
        server
    }
}

/// The address in `http://127.0.0.1:7700/` or `lab:    http://127.0.0.1:7700/`.
fn lab_in(line: &str) -> Option<String> {
    let url = line.split_whitespace().last()?;
    (url.starts_with("http://") && url.ends_with('/')).then(|| url.to_owned())
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
            thread::sleep(Duration::from_millis(50));
        }
    }
    let _ = process.kill();
    let _ = process.wait();
}

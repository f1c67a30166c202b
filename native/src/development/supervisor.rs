//! Node processes as children: started, watched, killed, restarted, and never left behind.
//!
//! Each child gets a pipe as its standard input and ends when that closes. So the children end
//! with this process however it ends, SIGKILL included.

use std::{
    io,
    path::PathBuf,
    process::Stdio,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use conclave_core::ids::NodeId;
use thiserror::Error;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::{Child, ChildStdin, Command},
    sync::Notify,
    time::timeout,
};

use super::Layout;

/// How long a child may take to end by itself before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// What children are started with.
#[derive(Clone, Debug)]
pub struct SupervisorOptions {
    /// The program: this one, or in tests the one that was built for them.
    pub program: PathBuf,
    /// The cluster's directory.
    pub directory: PathBuf,
    /// Whether nodes keep their records on disk.
    pub durable: bool,
    /// What nodes log.
    pub log: String,
    /// Whether to print what they log.
    pub print: bool,
}

/// Why a child was not killed or started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No such node.
    #[error("there is no node {0}")]
    Unknown(NodeId),
    /// It is as asked already.
    #[error("node {node} is {state} already")]
    Already {
        /// Which.
        node: NodeId,
        /// What it is.
        state: &'static str,
    },
    /// The process can't be started or killed.
    #[error("node {node}: {why}")]
    Process {
        /// Which.
        node: NodeId,
        /// What the system said.
        why: io::Error,
    },
}

/// One child, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// Which node.
    pub node: NodeId,
    /// Its process, if it runs.
    pub process: Option<u32>,
}

/// Keeps the node processes of one development cluster.
#[derive(Clone)]
pub struct Supervisor {
    options: Arc<SupervisorOptions>,
    children: Arc<Vec<Slot>>,
}

#[derive(Default)]
struct Slot {
    child: Mutex<Option<Running>>,
    /// Rings when the child has ended.
    ended: Notify,
}

struct Running {
    process: u32,
    kill: Arc<Notify>,
    /// Closing it tells the child to end.
    stdin: Option<ChildStdin>,
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Supervisor {
    /// For `nodes` nodes, none of them started.
    pub fn new(options: SupervisorOptions, nodes: u16) -> Self {
        let children = (0..nodes).map(|_| Slot::default()).collect();
        Self { options: Arc::new(options), children: Arc::new(children) }
    }

    /// Starts every node.
    pub fn start_all(&self) -> Result<(), ControlError> {
        (0..self.children.len() as u16).try_for_each(|node| self.start(NodeId(node)).map(drop))
    }

    /// Starts a node that doesn't run. Gives its process number.
    pub fn start(&self, node: NodeId) -> Result<u32, ControlError> {
        let slot = self.slot(node)?;
        let mut running = slot.lock();
        if running.is_some() {
            return Err(ControlError::Already { node, state: "up" });
        }
        let options = &*self.options;
        let mut command = Command::new(&options.program);
        command.arg("--log").arg(&options.log).arg("node");
        command.arg("--config").arg(&options.directory).arg("--id").arg(node.to_string());
        command.arg("--exit-with-parent");
        if options.durable {
            command.arg("--data").arg(Layout::data_in(&options.directory, node));
        }
        let output = || if options.print { Stdio::piped() } else { Stdio::null() };
        command.stdin(Stdio::piped()).stdout(output()).stderr(output()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|why| ControlError::Process { node, why })?;
        // A child that has not been waited for has a number.
        let process = child.id().unwrap_or_default();
        if let Some(stdout) = child.stdout.take() {
            tokio::spawn(print_lines(node, stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(print_lines(node, stderr));
        }
        let kill = Arc::new(Notify::new());
        *running = Some(Running { process, kill: kill.clone(), stdin: child.stdin.take() });
        drop(running);
        tokio::spawn(self.clone().watch(node, child, kill));
        Ok(process)
    }

    /// Kills a node as a crash would (SIGKILL), and waits until it is gone.
    pub async fn kill(&self, node: NodeId) -> Result<(), ControlError> {
        let slot = self.slot(node)?;
        let ended = slot.ended.notified();
        match &*slot.lock() {
            Some(running) => running.kill.notify_one(),
            None => return Err(ControlError::Already { node, state: "down" }),
        }
        ended.await;
        Ok(())
    }

    /// Every node's state.
    pub fn states(&self) -> Vec<NodeState> {
        let state = |(index, slot): (usize, &Slot)| NodeState {
            node: NodeId(index as u16),
            process: slot.lock().as_ref().map(|running| running.process),
        };
        self.children.iter().enumerate().map(state).collect()
    }

    /// Asks every node to end, and kills those that don't.
    pub async fn stop_all(&self) {
        for slot in self.children.iter() {
            if let Some(running) = &mut *slot.lock() {
                running.stdin = None;
            }
        }
        let all_ended = async {
            for slot in self.children.iter() {
                let ended = slot.ended.notified();
                if slot.lock().is_some() {
                    ended.await;
                }
            }
        };
        if timeout(GRACE, all_ended).await.is_err() {
            for index in 0..self.children.len() as u16 {
                let _ = self.kill(NodeId(index)).await; // it may have ended meanwhile
            }
        }
    }

    fn slot(&self, node: NodeId) -> Result<&Slot, ControlError> {
        self.children.get(usize::from(node.0)).ok_or(ControlError::Unknown(node))
    }

    async fn watch(self, node: NodeId, mut child: Child, kill: Arc<Notify>) {
        let (status, wanted) = tokio::select! {
            status = child.wait() => (status, false),
            () = kill.notified() => {
                if let Err(why) = child.start_kill() {
                    tracing::warn!(%node, %why, "can't kill it");
                }
                (child.wait().await, true)
            }
        };
        let Some(slot) = self.children.get(usize::from(node.0)) else { return };
        let told_to_end = slot.lock().take().is_none_or(|running| running.stdin.is_none());
        let how = status.map_or_else(|why| why.to_string(), |status| status.to_string());
        if wanted || told_to_end {
            tracing::info!(%node, how, "ended");
        } else {
            tracing::error!(%node, how, "died; the others go on without it");
        }
        slot.ended.notify_waiters();
    }
}

async fn print_lines(node: NodeId, from: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        eprintln!("node {node} | {line}");
    }
}

//! When to end: Ctrl-C, a termination request, or the parent's end.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, stdin},
    signal::unix::{Signal, SignalKind, signal},
};

use crate::failure::Failure;

fn unavailable(why: &io::Error) -> Failure {
    Failure::Unmet(format!("can't listen for signals: {why}"))
}

/// SIGINT (Ctrl-C) and SIGTERM, each time that one comes.
pub(super) struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    pub(super) fn new() -> Result<Self, Failure> {
        let of = |kind| signal(kind).map_err(|why| unavailable(&why));
        let (interrupt, terminate) = (SignalKind::interrupt(), SignalKind::terminate());
        Ok(Self { interrupt: of(interrupt)?, terminate: of(terminate)? })
    }

    /// Returns on the next one, and says which.
    pub(super) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "interrupted",
            _ = self.terminate.recv() => "asked to terminate",
        }
    }
}

/// Returns on SIGINT (Ctrl-C) or SIGTERM.
pub(super) async fn asked_to_end() -> Result<&'static str, Failure> {
    Ok(Interrupts::new()?.next().await)
}

/// The signal by which operators ask a process to read its configuration again.
pub(super) fn hang_up() -> Result<Signal, Failure> {
    signal(SignalKind::hangup()).map_err(|why| unavailable(&why))
}

/// Returns on SIGTERM or when standard input closes, which it does when the parent that holds its
/// other end is gone. Ctrl-C reaches a whole group of processes; here it is left to the parent.
pub(super) async fn parent_ended() -> Result<&'static str, Failure> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|why| unavailable(&why))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|why| unavailable(&why))?;
    let closed = async {
        let mut input = stdin();
        let mut ignored = [0; 64];
        while matches!(input.read(&mut ignored).await, Ok(read) if read > 0) {}
    };
    tokio::pin!(closed);
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => return Ok("asked to terminate"),
            () = &mut closed => return Ok("the parent ended"),
        }
    }
}

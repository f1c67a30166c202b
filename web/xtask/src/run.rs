//! `cargo xtask run`: everything built, a real cluster started, the lab open in the browser.

use std::{
    env,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    process::{Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    apt, lab,
    process::{self, Running},
    say,
    workspace::Workspace,
};

/// How long the cluster may take until the lab can be loaded from it.
const START_LIMIT: Duration = Duration::from_mins(1);
/// A cluster may run as long as someone looks at it.
const NO_LIMIT: Duration = Duration::MAX;

/// What can be chosen.
#[derive(Args)]
pub(crate) struct Options {
    /// Port of the lab on this machine
    #[arg(long, default_value_t = 7700, value_parser = clap::value_parser!(u16).range(1_024..))]
    port: u16,
    /// How many real nodes to start: 3f+1 of them survive f liars
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=31))]
    nodes: u16,
    /// Don't open the browser, just print the address
    #[arg(long)]
    no_open: bool,
}

/// What the user asked for can't be done here, and is easily asked for otherwise.
#[derive(Debug)]
pub(crate) struct BadRequest(String);

impl BadRequest {
    /// One sentence that says what to ask for instead.
    pub(crate) fn new(sentence: String) -> Self {
        Self(sentence)
    }
}

impl std::fmt::Display for BadRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadRequest {}

/// Builds, starts and opens; returns once the cluster has ended.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<ExitCode> {
    let began = Instant::now();
    // Now, rather than after ten minutes of compiling.
    ports_are_free(options)?;
    timed("lab", || {
        let weight = lab::build(workspace)?;
        for page in &lab::PAGES {
            let sent = say::kilobytes(weight.sent(page));
            say::detail(&format!("{}: {sent} to download", page.name));
        }
        Ok(())
    })?;
    let program = timed("conclave", || {
        say::step("Compiling conclave");
        workspace.build_native("release")
    })?;
    ports_are_free(options)?;

    say::step(&format!("Starting {} real nodes on this machine", options.nodes));
    let mut cluster = workspace.command(program);
    cluster.args(["cluster", "--nodes", &options.nodes.to_string()]);
    cluster.args(["--port", &options.port.to_string(), "--load", "2"]);
    // These nodes are this user's own, on this machine: the lab may kill and restart them.
    cluster.args(["--dev-control", "--web"]).arg(workspace.dist()).stdin(Stdio::null());
    let mut cluster = Running::start(cluster, "running the cluster")?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, options.port));
    wait_until_it_answers(&mut cluster, address)?;

    let url = format!("http://127.0.0.1:{}/", options.port);
    say::step(&format!(
        "The lab is at {url} ({} after the start). Ctrl-C ends it.",
        say::duration(began.elapsed())
    ));
    if !options.no_open {
        open(workspace, &url);
    }
    let status = cluster.wait(NO_LIMIT)?;
    if process::interrupted() {
        say::step("Ended.");
        return Ok(ExitCode::SUCCESS);
    }
    process::succeeded(status, "running the cluster")?;
    Ok(ExitCode::SUCCESS)
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    let result = work();
    say::detail(&format!("{name}: {}", say::duration(began.elapsed())));
    result
}

/// The lab's port, and above it one for each node's HTTP and one for each node's peers.
fn ports(options: &Options) -> impl Iterator<Item = u32> {
    let (first, nodes) = (u32::from(options.port), u32::from(options.nodes));
    [first].into_iter().chain(first + 1..=first + nodes).chain(first + 101..=first + 100 + nodes)
}

fn ports_are_free(options: &Options) -> Result<()> {
    for port in ports(options) {
        let bound =
            u16::try_from(port).map_err(|_| "ports end at 65535".to_owned()).and_then(|port| {
                TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| error.to_string())
            });
        if let Err(why) = bound {
            let other = if options.port < 60_000 { options.port + 1_000 } else { 7_700 };
            return Err(BadRequest(format!(
                "port {port} on this machine can't be used ({why}); the lab takes port {}, its \
                 nodes those above: choose another with `cargo xtask run --port {other}`",
                options.port
            ))
            .into());
        }
    }
    Ok(())
}

fn wait_until_it_answers(cluster: &mut Running, address: SocketAddr) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect_timeout(&address, Duration::from_millis(500)).is_err() {
        if process::interrupted() {
            bail!("stopped while the cluster was starting");
        }
        if let Some(status) = cluster.ended() {
            bail!("the cluster ended as soon as it was started ({status}); what it said is above");
        }
        if began.elapsed() > START_LIMIT {
            bail!(
                "the cluster runs, but nothing answers at {address} after {}",
                say::duration(START_LIMIT)
            );
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Opens the user's browser if there is one to open. That it can't is no error: the address is on
/// the screen.
fn open(workspace: &Workspace, url: &str) {
    let Some(opener) = opener() else {
        say::detail("no display here, so no browser is opened");
        return;
    };
    let mut command: Command = workspace.command(opener[0]);
    command.args(&opener[1..]).arg(url);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if command.spawn().is_err() {
        say::detail(&format!("`{}` can't be started; open the address yourself", opener[0]));
    }
}

fn opener() -> Option<&'static [&'static str]> {
    if cfg!(target_os = "macos") {
        Some(&["open"])
    } else if cfg!(windows) {
        Some(&["cmd", "/C", "start", ""])
    } else {
        let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
        (has_display && apt::find_program("xdg-open").is_some()).then_some(&["xdg-open"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_flag_that_chooses_another() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        // Whether it is the lab's own or one of the nodes' above it.
        for first in [port, port - 2, port - 102] {
            let options = Options { port: first, nodes: 4, no_open: true };
            assert!(ports(&options).any(|used| used == u32::from(port)));
            let error = ports_are_free(&options).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("--port") && text.contains(&format!("port {first}")), "{text}");
            assert!(error.is::<BadRequest>());
        }
    }

    #[test]
    fn ports_that_do_not_exist_are_not_tried() {
        let options = Options { port: 65_500, nodes: 4, no_open: true };
        let text = ports_are_free(&options).unwrap_err().to_string();
        assert!(text.contains("65535"), "{text}");
    }
}

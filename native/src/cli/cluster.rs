//! `conclave cluster`.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use tokio::net::TcpListener;

use super::{serve, signals};
use crate::{
    config::Sizes,
    development::{CLIENTS, Layout, Supervisor, SupervisorOptions, run_load},
    failure::Failure,
    http,
    web::{self, WebOptions},
};

/// Run a whole cluster on this machine, for development
///
/// Every node is a process of its own that talks to the others over TLS on loopback. With the
/// lab's files at hand it also serves the lab, which shows these nodes live. Port P is the lab's;
/// node i answers HTTP at P+1+i and other nodes and clients at P+101+i. Ctrl-C ends all of it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave cluster
  conclave cluster --nodes 7 --port 8000 --load 20
  conclave cluster --standby 1
  conclave cluster --dir dev --dev-control --web web/dist")]
pub(super) struct RunCluster {
    /// How many nodes
    #[arg(long, default_value_t = 4, value_name = "N")]
    nodes: u16,
    /// How many further nodes stand by, which `conclave member` can make members
    #[arg(long, default_value_t = 0, value_name = "N")]
    standby: u16,
    /// The lab's port, from which all others follow; 0 takes any that are free
    #[arg(long, default_value_t = 7_700, value_name = "PORT")]
    port: u16,
    /// Keep keys, configuration and data here; by default in a temporary directory that is
    /// removed at the end
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Nodes keep nothing on disk: faster, and one that restarts has forgotten everything
    #[arg(long)]
    memory: bool,
    /// The lab's files; by default `web` beside this program, or `web/dist` here
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// Don't serve the lab
    #[arg(long, conflicts_with = "web")]
    no_web: bool,
    /// Run a demo load of so many operations a second
    #[arg(long, default_value_t = 0.0, value_name = "OPS", value_parser = rate)]
    load: f64,
    /// Let the lab kill and restart nodes
    #[arg(long)]
    dev_control: bool,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.0..=10_000.0).contains(&rate) && (rate == 0.0 || rate >= 0.01) => Ok(rate),
        _ => Err("operations a second: 0 for none, or from 0.01 to 10000".into()),
    }
}

impl RunCluster {
    pub(super) async fn run(self, log: String) -> Result<(), Failure> {
        let web = match (&self.web, self.no_web) {
            (_, true) => None,
            (Some(given), false) => Some(serve::lab_files(Some(given.clone()))?),
            (None, false) => web::default_directory(),
        };
        // Before anything is written or started.
        let listener = if self.no_web { None } else { Some(serve::bind(self.port).await?) };
        let sizes = Sizes { nodes: self.nodes, standby: self.standby, clients: CLIENTS };
        let layout = Layout::prepare(self.dir.clone(), sizes, self.port)
            .map_err(|why| Failure::bad_input(&why))?;
        let program = std::env::current_exe()
            .map_err(|why| Failure::Unmet(format!("can't find this program: {why}")))?;
        let supervisor = Supervisor::new(
            SupervisorOptions {
                program,
                directory: layout.directory.clone(),
                durable: !self.memory,
                log,
                print: true,
            },
            sizes.all_nodes(),
        );
        supervisor.start_all().map_err(|why| Failure::unmet(&why))?;
        print_table(&layout, listener.as_ref(), web.is_some());

        let config = Arc::new(layout.config.clone());
        let options = WebOptions {
            directory: web,
            cluster: Some(config.clone()),
            supervisor: Some(supervisor.clone()),
            control: self.dev_control,
        };
        let serving = async {
            match listener {
                Some(listener) => http::serve(listener, web::router(options)).await,
                None => std::future::pending().await,
            }
        };
        let loading = async {
            if self.load > 0.0 {
                run_load(&config, &layout.directory, self.load).await?;
            }
            std::future::pending::<Result<(), Failure>>().await
        };
        let outcome = tokio::select! {
            () = serving => Err(Failure::Unmet("the web server ended".into())),
            failed = loading => failed,
            why = signals::asked_to_end() => why.map(|why| tracing::info!(why, "ending")),
        };
        supervisor.stop_all().await;
        outcome
    }
}

fn print_table(layout: &Layout, lab: Option<&TcpListener>, built: bool) {
    let members = layout.config.members();
    println!("{} nodes, of which {} may be Byzantine", members.n(), members.f());
    println!("{:<6} {:<24} http", "node", "address");
    for node in &layout.config.nodes {
        let note = if node.standby { "  (stands by)" } else { "" };
        let http = node.admin.map_or_else(|| "-".into(), |admin| format!("http://{admin}"));
        println!("{:<6} {:<24} {http}{note}", node.id, node.address.to_string());
    }
    let dir = layout.directory.display();
    println!("client: conclave client --config {dir} put greeting hello");
    match lab.and_then(|lab| lab.local_addr().ok()) {
        Some(address) if built => println!("lab:    http://{address}/"),
        Some(address) => {
            println!("lab:    not built (cargo xtask run builds it); API at http://{address}/");
        }
        None => {}
    }
    println!("Ctrl-C ends all of it.");
}

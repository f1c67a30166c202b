//! `conclave serve`.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use clap::Args;
use tokio::net::TcpListener;

use super::signals;
use crate::{
    config::ClusterConfig,
    failure::Failure,
    http,
    web::{self, WebOptions},
};

/// Serve the lab on this machine
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  conclave serve
  conclave serve --port 8080 --web web/dist --cluster my-cluster")]
pub(super) struct Serve {
    /// The port, on loopback
    #[arg(long, default_value_t = 7_700, value_name = "PORT")]
    port: u16,
    /// The lab's files; by default `web` beside this program, or `web/dist` here
    #[arg(long, value_name = "DIR")]
    web: Option<PathBuf>,
    /// A cluster on this machine whose nodes the lab can attach to: the directory with its
    /// cluster.toml
    #[arg(long, value_name = "DIR")]
    cluster: Option<PathBuf>,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let config = self.cluster.as_deref().map(ClusterConfig::load).transpose();
        let config = config.map_err(|why| Failure::bad_input(&why))?;
        let options = WebOptions {
            directory: Some(lab_files(self.web)?),
            cluster: config.map(Arc::new),
            ..WebOptions::default()
        };
        let listener = bind(self.port).await?;
        let address =
            listener.local_addr().map_err(|why| Failure::Unmet(format!("no address: {why}")))?;
        println!("http://{address}/");
        tokio::select! {
            () = http::serve(listener, web::router(options)) => Ok(()),
            why = signals::asked_to_end() => why.map(drop),
        }
    }
}

/// The web port, or a sentence that says how to choose another.
pub(super) async fn bind(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.map_err(|why| {
        Failure::BadInput(format!("port {port} can't be used ({why}); choose another with --port"))
    })
}

/// The directory of the lab's files: the one that was given, or the default one.
pub(super) fn lab_files(given: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match given {
        Some(directory) if directory.join("index.html").is_file() => Ok(directory),
        Some(directory) => Err(Failure::BadInput(format!(
            "--web {}: there is no index.html in it; `cargo xtask run` builds the lab into web/dist",
            directory.display()
        ))),
        None => web::default_directory().ok_or_else(|| {
            Failure::BadInput(
                "the lab's files are neither in `web` beside this program nor in web/dist; build \
                 them with `cargo xtask run`, or say where they are with --web"
                    .into(),
            )
        }),
    }
}

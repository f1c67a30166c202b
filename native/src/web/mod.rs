//! The web server of the lab: its files, and where the live cluster's nodes are.
//!
//! | path | gives |
//! |---|---|
//! | `/api/cluster` | the nodes and their admin addresses, as JSON |
//! | `POST /api/nodes/N/kill`, `…/restart` | crash or restart a real node (development clusters with `--dev-control` only) |
//! | anything else | a file of the lab |

mod control;
mod files;

use std::{path::PathBuf, sync::Arc};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use conclave_core::ids::NodeId;
use serde::Serialize;

use crate::{admin::json, config::ClusterConfig, development::Supervisor, http::sentence};

pub use files::default_directory;

/// Scripts and styles only from here, WebAssembly allowed, connections only to here and to the
/// nodes of this machine.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
     connect-src 'self' http://127.0.0.1:*; style-src 'self' 'unsafe-inline'; object-src 'none'; \
     base-uri 'none'";

/// What the web server serves.
#[derive(Clone, Default)]
pub struct WebOptions {
    /// Where the lab's files are; `None`: nowhere, and visitors are told how to build them.
    pub directory: Option<PathBuf>,
    /// The cluster that the lab can attach to.
    pub cluster: Option<Arc<ClusterConfig>>,
    /// The processes of that cluster, if they are ours.
    pub supervisor: Option<Supervisor>,
    /// Whether visitors may kill and restart them.
    pub control: bool,
}

/// What `/api/cluster` says.
#[derive(Serialize)]
struct ClusterInfo {
    nodes: Vec<NodeInfo>,
    control: bool,
}

#[derive(Serialize)]
struct NodeInfo {
    id: u16,
    admin: String,
    /// Whether its process runs, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    up: Option<bool>,
}

/// The routes.
pub fn router(options: WebOptions) -> Router {
    let mut router =
        Router::new().route("/api/cluster", get(cluster)).route("/api/{*rest}", get(unknown_api));
    if options.control && options.supervisor.is_some() {
        router = router.route("/api/nodes/{node}/{action}", post(control::act));
    }
    router
        .fallback(files::serve)
        .with_state(Arc::new(options))
        .layer(axum::middleware::map_response(protect))
}

async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

async fn cluster(State(options): State<Arc<WebOptions>>) -> Response {
    let states = options.supervisor.as_ref().map(Supervisor::states);
    let up = |id: NodeId| {
        let state = states.as_ref()?.get(usize::from(id.0))?;
        Some(state.process.is_some())
    };
    let nodes = options.cluster.iter().flat_map(|config| &config.nodes);
    let nodes = nodes.filter_map(|node| {
        let admin = format!("http://{}", node.admin?);
        Some(NodeInfo { id: node.id.0, admin, up: up(node.id) })
    });
    json(&ClusterInfo { nodes: nodes.collect(), control: options.control })
}

async fn unknown_api() -> Response {
    sentence(StatusCode::NOT_FOUND, "There is no such part of the API; there is /api/cluster.")
}

//! What a node tells about itself over HTTP, on its own listener, loopback by default. Read-only, but
//! for an operator's wishes about its guards, for proofs that it is shown, and for chaos experiments.
//!
//! | path | gives |
//! |---|---|
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 if it takes part in a view together with a quorum, else 503 and why not |
//! | `/status` | `Status` as JSON |
//! | `/metrics` | every Prometheus family |
//! | `/docket` | what all agree on about who lies: quarantine, threat level, what to run and why |
//! | `/evidence` | the proofs that it holds, as JSON: who did what, in words and in parts, and the proof |
//! | `/evidence/export` | the same as a file that `conclave evidence verify` judges |
//! | `/evidence/account` | what it holds of what was said, as a file for `conclave evidence compare` |
//! | POST `/evidence` | shows it the proofs in a file: see `evidence` |
//! | `/guards` | what its guards do, as JSON |
//! | POST `/guards/reload` | reads the table `[guards]` of cluster.toml again: see `guards` |
//! | POST `/guards/hold?level=…` | leaves out so much, whatever signals say; `auto`: what they say |
//! | `/chaos` | the chaos experiment that is under way, or was last, as JSON |
//! | POST `/chaos` | begins one, if it is permitted: see `chaos` |
//! | POST `/chaos/abort` | ends it |
//! | `/events` | server-sent events of the core's schema: see `events` |

mod chaos;
mod events;
mod evidence;
mod guards;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};

use crate::{
    chaos::Chaos,
    http::sentence,
    node::{GuardBoard, Observer, Status, StatusBoard, Wishes},
    transport::Trust,
};

pub use crate::http::serve;
pub use evidence::Listed;
pub(crate) use evidence::MAX_SHOWN_BYTES;
pub use guards::OPERATOR_HEADER;

/// What the handlers read.
#[derive(Clone)]
pub struct Watched {
    /// What happens.
    pub observer: Arc<Observer>,
    /// Where it stands.
    pub board: Arc<StatusBoard>,
    /// What its guards do.
    pub guards: Arc<GuardBoard>,
    /// What experiments do to it.
    pub chaos: Arc<Chaos>,
    /// Whose word counts.
    pub trust: Arc<Trust>,
    /// The way to the node itself.
    pub wishes: Wishes,
}

impl Watched {
    fn status(&self) -> Status {
        Status { now: self.observer.clock().now(), ..self.board.read() }
    }
}

/// The routes of one node.
pub fn router(watched: Watched) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/docket", get(docket))
        .route("/evidence", get(evidence::list).post(evidence::show))
        .route("/evidence/export", get(evidence::export))
        .route("/evidence/account", get(evidence::account))
        .route("/guards", get(self::guards::show))
        .route("/guards/reload", post(self::guards::reload))
        .route("/guards/hold", post(self::guards::hold))
        .route("/chaos", get(self::chaos::show).post(self::chaos::start))
        .route("/chaos/abort", post(self::chaos::abort))
        .route("/events", get(events::stream))
        .fallback(|| async {
            sentence(
                StatusCode::NOT_FOUND,
                "There is /healthz, /readyz, /status, /metrics, /docket, /evidence, /evidence/export, \
                 /evidence/account, /guards, /chaos and /events.",
            )
        })
        .with_state(watched)
}

async fn ready(State(watched): State<Watched>) -> Response {
    match watched.status().ready() {
        Ok(()) => "ready\n".into_response(),
        Err(why) => sentence(StatusCode::SERVICE_UNAVAILABLE, format!("Not ready: {why}.")),
    }
}

async fn status(State(watched): State<Watched>) -> Response {
    json(&watched.status())
}

async fn metrics(State(watched): State<Watched>) -> Response {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, OPEN_METRICS)], watched.observer.metrics().render()).into_response()
}

async fn docket(State(watched): State<Watched>) -> Response {
    json(&*watched.board.docket())
}

/// A value as JSON that nobody keeps.
pub(crate) fn json(value: &impl serde::Serialize) -> Response {
    match serde_json::to_string(value) {
        Ok(text) => (
            [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")],
            text,
        )
            .into_response(),
        Err(why) => sentence(StatusCode::INTERNAL_SERVER_ERROR, format!("No JSON: {why}.")),
    }
}

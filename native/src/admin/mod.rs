//! What a node tells about itself over HTTP: read-only, on its own listener, loopback by default.
//!
//! | path | gives |
//! |---|---|
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 if it takes part in a view together with a quorum, else 503 and why not |
//! | `/status` | `Status` as JSON |
//! | `/metrics` | every Prometheus family |
//! | `/evidence` | the proofs that it holds, as JSON: who did what, in words and in parts, and the proof |
//! | `/evidence/export` | the same as a file that `conclave evidence verify` judges |
//! | `/events` | server-sent events of the core's schema: see `events` |

mod events;
mod evidence;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::get,
};

use crate::{
    http::sentence,
    node::{Observer, Status, StatusBoard},
};

pub use crate::http::serve;
pub use evidence::Listed;

/// What the handlers read.
#[derive(Clone)]
struct Watched {
    observer: Arc<Observer>,
    board: Arc<StatusBoard>,
}

impl Watched {
    fn status(&self) -> Status {
        Status { now: self.observer.clock().now(), ..self.board.read() }
    }
}

/// The routes of one node.
pub fn router(observer: Arc<Observer>, board: Arc<StatusBoard>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .route("/evidence", get(evidence::list))
        .route("/evidence/export", get(evidence::export))
        .route("/events", get(events::stream))
        .fallback(|| async {
            sentence(
                StatusCode::NOT_FOUND,
                "There is /healthz, /readyz, /status, /metrics, /evidence, /evidence/export and /events.",
            )
        })
        .with_state(Watched { observer, board })
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

//! Killing and restarting real nodes from the lab, in development clusters that allow it.
//!
//! Other pages in the same browser must not be able to: a browser says by `Origin` which page asks.

use std::sync::Arc;

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use conclave_core::ids::NodeId;

use super::WebOptions;
use crate::{admin::json, development::ControlError, http::sentence};

pub(super) async fn act(
    State(options): State<Arc<WebOptions>>,
    Path((node, action)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    if !same_origin(&headers) {
        return sentence(
            StatusCode::FORBIDDEN,
            "Only the lab that this server serves may do this.",
        );
    }
    let Some(supervisor) = &options.supervisor else {
        return sentence(StatusCode::NOT_FOUND, "There are no node processes here.");
    };
    let Ok(node) = node.parse().map(NodeId) else {
        return sentence(StatusCode::BAD_REQUEST, "In the path, the node must be a number.");
    };
    let done = match action.as_str() {
        "kill" => supervisor.kill(node).await,
        "restart" => supervisor.start(node).map(drop),
        _ => {
            let text = "A node can be asked to kill or restart: /api/nodes/0/kill.";
            return sentence(StatusCode::NOT_FOUND, text);
        }
    };
    match done {
        Ok(()) => {
            tracing::info!(%node, action, "asked for by the lab");
            json(&serde_json::json!({ "node": node, "done": action }))
        }
        Err(why) => {
            let status = match why {
                ControlError::Unknown(_) => StatusCode::NOT_FOUND,
                ControlError::Already { .. } => StatusCode::CONFLICT,
                ControlError::Process { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            };
            sentence(status, format!("{why}."))
        }
    }
}

/// Whether the request comes from a page of this very server, or from no page at all: a browser
/// sends `Origin` with every POST, and no page can leave it out.
fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (headers.contains_key(header::ORIGIN), text(header::ORIGIN), text(header::HOST)) {
        (false, _, _) => true,
        (true, Some(origin), Some(host)) => origin.strip_prefix("http://") == Some(host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_pages_of_this_server_may_act() {
        let headers = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:7700"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            headers
        };
        assert!(same_origin(&headers(None)));
        assert!(same_origin(&headers(Some("http://127.0.0.1:7700"))));
        for other in
            ["http://127.0.0.1:7701", "https://127.0.0.1:7700", "http://evil.example", "null"]
        {
            assert!(!same_origin(&headers(Some(other))), "{other}");
        }
    }
}

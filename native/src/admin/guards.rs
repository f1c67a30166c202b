//! What a node's guards do, and what an operator wants of them.
//!
//! Who reads may be a page in a browser; who changes something may not. A page can make its visitor's
//! browser send a POST, but none with a header of its own making, unless this server said before that
//! it may, and it never does.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};
use conclave_core::resilience::degradation::Level;

use super::{Watched, json};
use crate::{http::sentence, node::NotDone};

/// The header that says that whoever asks is no page: its value doesn't matter.
pub const OPERATOR_HEADER: &str = "x-conclave-operator";

pub(super) async fn show(State(watched): State<Watched>) -> Response {
    json(&watched.guards.read())
}

pub(super) async fn reload(State(watched): State<Watched>, headers: HeaderMap) -> Response {
    match of_operator(&headers) {
        Ok(()) => answer(watched.guards.reload().await, "reloaded\n"),
        Err(refused) => *refused,
    }
}

pub(super) async fn hold(
    State(watched): State<Watched>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = of_operator(&headers) {
        return *refused;
    }
    let wanted = query.as_deref().and_then(|query| query.strip_prefix("level="));
    let level = match wanted {
        Some("auto") => None,
        Some(name) => match Level::ALL.iter().find(|level| level.name() == name) {
            Some(level) => Some(*level),
            None => return unknown_level(),
        },
        None => return unknown_level(),
    };
    answer(watched.guards.hold(level).await, "held\n")
}

fn unknown_level() -> Response {
    let names = Level::ALL.map(Level::name).join(", ");
    sentence(StatusCode::BAD_REQUEST, format!("The query says level=auto, or one of {names}."))
}

pub(super) fn of_operator(headers: &HeaderMap) -> Result<(), Box<Response>> {
    if headers.contains_key(OPERATOR_HEADER) {
        return Ok(());
    }
    let why = format!("Say with the header {OPERATOR_HEADER} that no web page asks for this.");
    Err(Box::new(sentence(StatusCode::FORBIDDEN, why)))
}

/// What an operator sends, read whole if it has so many bytes at most. `what` begins the sentence that says
/// so.
pub(super) async fn body_of_operator(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    what: &str,
) -> Result<Bytes, Box<Response>> {
    of_operator(headers)?;
    to_bytes(body, limit).await.map_err(|_| {
        let why = format!("{what} is read whole, and has {limit} bytes at most.");
        Box::new(sentence(StatusCode::PAYLOAD_TOO_LARGE, why))
    })
}

fn answer(done: Result<(), NotDone>, words: &'static str) -> Response {
    match done {
        Ok(()) => words.into_response(),
        Err(why @ NotDone::Stopping(_)) => {
            sentence(StatusCode::SERVICE_UNAVAILABLE, format!("Not done: {why}."))
        }
        Err(why) => sentence(StatusCode::CONFLICT, format!("Not done: {why}.")),
    }
}

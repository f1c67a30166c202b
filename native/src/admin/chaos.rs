//! Chaos experiments: what is to be seen of one, how one begins, and how it is ended.
//!
//! * GET `/chaos`: [`ChaosSeen`](crate::chaos::ChaosSeen) as JSON.
//! * POST `/chaos` with [`Asked`] as JSON begins one: 200, or 400, 403 or 409 and why not.
//! * POST `/chaos/abort` ends it. That needs no permission.
//!
//! As with `guards`, no page of a browser may do either.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse as _, Response},
};

use super::{
    Watched,
    guards::{body_of_operator, of_operator},
    json,
};
use crate::{
    chaos::{Asked, NotStarted},
    http::sentence,
};

/// The longest wish: names, a permission, and a scope of 256 peers and operations are a third of it.
const MAX_BODY_BYTES: usize = 16 * 1024;

pub(super) async fn show(State(watched): State<Watched>) -> Response {
    json(&watched.chaos.seen())
}

pub(super) async fn start(
    State(watched): State<Watched>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body_of_operator(&headers, body, MAX_BODY_BYTES, "What is asked for").await {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(why) => {
            return sentence(StatusCode::BAD_REQUEST, format!("Not an experiment: {why}."));
        }
    };
    match watched.chaos.start(asked) {
        Ok(()) => "begun\n".into_response(),
        Err(why) => sentence(code(why), format!("Not begun: {why}.")),
    }
}

const fn code(why: NotStarted) -> StatusCode {
    match why {
        NotStarted::NoPermission | NotStarted::Permission(_) => StatusCode::FORBIDDEN,
        NotStarted::UnderWay => StatusCode::CONFLICT,
        NotStarted::NoRandomness => StatusCode::SERVICE_UNAVAILABLE,
        NotStarted::TooShort(_)
        | NotStarted::Config(_)
        | NotStarted::Fault(_)
        | NotStarted::TooManyPeers { .. } => StatusCode::BAD_REQUEST,
    }
}

pub(super) async fn abort(State(watched): State<Watched>, headers: HeaderMap) -> Response {
    match of_operator(&headers) {
        Ok(()) if watched.chaos.abort() => "aborted\n".into_response(),
        Ok(()) => "there is none to abort\n".into_response(),
        Err(refused) => *refused,
    }
}

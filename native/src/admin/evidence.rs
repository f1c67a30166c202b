//! The proofs that a node holds: as JSON to read, and as a file to judge elsewhere. And what it holds of
//! what was said, to be put together with what others hold.
//!
//! POST `/evidence` with a file of proofs shows it those: 200 and how many it holds then; 400 and why not
//! if one of them proves nothing. A proof convinces by itself, so it takes no permission; but as with
//! `guards`, no page of a browser may do it.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use conclave_core::{
    crypto::Verified,
    detector::evidence::{Evidence, Offence},
    hex::Hex,
    node::{BadExport, Export},
    pbft::{MAX_MESSAGE_BYTES, Message},
};
use serde::{Deserialize, Serialize};

use super::{Watched, guards::body_of_operator, json};
use crate::{http::sentence, transport::Trust};

/// The longest file that is taken: as much as a peer may say at once.
pub(crate) const MAX_SHOWN_BYTES: usize = MAX_MESSAGE_BYTES;

/// One proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Who did what, where, on which assumption.
    pub offence: Offence,
    /// The same in words.
    pub says: String,
    /// The evidence in its one encoding, as hexadecimal digits.
    pub evidence: String,
}

pub(super) async fn list(State(watched): State<Watched>) -> Response {
    let offences = watched.board.read().convicted;
    // Both are in the order of offenders and kinds, and the evidence is shown first.
    let proofs = watched.board.evidence();
    let listed = offences.into_iter().zip(&proofs.proofs).map(|(offence, evidence)| Listed {
        says: offence.to_string(),
        evidence: Hex(&evidence.encode()).to_string(),
        offence,
    });
    json(&listed.collect::<Vec<_>>())
}

pub(super) async fn export(State(watched): State<Watched>) -> Response {
    file("conclave.evidence", watched.board.evidence().encode())
}

pub(super) async fn account(State(watched): State<Watched>) -> Response {
    match watched.wishes.account().await {
        Ok(account) => file("conclave.account", account.encode()),
        Err(why) => sentence(StatusCode::SERVICE_UNAVAILABLE, format!("No account: {why}.")),
    }
}

pub(super) async fn show(
    State(watched): State<Watched>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body_of_operator(&headers, body, MAX_SHOWN_BYTES, "A file of proofs").await {
        Ok(body) => body,
        Err(refused) => return *refused,
    };
    let trust = watched.trust.clone();
    let checking = tokio::task::spawn_blocking(move || checked(&body, &trust));
    let proofs = match checking.await {
        Ok(Ok(proofs)) => proofs,
        Ok(Err(why)) => return sentence(StatusCode::BAD_REQUEST, format!("Not taken: {why}.")),
        Err(_) => {
            let why = "Not taken: they could not be checked.";
            return sentence(StatusCode::INTERNAL_SERVER_ERROR, why);
        }
    };
    let shown = proofs.len();
    match watched.wishes.show(proofs).await {
        Ok(held) => format!("was shown {shown}, and holds {held}\n").into_response(),
        Err(why) => sentence(StatusCode::SERVICE_UNAVAILABLE, format!("Not taken: {why}.")),
    }
}

/// As they are when a peer shows them; of the chain in the file nothing is needed.
fn checked(body: &[u8], trust: &Trust) -> Result<Vec<Verified<Message>>, String> {
    let Export { proofs, .. } = Export::decode(body).map_err(|why: BadExport| why.to_string())?;
    let check = |evidence: Arc<Evidence>| {
        let accused = evidence.accused();
        let checked = trust.verify(Message::Evidence(evidence));
        checked.map_err(|why| format!("what is said against {accused} proves nothing: {why}"))
    };
    proofs.into_iter().map(check).collect()
}

fn file(name: &str, bytes: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

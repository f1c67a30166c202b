//! The proofs that a node holds: as JSON to read, and as a file to judge elsewhere.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse as _, Response},
};
use conclave_core::{detector::evidence::Offence, hex::Hex};
use serde::{Deserialize, Serialize};

use super::{Watched, json};

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
    let file = watched.board.evidence().encode();
    let name = "attachment; filename=\"conclave.evidence\"";
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, file).into_response()
}

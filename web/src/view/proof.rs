//! A proof, opened to the signed statements that convict.

use conclave_core::{detector::evidence::Said, hex::Hex, node::Proof};
use yew::prelude::*;

use crate::model::words;

/// One proof: what it proves, and the offender's own statements.
pub(crate) fn view(proof: &Proof) -> Html {
    let statements = proof.evidence.statements();
    let why = if statements.len() == 1 { "this" } else { "both" };
    html! {
        <details class="proof" data-test="proof">
            <summary>{ format!("Proof: it signed {}", proof.offence.kind.name()) }</summary>
            <ol>{ for statements.iter().map(statement) }</ol>
            <p class="hint">{ format!(
                "No correct replica signs {why}. Anybody who has its public key can check that."
            ) }</p>
        </details>
    }
}

fn statement(said: &Said) -> Html {
    let bytes = said.signature.as_bytes();
    let signed = Hex(&bytes[..bytes.len().min(8)]);
    html! {
        <li><b>{ words::message(&said.what) }</b><code>{ format!("signed {signed}…") }</code></li>
    }
}

//! A proof, opened to the signed statements that convict.

use conclave_core::{
    app::KeyValue,
    detector::evidence::Said,
    hex::Hex,
    node::{Node, Proof},
};
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

/// Saves all that one observer can prove, in the form that `conclave evidence verify` reads.
#[cfg(not(all(feature = "guards", target_arch = "wasm32")))]
pub(crate) fn save(observer: &Node<KeyValue>) -> Html {
    let export = observer.export();
    // Only whoever asks for the file waits until it is made.
    let onclick = move |event: MouseEvent| {
        use core::fmt::Write as _;
        let mut file = "data:application/octet-stream,".to_owned();
        for byte in export.encode() {
            let _ = write!(file, "%{byte:02x}");
        }
        let _ = event.target_unchecked_into::<web_sys::Element>().set_attribute("href", &file);
    };
    html! {
        <a class="link" data-test="save-proofs" href="data:," download="lab.evidence" {onclick}
            title="For conclave evidence verify lab.evidence --of LINK"
        >{ "Save the proofs" }</a>
    }
}

/// The page with guards has no room for it; the lab has, for every scenario with liars.
#[cfg(all(feature = "guards", target_arch = "wasm32"))]
pub(crate) fn save(_: &Node<KeyValue>) -> Html {
    Html::default()
}

fn statement(said: &Said) -> Html {
    let bytes = said.signature.as_bytes();
    let signed = Hex(&bytes[..bytes.len().min(8)]);
    html! {
        <li><b>{ words::message(&said.what) }</b><code>{ format!("signed {signed}…") }</code></li>
    }
}

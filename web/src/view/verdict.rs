//! The verdict, always in sight: what must hold, and whether it does.

use conclave_core::sim::Invariant;
use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
};

/// What an invariant means, in one sentence.
const fn meaning(invariant: Invariant) -> &'static str {
    match invariant {
        Invariant::Agreement => {
            "No two correct replicas execute different batches at one position."
        }
        Invariant::Validity => "What is executed was asked for by a client, unchanged.",
        Invariant::Order => "Every correct replica executes positions one by one, without gaps.",
        Invariant::ExactlyOnce => "No correct replica executes a request twice.",
        Invariant::Checkpoints => "Correct replicas' checkpoints of one position are equal.",
        Invariant::Linearizability => {
            "What clients accept is what one history gives, in real-time order."
        }
        Invariant::Liveness => {
            "Once the network is calm, every correct client is answered within a bound."
        }
        Invariant::Justice => "No correct replica is proven guilty to a correct one.",
        Invariant::Docket => "What is agreed about who lies is the same everywhere.",
    }
}

/// "exactly-once", as in `data-test`.
fn key(invariant: Invariant) -> String {
    invariant.name().replace(' ', "-")
}

/// The strip.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let branch = app.lab.branch();
    let verdict = branch.recording.verdict();
    let chips = Invariant::ALL.iter().map(|invariant| {
        let test = format!("verdict-{}", key(*invariant));
        match verdict.violation(*invariant) {
            Some(violation) => {
                let step = violation.step;
                html! {
                    <li key={invariant.name()}>
                        <button class="chip violated" data-test={test} data-state="violated"
                            title={format!("{} {} Go there.", meaning(*invariant), violation.detail)}
                            onclick={link.callback(move |_| Msg::Seek(step))}>
                            { icon(Icon::Cross) }<span>{ invariant.name() }</span>
                            <em>{ format!("broken at step {step}") }</em>
                        </button>
                    </li>
                }
            }
            None => {
                let (state, which) = if branch.complete {
                    ("held", Icon::Check)
                } else {
                    ("pending", Icon::Pending)
                };
                html! {
                    <li key={invariant.name()}>
                        <span class={classes!("chip", state)} data-test={test} data-state={state}
                            title={meaning(*invariant)}>
                            { icon(which) }<span>{ invariant.name() }</span>
                            <span class="sr">{ format!(": {state}") }</span>
                        </span>
                    </li>
                }
            }
        }
    });
    let over = verdict.faults_used > verdict.f;
    html! {
        <section class="verdict" aria-label="Verdict of the whole run">
            <ul>{ for chips }</ul>
            <span class={classes!("chip", "faults", over.then_some("over"))} data-test="faults-used"
                title="Replicas that ever crashed or lied in this run, of the f that may">
                { format!("faults {} of f = {}", verdict.faults_used, verdict.f) }
            </span>
            <span class="hash" title="Equal runs have equal hashes, here, natively and in tests">
                { "trace " }<code data-test="trace-hash">{ verdict.trace_hash.to_string() }</code>
            </span>
        </section>
    }
}

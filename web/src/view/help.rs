//! The help: keys and words.

use conclave_core::pbft::MessageKind;
use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
    model::words,
};

const KEYS: [(&str, &str); 14] = [
    ("Space", "play or pause"),
    (", .", "one event back or forwards"),
    ("[ ]", "previous or next marker, fault or violation"),
    ("Home End", "start or end of the run"),
    ("- =", "slower or faster"),
    ("1 … 9", "select a replica (1 is replica 0)"),
    ("Esc", "close, or select nothing"),
    ("c", "crash or restart the selected replica"),
    ("b", "make the selected replica Byzantine"),
    ("p", "split the network"),
    ("d", "drop the selected message"),
    ("l", "copy a link to this moment"),
    ("f", "full screen"),
    ("?", "this help"),
];

const WORDS: [(&str, &str); 12] = [
    ("replica", "One of n machines that all execute the same requests in the same order."),
    ("f", "How many replicas may lie: the largest f with n ≥ 3f+1."),
    (
        "primary",
        "The replica that proposes the order in a view: number v mod n in view v. It wears a crown.",
    ),
    (
        "view",
        "A period with one primary. If requests wait too long, replicas move to the next view.",
    ),
    ("quorum", "So many replicas (2f+1 of 3f+1) that any two quorums share an honest one."),
    ("pre-prepared", "The replica accepted the primary's proposal for a position."),
    ("prepared", "A quorum accepted the same proposal: no other can be prepared in this view."),
    ("committed", "A quorum knows that it is prepared: it survives every view change."),
    ("executed", "Applied to the key-value store, in order."),
    (
        "stable checkpoint",
        "A quorum vouches for the state after a position; the log before it is dropped.",
    ),
    ("Byzantine", "Faulty in any way, lying included. It can sign only as itself."),
    ("equivocate", "Tell different replicas different things, each properly signed."),
];

/// The overlay.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    html! {
        <div class="veil" onclick={link.callback(|_| Msg::Help(false))}>
            <div class="sheet" role="dialog" aria-modal="true" aria-labelledby="help-title"
                onclick={|event: MouseEvent| event.stop_propagation()}>
                <div class="bar">
                    <h2 id="help-title">{ "How to use the lab" }</h2>
                    <button class="tool round" ref={app.help_close.clone()} aria-label="Close (Esc)"
                        onclick={link.callback(|_| Msg::Help(false))}>{ icon(Icon::Close) }</button>
                </div>
                <p>{ "All pictures come from a real run of the consensus core, in this page. Play a \
                      scenario, go back, break something: that makes a branch." }</p>
                <div class="columns">
                    <section>
                        <h3>{ "Keys" }</h3>
                        <dl class="keys">
                            { for KEYS.iter().map(|(keys, what)| html! {
                                <><dt>{ for keys.split(' ').map(|key| html! { <kbd>{ key }</kbd> }) }</dt>
                                <dd>{ *what }</dd></>
                            }) }
                        </dl>
                        <p class="note">{ "In the lanes: drag to move through time, wheel to zoom, click a \
                            message to open it, click elsewhere to go there." }</p>
                    </section>
                    <section>
                        <h3>{ "Words" }</h3>
                        <dl>
                            { for WORDS.iter().map(|(word, what)| html! {
                                <><dt>{ *word }</dt><dd>{ *what }</dd></>
                            }) }
                        </dl>
                    </section>
                    <section>
                        <h3>{ "Messages" }</h3>
                        <dl class="letters">
                            { for MessageKind::ALL.iter().map(|kind| html! {
                                <><dt><kbd>{ words::letter(*kind) }</kbd>{ kind.name() }</dt>
                                <dd>{ words::meaning(*kind) }</dd></>
                            }) }
                        </dl>
                    </section>
                </div>
                <p class="note">{ format!("conclave-core {}", conclave_core::VERSION) }</p>
            </div>
        </div>
    }
}

//! Histories side by side: the one told, and one for each time somebody acted in the past.

use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
};

/// The tabs.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    let lab = &app.lab;
    html! {
        <div class="branches" role="group" aria-label="Branches of this run">
            { for lab.branches.iter().enumerate().map(|(index, branch)| {
                let chosen = index == lab.current;
                html! {
                    <span key={index} class={classes!("branch", chosen.then_some("chosen"))}>
                        <button data-test={format!("branch-{index}")} aria-pressed={chosen.to_string()}
                            onclick={link.callback(move |_| Msg::Branch(index))}>
                            { branch.name.clone() }
                            if !branch.complete { <i>{ " …" }</i> }
                        </button>
                        if index > 0 {
                            <button class="close" aria-label={format!("Close branch {}", branch.name)}
                                title="Close this branch"
                                onclick={link.callback(move |_| Msg::CloseBranch(index))}>
                                { icon(Icon::Close) }
                            </button>
                        }
                    </span>
                }
            }) }
        </div>
    }
}

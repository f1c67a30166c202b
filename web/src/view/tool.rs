//! Buttons that many panels have: their markup is written, and sent, once.

use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg},
    icons::{Icon, icon},
};

/// A round button that is only an icon.
pub(crate) fn round(
    which: Icon,
    name: impl Into<AttrValue>,
    test: &'static str,
    link: &Scope<App>,
    message: fn() -> Msg,
) -> Html {
    tool(which, name.into(), None, test, link, message)
}

/// An icon and, if there is room, a word.
pub(crate) fn tool(
    which: Icon,
    name: AttrValue,
    word: Option<&'static str>,
    test: &'static str,
    link: &Scope<App>,
    message: fn() -> Msg,
) -> Html {
    let label = word.is_none().then(|| name.clone());
    html! {
        <button class={if word.is_some() { "tool" } else { "tool round" }} data-test={test}
            aria-label={label} title={name} onclick={link.callback(move |_| message())}>
            { icon(which) }if let Some(word) = word { <span>{ word }</span> }
        </button>
    }
}

/// One of a few that exclude each other.
pub(crate) fn segment(
    name: &'static str,
    test: &'static str,
    chosen: bool,
    onclick: Callback<MouseEvent>,
) -> Html {
    html! {
        <button class="segment" data-test={test} aria-pressed={chosen.to_string()} {onclick}>{ name }</button>
    }
}

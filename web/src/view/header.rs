//! The top line: what this is, which run, which mode, and the few things that are always there.

use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Mode, Msg},
    icons::{Icon, icon},
};

/// The top line.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    html! {
        <header class="top">
            <h1 class="brand">
                <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
                    <circle cx="16" cy="16" r="10.5" />
                    <circle class="dot crowned" cx="16" cy="5.5" r="4" />
                    <circle class="dot" cx="26.5" cy="16" r="4" />
                    <circle class="dot" cx="16" cy="26.5" r="4" />
                    <circle class="dot" cx="5.5" cy="16" r="4" />
                </svg>
                { "Conclave" }
            </h1>
            { modes(app, link) }
            <div class="tools">
                <button class="tool" data-test="copy-link" title="Copy a link to this moment (l)"
                    onclick={link.callback(|_| Msg::CopyLink)}>
                    { icon(Icon::Link) }<span>{ "Copy link" }</span>
                </button>
                <button class="tool" data-test="copy-command"
                    title="Copy the command that runs this natively"
                    onclick={link.callback(|_| Msg::CopyCommand)}>
                    { icon(Icon::Terminal) }<span>{ "Copy command" }</span>
                </button>
                <button class="tool round" data-test="full-screen" aria-label="Full screen (f)"
                    title="Full screen (f)" onclick={link.callback(|_| Msg::FullScreen)}>
                    { icon(Icon::Full) }
                </button>
                <button class="tool round" data-test="theme"
                    aria-label={format!("Theme: {}", app.theme.key())}
                    title={format!("Theme: {}", app.theme.key())}
                    onclick={link.callback(|_| Msg::NextTheme)}>
                    { icon(Icon::Theme) }
                </button>
                <button class="tool round" data-test="help" aria-label="Help (?)" title="Help (?)"
                    onclick={link.callback(|_| Msg::Help(true))}>
                    { icon(Icon::Help) }
                </button>
            </div>
        </header>
    }
}

fn modes(app: &App, link: &Scope<App>) -> Html {
    if app.live.is_none() {
        return html! { <p class="tagline">{ "One consensus core, seen at work" }</p> };
    }
    let choice = |mode: Mode, name: &'static str, test: &'static str| {
        html! {
            <button class="segment" data-test={test} aria-pressed={(app.mode == mode).to_string()}
                onclick={link.callback(move |_| Msg::Mode(mode))}>{ name }</button>
        }
    };
    html! {
        <div class="segments modes" role="group" aria-label="What is shown">
            { choice(Mode::Simulation, "Simulation", "mode-simulation") }
            { choice(Mode::Live, "Live cluster", "mode-live") }
            { choice(Mode::Both, "Side by side", "mode-both") }
        </div>
    }
}

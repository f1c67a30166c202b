//! The top line: what this is, which run, which mode, and the few things that are always there.

use yew::{html::Scope, prelude::*};

use super::tool::{round, segment, tool};
use crate::{
    app::{App, Mode, Msg},
    icons::Icon,
    mark::mark,
};

/// The top line.
pub(crate) fn view(app: &App, link: &Scope<App>) -> Html {
    html! {
        <header class="top">
            <h1 class="brand">
                { mark() }
                { "Conclave" }
            </h1>
            { modes(app, link) }
            <div class="tools">
                <a class="tool" href="guards.html" data-test="to-guards" title="Playgrounds of the guards around calls">{ "Guards" }</a>
                { tool(Icon::Link, "Copy a link to this moment (l)".into(), Some("Copy link"), "copy-link", link, || Msg::CopyLink) }
                { tool(Icon::Terminal, "Copy the command that runs this natively".into(), Some("Copy command"), "copy-command", link, || Msg::CopyCommand) }
                { round(Icon::Full, "Full screen (f)", "full-screen", link, || Msg::FullScreen) }
                { round(Icon::Theme, format!("Theme: {}", app.theme.key()), "theme", link, || Msg::NextTheme) }
                { round(Icon::Help, "Help (?)", "help", link, || Msg::Help(true)) }
            </div>
        </header>
    }
}

fn modes(app: &App, link: &Scope<App>) -> Html {
    if app.live.is_none() {
        return html! { <p class="tagline">{ "One consensus core, seen at work" }</p> };
    }
    let choice = |mode: Mode, name: &'static str, test: &'static str| {
        segment(name, test, app.mode == mode, link.callback(move |_| Msg::Mode(mode)))
    };
    html! {
        <div class="segments modes" role="group" aria-label="What is shown">
            { choice(Mode::Simulation, "Simulation", "mode-simulation") }
            { choice(Mode::Live, "Live cluster", "mode-live") }
            { choice(Mode::Both, "Side by side", "mode-both") }
        </div>
    }
}

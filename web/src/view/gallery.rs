//! The scenarios: name and one-line promise, always in reach.

use conclave_core::sim::{self, Scenario};
use yew::{html::Scope, prelude::*};

use crate::app::{App, Msg};

/// One entry: what of a scenario the gallery shows. Parsed once.
pub(crate) struct Entry {
    /// Its name in links and commands.
    pub(crate) name: &'static str,
    /// Its title.
    pub(crate) title: String,
    /// What one will see.
    pub(crate) promise: String,
}

/// All built-in scenarios that parse, in their order.
pub(crate) fn entries() -> Vec<Entry> {
    sim::BUILTIN
        .iter()
        .filter_map(|builtin| {
            let Scenario { title, promise, .. } = Scenario::parse(builtin.source).ok()?;
            Some(Entry { name: builtin.name, title, promise })
        })
        .collect()
}

/// The list.
pub(crate) fn view(entries: &[Entry], current: &str, link: &Scope<App>) -> Html {
    html! {
        <nav class="gallery" aria-label="Scenarios">
            <h2>{ "Scenarios" }</h2>
            <ul>
            { for entries.iter().map(|entry| {
                let name = entry.name;
                let chosen = name == current;
                html! {
                    <li key={name}>
                        <button class={classes!("scenario", chosen.then_some("chosen"))}
                            data-test={format!("scenario-{name}")}
                            aria-current={chosen.then_some("true")}
                            onclick={link.callback(move |_| Msg::Pick(name))}>
                            <strong>{ entry.title.clone() }</strong>
                            <span>{ entry.promise.clone() }</span>
                        </button>
                    </li>
                }
            }) }
            </ul>
        </nav>
    }
}

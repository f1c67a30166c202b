//! What is asked of the page: its address, and to be told of changes.

use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::Event;
use yew::html::Scope;

use super::page::{Msg, Page};

/// What the address says of how the page is to be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Which playground, unless the fragment says.
    pub(crate) pattern: Option<String>,
    /// One playground alone, in another page's frame.
    pub(crate) embed: bool,
}

impl Query {
    /// Reads `?pattern=breaker&embed`; what else is in it is somebody else's.
    pub(crate) fn read(text: &str) -> Self {
        let mut query = Self::default();
        for part in text.trim_start_matches('?').split('&') {
            match part.split_once('=').unwrap_or((part, "")) {
                ("pattern", name) => query.pattern = Some(name.into()),
                ("embed", _) => query.embed = true,
                _ => {}
            }
        }
        query
    }
}

/// What comes after `?` and after `#`.
pub(crate) fn address() -> (String, String) {
    let location = web_sys::window().map(|it| it.location());
    let part = |of: fn(&web_sys::Location) -> Result<String, JsValue>| {
        location.as_ref().and_then(|it| of(it).ok()).unwrap_or_default()
    };
    (part(web_sys::Location::search), part(web_sys::Location::hash))
}

/// The page's address without either.
pub(crate) fn base() -> String {
    let location = web_sys::window().map(|it| it.location());
    let parts = location.and_then(|it| Some((it.origin().ok()?, it.pathname().ok()?)));
    parts.map(|(origin, path)| format!("{origin}{path}")).unwrap_or_default()
}

/// Puts a fragment into the address line without loading anything.
pub(crate) fn show(fragment: &str) {
    if let Some(history) = web_sys::window().and_then(|it| it.history().ok()) {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(fragment));
    }
}

/// Tells the page when its address or its size changes.
pub(crate) fn listen(link: &Scope<Page>) -> Vec<Closure<dyn FnMut(Event)>> {
    let Some(window) = web_sys::window() else { return Vec::new() };
    let tell = |name: &str, message: fn() -> Msg| {
        let link = link.clone();
        let closure: Closure<dyn FnMut(Event)> =
            Closure::new(move |_| link.send_message(message()));
        let _ = window.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        closure
    };
    vec![tell("hashchange", || Msg::Follow), tell("resize", || Msg::Measure)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_a_playground_and_whether_it_stands_alone() {
        let read = |text| Query::read(text);
        assert_eq!(read(""), Query::default());
        let both = Query { pattern: Some("breaker".into()), embed: true };
        assert_eq!(read("?pattern=breaker&embed"), both);
        assert_eq!(read("?embed=1&x=%%%&pattern=breaker"), both);
    }
}

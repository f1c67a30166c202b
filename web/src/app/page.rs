//! What the lab asks of the page around it: focus, listeners, the clipboard, full screen.

use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, KeyboardEvent, ResizeObserver};
use yew::html::Scope;

use super::{App, Msg};
use crate::{clipboard, keys, media};

/// Microseconds since 1970, by this browser's clock.
pub(crate) fn real_us() -> f64 {
    js_sys::Date::now() * 1e3
}

pub(super) fn now_ms() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now())
}
pub(super) fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

pub(super) fn copy(text: String, link: &Scope<App>) {
    let link = link.clone();
    clipboard::copy(text.clone(), move |copied| link.send_message(Msg::Copied(text, copied)));
}

pub(super) fn shorten(text: &str) -> String {
    if text.chars().count() <= 90 {
        text.to_owned()
    } else {
        text.chars().take(88).chain("…".chars()).collect()
    }
}

/// Whether one panel at a time is shown: the style sheet's own limit.
pub(super) fn is_narrow() -> bool {
    media::matches("(max-width: 760px)")
}

pub(super) fn focus_is_in_dialog() -> bool {
    document()
        .and_then(|document| document.active_element())
        .and_then(|element| element.closest(".sheet").ok().flatten())
        .is_some()
}

/// Scrolls to something, if it is shown at all.
pub(super) fn reveal(selector: &str) {
    if let Some(element) = document().and_then(|it| it.query_selector(selector).ok()?) {
        element.scroll_into_view_with_bool(false);
    }
}

/// Goes to a page beside this one.
pub(super) fn go(url: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().set_href(url);
    }
}

/// The same, without a way back to this page, which couldn't do what it was opened for.
pub(super) fn go_instead(url: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().replace(url);
    }
}

/// Puts the focus on something once it is rendered.
pub(super) fn focus_on(selector: &'static str) {
    let focus = Closure::once_into_js(move || {
        let element = document().and_then(|document| document.query_selector(selector).ok()?);
        if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
    if let Some(window) = web_sys::window() {
        let _ =
            window.set_timeout_with_callback_and_timeout_and_arguments_0(focus.unchecked_ref(), 30);
    }
}

pub(super) fn full_screen() {
    let Some(document) = document() else { return };
    if document.fullscreen_element().is_some() {
        document.exit_fullscreen();
    } else if let Some(root) = document.document_element() {
        let _ = root.request_fullscreen();
    }
}

/// Listens for what no panel hears: keys, the address line, hiding, the system's theme.
pub(super) fn listen(link: &Scope<App>) -> Vec<Closure<dyn FnMut(web_sys::Event)>> {
    let mut kept: Vec<Closure<dyn FnMut(web_sys::Event)>> = Vec::new();
    let Some(window) = web_sys::window() else { return kept };
    let mut add = |target: &web_sys::EventTarget,
                   name: &str,
                   make: fn(&web_sys::Event) -> Option<Msg>| {
        let link = link.clone();
        let closure = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            if let Some(message) = make(&event) {
                link.send_message(message);
            }
        });
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        kept.push(closure);
    };
    add(&window, "keydown", |event| keys::message(event.dyn_ref::<KeyboardEvent>()?));
    add(&window, "hashchange", |_| Some(Msg::Hash));
    add(&window, "resize", |_| Some(Msg::Redraw));
    if let Some(document) = window.document() {
        add(&document, "visibilitychange", |_| Some(Msg::Visibility));
    }
    if let Ok(Some(list)) = window.match_media("(prefers-color-scheme: dark)") {
        add(&list, "change", |_| Some(Msg::Redraw));
    }
    kept
}

/// Redraws when the stage changes its size for whatever reason.
pub(super) fn observe(link: &Scope<App>) -> Option<(ResizeObserver, Closure<dyn FnMut()>)> {
    let link = link.clone();
    let closure = Closure::<dyn FnMut()>::new(move || link.send_message(Msg::Redraw));
    let observer = ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
    observer.observe(&document()?.query_selector(".stage").ok()??);
    Some((observer, closure))
}

//! What the visitor's system asks for.

/// Whether this media query holds.
pub(crate) fn matches(query: &str) -> bool {
    web_sys::window()
        .and_then(|window| window.match_media(query).ok()?)
        .is_some_and(|list| list.matches())
}

/// Whether the visitor asked for less motion.
pub(crate) fn still() -> bool {
    matches("(prefers-reduced-motion: reduce)")
}

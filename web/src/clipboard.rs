//! Copying text, where browsers allow it.

use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Copies text, and says whether that worked: browsers may forbid it.
pub(crate) fn copy(text: String, then: impl FnOnce(bool) + 'static) {
    spawn_local(async move {
        let copied = match web_sys::window() {
            Some(window) if window.is_secure_context() => {
                JsFuture::from(window.navigator().clipboard().write_text(&text)).await.is_ok()
            }
            _ => false,
        };
        then(copied);
    });
}

//! Light, dark, or as the system says; remembered on this machine only.

use web_sys::{Document, Storage};

/// What the visitor chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

const KEY: &str = "conclave-theme";

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

fn storage() -> Option<Storage> {
    web_sys::window()?.local_storage().ok()?
}

impl Theme {
    /// The value of `data-theme`.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The remembered one.
    pub(crate) fn remembered() -> Self {
        match storage().and_then(|storage| storage.get_item(KEY).ok()?).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// The next one on the button.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    /// Puts it on the page and remembers it. Storage may be forbidden: then it lasts until reload.
    pub(crate) fn apply(self) {
        if let Some(root) = document().and_then(|document| document.document_element()) {
            let _ = root.set_attribute("data-theme", self.key());
        }
        if let Some(storage) = storage() {
            let _ = storage.set_item(KEY, self.key());
        }
    }
}

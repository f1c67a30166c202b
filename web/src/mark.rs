//! The mark of Conclave, beside its name on every page: four replicas, one of them crowned.

use yew::{Html, html};

pub(crate) fn mark() -> Html {
    html! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <circle cx="16" cy="16" r="10.5" />
            <circle class="dot crowned" cx="16" cy="5.5" r="4" />
            <circle class="dot" cx="26.5" cy="16" r="4" />
            <circle class="dot" cx="16" cy="26.5" r="4" />
            <circle class="dot" cx="5.5" cy="16" r="4" />
        </svg>
    }
}

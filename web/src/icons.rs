//! Icons as inline SVG: 24 × 24, stroked in the text's colour.

use yew::prelude::*;

/// Which icon.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Icon {
    Play,
    Pause,
    StepBack,
    StepForward,
    Start,
    End,
    PreviousMarker,
    NextMarker,
    Link,
    Terminal,
    Help,
    Theme,
    Close,
    Check,
    Cross,
    Pending,
    Crash,
    Restart,
    Cut,
    Plug,
    Mask,
    Split,
    Send,
    Full,
}

/// Draws it. Hidden from screen readers: the button around it has the name.
pub(crate) fn icon(which: Icon) -> Html {
    let path = match which {
        Icon::Play => "M7 4.5v15l12-7.5z",
        Icon::Pause => "M8 5v14M16 5v14",
        Icon::StepBack => "M15 5l-7 7 7 7",
        Icon::StepForward => "M9 5l7 7-7 7",
        Icon::Start => "M6 5v14M18 5l-8 7 8 7",
        Icon::End => "M18 5v14M6 5l8 7-8 7",
        Icon::PreviousMarker => "M13 5l-7 7 7 7M20 4v9h-6",
        Icon::NextMarker => "M11 5l7 7-7 7M4 4v9h6",
        Icon::Link => {
            "M10 14a4 4 0 0 0 6 .4l3-3a4.2 4.2 0 0 0-6-6l-1.5 1.5M14 10a4 4 0 0 0-6-.4l-3 3a4.2 4.2 0 0 0 6 6l1.5-1.5"
        }
        Icon::Terminal => "M4 6l6 6-6 6M12 18h8",
        Icon::Help => "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 18v.01",
        Icon::Theme => "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
        Icon::Close => "M6 6l12 12M18 6L6 18",
        Icon::Check => "M5 12.5l4.5 4.5L19 7.5",
        Icon::Cross => "M7 7l10 10M17 7L7 17",
        Icon::Pending => "M6 12h.01M12 12h.01M18 12h.01",
        Icon::Crash => "M12 3v8M6.5 6.5a8 8 0 1 0 11 0",
        Icon::Restart => "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
        Icon::Cut => "M3 12h5M16 12h5M10 6v12M14 6v12",
        Icon::Plug => "M3 12h18M8 8l-4 4 4 4M16 8l4 4-4 4",
        Icon::Mask => {
            "M4 6c5-2 11-2 16 0 0 8-3 13-8 14-5-1-8-6-8-14zM8 11h2M14 11h2M9 16c2-1.5 4-1.5 6 0"
        }
        Icon::Split => "M12 3v18M8 8l-4 4 4 4M16 8l4 4-4 4",
        Icon::Send => "M4 12l16-8-6 16-3-7z",
        Icon::Full => "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    };
    let filled = which == Icon::Play;
    html! {
        <svg class={classes!("icon", filled.then_some("filled"))} viewBox="0 0 24 24"
            aria-hidden="true" focusable="false">
            <path d={path} />
        </svg>
    }
}

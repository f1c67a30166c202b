//! The lab: watch, break and rewind a PBFT cluster in the browser.
//!
//! Everything that moves is computed here, by the same core that runs on real nodes.
//!
//! ```text
//! link, gallery ──▶ lab (branches, clock) ──▶ model (chronicle, scene) ──▶ paint, view
//! real nodes ─────▶ live (streams, picture) ─────────────┘
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `app` | the one component: messages in, panels out, one animation frame |
//! | `lab` | the simulation side |
//! | `live_side`, `live` | the real side |
//! | `model` | what is drawn, as values |
//! | `stage`, `paint` | canvases |
//! | `view` | panels |
//! | `resilience` | what guards around calls do; `without` stands in for it in the plain lab |
//! | `shelf` | the scenarios that are here, and bringing others |
//! | `keys`, `share`, `clipboard`, `theme`, `media`, `icons` | the rest |
//! | `hooks` | what tests call from outside |

mod app;
mod clipboard;
mod hooks;
mod icons;
mod keys;
mod lab;
#[cfg_attr(
    all(feature = "guards", target_arch = "wasm32"),
    allow(dead_code, reason = "the page with guards has no live side: see `live_side`")
)]
mod live;
mod live_side;
mod mark;
mod media;
mod model;
mod paint;
#[cfg(any(feature = "guards", not(target_arch = "wasm32")))]
mod resilience;
#[cfg(not(any(feature = "guards", not(target_arch = "wasm32"))))]
#[path = "without.rs"]
mod resilience;
mod share;
mod shelf;
mod stage;
mod theme;
mod view;

pub use hooks::{conclave_bench, conclave_trace_hash};
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the lab on the page that loaded this module.
#[wasm_bindgen(start)]
pub fn start() {
    // Where panics have words, the console gets them. The page itself says that the lab stopped.
    std::panic::set_hook(Box::new(|info| web_sys::console::error_1(&info.to_string().into())));
    yew::Renderer::<app::App>::new().render();
}

//! The playgrounds: one for each guard, in which the real manager meets callers and services.
//!
//! ```text
//! link ─▶ address (where all knobs stand) ─▶ patterns (a setting) ─▶ core's playground ─▶ panel ─▶ view
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `knob` | what can be turned |
//! | `patterns` | one file each: knobs, presets, panels |
//! | `address` | where all knobs stand, as a link |
//! | `panel` | what was played, as layers of numbers and bands of states |
//! | `page` | the one component |
//! | `browser` | what is asked of the page |
//! | `view` | charts, knobs, tables |

mod address;
mod browser;
#[path = "../clipboard.rs"]
mod clipboard;
mod knob;
#[path = "../mark.rs"]
mod mark;
mod page;
mod panel;
mod patterns;
#[path = "../theme.rs"]
mod theme;
mod view;

fn main() {
    std::panic::set_hook(Box::new(|info| web_sys::console::error_1(&info.to_string().into())));
    yew::Renderer::<page::Page>::new().render();
}

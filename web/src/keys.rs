//! The keyboard: which key means what. Focused inputs keep their own keys.

use wasm_bindgen::JsCast;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::app::Msg;

/// What the focus is on, as far as keys are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Focus {
    /// Nothing that wants keys.
    Free,
    /// A button: Space and Enter are its own.
    Button,
    /// A slider: arrows, Home and End are its own.
    Slider,
    /// Something one types into, or a list: all keys are its own.
    Text,
}

/// The key's meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    TogglePlay,
    Step(i64),
    Jump(bool),
    Start,
    End,
    Nudge(i32),
    Select(u16),
    Crash,
    Byzantine,
    Partition,
    Drop,
    CopyLink,
    FullScreen,
    Help,
    Escape,
}

/// What a key means with this focus.
pub(crate) fn meaning(key: &str, focus: Focus) -> Option<Meaning> {
    if focus == Focus::Text {
        return (key == "Escape").then_some(Meaning::Escape);
    }
    let meaning = match key {
        " " if focus == Focus::Button => return None,
        "Home" | "End" if focus == Focus::Slider => return None,
        " " => Meaning::TogglePlay,
        "," => Meaning::Step(-1),
        "." => Meaning::Step(1),
        "[" => Meaning::Jump(false),
        "]" => Meaning::Jump(true),
        "Home" => Meaning::Start,
        "End" => Meaning::End,
        "-" => Meaning::Nudge(-1),
        "=" | "+" => Meaning::Nudge(1),
        "c" => Meaning::Crash,
        "b" => Meaning::Byzantine,
        "p" => Meaning::Partition,
        "d" => Meaning::Drop,
        "l" => Meaning::CopyLink,
        "f" => Meaning::FullScreen,
        "?" => Meaning::Help,
        "Escape" => Meaning::Escape,
        digit => match digit.as_bytes() {
            [byte @ b'1'..=b'9'] => Meaning::Select(u16::from(byte - b'1')),
            _ => return None,
        },
    };
    Some(meaning)
}

/// The message of a key press, which is then used up.
pub(crate) fn message(event: &KeyboardEvent) -> Option<Msg> {
    if event.ctrl_key() || event.meta_key() || event.alt_key() {
        return None;
    }
    let focus = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok()).map_or(
        Focus::Free,
        |element| match element.tag_name().as_str() {
            "INPUT" if element.get_attribute("type").as_deref() == Some("range") => Focus::Slider,
            "INPUT" | "TEXTAREA" | "SELECT" => Focus::Text,
            "BUTTON" | "SUMMARY" | "A" => Focus::Button,
            _ => Focus::Free,
        },
    );
    let meaning = meaning(&event.key(), focus)?;
    event.prevent_default();
    Some(Msg::Key(meaning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_keep_their_keys() {
        assert_eq!(meaning("l", Focus::Text), None);
        assert_eq!(meaning("Home", Focus::Slider), None);
        assert_eq!(meaning(" ", Focus::Button), None);
        assert_eq!(meaning(" ", Focus::Free), Some(Meaning::TogglePlay));
        assert_eq!(meaning(",", Focus::Slider), Some(Meaning::Step(-1)));
    }

    #[test]
    fn digits_select_from_one() {
        assert_eq!(meaning("1", Focus::Free), Some(Meaning::Select(0)));
        assert_eq!(meaning("9", Focus::Button), Some(Meaning::Select(8)));
        assert_eq!(meaning("0", Focus::Free), None);
    }
}

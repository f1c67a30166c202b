//! The menu of a replica or a message: by right-click, long press or Enter, and by tap on a phone.
//! It holds the same acts as the inspector.

use yew::{html::Scope, prelude::*};

use super::actions;
use crate::{
    app::{App, Msg},
    model::{ring::Point, scene::Selection},
};

/// The menu, kept inside the window by the style sheet.
pub(crate) fn view(app: &App, at: Point, link: &Scope<App>) -> Html {
    let (title, acts) = match app.lab.selected {
        Some(Selection::Node(node)) => {
            let Some(face) = app.lab.faces().iter().find(|face| face.id == node) else {
                return Html::default();
            };
            (format!("Replica {node}"), actions::node(app, face, link))
        }
        Some(Selection::Message(message)) => {
            ("This message".to_owned(), actions::message(app, message, link))
        }
        _ => return Html::default(),
    };
    let close = link.callback(|event: MouseEvent| {
        event.prevent_default();
        Msg::CloseMenu
    });
    html! {
        <div class="menu-veil" onclick={close.clone()} oncontextmenu={close}>
            <div class="menu" role="dialog" aria-label={title.clone()} data-test="menu"
                style={format!("--x:{}px;--y:{}px", at.x as i32, at.y as i32)}
                onclick={|event: MouseEvent| event.stop_propagation()}>
                <h2>{ title }</h2>
                { acts }
                <button class="act inside" data-test="look-inside"
                    onclick={link.callback(|_| Msg::LookInside)}>{ "Look inside" }</button>
            </div>
        </div>
    }
}

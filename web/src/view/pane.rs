//! Ring and lanes of one world, simulated or real, with the replicas as real buttons on top.

use web_sys::Element;
use yew::{html::Scope, prelude::*};

use crate::{
    app::{App, Msg, Picture, World},
    model::{
        ring::Point,
        scene::{Face, Selection},
    },
    stage::Stage,
};

/// Whether a click is none, but Enter or Space on a button.
fn by_key(event: &MouseEvent) -> bool {
    event.detail() == 0 && event.type_() == "click"
}

/// Where in the window: of a key press, the middle of what has the focus.
fn in_window(event: &MouseEvent) -> Point {
    match event.target_dyn_into::<Element>() {
        Some(element) if by_key(event) => {
            let place = element.get_bounding_client_rect();
            Point { x: place.x() + place.width() / 2.0, y: place.y() + place.height() / 2.0 }
        }
        _ => Point { x: f64::from(event.client_x()), y: f64::from(event.client_y()) },
    }
}

/// A right-click or a long press on a picture of the simulation.
fn menu(world: World, picture: Picture, link: &Scope<App>) -> Callback<MouseEvent> {
    link.batch_callback(move |event: MouseEvent| {
        event.prevent_default();
        (world == World::Simulation).then(|| Msg::MenuAt(picture, point(&event), in_window(&event)))
    })
}

fn point(event: &MouseEvent) -> Point {
    Point { x: f64::from(event.offset_x()), y: f64::from(event.offset_y()) }
}

/// The ring with its buttons.
pub(crate) fn ring(
    world: World,
    stage: &Stage,
    faces: &[Face],
    selected: Option<Selection>,
    link: &Scope<App>,
) -> Html {
    let prefix = if world == World::Live { "live-node" } else { "node" };
    html! {
        <div class="ring" role="group" aria-label="Replicas on a ring">
            <canvas ref={stage.ring.clone()} aria-hidden="true"
                oncontextmenu={menu(world, Picture::Ring, link)}
                onclick={link.callback(move |event: MouseEvent| Msg::RingClick(world, point(&event)))} />
            <div class="nodes" ref={stage.buttons.clone()}>
                { for faces.iter().map(|face| {
                    let id = face.id;
                    let chosen = selected == Some(Selection::Node(id));
                    let open = move |event: &MouseEvent| match world {
                        World::Simulation => Msg::Menu(Selection::Node(id), in_window(event)),
                        World::Live => Msg::Select(world, Some(Selection::Node(id))),
                    };
                    html! {
                        <button key={id.0} class="node" data-test={format!("{prefix}-{id}")}
                            data-state={face.state.key()} data-view={face.view.to_string()}
                            data-executed={face.executed.to_string()}
                            data-primary={face.primary.to_string()}
                            aria-label={face.name()} title={face.name()}
                            aria-pressed={chosen.to_string()}
                            oncontextmenu={link.callback(move |event: MouseEvent| {
                                event.prevent_default();
                                open(&event)
                            })}
                            onclick={link.callback(move |event: MouseEvent| {
                                if by_key(&event) {
                                    open(&event)
                                } else {
                                    Msg::Select(world, Some(Selection::Node(id)))
                                }
                            })} />
                    }
                }) }
            </div>
        </div>
    }
}

/// The space-time diagram.
pub(crate) fn lanes(world: World, stage: &Stage, link: &Scope<App>) -> Html {
    html! {
        <div class="lanes">
            <div class="picture">
            <canvas ref={stage.lanes.clone()} role="img"
                aria-label="Space-time diagram: a lane for each client and replica. The table says it in words."
                oncontextmenu={menu(world, Picture::Lanes, link)}
                onpointerdown={link.callback(move |event: PointerEvent| {
                    event.prevent_default();
                    Msg::LanesDown(world, point(&event))
                })}
                onpointermove={link.callback(move |event: PointerEvent| {
                    Msg::LanesMove(world, point(&event), event.buttons() & 1 == 1)
                })}
                onpointerup={link.callback(move |event: PointerEvent| {
                    Msg::LanesUp(world, point(&event))
                })}
                onpointerleave={link.callback(move |_| Msg::LanesLeave(world))}
                onwheel={link.batch_callback(move |event: WheelEvent| {
                    (!event.ctrl_key() && event.delta_y() != 0.0)
                        .then(|| Msg::Zoom(world, event.delta_y() / 400.0))
                })} />
            </div>
            <div class="zoom" role="group" aria-label="Zoom">
                <button class="tool round" aria-label="Show more time" title="Show more time"
                    onclick={link.callback(move |_| Msg::Zoom(world, 0.7))}>{ "−" }</button>
                <button class="tool round" aria-label="Show less time" title="Show less time"
                    onclick={link.callback(move |_| Msg::Zoom(world, -0.7))}>{ "+" }</button>
            </div>
            <ul class="legend" aria-hidden="true">
                <li class="p1">{ "pre-prepared" }</li>
                <li class="p2">{ "prepared" }</li>
                <li class="p3">{ "committed" }</li>
                <li class="p4">{ "executed" }</li>
                <li class="q">{ "quorum" }</li>
                <li class="lie">{ "another batch" }</li>
            </ul>
        </div>
    }
}

//! One pair of canvases: sizes, layout, and the replicas' buttons that lie over the ring.

use conclave_core::ids::{ClientId, NodeId};
use wasm_bindgen::JsCast;
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, HtmlElement};
use yew::NodeRef;

use crate::{
    model::{
        decimals::decimals,
        ring::{Point, Ring},
        scene::{Scene, Selection},
    },
    paint::{self, Palette, Pen},
};

/// Buttons are at least this large, in CSS pixels.
const LEAST_TARGET: f64 = 30.0;

/// What a pane holds outside of the virtual DOM.
#[derive(Default)]
pub(crate) struct Stage {
    /// The ring's canvas.
    pub(crate) ring: NodeRef,
    /// The lanes' canvas.
    pub(crate) lanes: NodeRef,
    /// What holds the replicas' buttons, in their order.
    pub(crate) buttons: NodeRef,
    /// Where the pointer is over the lanes.
    pub(crate) pointer: Option<Point>,
    /// Where a drag over the lanes began, and whether it moved since.
    pub(crate) drag: Option<(f64, bool)>,
    layout: Ring,
    laid_out: Option<(f64, f64, usize, Vec<ClientId>)>,
    lanes_size: (f64, f64),
}

struct Canvas {
    context: CanvasRenderingContext2d,
    width: f64,
    height: f64,
}

/// The canvas ready to draw on in CSS pixels; `None` while it is hidden.
fn prepare(canvas: &NodeRef) -> Option<Canvas> {
    let element: HtmlCanvasElement = canvas.cast()?;
    let (width, height) = (f64::from(element.client_width()), f64::from(element.client_height()));
    if width < 2.0 || height < 2.0 {
        return None;
    }
    let ratio = web_sys::window().map_or(1.0, |w| w.device_pixel_ratio()).clamp(1.0, 3.0);
    let (wide, high) = ((width * ratio).round() as u32, (height * ratio).round() as u32);
    if element.width() != wide || element.height() != high {
        element.set_width(wide);
        element.set_height(high);
    }
    let context: CanvasRenderingContext2d = element.get_context("2d").ok()??.dyn_into().ok()?;
    context.set_transform(ratio, 0.0, 0.0, ratio, 0.0, 0.0).ok()?;
    Some(Canvas { context, width, height })
}

impl Stage {
    /// Draws both pictures.
    pub(crate) fn draw(&mut self, palette: &Palette, scene: &Scene<'_>, span_us: f64) {
        if let Some(canvas) = prepare(&self.ring) {
            self.lay_out(scene, canvas.width, canvas.height);
            let size = (canvas.width, canvas.height);
            paint::ring::paint(&Pen(&canvas.context), palette, &self.layout, scene, size);
        }
        if let Some(canvas) = prepare(&self.lanes) {
            self.lanes_size = (canvas.width, canvas.height);
            let pointer = self.pointer.filter(|_| self.drag.is_none());
            let pen = Pen(&canvas.context);
            paint::lanes::paint(&pen, palette, scene, span_us, self.lanes_size, pointer);
        }
    }

    fn lay_out(&mut self, scene: &Scene<'_>, width: f64, height: f64) {
        let now = (width, height, scene.faces.len(), scene.clients.to_vec());
        let Some(buttons) = self.buttons.cast::<HtmlElement>() else { return };
        let children = buttons.children();
        if self.laid_out.as_ref() == Some(&now) && children.length() as usize == now.2 {
            // A replica's button may be new even if the layout is not.
            if children.item(0).is_none_or(|first| first.has_attribute("style")) {
                return;
            }
        }
        self.layout = Ring::layout(now.2, scene.clients, width, height);
        let side = (self.layout.node_radius * 2.0 + 12.0).max(LEAST_TARGET);
        for (index, at) in self.layout.nodes.iter().enumerate() {
            let Some(button) =
                children.item(index as u32).and_then(|child| child.dyn_into::<HtmlElement>().ok())
            else {
                continue;
            };
            // Set as properties: a strict content-security policy forbids style attributes.
            let style = button.style();
            for (name, pixels) in [
                ("left", at.x - side / 2.0),
                ("top", at.y - side / 2.0),
                ("width", side),
                ("height", side),
            ] {
                let _ = style.set_property(name, &format!("{}px", decimals(pixels, 1)));
            }
        }
        self.laid_out = Some(now);
    }

    /// What is under a point of the ring besides replicas, which have buttons.
    pub(crate) fn on_ring(&self, scene: &Scene<'_>, point: Point) -> Option<Selection> {
        if let Some(node) = self.layout.node_at(point) {
            return Some(Selection::Node(node));
        }
        for (client, at) in &self.layout.clients {
            if at.distance(point) <= self.layout.client_radius + 8.0 {
                return Some(Selection::Client(*client));
            }
        }
        let typical = scene.chronicle.typical_flight_us();
        let now = scene.now_us as u64;
        let near = scene
            .chronicle
            .in_flight(scene.steps.unwrap_or(u64::MAX), now)
            .filter_map(|arrow| {
                let at = paint::ring::place_of(&self.layout, arrow, scene, typical)?;
                Some((at.distance(point), arrow.id))
            })
            .filter(|(distance, _)| *distance <= 16.0)
            .min_by(|a, b| a.0.total_cmp(&b.0));
        near.map(|(_, id)| Selection::Message(id))
    }

    /// What is under a point of the lanes, and which time that is.
    pub(crate) fn on_lanes(
        &self,
        scene: &Scene<'_>,
        span_us: f64,
        point: Point,
    ) -> (Option<Selection>, f64) {
        let window = paint::lanes::window(scene, span_us, self.lanes_size.0);
        let rows = paint::lanes::rows(scene, self.lanes_size.1);
        let us = window.us(point.x);
        if point.x < paint::lanes::LEFT {
            let lane = rows.lane_at(point.y);
            let selection = lane.and_then(|lane| match lane.checked_sub(scene.clients.len()) {
                Some(index) => scene.faces.get(index).map(|face| Selection::Node(face.id)),
                None => scene.clients.get(lane).map(|client| Selection::Client(*client)),
            });
            return (selection, us);
        }
        let arrow = paint::lanes::arrow_at(scene, &window, &rows, point);
        (arrow.map(|arrow| Selection::Message(arrow.id)), us)
    }

    /// µs per pixel of the lanes.
    pub(crate) fn us_per_pixel(&self, span_us: f64) -> f64 {
        span_us * paint::lanes::share(self.lanes_size.0)
            / (self.lanes_size.0 - paint::lanes::LEFT - 8.0).max(50.0)
    }

    /// Puts the keyboard's focus on a replica's button.
    pub(crate) fn focus(&self, node: NodeId) {
        let button = self
            .buttons
            .cast::<HtmlElement>()
            .and_then(|buttons| buttons.children().item(u32::from(node.0)))
            .and_then(|child| child.dyn_into::<HtmlElement>().ok());
        if let Some(button) = button {
            let _ = button.focus();
        }
    }
}

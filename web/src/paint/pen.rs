//! The few strokes that both pictures are made of.

use std::f64::consts::{FRAC_PI_2, TAU};

use conclave_core::pbft::MessageKind;
use wasm_bindgen::JsValue;
use web_sys::CanvasRenderingContext2d;

use crate::model::{decimals::decimals, direction::direction, ring::Point, words};

const FONT: &str = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif";
const MONO: &str = "ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, monospace";

/// Draws on one canvas. Drawing can't fail in a way that we could mend, so results are dropped.
pub(crate) struct Pen<'a>(pub(crate) &'a CanvasRenderingContext2d);

/// How text sits at its point.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Centre,
    Right,
}

impl Pen<'_> {
    pub(crate) fn clear(&self, width: f64, height: f64) {
        self.0.clear_rect(0.0, 0.0, width, height);
    }

    pub(crate) fn alpha(&self, alpha: f64) {
        self.0.set_global_alpha(alpha);
    }

    pub(crate) fn fill(&self, colour: &str) {
        self.0.set_fill_style_str(colour);
    }

    pub(crate) fn stroke(&self, colour: &str, width: f64) {
        self.0.set_stroke_style_str(colour);
        self.0.set_line_width(width);
    }

    pub(crate) fn dash(&self, on: f64, off: f64) {
        let pattern = if on > 0.0 {
            js_sys::Array::of2(&JsValue::from(on), &JsValue::from(off))
        } else {
            js_sys::Array::new()
        };
        let _ = self.0.set_line_dash(&pattern);
    }

    pub(crate) fn line(&self, a: Point, b: Point) {
        self.0.begin_path();
        self.0.move_to(a.x, a.y);
        self.0.line_to(b.x, b.y);
        self.0.stroke();
    }

    pub(crate) fn rect(&self, x: f64, y: f64, width: f64, height: f64) {
        self.0.fill_rect(x, y, width, height);
    }

    pub(crate) fn frame(&self, x: f64, y: f64, width: f64, height: f64) {
        self.0.stroke_rect(x, y, width, height);
    }

    pub(crate) fn circle(&self, at: Point, radius: f64) {
        self.0.begin_path();
        let _ = self.0.arc(at.x, at.y, radius.max(0.0), 0.0, TAU);
    }

    /// An arc, in parts of a turn from the top, clockwise.
    pub(crate) fn arc(&self, at: Point, radius: f64, from: f64, to: f64) {
        self.0.begin_path();
        let angle = |part: f64| part * TAU - FRAC_PI_2;
        let _ = self.0.arc(at.x, at.y, radius, angle(from), angle(to));
        self.0.stroke();
    }

    pub(crate) fn polygon(&self, at: Point, radius: f64, corners: u32, turn: f64) {
        self.0.begin_path();
        for corner in 0..corners {
            let (x, y) = direction(f64::from(corner) / f64::from(corners) + turn);
            let (x, y) = (at.x + radius * x, at.y + radius * y);
            if corner == 0 {
                self.0.move_to(x, y);
            } else {
                self.0.line_to(x, y);
            }
        }
        self.0.close_path();
    }

    pub(crate) fn fill_path(&self) {
        self.0.fill();
    }

    pub(crate) fn stroke_path(&self) {
        self.0.stroke();
    }

    pub(crate) fn cross(&self, at: Point, size: f64) {
        self.0.begin_path();
        self.0.move_to(at.x - size, at.y - size);
        self.0.line_to(at.x + size, at.y + size);
        self.0.move_to(at.x + size, at.y - size);
        self.0.line_to(at.x - size, at.y + size);
        self.0.stroke();
    }

    pub(crate) fn arrow_head(&self, from: Point, tip: Point, size: f64) {
        let length = from.distance(tip).max(0.001);
        let (ux, uy) = ((tip.x - from.x) / length, (tip.y - from.y) / length);
        self.0.begin_path();
        self.0.move_to(tip.x, tip.y);
        self.0.line_to(tip.x - ux * size - uy * size * 0.45, tip.y - uy * size + ux * size * 0.45);
        self.0.line_to(tip.x - ux * size + uy * size * 0.45, tip.y - uy * size - ux * size * 0.45);
        self.0.close_path();
        self.0.fill();
    }

    /// Diagonal strokes over a rectangle: what colour says, a pattern says too.
    pub(crate) fn hatch(&self, x: f64, y: f64, width: f64, height: f64, gap: f64) {
        if width < 1.0 {
            return;
        }
        self.0.save();
        self.0.begin_path();
        self.0.rect(x, y, width, height);
        self.0.clip();
        self.0.begin_path();
        let mut at = x - height - (x - height).rem_euclid(gap);
        while at < x + width {
            self.0.move_to(at, y + height);
            self.0.line_to(at + height, y);
            at += gap;
        }
        self.0.stroke();
        self.0.restore();
    }

    pub(crate) fn font(&self, weight: u32, size: f64) {
        self.0.set_font(&format!("{weight} {}px {FONT}", decimals(size, 2)));
    }

    pub(crate) fn mono(&self, weight: u32, size: f64) {
        self.0.set_font(&format!("{weight} {}px {MONO}", decimals(size, 2)));
    }

    pub(crate) fn text(&self, text: &str, at: Point, align: Align) {
        self.0.set_text_align(match align {
            Align::Left => "left",
            Align::Centre => "center",
            Align::Right => "right",
        });
        self.0.set_text_baseline("middle");
        let _ = self.0.fill_text(text, at.x, at.y);
    }

    pub(crate) fn text_width(&self, text: &str) -> f64 {
        self.0.measure_text(text).map_or(0.0, |metrics| metrics.width())
    }

    /// The shape of a kind of message with its letter: shape, letter and colour all say the kind.
    pub(crate) fn message(&self, at: Point, kind: MessageKind, size: f64, colour: &str, on: &str) {
        self.fill(colour);
        match kind {
            MessageKind::PrePrepare | MessageKind::NewView => {
                self.0.begin_path();
                let half = size * 0.95;
                let _ = self.0.round_rect_with_f64(
                    at.x - half * 1.1,
                    at.y - half * 0.9,
                    half * 2.2,
                    half * 1.8,
                    3.0,
                );
            }
            MessageKind::Prepare => self.circle(at, size),
            MessageKind::Commit => self.polygon(at, size * 1.25, 4, 0.0),
            MessageKind::ViewChange => self.polygon(at, size * 1.15, 6, 0.0),
            MessageKind::Request | MessageKind::Read => self.polygon(at, size * 1.35, 3, 0.0),
            MessageKind::Reply | MessageKind::ReadReply | MessageKind::Busy => {
                self.polygon(at, size * 1.35, 3, 0.5);
            }
            MessageKind::Checkpoint
            | MessageKind::Stable
            | MessageKind::FetchState
            | MessageKind::State => {
                self.polygon(at, size * 1.15, 5, 0.0);
            }
            _ => self.circle(at, size * 0.75),
        }
        self.fill_path();
        if size >= 5.0 {
            self.fill(on);
            self.font(700, size * 1.05);
            let lower = match kind {
                MessageKind::Request | MessageKind::Read => size * 0.18,
                MessageKind::Reply | MessageKind::ReadReply | MessageKind::Busy => -size * 0.18,
                _ => 0.0,
            };
            let at = Point { x: at.x, y: at.y + lower + 0.5 };
            self.text(words::letter(kind), at, Align::Centre);
        }
    }

    /// A horn, leaning outwards.
    pub(crate) fn horn(&self, foot: Point, side: f64, size: f64) {
        self.0.begin_path();
        self.0.move_to(foot.x - side * size * 0.5, foot.y);
        self.0.quadratic_curve_to(
            foot.x + side * size * 0.1,
            foot.y - size * 0.25,
            foot.x + side * size * 0.5,
            foot.y - size,
        );
        self.0.quadratic_curve_to(
            foot.x + side * size * 0.75,
            foot.y - size * 0.1,
            foot.x + side * size * 0.35,
            foot.y + size * 0.45,
        );
        self.0.close_path();
        self.0.fill();
    }

    /// A crown: the primary.
    pub(crate) fn crown(&self, at: Point, size: f64) {
        let corners = [
            (-1.0, 0.6),
            (-1.0, -0.45),
            (-0.45, 0.05),
            (0.0, -0.75),
            (0.45, 0.05),
            (1.0, -0.45),
            (1.0, 0.6),
        ];
        self.0.begin_path();
        for (index, (x, y)) in corners.into_iter().enumerate() {
            if index == 0 {
                self.0.move_to(at.x + x * size, at.y + y * size);
            } else {
                self.0.line_to(at.x + x * size, at.y + y * size);
            }
        }
        self.0.close_path();
        self.0.fill();
    }
}

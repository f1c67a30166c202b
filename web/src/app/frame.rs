//! One animation frame while something moves: record, advance, draw, and now and then the panels.

use wasm_bindgen::JsCast;

use super::{App, Mode, World, page};
use crate::{media, model::scene::Scene, stage::Stage};

/// The simulation's share of a frame, in ms.
const FRAME_BUDGET_MS: f64 = 4.0;
/// Panels are brought up to date this often while something moves, in ms; canvases every frame.
const PANEL_MS: f64 = 60.0;
/// A frame never counts for more than this, in s: after a pause in the background, no jump.
const LONGEST_FRAME_S: f64 = 0.1;

impl App {
    pub(super) fn stage_of(&mut self, world: World) -> &mut Stage {
        match world {
            World::Simulation => &mut self.stage,
            World::Live => &mut self.live_stage,
        }
    }

    pub(super) fn with_scene<R>(
        &self,
        world: World,
        look: impl FnOnce(&Stage, &Scene<'_>, f64) -> R,
    ) -> Option<R> {
        match world {
            World::Simulation => {
                Some(look(&self.stage, &self.lab.scene(media::still()), self.lab.span_us))
            }
            World::Live => self.live.as_ref().map(|live| {
                look(&self.live_stage, &live.scene(page::real_us(), media::still()), live.span_us)
            }),
        }
    }

    /// Whether anything moves that must be drawn again and again.
    pub(super) fn moves(&self) -> bool {
        let live = self.mode != Mode::Simulation
            && self.live.as_ref().is_some_and(|live| !live.picture.is_paused());
        self.lab.playing || self.lab.recording() || live
    }

    pub(super) fn request_frame(&mut self) {
        let hidden = page::document().is_some_and(|document| document.hidden());
        if self.frame.is_some() || hidden || !self.moves() {
            return;
        }
        if let Some(window) = web_sys::window() {
            self.frame =
                window.request_animation_frame(self.on_frame.as_ref().unchecked_ref()).ok();
        }
    }

    pub(super) fn on_frame(&mut self, ms: f64) -> bool {
        self.frame = None;
        let passed_s =
            self.last_frame_ms.map_or(0.016, |last| (ms - last) / 1e3).clamp(0.0, LONGEST_FRAME_S);
        let was_playing = self.lab.playing;
        let was_recording = self.lab.recording();
        if was_recording {
            let until = page::now_ms() + FRAME_BUDGET_MS;
            self.lab.extend(|| page::now_ms() < until);
        }
        if was_playing {
            self.lab.advance(passed_s);
        }
        if self.mode != Mode::Simulation
            && let Some(live) = &mut self.live
        {
            live.picture.refresh();
        }
        self.draw();
        self.last_frame_ms = self.moves().then_some(ms);
        self.request_frame();
        let stopped = was_playing && !self.lab.playing;
        if stopped {
            self.remember();
        }
        let due = ms - self.last_render_ms >= PANEL_MS;
        let render = due || stopped || was_recording != self.lab.recording();
        if render {
            self.last_render_ms = ms;
        }
        render
    }

    pub(super) fn draw(&mut self) {
        let Some(palette) = &self.palette else { return };
        let still = media::still();
        if self.mode != Mode::Live {
            let scene = self.lab.scene(still);
            self.stage.draw(palette, &scene, self.lab.span_us);
        }
        if self.mode != Mode::Simulation
            && let Some(live) = &self.live
        {
            let scene = live.scene(page::real_us(), still);
            self.live_stage.draw(palette, &scene, live.span_us);
        }
    }
}

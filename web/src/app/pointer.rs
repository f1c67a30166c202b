//! The pointer on the pictures: select, drag through time, jump.

use super::{App, World};
use crate::model::ring::Point;

impl App {
    pub(super) fn lanes_move(&mut self, world: World, point: Point, held: bool) -> bool {
        let span = match (world, &self.live) {
            (World::Live, Some(live)) => live.span_us,
            _ => self.lab.span_us,
        };
        let stage = self.stage_of(world);
        stage.pointer = Some(point);
        if !held {
            stage.drag = None;
        }
        let mut moved_us = None;
        if let Some((from, dragged)) = stage.drag {
            let by = point.x - from;
            if dragged || by.abs() > 4.0 {
                moved_us = Some(-by * stage.us_per_pixel(span));
                stage.drag = Some((point.x, true));
            }
        }
        match moved_us {
            Some(us) if world == World::Simulation => {
                self.lab.playing = false;
                self.lab.seek_time(self.lab.clock.us + us);
                true
            }
            _ => {
                if !self.moves() {
                    self.draw();
                }
                false
            }
        }
    }

    pub(super) fn lanes_up(&mut self, world: World, point: Point) {
        let dragged = self.stage_of(world).drag.take().is_none_or(|(_, dragged)| dragged);
        if dragged {
            self.remember();
            return;
        }
        let hit = self.with_scene(world, |stage, scene, span| stage.on_lanes(scene, span, point));
        match hit {
            Some((Some(selection), _)) => self.select(world, Some(selection)),
            Some((None, us)) if world == World::Simulation => {
                self.lab.playing = false;
                self.lab.seek_time(us);
                self.remember();
            }
            _ => {}
        }
    }
}

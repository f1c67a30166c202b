//! The pointer on the pictures: select, drag through time, jump.

use super::{App, Picture, Tab, World, page};
use crate::model::{ring::Point, scene::Selection};

impl App {
    /// Opens the menu of a replica or a message, with the focus in it. Anything else is selected.
    pub(super) fn open_menu(&mut self, selection: Selection, at: Point) {
        self.select(World::Simulation, Some(selection));
        if !matches!(selection, Selection::Client(_)) {
            self.menu = Some(at);
            page::focus_on("[data-test='menu'] button");
        } else if page::is_narrow() {
            self.tab = Tab::Inspect;
        }
    }

    pub(super) fn open_menu_at(&mut self, picture: Picture, point: Point, at: Point) {
        let hit = self.with_scene(World::Simulation, |stage, scene, span| match picture {
            Picture::Ring => stage.on_ring(scene, point),
            Picture::Lanes => stage.on_lanes(scene, span, point).0,
        });
        if let Some(selection) = hit.flatten() {
            self.open_menu(selection, at);
        }
    }

    /// Closes the menu; the focus goes back to the replica that it was about.
    pub(super) fn close_menu(&mut self) {
        if self.menu.take().is_some()
            && let Some(Selection::Node(node)) = self.lab.selected
        {
            self.stage.focus(node);
        }
    }

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

//! The one component: messages in, panels out.
//!
//! | file | holds |
//! |---|---|
//! | `message` | everything that can happen |
//! | `opening` | where a run comes from |
//! | `frame` | one animation frame while something moves |
//! | `pointer`, `keyboard`, `acting` | what people do |
//! | `shell` | the frame around the panels |
//! | `page` | what is asked of the page |

mod acting;
mod frame;
mod keyboard;
mod message;
mod opening;
mod page;
mod pointer;
mod shell;

use conclave_core::{ids::NodeId, sim::Action};
use wasm_bindgen::closure::Closure;
use web_sys::{HtmlElement, ResizeObserver};
use yew::prelude::*;

use self::opening::{Awaited, Opened, Purpose};
pub(crate) use self::{
    message::{Mode, Msg, Picture, Tab, World},
    page::real_us,
};
use crate::{
    lab::Lab,
    live::source,
    live_side::LiveSide,
    model::{decimals::decimals, ring::Point},
    paint::Palette,
    resilience, share,
    shelf::Shelf,
    stage::Stage,
    theme::Theme,
    view::{self, events::Filter},
};

/// The lab. Fields that panels read are visible to them.
pub(crate) struct App {
    pub(crate) lab: Lab,
    pub(crate) live: Option<LiveSide>,
    pub(crate) mode: Mode,
    pub(crate) theme: Theme,
    pub(crate) filter: Filter,
    pub(crate) other_side: Vec<NodeId>,
    pub(crate) scrubber: NodeRef,
    pub(crate) bands: NodeRef,
    pub(crate) peeked: Option<usize>,
    pub(crate) ask_key: NodeRef,
    pub(crate) ask_value: NodeRef,
    pub(crate) help_close: NodeRef,
    pub(crate) shelf: Shelf,
    awaited: Option<Awaited>,
    tab: Tab,
    help: bool,
    /// Where in the window the menu of what is selected stands.
    menu: Option<Point>,
    broken: Option<String>,
    note: Option<String>,
    said: Option<String>,
    fallback: Option<String>,
    stage: Stage,
    live_stage: Stage,
    palette: Option<Palette>,
    frame: Option<i32>,
    on_frame: Closure<dyn FnMut(f64)>,
    last_frame_ms: Option<f64>,
    last_render_ms: f64,
    _listeners: Vec<Closure<dyn FnMut(web_sys::Event)>>,
    observer: Option<(ResizeObserver, Closure<dyn FnMut()>)>,
}
impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link();
        let theme = Theme::remembered();
        theme.apply();
        let shelf = Shelf::new();
        let first = || opening::first_lab(&shelf);
        let (lab, broken, note, needs) = match opening::open(&opening::fragment(), &shelf) {
            Opened::Lab(lab, note) => (*lab, None, note, None),
            Opened::Needs(name) => (first(), None, None, Some(name)),
            Opened::Broken(why) => (first(), Some(why), None, None),
            Opened::Nothing => (first(), None, None, None),
        };
        let frame_link = link.clone();
        let mut app = Self {
            lab,
            live: None,
            mode: Mode::Simulation,
            theme,
            filter: Filter::Milestones,
            other_side: Vec::new(),
            scrubber: NodeRef::default(),
            bands: NodeRef::default(),
            peeked: None,
            ask_key: NodeRef::default(),
            ask_value: NodeRef::default(),
            help_close: NodeRef::default(),
            shelf,
            awaited: None,
            tab: Tab::Lanes,
            help: false,
            menu: None,
            broken,
            note,
            said: None,
            fallback: None,
            stage: Stage::default(),
            live_stage: Stage::default(),
            palette: Palette::read(),
            frame: None,
            on_frame: Closure::new(move |ms| frame_link.send_message(Msg::Frame(ms))),
            last_frame_ms: None,
            last_render_ms: 0.0,
            _listeners: page::listen(link),
            observer: None,
        };
        #[cfg(not(all(feature = "guards", target_arch = "wasm32")))]
        {
            let found = link.clone();
            source::discover(move |info| {
                if let Some(info) = info {
                    found.send_message(Msg::Found(info));
                }
            });
        }
        if let Some(name) = needs {
            app.wait_for(name, Purpose::Opening, link);
        }
        app.request_frame();
        app
    }

    fn update(&mut self, ctx: &Context<Self>, message: Msg) -> bool {
        let link = ctx.link();
        match message {
            Msg::Frame(ms) => return self.on_frame(ms),
            Msg::Redraw => {
                self.palette = Palette::read();
                self.draw();
                return false;
            }
            Msg::Visibility => {
                self.last_frame_ms = None;
                self.request_frame();
                return false;
            }
            Msg::LanesMove(world, point, held) => return self.lanes_move(world, point, held),
            Msg::LanesLeave(world) => {
                let stage = self.stage_of(world);
                (stage.pointer, stage.drag) = (None, None);
                self.draw();
                return false;
            }
            Msg::Heard(heard) => {
                if let Some(live) = &mut self.live {
                    live.hear(heard);
                }
                self.request_frame();
                return false;
            }
            Msg::Pick(name) => self.pick(name, link),
            Msg::Brought(name, brought) => self.brought(name, brought, link),
            Msg::Hash => self.follow_link(link),
            Msg::TogglePlay => self.toggle_play(),
            Msg::Step(by) => {
                self.lab.playing = false;
                self.lab.seek(self.lab.clock.steps.saturating_add_signed(by));
                self.remember();
            }
            Msg::Jump(forwards) => {
                self.lab.playing = false;
                self.lab.jump(forwards);
                self.remember();
            }
            Msg::Seek(steps) => {
                self.lab.playing = false;
                self.lab.seek(steps);
                self.remember();
            }
            Msg::Pace(pace) => self.lab.pace = pace,
            // Where it can be looked into already, what can be done to it stands there too.
            Msg::Select(World::Simulation, Some(selection))
                if page::is_narrow() && self.tab != Tab::Inspect =>
            {
                self.open_menu(selection, Point::default());
            }
            Msg::Select(world, selection) => self.select(world, selection),
            Msg::Menu(selection, at) => self.open_menu(selection, at),
            Msg::MenuAt(picture, point, at) => self.open_menu_at(picture, point, at),
            Msg::CloseMenu => self.close_menu(),
            Msg::LookInside => {
                self.menu = None;
                self.tab = Tab::Inspect;
            }
            Msg::Peek(band) => self.peeked = band,
            Msg::Act(action) => self.act(action, link),
            Msg::Ask(client) => self.ask(client, link),
            Msg::OtherSide(node) => match self.other_side.iter().position(|other| *other == node) {
                Some(index) => drop(self.other_side.remove(index)),
                None => self.other_side.push(node),
            },
            Msg::Split => {
                self.other_side.sort_unstable();
                let groups = vec![std::mem::take(&mut self.other_side)];
                self.act(Action::Partition { groups }, link);
            }
            Msg::Branch(index) => self.lab.show(index),
            Msg::CloseBranch(index) => self.lab.close(index),
            Msg::Filter(filter) => self.filter = filter,
            Msg::Tab(tab) => self.tab = tab,
            Msg::RingClick(world, point) => {
                let hit = self.with_scene(world, |stage, scene, _| stage.on_ring(scene, point));
                match hit.flatten() {
                    Some(selection) => link.send_message(Msg::Select(world, Some(selection))),
                    None => self.select(world, None),
                }
            }
            Msg::LanesDown(world, point) => {
                self.stage_of(world).drag = Some((point.x, false));
                return false;
            }
            Msg::LanesUp(world, point) => self.lanes_up(world, point),
            Msg::Zoom(world, by) => {
                let span = match (world, &mut self.live) {
                    (World::Live, Some(live)) => &mut live.span_us,
                    _ => &mut self.lab.span_us,
                };
                *span = (*span * js_sys::Math::exp(by)).clamp(200.0, 600e6);
            }
            Msg::Key(meaning) => self.key(meaning, link),
            Msg::CopyLink => {
                let address = self.address();
                share::show_in_address_line(&address);
                if let Some(url) = share::url(&address) {
                    page::copy(url, link);
                }
            }
            Msg::CopyCommand => {
                let address = self.address();
                page::copy(share::command(self.lab.branch().recording.run(), &address), link);
            }
            Msg::Copied(text, true) => self.say(format!("Copied: {}", page::shorten(&text)), link),
            Msg::Copied(text, false) => self.fallback = Some(text),
            Msg::Say(text) => self.say(text, link),
            Msg::Quiet => self.said = None,
            Msg::NextTheme => {
                self.theme = self.theme.next();
                self.theme.apply();
                self.palette = Palette::read();
            }
            Msg::FullScreen => page::full_screen(),
            Msg::Help(open) => {
                self.help = open;
                self.broken = None;
                self.fallback = None;
            }
            Msg::Mode(mode) => self.set_mode(mode, link),
            #[cfg(not(all(feature = "guards", target_arch = "wasm32")))]
            Msg::Found(info) => self.live = Some(LiveSide::new(info)),
            Msg::LivePause => {
                if let Some(live) = &mut self.live {
                    if live.picture.is_paused() {
                        live.picture.resume();
                    } else {
                        let shown = live.picture.shown_us(real_us());
                        live.picture.pause(shown);
                    }
                }
            }
            Msg::LiveControl(node, verb) => {
                let link = link.clone();
                source::control(node, verb, move |text| link.send_message(Msg::Say(text)));
            }
            Msg::Guards(message) => resilience::update(self, message, link),
        }
        self.request_frame();
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
        if self.awaited.as_ref().is_some_and(|awaited| awaited.purpose == Purpose::Opening) {
            return html! { <p class="plain" role="status">{ "Loading the scenario…" }</p> };
        }
        let mode = match self.mode {
            Mode::Simulation => "simulation",
            Mode::Live => "live",
            Mode::Both => "both",
        };
        let tab = match self.tab {
            Tab::Lanes => "lanes",
            Tab::Ring => "ring",
            Tab::Inspect => "inspect",
            Tab::Events => "events",
        };
        html! {
            <div class="lab" data-mode={mode} data-tab={tab}>
                { view::header::view(self, link) }
                { self.notices(link) }
                if self.mode != Mode::Live {
                    { view::verdict::view(self, link) }
                    { view::gallery::view(self.shelf.posters(), self.shown(), link) }
                }
                { self.tabs(link) }
                <main class="stage">
                    if self.mode != Mode::Live { { self.simulation(link) } }
                    if self.mode != Mode::Simulation { { self.real(link) } }
                </main>
                <aside class="side">
                    if self.mode == Mode::Live {
                        if let Some(live) = &self.live { { crate::live::view::nodes(live, link) } }
                        { view::events::view(self, World::Live, link) }
                    } else {
                        { view::inspector::view(self, link) }
                        { view::events::view(self, World::Simulation, link) }
                    }
                </aside>
                if self.mode != Mode::Live { { view::transport::view(self, link) } }
                <p class="sr" role="status" aria-live="polite">{ self.milestone() }</p>
                if let Some(at) = self.menu { { view::menu::view(self, at, link) } }
                if self.help { { view::help::view(self, link) } }
            </div>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _: bool) {
        if self.observer.is_none() {
            self.observer = page::observe(ctx.link());
            // A link may lead to a scenario far down in the gallery.
            page::reveal(".scenario.chosen");
        }
        if self.help
            && let Some(button) = self.help_close.cast::<HtmlElement>()
            && !page::focus_is_in_dialog()
        {
            let _ = button.focus();
        }
        if let Some(slider) = self.scrubber.cast::<HtmlElement>() {
            let steps = self.lab.branch().recording.steps().max(1) as f64;
            let part = self.lab.clock.steps as f64 / steps * 100.0;
            let _ = slider.style().set_property("--at", &format!("{}%", decimals(part, 2)));
        }
        view::periods::lay_out(self);
        if self.awaited.is_none()
            && self.lab.branches[0].complete
            && let Some(body) = page::document().and_then(|document| document.body())
        {
            let _ = body.set_attribute("data-ready", "true");
        }
        self.draw();
    }
}

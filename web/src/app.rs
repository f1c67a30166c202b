//! The one component: messages in, panels out, and one animation frame while something moves.

use conclave_core::{
    ids::{ClientId, NodeId},
    sim::{self, Action, Run},
};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{HtmlElement, HtmlInputElement, KeyboardEvent, ResizeObserver};
use yew::{html::Scope, prelude::*};

use crate::{
    keys::{self, Meaning},
    lab::Lab,
    live::source::{self, ClusterInfo, Heard},
    live_side::LiveSide,
    model::{
        pace::Pace,
        ring::Point,
        scene::{NodeState, Selection},
    },
    paint::Palette,
    share::{self, Linked},
    stage::Stage,
    theme::{self, Theme},
    view::{self, events::Filter, gallery::Entry},
};

/// Simulated or real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    Simulation,
    Live,
}

/// What is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Simulation,
    Live,
    Both,
}

/// Which panel a narrow screen shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Lanes,
    Ring,
    Inspect,
    Events,
}

/// Everything that can happen to the lab.
pub(crate) enum Msg {
    Frame(f64),
    Redraw,
    Visibility,
    Pick(&'static str),
    Hash,
    TogglePlay,
    Step(i64),
    Jump(bool),
    Seek(u64),
    Pace(Pace),
    Select(World, Option<Selection>),
    Act(Action),
    Ask(ClientId),
    OtherSide(NodeId),
    Split,
    Branch(usize),
    CloseBranch(usize),
    Filter(Filter),
    Tab(Tab),
    RingClick(World, Point),
    LanesDown(World, Point),
    LanesMove(World, Point, bool),
    LanesUp(World, Point),
    LanesLeave(World),
    Zoom(World, f64),
    Key(Meaning),
    CopyLink,
    CopyCommand,
    Copied(String, bool),
    Say(String),
    Quiet,
    NextTheme,
    FullScreen,
    Help(bool),
    Mode(Mode),
    Found(ClusterInfo),
    Heard(Heard),
    LivePause,
    LiveControl(NodeId, &'static str),
}

/// The lab. Fields that panels read are visible to them.
pub(crate) struct App {
    pub(crate) lab: Lab,
    pub(crate) live: Option<LiveSide>,
    pub(crate) mode: Mode,
    pub(crate) theme: Theme,
    pub(crate) filter: Filter,
    pub(crate) other_side: Vec<NodeId>,
    pub(crate) scrubber: NodeRef,
    pub(crate) ask_key: NodeRef,
    pub(crate) ask_value: NodeRef,
    pub(crate) help_close: NodeRef,
    pub(crate) gallery: Vec<Entry>,
    tab: Tab,
    help: bool,
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

/// The simulation's share of a frame, in ms.
const FRAME_BUDGET_MS: f64 = 4.0;
/// Panels are brought up to date this often while something moves, in ms; canvases every frame.
const PANEL_MS: f64 = 60.0;
/// A frame never counts for more than this, in s: after a pause in the background, no jump.
const LONGEST_FRAME_S: f64 = 0.1;
/// How long a notice stays, in ms.
const NOTICE_MS: i32 = 6_000;

/// Microseconds since 1970, by this browser's clock.
pub(crate) fn real_us() -> f64 {
    js_sys::Date::now() * 1e3
}

fn now_ms() -> f64 {
    web_sys::window().and_then(|window| window.performance()).map_or(0.0, |clock| clock.now())
}

fn fragment() -> String {
    web_sys::window().and_then(|window| window.location().hash().ok()).unwrap_or_default()
}

/// A built-in scenario from its beginning.
fn built_in(name: &str) -> Option<Lab> {
    let scenario = sim::builtin(name)?;
    let seed = scenario.seed;
    Lab::new(Run::new(scenario, seed), "main", 0).ok()
}

/// The first scenario of the gallery.
fn first_lab() -> Lab {
    let lab = sim::BUILTIN.iter().find_map(|builtin| built_in(builtin.name));
    // The list is constant, and the core's tests read and run every scenario in it.
    lab.expect("the core has at least one built-in scenario that runs")
}

/// What the address line asks for: a run, or why there is none, or nothing.
enum Opened {
    Lab(Box<Lab>, Option<String>),
    Broken(String),
    Nothing,
}

fn open(fragment: &str) -> Opened {
    match share::read(fragment) {
        Linked::Run { run, position, note } => {
            let name = if run.interventions.is_empty() { "main" } else { "linked" };
            match Lab::new(run, name, position) {
                Ok(lab) => Opened::Lab(Box::new(lab), note),
                Err(error) => Opened::Broken(share::sentence(&error.to_string())),
            }
        }
        Linked::Broken(why) => Opened::Broken(why),
        Linked::None => Opened::Nothing,
    }
}

impl Component for App {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link();
        let theme = Theme::remembered();
        theme.apply();
        let (lab, broken, note) = match open(&fragment()) {
            Opened::Lab(lab, note) => (*lab, None, note),
            Opened::Broken(why) => (first_lab(), Some(why), None),
            Opened::Nothing => (first_lab(), None, None),
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
            ask_key: NodeRef::default(),
            ask_value: NodeRef::default(),
            help_close: NodeRef::default(),
            gallery: view::gallery::entries(),
            tab: Tab::Lanes,
            help: false,
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
            _listeners: listen(link),
            observer: None,
        };
        let found = link.clone();
        source::discover(move |info| {
            if let Some(info) = info {
                found.send_message(Msg::Found(info));
            }
        });
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
            Msg::Pick(name) => self.pick(name),
            Msg::Hash => self.follow_link(),
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
            Msg::Select(world, selection) => self.select(world, selection),
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
                self.select(world, hit.flatten());
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
                *span = (*span * by.exp()).clamp(200.0, 600e6);
            }
            Msg::Key(meaning) => self.key(meaning, link),
            Msg::CopyLink => {
                let address = self.lab.address();
                share::show_in_address_line(&address);
                if let Some(url) = share::url(&address) {
                    copy(url, link);
                }
            }
            Msg::CopyCommand => {
                let address = self.lab.address();
                copy(share::command(self.lab.branch().recording.run(), &address), link);
            }
            Msg::Copied(text, true) => self.say(format!("Copied: {}", shorten(&text)), link),
            Msg::Copied(text, false) => self.fallback = Some(text),
            Msg::Say(text) => self.say(text, link),
            Msg::Quiet => self.said = None,
            Msg::NextTheme => {
                self.theme = self.theme.next();
                self.theme.apply();
                self.palette = Palette::read();
            }
            Msg::FullScreen => full_screen(),
            Msg::Help(open) => {
                self.help = open;
                self.broken = None;
                self.fallback = None;
            }
            Msg::Mode(mode) => self.set_mode(mode, link),
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
        }
        self.request_frame();
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let link = ctx.link();
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
                    { view::gallery::view(&self.gallery, &self.lab.scenario().name, link) }
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
                if self.help { { view::help::view(self, link) } }
            </div>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, _first: bool) {
        if self.observer.is_none() {
            self.observer = observe(ctx.link());
        }
        if self.help
            && let Some(button) = self.help_close.cast::<HtmlElement>()
            && !focus_is_in_dialog()
        {
            let _ = button.focus();
        }
        if let Some(slider) = self.scrubber.cast::<HtmlElement>() {
            let steps = self.lab.branch().recording.steps().max(1) as f64;
            let part = self.lab.clock.steps as f64 / steps * 100.0;
            let _ = slider.style().set_property("--at", &format!("{part:.2}%"));
        }
        if self.lab.branches[0].complete
            && let Some(body) = document().and_then(|document| document.body())
        {
            let _ = body.set_attribute("data-ready", "true");
        }
        self.draw();
    }
}

impl App {
    fn simulation(&self, link: &Scope<Self>) -> Html {
        html! {
            <section class="world" aria-label="Simulation" data-test="world-simulation">
                { view::branches::view(self, link) }
                <div class="now">
                    { view::pane::ring(World::Simulation, &self.stage, self.lab.faces(), self.lab.selected, link) }
                    { view::story::view(self, link) }
                </div>
                { view::pane::lanes(World::Simulation, &self.stage, link) }
            </section>
        }
    }

    fn real(&self, link: &Scope<Self>) -> Html {
        let Some(live) = &self.live else { return Html::default() };
        html! {
            <section class="world" aria-label="Live cluster" data-test="world-live">
                { crate::live::view::strip(live, link) }
                <div class="now">
                    { view::pane::ring(World::Live, &self.live_stage, live.picture.faces(), live.selected, link) }
                </div>
                { view::pane::lanes(World::Live, &self.live_stage, link) }
                if self.mode == Mode::Both && live.control {
                    { crate::live::view::nodes(live, link) }
                }
            </section>
        }
    }

    fn tabs(&self, link: &Scope<Self>) -> Html {
        let choice = |tab: Tab, name: &'static str| {
            html! {
                <button class="segment" data-test={format!("tab-{}", name.to_lowercase())}
                    aria-pressed={(self.tab == tab).to_string()}
                    onclick={link.callback(move |_| Msg::Tab(tab))}>{ name }</button>
            }
        };
        html! {
            <div class="segments tabs" role="group" aria-label="Panel">
                { choice(Tab::Lanes, "Lanes") }
                { choice(Tab::Ring, "Ring") }
                { choice(Tab::Inspect, "Inspect") }
                { choice(Tab::Events, "Events") }
            </div>
        }
    }

    fn notices(&self, link: &Scope<Self>) -> Html {
        html! {
            <>
                if let Some(why) = &self.broken {
                    <div class="notice bad" role="alert" data-test="broken-link">
                        <p>{ format!("{why} Choose a scenario instead.") }</p>
                        <button class="act" onclick={link.callback(|_| Msg::Help(false))}>{ "Close" }</button>
                    </div>
                }
                if let Some(note) = &self.note {
                    <div class="notice" role="status" data-test="other-version"><p>{ note }</p></div>
                }
                if let Some(text) = &self.fallback {
                    <div class="notice" role="status">
                        <label><span>{ "Copy this:" }</span><input readonly=true value={text.clone()} /></label>
                        <button class="act" onclick={link.callback(|_| Msg::Help(false))}>{ "Close" }</button>
                    </div>
                }
                if let Some(text) = &self.said {
                    <div class="notice toast" role="status" data-test="notice"><p>{ text }</p></div>
                }
            </>
        }
    }

    /// What a screen reader is told: narration, and where we stopped.
    fn milestone(&self) -> String {
        if self.lab.playing {
            return String::new();
        }
        let told = self.lab.narration();
        told.and_then(|index| self.lab.scenario().narration.get(index))
            .map(|narration| narration.say.clone())
            .unwrap_or_default()
    }

    fn stage_of(&mut self, world: World) -> &mut Stage {
        match world {
            World::Simulation => &mut self.stage,
            World::Live => &mut self.live_stage,
        }
    }

    fn with_scene<R>(
        &self,
        world: World,
        look: impl FnOnce(&Stage, &crate::model::scene::Scene<'_>, f64) -> R,
    ) -> Option<R> {
        match world {
            World::Simulation => {
                Some(look(&self.stage, &self.lab.scene(theme::still()), self.lab.span_us))
            }
            World::Live => self.live.as_ref().map(|live| {
                look(&self.live_stage, &live.scene(real_us(), theme::still()), live.span_us)
            }),
        }
    }

    /// Whether anything moves that must be drawn again and again.
    fn moves(&self) -> bool {
        let live = self.mode != Mode::Simulation
            && self.live.as_ref().is_some_and(|live| !live.picture.is_paused());
        self.lab.playing || self.lab.recording() || live
    }

    fn request_frame(&mut self) {
        let hidden = document().is_some_and(|document| document.hidden());
        if self.frame.is_some() || hidden || !self.moves() {
            return;
        }
        if let Some(window) = web_sys::window() {
            self.frame =
                window.request_animation_frame(self.on_frame.as_ref().unchecked_ref()).ok();
        }
    }

    fn on_frame(&mut self, ms: f64) -> bool {
        self.frame = None;
        let passed_s =
            self.last_frame_ms.map_or(0.016, |last| (ms - last) / 1e3).clamp(0.0, LONGEST_FRAME_S);
        let was_playing = self.lab.playing;
        let was_recording = self.lab.recording();
        if was_recording {
            let until = now_ms() + FRAME_BUDGET_MS;
            self.lab.extend(|| now_ms() < until);
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

    fn draw(&mut self) {
        let Some(palette) = &self.palette else { return };
        let still = theme::still();
        if self.mode != Mode::Live {
            let scene = self.lab.scene(still);
            self.stage.draw(palette, &scene, self.lab.span_us);
        }
        if self.mode != Mode::Simulation
            && let Some(live) = &self.live
        {
            let scene = live.scene(real_us(), still);
            self.live_stage.draw(palette, &scene, live.span_us);
        }
    }

    fn pick(&mut self, name: &'static str) {
        if let Some(lab) = built_in(name) {
            self.begin(lab);
            (self.broken, self.note) = (None, None);
            self.remember();
        }
    }

    fn begin(&mut self, lab: Lab) {
        let pace = self.lab.pace;
        self.lab = lab;
        self.lab.pace = pace;
        self.other_side.clear();
        if let Some(body) = document().and_then(|document| document.body()) {
            let _ = body.remove_attribute("data-ready");
        }
    }

    fn follow_link(&mut self) {
        match open(&fragment()) {
            Opened::Lab(lab, note) => {
                self.begin(*lab);
                (self.broken, self.note) = (None, note);
            }
            Opened::Broken(why) => self.broken = Some(why),
            Opened::Nothing => {}
        }
    }

    /// Keeps the address line at this moment, so that a reload comes back here.
    fn remember(&self) {
        share::show_in_address_line(&self.lab.address());
    }

    fn toggle_play(&mut self) {
        let lab = &mut self.lab;
        let ended = lab.branch().complete && lab.clock.steps >= lab.branch().recording.steps();
        if !lab.playing && ended {
            lab.seek(0);
        }
        lab.playing = !lab.playing;
        self.last_frame_ms = None;
        if !self.lab.playing {
            self.remember();
        }
    }

    fn select(&mut self, world: World, selection: Option<Selection>) {
        match (world, &mut self.live) {
            (World::Live, Some(live)) => live.selected = selection,
            _ => {
                self.lab.selected = selection;
            }
        }
    }

    fn act(&mut self, action: Action, link: &Scope<Self>) {
        let said = action.to_string();
        match self.lab.act(action) {
            Ok(()) => {
                let name = self.lab.branch().name.clone();
                self.say(format!("New branch “{name}”: {said}."), link);
                self.remember();
            }
            Err(why) => self.say(why, link),
        }
    }

    fn ask(&mut self, client: ClientId, link: &Scope<Self>) {
        let text = |input: &NodeRef| {
            input.cast::<HtmlInputElement>().map(|input| input.value()).unwrap_or_default()
        };
        let (key, value) = (text(&self.ask_key), text(&self.ask_value));
        if key.is_empty() {
            self.say("A key needs at least one character.".to_owned(), link);
        } else {
            self.act(view::actions::put(client, &key, &value), link);
        }
    }

    fn lanes_move(&mut self, world: World, point: Point, held: bool) -> bool {
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

    fn lanes_up(&mut self, world: World, point: Point) {
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

    fn key(&mut self, meaning: Meaning, link: &Scope<Self>) {
        let node = match self.lab.selected {
            Some(Selection::Node(node)) => Some(node),
            _ => None,
        };
        match meaning {
            Meaning::TogglePlay => link.send_message(Msg::TogglePlay),
            Meaning::Step(by) => link.send_message(Msg::Step(by)),
            Meaning::Jump(forwards) => link.send_message(Msg::Jump(forwards)),
            Meaning::Start => link.send_message(Msg::Seek(0)),
            Meaning::End => link.send_message(Msg::Seek(u64::MAX)),
            Meaning::Nudge(by) => self.lab.pace = self.lab.pace.nudged(by),
            Meaning::Select(index) => {
                let id = NodeId(index);
                if self.lab.faces().iter().any(|face| face.id == id) {
                    self.select(World::Simulation, Some(Selection::Node(id)));
                    self.stage.focus(id);
                }
            }
            Meaning::Crash => match node {
                Some(node) => {
                    let down = self
                        .lab
                        .faces()
                        .iter()
                        .any(|face| face.id == node && face.state == NodeState::Down);
                    let action =
                        if down { Action::Restart { node } } else { Action::Crash { node } };
                    self.act(action, link);
                }
                None => self.say("Select a replica first: 1 to 9.".to_owned(), link),
            },
            Meaning::Byzantine => match node {
                Some(_) => focus_on("[data-test='act-byzantine-silent']"),
                None => self.say("Select a replica first: 1 to 9.".to_owned(), link),
            },
            Meaning::Partition => {
                self.lab.selected = None;
                self.tab = Tab::Inspect;
                focus_on("[data-test='side-0']");
            }
            Meaning::Drop => match self.lab.selected {
                Some(Selection::Message(message)) => self.act(Action::Drop { message }, link),
                _ => self.say("Select a message first.".to_owned(), link),
            },
            Meaning::CopyLink => link.send_message(Msg::CopyLink),
            Meaning::FullScreen => full_screen(),
            Meaning::Help => self.help = !self.help,
            Meaning::Escape => {
                if self.help || self.broken.is_some() || self.fallback.is_some() {
                    self.help = false;
                    (self.broken, self.fallback) = (None, None);
                } else {
                    self.lab.selected = None;
                }
            }
        }
    }

    fn set_mode(&mut self, mode: Mode, link: &Scope<Self>) {
        self.mode = mode;
        if mode == Mode::Live {
            self.lab.playing = false;
        }
        if let Some(live) = &mut self.live {
            let link = link.clone();
            live.attach(mode != Mode::Simulation, move |heard| {
                link.send_message(Msg::Heard(heard));
            });
        }
    }

    fn say(&mut self, text: String, link: &Scope<Self>) {
        self.said = Some(text);
        let link = link.clone();
        let quiet = Closure::once_into_js(move || link.send_message(Msg::Quiet));
        if let Some(window) = web_sys::window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(
                quiet.unchecked_ref(),
                NOTICE_MS,
            );
        }
    }
}

fn document() -> Option<web_sys::Document> {
    web_sys::window()?.document()
}

fn copy(text: String, link: &Scope<App>) {
    let link = link.clone();
    share::copy(text.clone(), move |copied| link.send_message(Msg::Copied(text, copied)));
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 90 {
        text.to_owned()
    } else {
        text.chars().take(88).chain("…".chars()).collect()
    }
}

fn focus_is_in_dialog() -> bool {
    document()
        .and_then(|document| document.active_element())
        .and_then(|element| element.closest(".sheet").ok().flatten())
        .is_some()
}

/// Puts the focus on something once it is rendered.
fn focus_on(selector: &'static str) {
    let focus = Closure::once_into_js(move || {
        let element = document().and_then(|document| document.query_selector(selector).ok()?);
        if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            let _ = element.focus();
        }
    });
    if let Some(window) = web_sys::window() {
        let _ =
            window.set_timeout_with_callback_and_timeout_and_arguments_0(focus.unchecked_ref(), 30);
    }
}

fn full_screen() {
    let Some(document) = document() else { return };
    if document.fullscreen_element().is_some() {
        document.exit_fullscreen();
    } else if let Some(root) = document.document_element() {
        let _ = root.request_fullscreen();
    }
}

/// Listens for what no panel hears: keys, the address line, hiding, the system's theme.
fn listen(link: &Scope<App>) -> Vec<Closure<dyn FnMut(web_sys::Event)>> {
    let mut kept: Vec<Closure<dyn FnMut(web_sys::Event)>> = Vec::new();
    let Some(window) = web_sys::window() else { return kept };
    let mut add = |target: &web_sys::EventTarget,
                   name: &str,
                   make: fn(&web_sys::Event) -> Option<Msg>| {
        let link = link.clone();
        let closure = Closure::<dyn FnMut(web_sys::Event)>::new(move |event: web_sys::Event| {
            if let Some(message) = make(&event) {
                link.send_message(message);
            }
        });
        let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
        kept.push(closure);
    };
    add(&window, "keydown", |event| keys::message(event.dyn_ref::<KeyboardEvent>()?));
    add(&window, "hashchange", |_| Some(Msg::Hash));
    add(&window, "resize", |_| Some(Msg::Redraw));
    if let Some(document) = window.document() {
        add(&document, "visibilitychange", |_| Some(Msg::Visibility));
    }
    if let Ok(Some(list)) = window.match_media("(prefers-color-scheme: dark)") {
        add(&list, "change", |_| Some(Msg::Redraw));
    }
    kept
}

/// Redraws when the stage changes its size for whatever reason.
fn observe(link: &Scope<App>) -> Option<(ResizeObserver, Closure<dyn FnMut()>)> {
    let link = link.clone();
    let closure = Closure::<dyn FnMut()>::new(move || link.send_message(Msg::Redraw));
    let observer = ResizeObserver::new(closure.as_ref().unchecked_ref()).ok()?;
    observer.observe(&document()?.query_selector(".stage").ok()??);
    Some((observer, closure))
}

//! The one component: knobs in, charts out.

use conclave_core::resilience::playground::{self, Played};
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlElement};
use yew::prelude::*;

use crate::{
    address::{self, Stand},
    browser::{self, Query},
    clipboard,
    knob::Values,
    theme::Theme,
    view,
};

/// What can happen.
pub(crate) enum Msg {
    /// Another playground.
    Pick(usize),
    /// A preset of it.
    Preset(usize),
    /// A knob, of a side or of the world.
    Turn(Option<usize>, &'static str, u32),
    /// A knob was let go: the address line follows.
    Settled,
    /// Two sides, or one.
    Both(bool),
    /// Which side's knobs are shown.
    Side(usize),
    /// The moment that is read out.
    Moment(usize),
    /// The address line has changed.
    Follow,
    /// The window has.
    Measure,
    /// Charts have another width than when they were drawn.
    Measured,
    NextTheme,
    CopyLink,
    CopyEmbed,
    /// Whether what is given here was copied.
    Copied(bool, String),
}

/// The page. Fields are read by the panels.
pub(crate) struct Page {
    pub(crate) stand: Stand,
    pub(crate) query: Query,
    /// Each side that is shown: what was played, or why it can't be.
    pub(crate) played: Vec<Result<Played, String>>,
    pub(crate) side: usize,
    pub(crate) moment: usize,
    pub(crate) theme: Theme,
    /// What is wrong with the link.
    pub(crate) broken: Option<String>,
    /// What was just done, or is to be copied by hand.
    pub(crate) said: Option<String>,
    /// How wide a chart is, in pixels.
    pub(crate) width: u32,
    pub(crate) gauge: NodeRef,
    _listeners: Vec<Closure<dyn FnMut(Event)>>,
}

impl Component for Page {
    type Message = Msg;
    type Properties = ();

    fn create(ctx: &Context<Self>) -> Self {
        let theme = Theme::remembered();
        theme.apply();
        let mut page = Self {
            stand: Stand::preset(0, 0),
            query: Query::default(),
            played: Vec::new(),
            side: 0,
            moment: usize::MAX,
            theme,
            broken: None,
            said: None,
            width: 480,
            gauge: NodeRef::default(),
            _listeners: browser::listen(ctx.link()),
        };
        page.follow();
        page
    }

    fn update(&mut self, ctx: &Context<Self>, message: Msg) -> bool {
        match message {
            Msg::Pick(pattern) => self.go_to(Stand::preset(pattern, 0)),
            Msg::Preset(preset) => self.go_to(Stand::preset(self.stand.pattern, preset)),
            Msg::Turn(side, key, value) => {
                self.stand.set(side, key, value);
                self.play();
            }
            Msg::Settled => browser::show(&self.fragment()),
            Msg::Both(both) => {
                self.stand.both = both;
                self.side = self.side.min(usize::from(both));
                self.play();
                browser::show(&self.fragment());
            }
            Msg::Side(side) => self.side = side,
            Msg::Moment(moment) => {
                if self.moment == moment {
                    return false;
                }
                self.moment = moment;
            }
            Msg::Follow => self.follow(),
            Msg::Measure => return self.measure(),
            Msg::Measured => {}
            Msg::NextTheme => {
                self.theme = self.theme.next();
                self.theme.apply();
            }
            Msg::CopyLink => {
                let link = format!("{}{}", browser::base(), self.fragment());
                Self::copy(ctx, link);
            }
            Msg::CopyEmbed => Self::copy(ctx, self.embed_code()),
            Msg::Copied(copied, text) => {
                self.said = Some(if copied { "Copied.".into() } else { text });
            }
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        view::page::view(self, ctx.link())
    }

    fn rendered(&mut self, ctx: &Context<Self>, _first: bool) {
        if self.measure() {
            ctx.link().send_message(Msg::Measured);
        }
        if let Some(body) = web_sys::window().and_then(|it| it.document()?.body()) {
            let _ = body.set_attribute("data-ready", "true");
        }
    }
}

impl Page {
    /// What was played on each side that could be.
    pub(crate) fn sides(&self) -> impl Iterator<Item = &Played> {
        self.played.iter().filter_map(|it| it.as_ref().ok())
    }

    fn fragment(&self) -> String {
        format!("#{}", self.stand.link())
    }

    fn embed_code(&self) -> String {
        let pattern = self.stand.pattern();
        format!(
            "<iframe src=\"{}?pattern={}&embed{}\" title=\"{}: a playground\" width=\"100%\" height=\"720\" loading=\"lazy\" style=\"border:0\"></iframe>",
            browser::base(),
            pattern.key,
            self.fragment(),
            pattern.name
        )
    }

    /// As the address says.
    fn follow(&mut self) {
        let (search, fragment) = browser::address();
        self.query = Query::read(&search);
        let asked = self.query.pattern.as_deref();
        let first = asked.map_or(Some(0), address::named);
        self.broken = match (Stand::read(&fragment), first) {
            (Ok(Some(stand)), _) => {
                self.stand = stand;
                None
            }
            (Ok(None), Some(first)) => {
                self.stand = Stand::preset(first, 0);
                None
            }
            (Ok(None), None) => {
                self.stand = Stand::preset(0, 0);
                Some("The link names a playground that there isn't.".into())
            }
            (Err(why), first) => {
                self.stand = Stand::preset(first.unwrap_or(0), 0);
                Some(why)
            }
        };
        self.side = 0;
        self.moment = usize::MAX;
        self.play();
    }

    fn go_to(&mut self, stand: Stand) {
        self.stand = stand;
        self.side = 0;
        self.broken = None;
        self.said = None;
        self.play();
        browser::show(&self.fragment());
    }

    fn play(&mut self) {
        let pattern = self.stand.pattern();
        let sides = if self.stand.both { 2 } else { 1 };
        self.played = self
            .stand
            .sides
            .iter()
            .take(sides)
            .map(|side| {
                let knobs = [pattern.world, pattern.guard];
                let values = Values { knobs, values: [&self.stand.world, side] };
                playground::play(&(pattern.setting)(&values)).map_err(|why| why.to_string())
            })
            .collect();
        let last = self.sides().map(|it| it.buckets.len()).max().unwrap_or(1) - 1;
        self.moment = self.moment.min(last);
    }

    /// Whether charts have another width now.
    fn measure(&mut self) -> bool {
        let gauge = self.gauge.cast::<HtmlElement>();
        let Some(width) = gauge.map(|it| it.client_width().max(0) as u32) else { return false };
        let changed = width > 0 && width != self.width;
        if changed {
            self.width = width;
        }
        changed
    }

    fn copy(ctx: &Context<Self>, text: String) {
        let link = ctx.link().clone();
        clipboard::copy(text.clone(), move |copied| {
            link.send_message(Msg::Copied(copied, text));
        });
    }
}

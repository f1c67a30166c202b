//! The live side: the picture of a real cluster with its streams and what is selected there.
//!
//! The lab alone has one. The page with guards is opened for a scenario, and would weigh 10 kB more: there
//! [`LiveSide`] is a type without values, so whatever is done with one isn't part of that page.

use crate::{
    live::{
        picture::Picture,
        source::{ClusterInfo, Heard, Stream},
    },
    model::scene::{Scene, Selection},
};

/// A real cluster that the lab is attached to.
pub(crate) struct LiveSide {
    /// What is known.
    pub(crate) picture: Picture,
    /// Whether its nodes may be killed and restarted.
    pub(crate) control: bool,
    /// What is looked at.
    pub(crate) selected: Option<Selection>,
    /// How much time fills the lanes' width, in µs.
    pub(crate) span_us: f64,
    /// Events that this version can't read.
    pub(crate) unreadable: u64,
    info: ClusterInfo,
    streams: Vec<Stream>,
    #[cfg(all(feature = "guards", target_arch = "wasm32"))]
    _nowhere: std::convert::Infallible,
}

impl LiveSide {
    /// Knows of a cluster; listens only once it is shown.
    #[cfg(not(all(feature = "guards", target_arch = "wasm32")))]
    pub(crate) fn new(info: ClusterInfo) -> Self {
        /// How much time the lanes show at first, in µs.
        const SPAN_US: f64 = 4e6;
        Self {
            picture: Picture::new(info.nodes.iter().map(|node| node.id)),
            control: info.control,
            selected: None,
            span_us: SPAN_US,
            unreadable: 0,
            info,
            streams: Vec::new(),
        }
    }

    /// Opens the streams, or closes them: nobody pays for what isn't watched.
    pub(crate) fn attach(&mut self, on: bool, tell: impl Fn(Heard) + Clone + 'static) {
        if !on {
            self.streams.clear();
        } else if self.streams.is_empty() {
            self.streams = self
                .info
                .nodes
                .iter()
                .filter_map(|node| Stream::open(node, tell.clone()))
                .collect();
        }
    }

    /// Takes in what a stream says.
    pub(crate) fn hear(&mut self, heard: Heard) {
        let now_ms = js_sys::Date::now();
        match heard {
            Heard::Connection(node, open) => self.picture.connection(node, open, now_ms),
            Heard::Event(node, number, event) => self.picture.take(node, number, *event, now_ms),
            Heard::Hello(node, hello) => self.picture.hello(node, &hello, now_ms),
            Heard::Missed(node, missed) => self.picture.missed(node, missed),
            Heard::Unreadable => self.unreadable += 1,
        }
    }

    /// Everything that a painter needs.
    pub(crate) fn scene(&self, real_us: f64, still: bool) -> Scene<'_> {
        let now_us = self.picture.shown_us(real_us);
        let (first, last) = self.picture.chronicle.extent_us();
        let first = if first == 0 { now_us } else { first as f64 };
        Scene {
            chronicle: &self.picture.chronicle,
            faces: self.picture.faces(),
            clients: self.picture.clients(),
            now_us,
            steps: None,
            extent_us: (first.min(now_us), now_us.max(last as f64)),
            cuts: &[],
            selected: self.selected,
            still,
        }
    }
}

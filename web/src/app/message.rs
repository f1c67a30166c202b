//! Everything that can happen to the lab, and what it happens to.

use conclave_core::{
    ids::{ClientId, NodeId},
    sim::{Action, Scenario},
};

use crate::{
    keys::Meaning,
    live::source::Heard,
    model::{pace::Pace, ring::Point, scene::Selection},
    resilience,
    shelf::NotBrought,
    view::events::Filter,
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

/// Which picture of the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Picture {
    Ring,
    Lanes,
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
    Pick(String),
    /// A scenario came, or didn't.
    Brought(String, Result<Box<Scenario>, NotBrought>),
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
    /// What can be done to this, at this place of the window.
    Menu(Selection, Point),
    /// The same for what is under the pointer: in the picture, in the window.
    MenuAt(Picture, Point, Point),
    CloseMenu,
    LookInside,
    /// This band of what is agreed is looked at, or none.
    Peek(Option<usize>),
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
    #[cfg(not(all(feature = "guards", target_arch = "wasm32")))]
    Found(crate::live::source::ClusterInfo),
    Heard(Heard),
    LivePause,
    LiveControl(NodeId, &'static str),
    #[cfg_attr(
        not(any(feature = "guards", not(target_arch = "wasm32"))),
        allow(dead_code, reason = "nothing happens to guards where there are none")
    )]
    Guards(resilience::Msg),
}

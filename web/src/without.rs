//! What stands in for `resilience` in a build without guards: nothing to see, and nothing to do.

use conclave_core::{
    event::{Event, EventKind},
    ids::{ClientId, NodeId},
};
use yew::{html::Scope, prelude::*};

use crate::app::App;

/// There is none.
pub(crate) enum Msg {}

/// Nothing is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct History;

impl History {
    #[expect(clippy::unused_self, reason = "where there are guards, it keeps what they did")]
    pub(crate) fn push(&mut self, _: &Event) {}
}

pub(crate) fn update(_: &mut App, message: Msg, _: &Scope<App>) {
    match message {}
}

pub(crate) fn event(_: &EventKind) -> Option<(String, bool)> {
    None
}

pub(crate) fn cluster(_: &App, _: &Scope<App>) -> Html {
    Html::default()
}

pub(crate) fn node(_: &App, _: NodeId) -> Html {
    Html::default()
}

pub(crate) fn client(_: &App, _: ClientId) -> Html {
    Html::default()
}

//! The lab's panels: what the lab holds, as HTML. Each file is one panel.

pub(crate) mod actions;
pub(crate) mod branches;
pub(crate) mod events;
pub(crate) mod gallery;
pub(crate) mod header;
pub(crate) mod help;
pub(crate) mod inspect_message;
pub(crate) mod inspect_node;
pub(crate) mod inspector;
pub(crate) mod menu;
pub(crate) mod pane;
pub(crate) mod periods;
mod proof;
pub(crate) mod story;
pub(crate) mod tool;
pub(crate) mod transport;
pub(crate) mod trust;
pub(crate) mod verdict;

//! Real nodes, seen through the same eyes: their events, and nothing else.
//!
//! | file | holds |
//! |---|---|
//! | `picture` | events → what is known of each replica; bounded, freezable; no browser |
//! | `source` | where the events come from: `/api/cluster`, one event stream a node |
//! | `json`, `wire` | their JSON, read field by field |
//! | `view` | LIVE, PAUSED or STALE, and the nodes' buttons |

mod json;
pub(crate) mod picture;
pub(crate) mod source;
pub(crate) mod view;
mod wire;

//! One node: the core's node (a replica and its eyes) between its connections, its storage and whoever watches.
//!
//! ```text
//!  inbound connections ──checked──▶ inbox ──▶ driver: node ─────▶ outbound queues, client replies
//!                                               │      ▲
//!                                      records  ▼      │ durable up to
//!                                             storage ─┘
//!  everything that happens ──▶ Observer ──▶ events (ring), metrics ──▶ admin (HTTP)
//! ```
//!
//! | file | holds |
//! |---|---|
//! | `running` | [`Node`]: starts and stops all of it |
//! | `driver` | the one task that owns the core's node |
//! | `storage` | [`Storage`](storage::Storage), in memory or in a file |
//! | `journal` | the file: checksummed records, group commit, torn tails |
//! | `observer` | [`Observer`]: the one place where events become visible and are counted |
//! | `quiet` | how much of the log others can fill |
//! | `event_log` | the ring of recent events that viewers read |
//! | `metrics`, `families`, `guard_families`, `chaos_families` | every Prometheus family |
//! | `guard_board` | [`GuardBoard`]: what guards do, and an operator's way to them |
//! | `wishes` | [`Wishes`]: what people want of a running node, on its way to the driver |
//! | `clock` | [`Clock`]: microseconds since 1970, never backwards; [`WallClock`]: what agreed time follows |
//! | `docket` | [`DocketView`]: what all agree on about who lies, for people |
//! | `lying` | a node that lies, for development |
//! | `message_id` | names of messages that sender and receiver agree on |
//! | `status` | [`Status`]: where the node stands, for people and for readiness |
//! | `told` | what the log says to who runs it |

mod chaos_families;
mod clock;
mod docket;
mod driver;
mod event_log;
mod families;
mod guard_board;
mod guard_families;
mod journal;
#[cfg(feature = "lies")]
mod lying;
mod message_id;
mod metrics;
mod observer;
mod quiet;
mod running;
mod status;
pub mod storage;
mod told;
mod wishes;

pub use clock::{Clock, MAX_SLEW, READ_EVERY, WallClock};
pub use docket::{Decision, DocketView, Listed};
pub use event_log::{EventLog, Read};
pub use guard_board::{DialingSeen, GuardBoard, GuardsSeen, NotDone};
#[cfg(feature = "lies")]
pub use lying::lie_from_now_on;
pub use message_id::message_id;
pub use metrics::Metrics;
pub use observer::{ConnectionKind, CountedConnection, Observer, RefusedAs};
pub use running::{Node, NodeError, NodeOptions};
pub use status::{NotReady, Status, StatusBoard};
pub use wishes::{Stopping, Wishes};

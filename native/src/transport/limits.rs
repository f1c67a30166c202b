//! Every bound of the transport, with its reason.

use std::time::Duration;

use conclave_core::{
    ids::Principal,
    pbft::{MAX_MESSAGE_BYTES, MAX_OPERATION_BYTES},
};

/// What stands around an operation in a request, or around a result in a reply: numbers and a
/// signature. Generously rounded up.
const REQUEST_OVERHEAD_BYTES: usize = 512;

/// The longest frame that a client may send or be sent.
pub const MAX_CLIENT_FRAME_BYTES: usize = MAX_OPERATION_BYTES + REQUEST_OVERHEAD_BYTES;

/// The longest frame that a node may send to a node.
pub const MAX_NODE_FRAME_BYTES: usize = MAX_MESSAGE_BYTES;

/// The longest frame that may come from `sender`.
pub const fn max_frame_bytes(sender: Principal) -> usize {
    match sender {
        Principal::Node(_) => MAX_NODE_FRAME_BYTES,
        Principal::Client(_) => MAX_CLIENT_FRAME_BYTES,
    }
}

/// From TCP accept to an authenticated peer. A slow wide-area handshake takes two round trips.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection says at least a keepalive this often,
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// or it is taken for dead: three keepalives were missed.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest that one frame may take from its first byte to its last: 64 MiB at 1 MiB/s.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(64);
/// A write that makes no progress for so long ends the connection.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// Handshakes under way at once, the only work that strangers can cause.
pub const MAX_HANDSHAKES: usize = 64;
/// Connections of one client at once: a second one while the first is still closing.
pub const MAX_CONNECTIONS_PER_CLIENT: usize = 4;
/// Client connections at once, all together.
pub const MAX_CLIENT_CONNECTIONS: usize = 1_024;

/// Bytes waiting for one peer: twice the longest message, so that one always fits behind another.
pub const MAX_QUEUED_BYTES: usize = 2 * MAX_NODE_FRAME_BYTES;
/// Replies waiting for one client connection: it has one request under way, so few.
pub const MAX_QUEUED_REPLIES: usize = 64;

/// Messages that are checked and wait for the protocol, of all connections together. Each
/// connection waits with at most one more, in turn, so a flood from one can't crowd out another.
pub const MAX_INBOX_MESSAGES: usize = 512;
/// Bytes of one connection that are read and not yet handled by the protocol.
pub const MAX_UNHANDLED_BYTES: usize = MAX_NODE_FRAME_BYTES;

/// Wait before the first reconnect; doubles up to [`MAX_BACKOFF`], with jitter.
pub const MIN_BACKOFF: Duration = Duration::from_millis(100);
/// A peer that comes back is found within this time.
pub const MAX_BACKOFF: Duration = Duration::from_secs(3);

/// From this length on a message is checked on the blocking pool: checking many signatures takes
/// milliseconds, in which other connections' tasks should go on.
pub const CHECK_ELSEWHERE_BYTES: usize = 2_048;

/// False replies that a client shows are looked at this often, each connection's by itself: one takes
/// as many checks of signatures as f+2 requests do.
pub const TESTIMONY_INTERVAL: Duration = Duration::from_secs(1);

const _: () = assert!(MAX_CLIENT_FRAME_BYTES < MAX_NODE_FRAME_BYTES);
const _: () = assert!(KEEPALIVE_INTERVAL.as_secs() * 3 < IDLE_TIMEOUT.as_secs());

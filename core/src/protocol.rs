//! The contract between an ordering protocol and whoever hosts it: a simulator or a real node.
//!
//! A protocol is a value. It does no I/O, has no clock and no randomness of its own; the host
//! brings all of that, and the same inputs give the same outputs everywhere.
//!
//! # How to drive one
//!
//! 1. Call [`Protocol::handle`] with the time and one [`Input`]. Time never goes backwards.
//! 2. Call [`Protocol::poll_effect`] until it returns `None`; do what it says, in order.
//! 3. Once records are safe on disk, say so: [`Input::Durable`]. Go to 2.
//! 4. When the time of [`Protocol::deadline`] has come, handle an [`Input::Tick`].
//!
//! ```text
//!   message, request, durable, tick          persist, send, reply, event
//!   ───────────────────────────────▶ handle ─────────────────────────────▶ poll_effect
//! ```
//!
//! # Durability
//!
//! Whatever must not be forgotten is handed out as [`Effect::Persist`], numbered from 1. Every send
//! and reply that came after it is *held back inside the protocol* until the host reports the
//! record durable, so a host can't get the order wrong, and may group many records into one sync.

use alloc::boxed::Box;

use serde::Serialize;

use crate::{
    crypto::{Digest, Refusal, Verified},
    event::EventKind,
    ids::{ClientId, NodeId},
    pbft::{Message, Record},
    time::Time,
};

/// Numbers a record of one replica's life, from 1. 0: none.
pub type RecordNumber = u64;

/// What a protocol is told.
#[derive(Clone, Debug)]
pub enum Input {
    /// A replica said something. `from` is whom the link authenticated.
    Message {
        /// Who sent it (not always who signed it).
        from: NodeId,
        /// What, already checked.
        message: Verified<Message>,
    },
    /// What a client says itself: a request, a read, a question for the ends of epochs, or proof of a
    /// false reply. Anything else is ignored.
    Request(Verified<Message>),
    /// What a replica said was turned away: it may be evidence against its author, and it is a
    /// signal about whom the link authenticated.
    Refused {
        /// Whose link it came by.
        from: NodeId,
        /// What it says.
        message: Box<Message>,
        /// What is wrong with it.
        why: Refusal,
    },
    /// What came by this replica's link is no message at all.
    Unreadable {
        /// Whose link it is.
        from: NodeId,
    },
    /// Every record up to and including this number is on disk.
    Durable(RecordNumber),
    /// Time has passed.
    Tick,
}

/// For whom a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum To {
    /// Every other replica.
    Others,
    /// One replica.
    Node(NodeId),
}

/// What a protocol wants done.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Write this record to the disk, then report it with [`Input::Durable`].
    Persist(RecordNumber, Box<Record>),
    /// Send.
    Send {
        /// To whom.
        to: To,
        /// What.
        message: Message,
    },
    /// Answer a client, if it can be reached.
    Reply {
        /// Whom.
        client: ClientId,
        /// With what: a reply, the answer to a read, or the ends of epochs.
        message: Message,
    },
    /// For everyone who watches.
    Event(EventKind),
}

/// An ordering protocol.
pub trait Protocol {
    /// Takes one input.
    fn handle(&mut self, now: Time, input: Input);

    /// The next thing to do, if any.
    fn poll_effect(&mut self) -> Option<Effect>;

    /// When it next wants a tick, if ever.
    fn deadline(&self) -> Option<Time>;

    /// A digest of everything that decides its future behaviour: equal states, equal futures.
    fn state_hash(&self) -> Digest;
}

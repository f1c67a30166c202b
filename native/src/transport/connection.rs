//! One connection: reads frames, checks what they hold, and hands it to the protocol's inbox in the
//! order it came.
//!
//! Checking signatures happens here, in parallel for different peers and never on the protocol's
//! task. The inbox is bounded and fair: each connection waits in line with one message at a time.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use conclave_core::{
    crypto::{Digest, Refusal, Verified},
    detector::evidence::Evidence,
    ids::{ClientId, MessageId, Principal},
    pbft::{DecodeError, Message},
};
use tokio::{
    io::AsyncRead,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep, sleep_until},
};

use super::{
    asked::{self, Fate},
    disturbed::broken,
    frame::{FrameError, FrameReader},
    inbound::Listening,
    limits::{CHECK_ELSEWHERE_BYTES, MAX_UNHANDLED_BYTES, TESTIMONY_INTERVAL},
};
use crate::node::{RefusedAs, message_id};

/// What came on a connection.
#[derive(Debug)]
pub enum Arrived {
    /// A message that was checked.
    Message {
        /// Its name among events.
        id: MessageId,
        /// What it says.
        message: Verified<Message>,
    },
    /// One that was turned away: it may be evidence against its author.
    Refused {
        /// What it says.
        message: Box<Message>,
        /// What is wrong with it.
        why: Refusal,
    },
    /// What no node may say, or no message at all.
    Unreadable,
}

/// What came, on its way to the protocol.
#[derive(Debug)]
pub struct Inbound {
    /// Whom the connection authenticated.
    pub from: Principal,
    /// What came.
    pub what: Arrived,
    /// The room it takes among what its sender may have unhandled.
    _room: OwnedSemaphorePermit,
}

/// Room is counted in units of this many bytes, rounded up.
const ROOM_UNIT: usize = 1_024;
/// After something that no correct node sends, its connection is read only after a pause: it
/// doubles with each further one up to this.
const MAX_PAUSE: Duration = Duration::from_secs(3);
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// One authenticated connection, read.
pub(super) struct Connection<'a, R> {
    from: Principal,
    reader: FrameReader<R>,
    shared: &'a Listening,
    room: Arc<Semaphore>,
    /// Refused messages that no good ones have made up for yet.
    strikes: u32,
    /// When a client last showed a false reply.
    testified: Option<Instant>,
}

impl<'a, R: AsyncRead + Unpin> Connection<'a, R> {
    pub(super) fn new(from: Principal, reader: FrameReader<R>, shared: &'a Listening) -> Self {
        let room = Arc::new(Semaphore::new(MAX_UNHANDLED_BYTES / ROOM_UNIT + 1));
        Self { from, reader, shared, room, strikes: 0, testified: None }
    }

    pub(super) async fn run(&mut self) {
        loop {
            match self.next().await {
                Ok(Heard::Message(inbound)) => {
                    self.strikes = self.strikes.saturating_sub(1);
                    if self.shared.inbox.send(inbound).await.is_err() {
                        return; // the node is stopping
                    }
                }
                Ok(Heard::OfAnotherEpoch | Heard::CutOff | Heard::TooSoon) => {}
                // A client that errs has to come back; a node's honest messages may follow.
                Ok(Heard::Refused(_)) if matches!(self.from, Principal::Client(_)) => return,
                Ok(Heard::Refused(inbound)) => {
                    if self.shared.inbox.send(inbound).await.is_err() {
                        return; // the node is stopping
                    }
                    let pause = FIRST_PAUSE * (1 << self.strikes.min(10));
                    self.strikes = self.strikes.saturating_add(1);
                    sleep(pause.min(MAX_PAUSE)).await;
                }
                // People look for lost nodes; clients come and go.
                Err(why) if why.is_end() && matches!(self.from, Principal::Client(_)) => {
                    tracing::debug!(from = %self.from, "closed its connection");
                    return;
                }
                Err(why) if why.is_end() => {
                    tracing::info!(from = %self.from, "closed its connection");
                    return;
                }
                Err(why @ FrameError::TooLong { .. }) => {
                    self.shared.observer.refused(self.from, RefusedAs::Frame, &why);
                    return;
                }
                Err(why) => {
                    tracing::info!(from = %self.from, %why, "connection lost");
                    return;
                }
            }
        }
    }

    /// The next message.
    async fn next(&mut self) -> Result<Heard, FrameError> {
        let announced = self.announced().await?;
        match self.from {
            Principal::Client(client) => self.pace(client).await,
            Principal::Node(node) => self.shared.restraint.pace(node, announced).await,
        }
        // Before the frame is read: a sender that is ahead of the protocol waits in its own socket.
        let units = announced.div_ceil(ROOM_UNIT) as u32; // at most 64 Ki
        let room = self.room(units).await?;
        let bytes = self.reader.body(announced).await?;
        if self.is_cut_off() {
            return Ok(Heard::CutOff);
        }
        self.shared.observer.received_bytes(bytes.len());
        let own = self.shared.tls.own();
        match self.check(bytes).await {
            Ok((digest, message)) => {
                let id = message_id(&digest, self.from, own);
                let from = self.from;
                let of = |message, room| {
                    let what = Arrived::Message { id, message };
                    Inbound { from, what, _room: room }
                };
                match self.fate(&message).await {
                    Fate::HandedOver => Ok(Heard::Message(of(message, room))),
                    Fate::Twice => {
                        self.hand_over(of(message.clone(), room)).await?;
                        Ok(Heard::Message(of(message, self.room(units).await?)))
                    }
                    Fate::Lost => Ok(Heard::CutOff),
                    Fate::Damaged => {
                        let why = DecodeError::Malformed.to_string();
                        Ok(self.turned_away(RefusedAs::Encoding, &why, Arrived::Unreadable, room))
                    }
                    Fate::Breaks => Err(broken().into()),
                }
            }
            Err((what, why, arrived)) => Ok(self.turned_away(what, &why, arrived, room)),
        }
    }

    fn turned_away(
        &self,
        what: RefusedAs,
        why: &str,
        arrived: Arrived,
        room: OwnedSemaphorePermit,
    ) -> Heard {
        self.shared.observer.refused(self.from, what, &why);
        match what {
            RefusedAs::Epoch => Heard::OfAnotherEpoch,
            RefusedAs::Haste => Heard::TooSoon,
            _ => Heard::Refused(Inbound { from: self.from, what: arrived, _room: room }),
        }
    }

    /// What an experiment makes of it; only what a client wants to have ordered is looked at.
    async fn fate(&self, message: &Message) -> Fate {
        match (self.from, message) {
            (Principal::Client(_), Message::Request(request)) => {
                asked::fate(&self.shared.chaos, request.body.id).await
            }
            _ => Fate::HandedOver,
        }
    }

    async fn room(&self, units: u32) -> Result<OwnedSemaphorePermit, FrameError> {
        let room = self.room.clone().acquire_many_owned(units).await;
        room.map_err(|_| FrameError::Closed) // the semaphore is never closed
    }

    /// An error if the node is stopping.
    async fn hand_over(&self, inbound: Inbound) -> Result<(), FrameError> {
        self.shared.inbox.send(inbound).await.map_err(|_| FrameError::Closed)
    }

    /// The length of the next message. Whatever a peer sends before, it is there.
    async fn announced(&mut self) -> Result<usize, FrameError> {
        loop {
            let announced = self.reader.header().await?;
            if let Principal::Node(node) = self.from
                && !self.is_cut_off()
            {
                self.shared.health.heard(node);
            }
            if announced > 0 {
                return Ok(announced);
            }
        }
    }

    /// Whether an experiment has it that nothing comes from there.
    fn is_cut_off(&self) -> bool {
        matches!(self.from, Principal::Node(node) if self.shared.chaos.cuts_off(node))
    }

    /// Returns when a client may be heard.
    async fn pace(&self, client: ClientId) {
        let mut held_back = false;
        while let Some(until) = self.shared.clients.held_until(client) {
            held_back = true;
            sleep_until(until.into()).await;
        }
        self.shared.observer.heard_client(held_back);
    }

    async fn check(
        &mut self,
        bytes: Bytes,
    ) -> Result<(Digest, Verified<Message>), (RefusedAs, String, Arrived)> {
        let (from, trust) = (self.from, self.shared.trust.clone());
        let heavy = bytes.len() >= CHECK_ELSEWHERE_BYTES;
        let soon = self.testified.is_some_and(|last| last.elapsed() < TESTIMONY_INTERVAL);
        let work = move || {
            let message = Message::decode(&bytes)
                .map_err(|why| (RefusedAs::Encoding, why.to_string(), Arrived::Unreadable))?;
            may_say(from, &message)
                .map_err(|why| (RefusedAs::Role, why.to_owned(), Arrived::Unreadable))?;
            if soon && is_testimony(from, &message) {
                let why = "it shows false replies faster than once a second".to_owned();
                return Err((RefusedAs::Haste, why, Arrived::Unreadable));
            }
            let message = trust.verify(message.clone()).map_err(|why| {
                let what = match why {
                    Refusal::Epoch { .. } => RefusedAs::Epoch,
                    _ => RefusedAs::Content,
                };
                (what, why.to_string(), Arrived::Refused { message: message.into(), why })
            })?;
            Ok((Digest::of_bytes(&bytes), message))
        };
        let checked = if heavy {
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
                let why = "it could not be checked".into();
                Err((RefusedAs::Content, why, Arrived::Unreadable))
            })
        } else {
            work()
        };
        if checked.as_ref().is_ok_and(|(_, message)| is_testimony(from, message)) {
            self.testified = Some(Instant::now());
        }
        checked
    }
}

/// A client that shows a false reply: it takes as many checks of signatures as f+2 requests do.
fn is_testimony(from: Principal, message: &Message) -> bool {
    matches!((from, message), (Principal::Client(_), Message::Evidence(_)))
}

/// What came of reading a message.
enum Heard {
    Message(Inbound),
    /// No correct node sends it.
    Refused(Inbound),
    /// Correct nodes do send it: they don't all turn to a new epoch in the same moment. Whoever is
    /// behind asks for the proof by itself.
    OfAnotherEpoch,
    /// A client shows false replies faster than they are looked at. It will see more of them.
    TooSoon,
    /// It was said, and an experiment has it that it never came.
    CutOff,
}

/// Who may say what, as far as the connection alone can tell.
fn may_say(from: Principal, message: &Message) -> Result<(), &'static str> {
    match (from, message) {
        (Principal::Client(_), Message::Request(request)) if request.by == from => Ok(()),
        (Principal::Client(_), Message::Read(read)) if read.by == from => Ok(()),
        (Principal::Client(_), Message::FetchEpochEnds(fetch)) if fetch.by == from => Ok(()),
        (Principal::Client(client), Message::Evidence(evidence)) => match &**evidence {
            Evidence::Reply(reply, _) if reply.body.id.client == client => Ok(()),
            _ => Err("a client may only show replies, and only those to itself"),
        },
        (
            Principal::Client(_),
            Message::Request(_) | Message::Read(_) | Message::FetchEpochEnds(_),
        ) => Err("a request signed by somebody else"),
        (Principal::Client(_), _) => Err("a client may only send requests and false replies"),
        (Principal::Node(_), Message::Reply(_) | Message::ReadReply(_) | Message::Busy(_)) => {
            Err("replies are for clients")
        }
        (Principal::Node(_), Message::Read(_) | Message::FetchEpochEnds(_)) => {
            Err("reads come from clients themselves")
        }
        (Principal::Node(_), _) => Ok(()),
    }
}

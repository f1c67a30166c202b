//! Client sessions: the last request of each client and its answer, for exactly-once.
//!
//! "Replicas discard requests whose timestamp is lower than the timestamp in the last reply they
//! sent to the client to guarantee exactly-once semantics" (OSDI'99 §4.1). The table is part of
//! the replicated state: checkpoints cover it, piece by piece, and state transfer carries it.
//!
//! The paper leaves the table as long as there are clients. Here it holds at most
//! `Config::max_sessions`; where one more would be too many, those with the *oldest timestamps* give
//! way, a sixteenth at once. So that their requests don't execute twice, the newest of those timestamps
//! raises a *floor* for all who have no session: their requests must be newer than any that was ever
//! forgotten. Clients take their timestamps from their clocks, so only one whose clock is behind by as
//! long as the oldest session is old is kept out, until its clock gets there. A client that signs a
//! timestamp from the far future keeps out nobody but itself: its session is the last to be forgotten.
//!
//! Memory: `max_sessions` × ([`MAX_RESULT_BYTES`] + some 64 bytes).

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{
    app::{BadPiece, MAX_VALUE_BYTES},
    crypto::{decode, encode},
    ids::{ClientId, RequestId, Timestamp},
    sorted::{SortedMap, SortedSet},
    state::Section,
};

/// The longest result that is kept and answered. Longer ones never come from the key-value store;
/// an application that gives one has it replaced by an empty one, on every replica alike.
pub const MAX_RESULT_BYTES: usize = 32 * 1024;

const _: () = assert!(MAX_VALUE_BYTES + 64 <= MAX_RESULT_BYTES, "every value can be answered");

/// Over how many pieces of the state clients are spread: what one client does makes one piece be
/// hashed again, which holds one in 256 of all sessions.
const PIECES: u64 = Section::Sessions.pieces() as u64;

/// One of so many sessions gives way where there is no room, and not one alone: all are looked through
/// for that, which is too much to do for every new client.
const GIVES_WAY: usize = 16;

/// One client's last executed request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    last: Timestamp,
    #[serde(with = "serde_bytes")]
    result: Vec<u8>,
}

type Piece = SortedMap<ClientId, Session>;

/// Every client's. Pieces are shared between clones until they change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Sessions {
    pieces: SortedMap<u32, Arc<Piece>>,
    /// The newest timestamp that was ever forgotten.
    floor: Timestamp,
    /// How many there are. Follows from the pieces.
    #[serde(skip)]
    count: usize,
    #[serde(skip)]
    changed: SortedSet<u32>,
}

/// What is known of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// Newer than anything executed for its client.
    New,
    /// Exactly the last one executed: its answer.
    Answered(&'a [u8]),
    /// Older than the last one executed, or than one that was forgotten.
    Stale,
}

fn piece_of(client: ClientId) -> u32 {
    (client.0 % PIECES) as u32
}

impl Sessions {
    fn session(&self, client: ClientId) -> Option<&Session> {
        self.pieces.get(&piece_of(client))?.get(&client)
    }

    /// What is known of this request.
    pub fn lookup(&self, id: RequestId) -> Known<'_> {
        match self.session(id.client) {
            Some(session) if id.timestamp == session.last => Known::Answered(&session.result),
            Some(session) if id.timestamp < session.last => Known::Stale,
            None if id.timestamp <= self.floor => Known::Stale,
            _ => Known::New,
        }
    }

    /// The timestamp of a client's last executed request; 0: it has no session.
    pub(crate) fn last(&self, client: ClientId) -> Timestamp {
        self.session(client).map(|session| session.last).unwrap_or_default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody was answered anything.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Records the answer to a request that was new, and forgets whom there is no room for.
    pub(crate) fn record(&mut self, id: RequestId, result: Vec<u8>, max_sessions: usize) {
        let session = Session { last: id.timestamp, result };
        if self.piece_mut(id.client).insert(id.client, session).is_none() {
            self.count += 1;
        }
        if self.count > max_sessions {
            let too_many = self.count - max_sessions;
            self.forget(too_many + max_sessions / GIVES_WAY, id.client);
        }
    }

    /// Forgets so many of those with the oldest timestamps; but not the one that was just answered,
    /// who may ask for its answer again.
    fn forget(&mut self, how_many: usize, but: ClientId) {
        let all = self.pieces.values().flat_map(|piece| piece.iter());
        let mut by_age: Vec<_> = all
            .filter(|(client, _)| **client != but)
            .map(|(client, session)| (session.last, *client))
            .collect();
        by_age.sort_unstable();
        for (last, client) in by_age.into_iter().take(how_many) {
            self.piece_mut(client).remove(&client);
            self.floor = self.floor.max(last);
            self.count -= 1;
        }
    }

    fn piece_mut(&mut self, client: ClientId) -> &mut Piece {
        let index = piece_of(client);
        self.changed.insert(index);
        Arc::make_mut(self.pieces.entry(index).or_default())
    }

    /// The canonical bytes of a piece. `None`: empty.
    pub(crate) fn piece(&self, index: u32) -> Option<Vec<u8>> {
        self.pieces.get(&index).filter(|piece| !piece.is_empty()).map(|piece| encode(&**piece))
    }

    /// Replaces a piece; `None` empties it.
    pub(crate) fn install(&mut self, index: u32, bytes: Option<&[u8]>) -> Result<(), BadPiece> {
        let new: Piece = match bytes.map(decode::<Piece>) {
            None => Piece::new(),
            Some(Some(piece)) if piece.keys().all(|client| piece_of(*client) == index) => piece,
            Some(_) => return Err(BadPiece { index }),
        };
        self.count += new.len();
        if let Some(old) = self.pieces.insert(index, Arc::new(new)) {
            self.count -= old.len();
        }
        self.changed.insert(index);
        Ok(())
    }

    pub(crate) fn floor(&self) -> Timestamp {
        self.floor
    }

    pub(crate) fn set_floor(&mut self, floor: Timestamp) {
        self.floor = floor;
    }

    /// The pieces that may have changed since [`Sessions::forget_changes`].
    pub(crate) fn changed(&self) -> &SortedSet<u32> {
        &self.changed
    }

    pub(crate) fn forget_changes(&mut self) {
        self.changed.clear();
    }
}

/// A result as it is kept and answered: see [`MAX_RESULT_BYTES`].
pub(crate) fn bounded(result: Vec<u8>) -> Vec<u8> {
    if result.len() > MAX_RESULT_BYTES { Vec::new() } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(client: u64, timestamp: u64) -> RequestId {
        RequestId { client: ClientId(client), timestamp: Timestamp(timestamp) }
    }

    fn moved(sessions: &Sessions) -> Sessions {
        let mut other = Sessions::default();
        for index in 0..Section::Sessions.pieces() {
            other.install(index, sessions.piece(index).as_deref()).unwrap();
        }
        other.set_floor(sessions.floor());
        other
    }

    #[test]
    fn a_request_is_new_once() {
        let mut sessions = Sessions::default();
        assert_eq!(sessions.lookup(id(1, 5)), Known::New);
        sessions.record(id(1, 5), b"done".to_vec(), 10);
        assert_eq!(sessions.lookup(id(1, 5)), Known::Answered(b"done"));
        assert_eq!(sessions.lookup(id(1, 4)), Known::Stale);
        assert_eq!(sessions.lookup(id(1, 6)), Known::New);
    }

    #[test]
    fn the_session_with_the_oldest_timestamp_gives_way() {
        let mut sessions = Sessions::default();
        for client in 1..=3 {
            sessions.record(id(client, client), Vec::new(), 3);
        }
        sessions.record(id(1, 10), Vec::new(), 3); // 2 is the oldest now
        sessions.record(id(4, 20), Vec::new(), 3);
        assert_eq!(sessions.len(), 3);
        assert_eq!(sessions.lookup(id(1, 10)), Known::Answered(b""));
        assert_eq!(sessions.lookup(id(3, 3)), Known::Answered(b""));
        assert_eq!(sessions.lookup(id(2, 2)), Known::Stale);
    }

    #[test]
    fn timestamps_from_the_far_future_keep_nobody_else_out() {
        let (room, liars) = (64, 20);
        let mut sessions = Sessions::default();
        for liar in 0..liars {
            sessions.record(id(liar, u64::MAX - liar), Vec::new(), room);
        }
        for now in 1..5_000 {
            let honest = id(1_000 + now * 7 % 900, now);
            assert_eq!(sessions.lookup(honest), Known::New);
            sessions.record(honest, b"done".to_vec(), room);
            assert_eq!(sessions.lookup(honest), Known::Answered(b"done"));
            assert!(sessions.len() <= room);
        }
        for liar in 0..liars {
            assert_eq!(sessions.lookup(id(liar, u64::MAX - liar)), Known::Answered(b""));
        }
    }

    #[test]
    fn room_is_made_for_many_at_once() {
        let mut sessions = Sessions::default();
        for client in 0..=64 {
            sessions.record(id(client, client + 1), Vec::new(), 64);
        }
        assert_eq!(sessions.len(), 60, "one too many, and a sixteenth of 64");
        assert_eq!(sessions.lookup(id(4, 5)), Known::Stale);
        assert_eq!(sessions.lookup(id(5, 6)), Known::Answered(b""));
    }

    #[test]
    fn what_was_executed_stays_executed_after_its_session_is_forgotten() {
        let mut sessions = Sessions::default();
        sessions.record(id(1, 50), Vec::new(), 1);
        sessions.record(id(2, 10), Vec::new(), 1);
        for timestamp in 0..=50 {
            assert_eq!(sessions.lookup(id(1, timestamp)), Known::Stale);
            assert_eq!(sessions.lookup(id(3, timestamp)), Known::Stale, "nor whoever is new");
        }
        assert_eq!(sessions.lookup(id(1, 51)), Known::New);
        assert_eq!(sessions.lookup(id(2, 11)), Known::New, "its session is there");
    }

    #[test]
    fn who_gives_way_is_the_same_after_a_transfer_piece_by_piece() {
        let mut sessions = Sessions::default();
        for now in 1..2_000_u64 {
            sessions.record(id(now * 7 % 600, now), Vec::new(), 500);
        }
        let mut other = moved(&sessions);
        for now in 2_000..4_000_u64 {
            for table in [&mut sessions, &mut other] {
                table.record(id(now * 11 % 900, now), Vec::new(), 500);
            }
        }
        for index in 0..Section::Sessions.pieces() {
            assert_eq!(sessions.piece(index), other.piece(index));
        }
        assert_eq!((sessions.floor(), sessions.len()), (other.floor(), other.len()));
    }

    #[test]
    fn a_piece_of_other_clients_is_refused() {
        let mut sessions = Sessions::default();
        sessions.record(id(1, 1), Vec::new(), 9);
        let piece = sessions.piece(1).unwrap();
        let mut other = Sessions::default();
        assert_eq!(other.install(2, Some(&piece)), Err(BadPiece { index: 2 }));
        assert_eq!(other.install(1, Some(&piece[1..])), Err(BadPiece { index: 1 }));
        assert!(other.is_empty());
    }
}

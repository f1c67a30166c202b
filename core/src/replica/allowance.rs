//! What a peer may cost: every kind of work that a message makes here, beyond looking at it, has a
//! bound for each peer, so that one that floods costs only itself.
//!
//! | work | in half a status interval | a correct peer needs |
//! |---|---|---|
//! | answer its status | [`ANSWERS`] | one an interval |
//! | look up a content that it fetches | [`FETCHES`] | those of one answer an interval |
//! | take up its view change | [`VIEW_CHANGES`] | one, and one more for each view that it skips |
//! | show it proofs that it lacks | [`SHOWN`] | one for each status |
//! | judge a proof of another epoch | [`JUDGED`] | those of one answer, while an epoch turns |
//! | order what it says of others | [`SAID`] | one, and the same again |
//! | say for it that it lost its memory | [`VOUCHED`] | one |
//!
//! Of whom the docket restrains, all of it is for [`RESTRAINED`] times as long.
//!
//! What is refused is lost, as a network may lose it, and asked for again. Votes, checkpoints and
//! proposals need no allowance: there is one place for each, taken once (see the room's map).

use core::time::Duration;

use serde::Serialize;

use super::repair::POSITIONS_PER_ANSWER;
use crate::{ids::NodeId, sorted::SortedMap, time::Time};

/// Statuses that are answered.
const ANSWERS: u16 = 1;
/// Contents that are looked up: those of two answers, for fetches come in bursts.
const FETCHES: u16 = 2 * POSITIONS_PER_ANSWER as u16;
/// View changes that are taken up.
const VIEW_CHANGES: u16 = 4;
/// Times that proofs are shown.
const SHOWN: u16 = 1;
/// Proofs of other epochs that are judged: those of one answer.
const JUDGED: u16 = 4;
/// New statements to the docket that are taken up. The same one again costs nothing.
const SAID: u16 = 2;
/// Times that it is vouched for.
const VOUCHED: u16 = 1;
/// How many times as long who is restrained waits for the same.
pub(super) const RESTRAINED: u32 = 4;

/// What a peer can make this replica do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Work {
    Answer,
    Fetch,
    ViewChange,
    Show,
    Judge,
    Say,
    Vouch,
}

impl Work {
    const fn limit(self) -> u16 {
        match self {
            Self::Answer => ANSWERS,
            Self::Fetch => FETCHES,
            Self::ViewChange => VIEW_CHANGES,
            Self::Show => SHOWN,
            Self::Judge => JUDGED,
            Self::Say => SAID,
            Self::Vouch => VOUCHED,
        }
    }
}

/// What a peer has cost since `began`.
#[derive(Clone, Copy, Debug, Serialize)]
struct Spent {
    began: Time,
    work: [u16; 7],
}

/// Each peer's. Bounded by the number of peers.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Allowances(SortedMap<NodeId, Spent>);

impl Allowances {
    /// Whether the peer may cost this once more; if so, it has.
    pub(crate) fn take(&mut self, peer: NodeId, work: Work, now: Time, window: Duration) -> bool {
        let fresh = Spent { began: now, work: [0; 7] };
        let spent = self.0.entry(peer).or_insert(fresh);
        if spent.began + window <= now {
            *spent = fresh;
        }
        let count = &mut spent.work[work as usize];
        let allowed = *count < work.limit();
        *count += u16::from(allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_work_has_its_bound_for_each_peer_and_comes_back() {
        let window = Duration::from_millis(100);
        let mut allowances = Allowances::default();
        let mut granted = |peer: u16, work, now| {
            let now = Time::from_millis(now);
            (0..1_000).filter(|_| allowances.take(NodeId(peer), work, now, window)).count()
        };
        assert_eq!(granted(1, Work::Answer, 5), 1);
        assert_eq!(granted(1, Work::Fetch, 6), 32);
        assert_eq!(granted(1, Work::ViewChange, 6), 4);
        assert_eq!(granted(2, Work::Answer, 7), 1, "another peer's is its own");
        assert_eq!(granted(1, Work::Answer, 104), 0);
        assert_eq!(granted(1, Work::Answer, 105), 1);
        assert_eq!(granted(1, Work::Fetch, 105), 32);
    }
}

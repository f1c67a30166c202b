//! The lives of members: who lost its memory, and since which epoch it may speak again (the replica's
//! `renewal`, with the argument). What members say of each other's lives, and what came of it.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{ids::NodeId, quorum::Membership, time::WallTime};

/// A member that was renewed is renewed again after so much agreed time, and each further time after
/// twice as much as before. An epoch costs all of them something, and its end is kept.
pub(super) const AGAIN_MS: u64 = 10_000;
/// So often that doubles: to most of a day.
const DOUBLINGS: u32 = 12;
/// Who wasn't renewed for so long is as if it never had been.
const FORGIVEN_MS: u64 = 24 * 60 * 60 * 1_000;

/// What a member says of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wish {
    /// Who asks,
    pub(super) member: NodeId,
    /// by whose word,
    pub(super) by: NodeId,
    /// for which life.
    pub(super) life: u64,
    /// When that was said.
    pub(super) at: WallTime,
}

/// The life of a member that was ever renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Life {
    member: NodeId,
    number: u64,
    /// Since when.
    since: WallTime,
    /// How often it was renewed in short order before.
    before: u32,
}

/// Bounded: a life for each member, and of each member at most 2*f* wishes: f may lie and ask without
/// need, and f may have lost their memory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Renewals {
    lives: Vec<Life>,
    /// In the order of whom they are for, and then of who has them.
    wishes: Vec<Wish>,
}

impl Renewals {
    fn known(&self, member: NodeId) -> Option<&Life> {
        self.lives.iter().find(|life| life.member == member)
    }

    /// The life of a member that counts in this epoch; 0: its first.
    pub(super) fn life(&self, member: NodeId) -> u64 {
        self.known(member).map_or(0, |life| life.number)
    }

    fn find(&self, by: NodeId, member: NodeId) -> Result<usize, usize> {
        self.wishes.binary_search_by_key(&(member, by), |wish| (wish.member, wish.by))
    }

    /// What one member says of another.
    pub(super) fn wish(&self, by: NodeId, member: NodeId) -> Option<Wish> {
        self.find(by, member).ok().map(|at| self.wishes[at])
    }

    /// A member says that another asks for a life.
    pub(super) fn hear(&mut self, members: Membership, wish: Wish) {
        let Wish { member, by, life, .. } = wish;
        if by == member || !members.contains(member) || life <= self.life(member) {
            return;
        }
        match self.find(by, member) {
            Ok(at) => self.wishes[at] = wish,
            Err(at) => {
                let others = self.wishes.iter().filter(|wish| wish.by == by).count();
                if others < 2 * usize::from(members.f()) {
                    self.wishes.insert(at, wish);
                }
            }
        }
    }

    /// Of whom f+1 others say that it asks for a life, for which, and since when.
    fn supported(&self, members: Membership) -> Vec<(NodeId, u64, WallTime)> {
        let mut supported = Vec::new();
        for wishes in self.wishes.chunk_by(|one, next| one.member == next.member) {
            for wish in wishes {
                let alike = wishes.iter().filter(|it| it.life == wish.life).map(|it| it.at);
                if alike.clone().count() >= members.weak()
                    && let Some(since) = alike.max()
                {
                    supported.push((wish.member, wish.life, since));
                }
            }
        }
        supported
    }

    /// When an epoch is next to end for somebody's new life. `None`: nobody waits for one.
    pub(super) fn due(&self, members: Membership) -> Option<WallTime> {
        let due = |(member, _, since): (NodeId, u64, WallTime)| {
            self.known(member).map_or(since, |life| {
                let wait = AGAIN_MS << life.before.min(DOUBLINGS);
                since.max(life.since.after_ms(wait))
            })
        };
        self.supported(members).into_iter().map(due).min()
    }

    /// An epoch of `members` ended, whatever for: in the next one the lives count that f+1 say.
    pub(super) fn turn(&mut self, members: Membership, next: Membership, now: WallTime) {
        for (member, number, _) in self.supported(members) {
            let last = self.known(member).copied();
            let recent = last.filter(|last| now < last.since.after_ms(FORGIVEN_MS));
            let before = recent.map_or(0, |last| last.before.saturating_add(1));
            if number > self.life(member) {
                self.lives.retain(|life| life.member != member);
                self.lives.push(Life { member, number, since: now, before });
            }
        }
        self.lives.retain(|life| next.contains(life.member));
        let lives = &self.lives;
        self.wishes.retain(|wish| {
            let known = lives.iter().find(|life| life.member == wish.member);
            next.contains(wish.member)
                && next.contains(wish.by)
                && known.is_none_or(|life| wish.life > life.number)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four() -> Membership {
        Membership::new(4).unwrap()
    }

    fn at(ms: u64) -> WallTime {
        WallTime(ms)
    }

    impl Renewals {
        fn say(&mut self, by: u16, of: u16, life: u64, ms: u64) {
            let (member, by) = (NodeId(of), NodeId(by));
            self.hear(four(), Wish { member, by, life, at: at(ms) });
        }
    }

    #[test]
    fn a_life_counts_from_the_next_epoch_on_if_f_plus_1_others_say_the_same() {
        let mut renewals = Renewals::default();
        renewals.say(0, 3, 7, 5);
        renewals.say(3, 3, 7, 5);
        renewals.say(1, 3, 8, 5);
        assert_eq!(renewals.due(four()), None, "one, itself, and one that says another");
        renewals.say(1, 3, 7, 6);
        assert_eq!((renewals.due(four()), renewals.life(NodeId(3))), (Some(at(6)), 0));
        renewals.turn(four(), four(), at(9));
        assert_eq!((renewals.due(four()), renewals.life(NodeId(3))), (None, 7));
        renewals.say(0, 3, 7, 10);
        renewals.say(1, 3, 6, 10);
        assert_eq!(renewals.wishes.len(), 0, "what counts already, and an earlier one");
    }

    #[test]
    fn who_asks_again_and_again_waits_twice_as_long_each_time_until_it_was_good_for_a_day() {
        let mut renewals = Renewals::default();
        let mut now = 1_000;
        let mut waits = Vec::new();
        for life in 1..20 {
            renewals.say(0, 3, life, now);
            renewals.say(1, 3, life, now);
            let due = renewals.due(four()).unwrap().0;
            waits.push(due - now);
            now = due;
            renewals.turn(four(), four(), at(now));
        }
        assert_eq!(waits[..4], [0, AGAIN_MS, 2 * AGAIN_MS, 4 * AGAIN_MS]);
        let longest = AGAIN_MS << DOUBLINGS;
        assert_eq!(waits[13..], [longest; 6]);
        assert!(longest < FORGIVEN_MS);
        now += FORGIVEN_MS;
        renewals.say(0, 3, 20, now);
        renewals.say(1, 3, 20, now);
        assert_eq!(renewals.due(four()), Some(at(now)));
        renewals.turn(four(), four(), at(now));
        assert_eq!(renewals.known(NodeId(3)).unwrap().before, 0);
    }

    #[test]
    fn a_member_has_wishes_for_no_more_than_2f_others_and_none_outlives_its_membership() {
        let mut renewals = Renewals::default();
        for of in 1..4 {
            renewals.say(0, of, 7, 5);
        }
        assert_eq!(renewals.wishes.len(), 2);
        renewals.say(0, 1, 8, 6);
        let wish = renewals.wish(NodeId(0), NodeId(1)).unwrap();
        assert_eq!((wish.life, wish.at), (8, at(6)));
        renewals.say(2, 9, 1, 6);
        assert_eq!(renewals.wishes.len(), 2, "nobody's");
        let mut rest = four().set();
        rest.remove(NodeId(0));
        rest.insert(NodeId(4));
        let next = four().successor(crate::ids::Seq(10), rest).unwrap();
        renewals.turn(four(), next, at(9));
        assert_eq!(renewals, Renewals::default());
    }
}

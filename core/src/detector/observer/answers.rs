//! Answers to proposals, and how many measurements they are.
//!
//! Proposals are pipelined, so whatever a peer has to wait for once (its disk, its scheduler) makes
//! dozens of its answers late at the same time, and that is one strike, not dozens. So **what was proposed
//! within one second is one measurement** (`pause_ms`): a pause of up to a second touches two at most,
//! and it takes five, of which three are late, to be called late. All peers are measured over the same
//! seconds, each of which weighs the same, whatever a peer answers quickly or not at all. What comes so
//! late that its second is closed (the second after it is over) counts with the second in which it comes.
//!
//! A measurement is the root mean square of its answers: where two thirds of them are late, so is it.
//! (The mean would hide a third of that; the longest would make a peer look slow whose messages are lost
//! now and then.)

use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{detector::suspicion::Signal, ids::NodeId, quorum::Membership, time::Time};

/// Beyond that it doesn't matter how late an answer is.
const LONGEST: Duration = Duration::from_mins(1);

/// The answers to what was proposed within a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Second {
    /// Which.
    number: u64,
    answers: u64,
    /// How many microseconds they took, each squared: up to [`LONGEST`].
    squares: u64,
}

impl Second {
    /// `None`: nothing was answered.
    fn signal(self) -> Option<Signal> {
        let mean = root(self.squares.checked_div(self.answers)?);
        Some(Signal::Response { took: Duration::from_micros(mean) })
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answers {
    /// Of each peer, by number, the second before this one and this one.
    peers: Vec<[Second; 2]>,
    /// The second in which they were last looked through; nothing is complete before it is over.
    this: u64,
    /// From when,
    begins: Time,
    /// and to when it lasts.
    ends: Time,
}

impl Answers {
    /// An answer came. What it completes is the caller's to take before.
    pub(super) fn add(&mut self, now: Time, from: NodeId, took: Duration, second: Duration) {
        let took = took.min(LONGEST).as_micros() as u64; // a minute fits
        let (asked_at, this) = (Time(now.0.saturating_sub(took)), self.this);
        let asked = if asked_at >= self.begins { this } else { number(asked_at, second) };
        let place = usize::from(from.0);
        if place >= self.peers.len() {
            self.peers.resize(place + 1, [Second::default(); 2]);
        }
        let open = &mut self.peers[place];
        let number = if asked + 1 >= this { asked } else { this };
        // Complete ones are taken: there is room for this second and the one before.
        let at = usize::from(open[0].answers > 0 && open[0].number != number);
        let it = &mut open[at];
        it.number = number;
        it.answers += 1;
        it.squares = it.squares.saturating_add(took * took);
    }

    /// Those that nothing can be added to any more.
    pub(super) fn complete(&mut self, now: Time, second: Duration) -> Vec<(NodeId, Signal)> {
        let mut complete = Vec::new();
        if now < self.ends {
            return complete;
        }
        let this = number(now, second);
        self.this = this;
        self.begins = Time(this * micros(second));
        self.ends = self.begins + second;
        for (peer, open) in (0..).map(NodeId).zip(&mut self.peers) {
            for it in open.iter_mut().filter(|it| it.number + 1 < this) {
                let signal = core::mem::take(it).signal();
                complete.extend(signal.map(|signal| (peer, signal)));
            }
        }
        complete
    }

    /// Who is no member any more doesn't answer.
    pub(super) fn turn(&mut self, members: Membership) {
        let peers = (0..).map(NodeId).zip(&mut self.peers);
        for (_, open) in peers.filter(|(it, _)| !members.contains(*it)) {
            *open = [Second::default(); 2];
        }
    }
}

/// Newton's method, from above: a page that links `u64::isqrt` weighs more.
fn root(of: u64) -> u64 {
    let (mut root, mut next) = (of, of.div_ceil(2));
    while next < root {
        root = next;
        let other = of / root;
        next = other + root.saturating_sub(other) / 2;
    }
    root
}

fn number(at: Time, second: Duration) -> u64 {
    at.0 / micros(second)
}

fn micros(second: Duration) -> u64 {
    (second.as_micros() as u64).max(1) // at most an hour: fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_librarys() {
        let longest = LONGEST.as_micros() as u64;
        let edges = [0, 1, 2, 3, 4, 8, 9, 999_999, 1_000_000, longest * longest, u64::MAX];
        for of in edges.into_iter().chain((0..2_000).map(|it| it * it * it + it)) {
            assert_eq!(root(of), of.isqrt(), "{of}");
        }
    }
}

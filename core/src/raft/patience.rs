//! How long a member waits before it doubts: twice as long after each term that led to nothing.
//!
//! "Raft will be able to elect and maintain a steady leader as long as the system satisfies
//! broadcastTime ≪ electionTimeout" (§5.6). That is a demand on whoever configures it, and networks
//! become slower than anybody configured: then every leader loses its majority before it heard of
//! it, and no term leads to anything, for ever. So the timeout grows as the view timers of PBFT do
//! (§4.5.2 there), until a term commits something, and shrinks again while that goes on.

use core::time::Duration;

use serde::Serialize;

use crate::ids::Seq;

/// At most so many times twice as long.
const MAX_DOUBLINGS: u32 = 6;
/// After so many steps of what is committed it is half as long again.
const STEPS: u32 = 64;

/// What one member has learnt of its timeout.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Patience {
    doublings: u32,
    /// Steps of what is committed, since it last grew or shrank.
    steps: u32,
    /// What was committed when the term began; `None`: no term did.
    began_at: Option<Seq>,
}

impl Patience {
    /// The configured timeout, as long as it is now.
    pub(super) fn of(self, timeout: Duration) -> Duration {
        timeout * (1 << self.doublings)
    }

    /// Another term begins, with so much committed: the last one led to nothing if that is as much
    /// as when it began.
    pub(super) fn begin_term(&mut self, commit: Seq) {
        if self.began_at.replace(commit) == Some(commit) {
            self.doublings = (self.doublings + 1).min(MAX_DOUBLINGS);
            self.steps = 0;
        }
    }

    /// More is committed.
    pub(super) fn commits(&mut self) {
        self.steps += 1;
        if self.steps >= STEPS {
            self.doublings = self.doublings.saturating_sub(1);
            self.steps = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_term_that_commits_nothing_doubles_it_up_to_a_limit() {
        let mut patience = Patience::default();
        patience.begin_term(Seq(3));
        assert_eq!(patience.of(SECOND), SECOND, "no term came before");
        for doubled in [2, 4, 8, 16, 32, 64, 64] {
            patience.begin_term(Seq(3));
            assert_eq!(patience.of(SECOND), SECOND * doubled);
        }
        patience.begin_term(Seq(4));
        assert_eq!(patience.of(SECOND), SECOND * 64, "a term that committed doesn't");
    }

    #[test]
    fn what_is_committed_halves_it_in_time() {
        let mut patience = Patience::default();
        (0..3).for_each(|_| patience.begin_term(Seq(0)));
        assert_eq!(patience.of(SECOND), SECOND * 4);
        (0..STEPS).for_each(|_| patience.commits());
        assert_eq!(patience.of(SECOND), SECOND * 2);
        (0..3 * STEPS).for_each(|_| patience.commits());
        assert_eq!(patience.of(SECOND), SECOND);
    }
}

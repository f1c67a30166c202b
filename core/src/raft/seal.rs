//! The end of an epoch, at a position that all members learn from what is committed below it.
//!
//! Nothing is proposed any more, and the leader fills up to the end with empty entries. Nothing
//! above it is handed out, whatever stands there: entries that a leader had put there before it
//! knew, and the empty entry of a later leader, without which it could not commit the end
//! (§5.4.2: an entry of an earlier term is never committed by counting). So what stands above the
//! end is accepted, and means nothing.
//!
//! The next epoch may begin once a majority knows that the end is committed: its members fetch the
//! state from them.

use alloc::vec;

use super::{
    contract::Event,
    instance::{Payload, Raft, Standing},
    messages::Entry,
};
use crate::ids::Seq;

impl<P: Payload> Raft<P> {
    /// The epoch ends here. Said once: it is agreed.
    pub(super) fn seal_at(&mut self, at: Seq) {
        if self.seal.is_some() {
            return;
        }
        let before = Seq(self.delivered().0.min(at.0.saturating_sub(1)));
        self.seal = Some(at);
        self.report_seal(before);
        self.serve_reads();
        self.fill_up();
        self.replicate();
        self.count_who_knows_the_end();
    }

    /// The last position that the host is told to execute.
    pub(super) fn delivered(&self) -> Seq {
        self.seal.map_or(self.commit, |seal| seal.min(self.commit))
    }

    /// A leader of a sealed epoch puts empty entries up to the end, as far as there is room.
    pub(super) fn fill_up(&mut self) {
        let Some(seal) = self.seal.filter(|_| self.is_leader()) else { return };
        let missing = seal.0.saturating_sub(self.log.last().seq.0);
        let room = self.config.capacity().saturating_sub(self.log.len());
        let nothing = Entry { term: self.term, payload: None };
        if missing.min(room) > 0 {
            self.put(vec![nothing; missing.min(room) as usize]);
        }
    }

    /// Says it when the end is committed, once.
    pub(super) fn report_seal(&mut self, before: Seq) {
        if let Some(seal) = self.seal
            && before < seal
            && self.commit >= seal
        {
            self.event(Event::Sealed(seal));
        }
    }

    /// Says it when a majority knows that the end is committed, once a term.
    pub(super) fn count_who_knows_the_end(&mut self) {
        let own = self.delivered();
        let Some(seal) = self.seal else { return };
        let Standing::Leader(leadership) = &mut self.standing else { return };
        let known = leadership.reached(self.members, own, |peer| peer.knows);
        if known >= seal && !leadership.is_seal_known {
            leadership.is_seal_known = true;
            self.event(Event::SealKnown(seal));
        }
    }
}

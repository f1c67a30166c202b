//! Two stories: one for the victims, one for the others, both properly signed.

use alloc::sync::Arc;

use super::{Liar, Mind, Passing, change::without_prepared, other};
use crate::{
    crypto::{Digest, Signed},
    event::Tampering,
    ids::{Epoch, Seq, View},
    pbft::{Batch, Checkpoint, Commit, Message, MessageKind, PrePrepare, Prepare},
    raft,
    sorted::SortedMap,
};

/// What one primary told one side, and what it told the other.
#[derive(Clone, Debug)]
struct Lie {
    truth: Digest,
    told: Digest,
    batch: Arc<Batch>,
}

/// How many lies are remembered: more than any log holds at a time.
const REMEMBERED: usize = 8_192;

/// The lies that all liars stick to.
#[derive(Clone, Debug, Default)]
pub(super) struct Stories {
    lies: SortedMap<(Epoch, View, Seq), Lie>,
    /// The last batch that one of them proposed: the stuff of the next lie.
    last: Option<Arc<Batch>>,
}

/// The kinds that belong to the story of a position.
const STORY: [MessageKind; 4] =
    [MessageKind::PrePrepare, MessageKind::Prepare, MessageKind::Commit, MessageKind::Append];

impl Mind {
    /// Tells this receiver the other story, if there is one and it is to hear it.
    pub(super) fn equivocate(
        &mut self,
        liar: &Liar<'_>,
        deceived: bool,
        kinds: &[MessageKind],
        it: &mut Passing,
    ) -> Option<Tampering> {
        let named = kinds.contains(&it.kind);
        if !(named || kinds.is_empty() && STORY.contains(&it.kind)) {
            return None;
        }
        // A primary settles what it lies about with its first message, whoever that is for.
        let told = match &it.message {
            Message::PrePrepare(header, batch) => self.stories.invent(header.body, batch),
            Message::Raft(said) if deceived => {
                let (message, told) = self.other_entries(said)?;
                it.message = message;
                return Some(Tampering::Equivocated { told });
            }
            _ if deceived => None,
            _ => return None,
        };
        if !deceived {
            return None;
        }
        let (message, told) = self.other_story(liar, named, told, &it.message)?;
        it.message = message;
        Some(Tampering::Equivocated { told })
    }

    /// A leader's entries with other contents. Followers can't tell: nothing of them is signed but
    /// what clients asked, and they don't compare.
    fn other_entries(&mut self, said: &raft::Message<Arc<Batch>>) -> Option<(Message, Digest)> {
        let mut said = said.clone();
        let raft::Body::Append(append) = &mut said.body else { return None };
        let mut last = None;
        for (seq, entry) in (append.prev.seq.0 + 1..).zip(&mut append.entries) {
            let Some(batch) = &entry.payload else { continue };
            let (view, seq, digest) = (View(entry.term.0), Seq(seq), batch.digest());
            let proposal = PrePrepare { epoch: said.epoch, view, seq, digest };
            if let Some(lie) = self.stories.invent(proposal, batch) {
                last = Some(lie.told);
                entry.payload = Some(lie.batch);
            }
        }
        Some((Message::Raft(Arc::new(said)), last?))
    }

    fn other_story(
        &self,
        liar: &Liar<'_>,
        named: bool,
        invented: Option<Lie>,
        message: &Message,
    ) -> Option<(Message, Digest)> {
        let keys = liar.keys;
        let vote = |epoch, view, seq, truth| {
            self.stories.told((epoch, view, seq), truth).or_else(|| named.then(|| other(truth)))
        };
        Some(match message {
            Message::PrePrepare(header, _) => {
                let Lie { told, batch, .. } = invented?;
                let body = PrePrepare { digest: told, ..header.body };
                (Message::PrePrepare(Signed::new(body, keys).into(), batch), told)
            }
            Message::Prepare(it) => {
                let told = vote(it.body.epoch, it.body.view, it.body.seq, it.body.digest)?;
                let body = Prepare { digest: told, ..it.body };
                (Message::Prepare(Signed::new(body, keys).into()), told)
            }
            Message::Commit(it) => {
                let told = vote(it.body.epoch, it.body.view, it.body.seq, it.body.digest)?;
                let body = Commit { digest: told, ..it.body };
                (Message::Commit(Signed::new(body, keys).into()), told)
            }
            Message::Checkpoint(it) => {
                let told = other(it.body.digest);
                let body = Checkpoint { digest: told, ..it.body };
                (Message::Checkpoint(Signed::new(body, keys).into()), told)
            }
            Message::ViewChange(change) => {
                let change = without_prepared(change, keys)?;
                let told = Digest::of(&change.body);
                (Message::ViewChange(Arc::new(change)), told)
            }
            Message::NewView(new_view) => {
                let new_view =
                    super::change::from_another_quorum(new_view, liar.members.start(), keys)?;
                let told = Digest::of(&new_view.body);
                (Message::NewView(Arc::new(new_view)), told)
            }
            _ => return None,
        })
    }
}

impl Stories {
    fn told(&self, place: (Epoch, View, Seq), truth: Digest) -> Option<Digest> {
        self.lies.get(&place).filter(|lie| lie.truth == truth).map(|lie| lie.told)
    }

    /// The lie for a position: the same requests in another order, or an older batch again, or
    /// nothing at all. Its content is valid by itself, so no receiver can tell from it alone.
    fn invent(&mut self, proposal: PrePrepare, batch: &Arc<Batch>) -> Option<Lie> {
        let PrePrepare { epoch, view, seq, digest: truth } = proposal;
        if let Some(lie) = self.lies.get(&(epoch, view, seq)) {
            return Some(lie.clone());
        }
        let last = self.last.replace(batch.clone());
        let other = if batch.requests().len() > 1 {
            let reversed = batch.requests().iter().rev().cloned().collect();
            Arc::new(Batch::of(reversed, batch.time()))
        } else if batch.is_null() {
            last?
        } else {
            Arc::new(Batch::default())
        };
        let lie = Lie { truth, told: other.digest(), batch: other };
        if lie.told == truth {
            return None;
        }
        self.lies.insert((epoch, view, seq), lie.clone());
        if self.lies.len() > REMEMBERED {
            self.lies.pop_first();
        }
        Some(lie)
    }
}

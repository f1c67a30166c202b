//! A start from disk: PBFT's own records, and the votes that they stand for.

use alloc::sync::Arc;

use super::{
    messages::{Commit, PrePrepare, Prepare},
    rules::Rules,
};
use crate::{
    app::Application,
    crypto::Signed,
    replica::{Record, Standing},
};

impl<A: Application> Rules<'_, A> {
    /// A record of this epoch.
    pub(crate) fn replay(&mut self, record: Record) {
        match record {
            Record::PrePrepare(header, batch) => {
                let PrePrepare { view, seq, digest, .. } = header.body;
                if let Some(slot) = self.own.log.entry(seq) {
                    slot.accepted = Some(header);
                    slot.keep_batch(digest, batch);
                    slot.mark_saved(digest);
                    self.own.proposed = self.own.proposed.max(seq);
                }
                if view > self.view {
                    self.view = view;
                    self.standing = Standing::Active;
                }
            }
            Record::Prepared(certificate) => {
                if let Some(slot) = self.own.log.entry(certificate.pre_prepare.body.seq) {
                    slot.prepared = Some(certificate);
                }
            }
            Record::ViewChange(own) => {
                self.view = own.body.view;
                self.standing = Standing::Changing { quorum_since: None };
                let id = self.id;
                self.own.view_changes.insert(id, own);
            }
            Record::NewView(new_view) => {
                self.view = new_view.body.view;
                self.standing = Standing::Active;
                if self.place_obligations(&new_view.body) {
                    self.own.new_view = Some(new_view);
                }
            }
            Record::Batch(batch) => {
                let digest = batch.digest();
                for (_, slot) in self.own.log.iter_mut() {
                    slot.keep_batch(digest, batch.clone());
                    slot.mark_saved(digest);
                }
            }
            _ => {}
        }
    }

    /// All is read: the own votes for what was accepted are cast again.
    pub(crate) fn restored(&mut self) {
        let (id, view, primary) = (self.id, self.view, self.is_primary());
        let epoch = self.epoch();
        if !self.is_active() {
            return;
        }
        for (seq, slot) in self.own.log.iter_mut() {
            let Some(accepted) = slot.accepted.as_ref().filter(|it| it.body.view == view) else {
                continue;
            };
            let (seq, digest) = (*seq, accepted.body.digest);
            if !primary && slot.content(digest).is_some() {
                let vote = Prepare { epoch, view, seq, digest };
                slot.prepares.add(id, Arc::new(Signed::new(vote, &*self.shell.authenticator)));
            }
            if slot.is_prepared() {
                let vote = Commit { epoch, view, seq, digest };
                slot.commits.add(id, Arc::new(Signed::new(vote, &*self.shell.authenticator)));
            }
        }
        // Not before all is read: its view change names all that has prepared here.
        self.leave_restrained();
    }
}

//! Lies about the past when the view changes: what had prepared is hidden, or the new view is
//! started from something else than what was shown.

use alloc::{sync::Arc, vec::Vec};

use super::Passing;
use crate::{
    crypto::{Authenticator, Signed},
    event::Tampering,
    ids::Seq,
    pbft::{Batch, Message, NewView, PrePrepare, ViewChange, owed},
};

/// The same view change without P: valid, as a replica may have prepared nothing. `None`: there is
/// nothing to hide.
pub(super) fn without_prepared(
    change: &Signed<ViewChange>,
    keys: &dyn Authenticator,
) -> Option<Signed<ViewChange>> {
    if change.body.prepared.is_empty() {
        return None;
    }
    let body = ViewChange { prepared: Vec::new(), ..change.body.clone() };
    Some(Signed::new(body, keys))
}

/// Another valid new view for the same view: in V the liar's own view change hides what it
/// prepared, and O follows from that.
pub(super) fn from_another_quorum(
    new_view: &Signed<NewView>,
    start: Seq,
    keys: &dyn Authenticator,
) -> Option<Signed<NewView>> {
    let mut body = new_view.body.clone();
    let own = body.view_changes.iter_mut().find(|change| change.by == keys.principal())?;
    *own = without_prepared(own, keys)?;
    body.pre_prepares = owed(start, &body.view_changes)
        .map(|(seq, digest)| {
            let template = PrePrepare { epoch: body.epoch, view: body.view, seq, digest };
            Signed::new(template, keys)
        })
        .collect();
    Some(Signed::new(body, keys))
}

impl Passing {
    pub(super) fn hide_prepared(&mut self, keys: &dyn Authenticator) -> Option<Tampering> {
        let Message::ViewChange(change) = &self.message else { return None };
        self.message = Message::ViewChange(Arc::new(without_prepared(change, keys)?));
        Some(Tampering::Falsified)
    }

    /// Leaves out the last of O, or adds one that nothing obliges to.
    pub(super) fn false_new_view(&mut self, keys: &dyn Authenticator) -> Option<Tampering> {
        let Message::NewView(new_view) = &self.message else { return None };
        let mut body = new_view.body.clone();
        if body.pre_prepares.pop().is_none() {
            let stable = body.view_changes.iter().map(|change| change.body.stable).max();
            let seq = stable.unwrap_or(Seq(0)).next();
            let invented = PrePrepare {
                epoch: body.epoch,
                view: body.view,
                seq,
                digest: Batch::default().digest(),
            };
            body.pre_prepares.push(Signed::new(invented, keys));
        }
        self.message = Message::NewView(Arc::new(Signed::new(body, keys)));
        Some(Tampering::Forged)
    }
}

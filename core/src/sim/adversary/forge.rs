//! Certificates that don't hold: too few signers, one signer twice, a signature in another's name.
//! The check on the way in refuses every one of them, whole.

use alloc::{sync::Arc, vec::Vec};
use core::borrow::Borrow;

use super::{Forgery, Passing};
use crate::{
    crypto::{Authenticator, Signable, Signed},
    event::Tampering,
    pbft::{CheckpointCertificate, Message, PreparedCertificate},
};

/// Spoils a certificate's signatures; false: there are none. Some are shared, some are not.
fn spoil<T, V>(votes: &mut Vec<V>, how: Forgery, keys: &dyn Authenticator) -> bool
where
    T: Signable + Clone,
    V: Borrow<Signed<T>> + From<Signed<T>> + Clone,
{
    match how {
        Forgery::Few => votes.pop().is_some(),
        Forgery::Repeated => {
            let (Some(first), true) = (votes.first().cloned(), votes.len() > 1) else {
                return false;
            };
            votes.pop();
            votes.push(first);
            true
        }
        Forgery::Foreign => {
            let another = |vote: &&mut V| (**vote).borrow().by != keys.principal();
            let Some(vote) = votes.iter_mut().find(another) else { return false };
            let signed: &Signed<T> = (*vote).borrow();
            // It has only its own key: the signature can't be that of whom it names.
            *vote = Signed { by: signed.by, ..Signed::new(signed.body.clone(), keys) }.into();
            true
        }
    }
}

fn checkpoints(
    certificate: &CheckpointCertificate,
    how: Forgery,
    keys: &dyn Authenticator,
) -> Option<CheckpointCertificate> {
    let mut votes = certificate.checkpoints.to_vec();
    let spoilt = spoil(&mut votes, how, keys);
    spoilt.then(|| CheckpointCertificate { checkpoints: votes.into() })
}

fn prepares(
    certificate: &PreparedCertificate,
    how: Forgery,
    keys: &dyn Authenticator,
) -> Option<PreparedCertificate> {
    let mut votes = certificate.prepares.to_vec();
    let pre_prepare = certificate.pre_prepare.clone();
    let spoilt = spoil(&mut votes, how, keys);
    spoilt.then(|| PreparedCertificate { pre_prepare, prepares: votes.into() })
}

impl Passing {
    /// Spoils a certificate in the message, if there is one.
    pub(super) fn forge(&mut self, keys: &dyn Authenticator, how: Forgery) -> Option<Tampering> {
        self.message = match &self.message {
            Message::Decided(it) => {
                let mut decided = (**it).clone();
                if !spoil(&mut decided.commits, how, keys) {
                    return None;
                }
                Message::Decided(Arc::new(decided))
            }
            Message::Stable(it) => Message::Stable(Arc::new(checkpoints(it, how, keys)?)),
            Message::ViewChange(change) => {
                let mut body = change.body.clone();
                if let Some(last) = body.prepared.last_mut() {
                    *last = prepares(last, how, keys)?;
                } else {
                    body.proof = Some(checkpoints(body.proof.as_ref()?, how, keys)?);
                }
                Message::ViewChange(Arc::new(Signed::new(body, keys)))
            }
            Message::NewView(new_view) => {
                let mut body = new_view.body.clone();
                if !spoil(&mut body.view_changes, how, keys) {
                    return None;
                }
                Message::NewView(Arc::new(Signed::new(body, keys)))
            }
            _ => return None,
        };
        Some(Tampering::Forged)
    }
}

//! The proof of an epoch's end, and chains of them.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};

use super::change::NewMember;
use crate::{
    crypto::{Authenticator, Digest, PublicKey, Refusal},
    ids::{Epoch, Principal},
    pbft::CheckpointCertificate,
    quorum::Membership,
};

/// The most links that one message carries; who needs more asks again from the last.
pub const MAX_LINKS: usize = 32;

/// The membership of an epoch, and who joined for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// The replicas.
    pub members: Membership,
    /// Those that were not replicas before.
    pub added: Vec<NewMember>,
}

impl Roster {
    /// What the checkpoint at the old epoch's end names.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// The keys of those that joined.
    pub fn keys(&self) -> impl Iterator<Item = (Principal, PublicKey)> {
        keys(&self.added)
    }
}

/// The keys of members that have one.
pub(crate) fn keys(members: &[NewMember]) -> impl Iterator<Item = (Principal, PublicKey)> {
    members.iter().filter_map(|member| Some((Principal::Node(member.id), member.key?)))
}

/// An epoch's end: a quorum of it signed the checkpoint that names the next membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochEnd {
    /// Of the epoch's last position.
    pub certificate: CheckpointCertificate,
    /// What begins there.
    pub next: Roster,
}

impl EpochEnd {
    /// The epoch that ends.
    pub fn epoch(&self) -> Epoch {
        self.certificate.epoch()
    }

    /// Whether its parts belong together: the certified checkpoint names exactly this membership,
    /// which begins exactly there.
    fn is_consistent(&self) -> bool {
        let members = self.next.members;
        self.certificate.successor() == Some(self.next.digest())
            && members.epoch() == self.epoch().next()
            && members.start() == self.certificate.seq()
    }
}

/// Checks a chain from a trusted membership on, link by link: each is signed by a quorum of the
/// membership that the one before it proves, with keys that come from the configuration or from
/// the links before it.
pub(crate) fn check_chain(
    links: &[Arc<EpochEnd>],
    members: Membership,
    authenticator: &dyn Authenticator,
) -> Result<(), Refusal> {
    if links.len() > MAX_LINKS {
        return Err(Refusal::TooLarge { what: "a chain of epochs", limit: MAX_LINKS });
    }
    let mut proven = members;
    let mut known: Option<Arc<dyn Authenticator>> = None;
    // What the checker has left behind proves nothing to it; whoever takes the chain skips it too.
    for link in links.iter().filter(|link| link.epoch() >= members.epoch()) {
        let checks = known.as_deref().unwrap_or(authenticator);
        link.certificate.check(proven, checks)?;
        if !link.is_consistent() {
            return Err(Refusal::Inconsistent("the checkpoint names another next membership"));
        }
        known = Some(checks.with_keys(&link.next.keys().collect::<Vec<_>>()));
        proven = link.next.members;
    }
    Ok(())
}

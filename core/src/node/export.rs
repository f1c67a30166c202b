//! Proofs in a file, for people who trust nobody: with them the chain of epochs, so that whoever has
//! the public keys that the cluster began with needs nothing else.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    crypto::{Authenticator, Refusal, verify as check},
    detector::evidence::{Evidence, NotProven, Offence, verify},
    pbft::{EpochEnd, MAX_LINKS, Message},
    quorum::Membership,
};

/// The longest file that is read: a new view at its largest, and more than all that is usual.
pub const MAX_EXPORT_BYTES: usize = 128 * 1024 * 1024;
/// How each begins, the version last.
const HEADER: &[u8] = b"conclave evidence 1\n";

/// Proofs, and what it takes to judge them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    /// The ends of all epochs that the exporting node knows, in order.
    pub chain: Vec<Arc<EpochEnd>>,
    /// The evidence.
    pub proofs: Vec<Arc<Evidence>>,
}

/// A file that can't be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadExport {
    /// Over [`MAX_EXPORT_BYTES`].
    #[error("{found} bytes are over the limit of {MAX_EXPORT_BYTES} for a file of evidence")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// It doesn't begin as such a file does.
    #[error("not a file of evidence of this version: it doesn't begin with “conclave evidence 1”")]
    Header,
    /// What follows is not the canonical encoding of any.
    #[error("the file is damaged: what follows its first line is no evidence")]
    Malformed,
    /// The chain of epochs in it doesn't follow from the first members.
    #[error("the file's chain of epochs does not hold with these keys: {0}")]
    Chain(Refusal),
}

/// The epochs that a chain proves, and the keys of all their members.
pub(super) struct Proven {
    /// The first, and those after it, in order.
    pub(super) epochs: Vec<Membership>,
    pub(super) keys: Arc<dyn Authenticator>,
}

impl Proven {
    /// Starts from the first members and their keys.
    pub(super) fn by(
        chain: &[Arc<EpochEnd>],
        genesis: Membership,
        mut keys: Arc<dyn Authenticator>,
    ) -> Result<Self, Refusal> {
        let (mut epochs, mut members) = (Vec::from([genesis]), genesis);
        for links in chain.chunks(MAX_LINKS) {
            check(Message::EpochEnds(links.into()), members, &*keys)?;
            for link in links {
                if link.epoch() != members.epoch() {
                    continue;
                }
                keys = keys.with_keys(&link.next.keys().collect::<Vec<_>>());
                members = link.next.members;
                epochs.push(members);
            }
        }
        Ok(Self { epochs, keys })
    }
}

/// A piece of evidence, and what it proves.
pub type Judged = (Arc<Evidence>, Result<Offence, NotProven>);

impl Export {
    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = HEADER.to_vec();
        file.extend_from_slice(&crate::crypto::encode(self));
        file
    }

    /// Reads a file. Nothing in it is believed yet.
    pub fn decode(file: &[u8]) -> Result<Self, BadExport> {
        if file.len() > MAX_EXPORT_BYTES {
            return Err(BadExport::TooLong { found: file.len() });
        }
        let body = file.strip_prefix(HEADER).ok_or(BadExport::Header)?;
        let export: Self = crate::crypto::decode(body).ok_or(BadExport::Malformed)?;
        // One file for each content: what is judged is what is there, byte for byte.
        if crate::crypto::encode(&export) == body { Ok(export) } else { Err(BadExport::Malformed) }
    }

    /// Judges every proof by the members of its epoch, starting from the first members and their
    /// keys.
    pub fn judge(
        &self,
        genesis: Membership,
        keys: Arc<dyn Authenticator>,
    ) -> Result<Vec<Judged>, BadExport> {
        let Proven { epochs, keys } =
            Proven::by(&self.chain, genesis, keys).map_err(BadExport::Chain)?;
        let expected = epochs.last().unwrap_or(&genesis).epoch();
        let judge = |evidence: &Arc<Evidence>| {
            let of = evidence.epoch().unwrap_or(expected);
            let known = epochs.iter().find(|epoch| epoch.epoch() == of);
            let verdict = known
                .ok_or(NotProven::Epoch { found: of, expected })
                .and_then(|epoch| verify(evidence, *epoch, &*keys));
            (evidence.clone(), verdict)
        };
        Ok(self.proofs.iter().map(judge).collect())
    }
}

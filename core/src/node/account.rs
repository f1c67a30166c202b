//! What a node holds of what was said, in a file; and what several such files prove together.
//!
//! What an author said at two nodes neither of them sees whole. They show each other what doesn't fit, so
//! mostly one finds it; but where more than *f* lie, correct nodes may each hold a story that fits. Put
//! together, their accounts convict at least f+1 ([`forensics`](crate::detector::evidence), with the
//! argument). What a node has found out already is part of its account: of two statements that contradict
//! each other it keeps the first among what was said, and both as proof. Whoever hands one in is believed
//! nothing: every statement is checked.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::export::{Export, Proven};
use crate::{
    crypto::{Authenticator, Refusal},
    detector::evidence::{Evidence, OffenceKind, Transcript, accuse},
    ids::{Epoch, NodeId},
    pbft::EpochEnd,
    quorum::Membership,
    sorted::SortedSet,
};

/// The longest file that is read, as for proofs.
pub const MAX_ACCOUNT_BYTES: usize = super::MAX_EXPORT_BYTES;
/// How each begins, the version last.
const HEADER: &[u8] = b"conclave account 1\n";

/// What a node holds of what was said in its epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The ends of all epochs that it knows, in order.
    pub chain: Vec<Arc<EpochEnd>>,
    /// Which epoch it is of.
    pub epoch: Epoch,
    /// What was said.
    pub transcript: Transcript,
    /// The proofs that it holds, whatever epoch they are of.
    pub proofs: Vec<Arc<Evidence>>,
}

/// An account that can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BadAccount {
    /// Over [`MAX_ACCOUNT_BYTES`].
    #[error("{found} bytes are over the limit of {MAX_ACCOUNT_BYTES} for a node's account")]
    TooLong {
        /// How many there are.
        found: usize,
    },
    /// It doesn't begin as such a file does.
    #[error("not a node's account of this version: it doesn't begin with “conclave account 1”")]
    Header,
    /// What follows is not the canonical encoding of any.
    #[error("the file is damaged: what follows its first line is no account")]
    Malformed,
    /// The chain of epochs in it doesn't follow from the first members.
    #[error("its chain of epochs does not hold with these keys: {0}")]
    Chain(Refusal),
    /// Its chain doesn't lead to the epoch that it is of.
    #[error("it is of epoch {of}, and its chain of epochs ends with epoch {last}")]
    Epoch {
        /// Which it is of.
        of: Epoch,
        /// The last that its chain proves.
        last: Epoch,
    },
}

/// Accounts of one epoch.
struct Together {
    members: Membership,
    keys: Arc<dyn Authenticator>,
    chain: Vec<Arc<EpochEnd>>,
    transcripts: Vec<Transcript>,
    proofs: Vec<Arc<Evidence>>,
}

impl Account {
    /// The file.
    pub fn encode(&self) -> Vec<u8> {
        let mut file = HEADER.to_vec();
        file.extend_from_slice(&crate::crypto::encode(self));
        file
    }

    /// Reads a file. Nothing in it is believed yet.
    pub fn decode(file: &[u8]) -> Result<Self, BadAccount> {
        if file.len() > MAX_ACCOUNT_BYTES {
            return Err(BadAccount::TooLong { found: file.len() });
        }
        let body = file.strip_prefix(HEADER).ok_or(BadAccount::Header)?;
        crate::crypto::decode(body).ok_or(BadAccount::Malformed)
    }

    /// Puts accounts together, starting from the first members and their keys: what they prove, one file
    /// for each epoch that something is proven of, and for each account in order whether it could be
    /// used. Where agreement is broken, epochs may differ too: each is judged by its own members. One proof
    /// of each kind against each, also where nodes of several epochs hold it.
    pub fn compare(
        accounts: Vec<Self>,
        genesis: Membership,
        keys: &Arc<dyn Authenticator>,
    ) -> (Vec<Export>, Vec<Result<(), BadAccount>>) {
        let mut epochs: Vec<Together> = Vec::new();
        let mut usable = Vec::new();
        for account in accounts {
            usable.push(account.join(&mut epochs, genesis, keys));
        }
        let mut known = SortedSet::new();
        let found = epochs.into_iter().filter_map(|it| it.found(genesis, keys, &mut known));
        (found.collect(), usable)
    }

    fn join(
        self,
        epochs: &mut Vec<Together>,
        genesis: Membership,
        keys: &Arc<dyn Authenticator>,
    ) -> Result<(), BadAccount> {
        let Self { chain, epoch: of, transcript, proofs } = self;
        let proven = Proven::by(&chain, genesis, keys.clone()).map_err(BadAccount::Chain)?;
        let Some(members) = proven.epochs.iter().find(|it| it.epoch() == of).copied() else {
            let last = proven.epochs.last().unwrap_or(&genesis).epoch();
            return Err(BadAccount::Epoch { of, last });
        };
        // Each end was signed by the members of its epoch: where two nodes know other ends of one, those who
        // signed both contradict themselves, however long ago that was.
        for (index, end) in chain.iter().enumerate() {
            let of = proven.epochs.iter().find(|it| it.epoch() == end.epoch());
            let Some(of) = of.copied() else { continue };
            let checkpoints = end.certificate.checkpoints.iter().cloned().map(Arc::new).collect();
            let signed = Transcript { checkpoints, ..Transcript::default() };
            Together::of(epochs, of, &proven.keys, &chain[..index]).transcripts.push(signed);
        }
        let together = Together::of(epochs, members, &proven.keys, &chain);
        together.transcripts.push(transcript);
        together.proofs.extend(proofs);
        Ok(())
    }
}

impl Together {
    /// Those of an epoch, which a chain proves.
    fn of<'a>(
        epochs: &'a mut Vec<Self>,
        members: Membership,
        keys: &Arc<dyn Authenticator>,
        chain: &[Arc<EpochEnd>],
    ) -> &'a mut Self {
        let known = epochs.iter().position(|it| it.members == members);
        let at = known.unwrap_or_else(|| {
            epochs.push(Self {
                members,
                keys: keys.clone(),
                chain: chain.to_vec(),
                transcripts: Vec::new(),
                proofs: Vec::new(),
            });
            epochs.len() - 1
        });
        &mut epochs[at]
    }

    /// What they prove that isn't known; `None`: nothing.
    fn found(
        self,
        genesis: Membership,
        keys: &Arc<dyn Authenticator>,
        known: &mut SortedSet<(NodeId, OffenceKind)>,
    ) -> Option<Export> {
        let Self { members, keys: own, chain, transcripts, proofs: mut claimed } = self;
        claimed.extend(accuse(&transcripts, members, &*own));
        let claimed = Export { chain, proofs: claimed };
        // The chain holds: it was looked at when its account joined.
        let judged = claimed.judge(genesis, keys.clone()).ok()?;
        let mut proofs = Vec::new();
        for (evidence, verdict) in judged {
            if verdict.is_ok_and(|offence| known.insert((offence.by, offence.kind))) {
                proofs.push(evidence);
            }
        }
        (!proofs.is_empty()).then_some(Export { proofs, ..claimed })
    }
}

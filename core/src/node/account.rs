//! What a node holds of what was said, in a file; and what several such files prove together.
//!
//! What an author said at two nodes neither of them sees whole. They show each other what doesn't fit, so
//! mostly one finds it; but where more than *f* lie, correct nodes may each hold a story that fits. Put
//! together, their accounts convict at least f+1 ([`forensics`](crate::detector::evidence), with the
//! argument). Whoever hands one in is believed nothing: every statement is checked.

use alloc::{sync::Arc, vec::Vec};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::export::{Export, Proven};
use crate::{
    crypto::{Authenticator, Refusal},
    detector::evidence::{Transcript, accuse},
    ids::Epoch,
    pbft::EpochEnd,
    quorum::Membership,
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
    /// used. Where agreement is broken, epochs may differ too: each is judged by its own members.
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
        let found = epochs.into_iter().map(|it| {
            let proofs = accuse(&it.transcripts, it.members, &*it.keys);
            Export { chain: it.chain, proofs: proofs.into_iter().map(Arc::new).collect() }
        });
        (found.filter(|export| !export.proofs.is_empty()).collect(), usable)
    }

    fn join(
        self,
        epochs: &mut Vec<Together>,
        genesis: Membership,
        keys: &Arc<dyn Authenticator>,
    ) -> Result<(), BadAccount> {
        let Self { chain, epoch: of, transcript } = self;
        let proven = Proven::by(&chain, genesis, keys.clone()).map_err(BadAccount::Chain)?;
        let Some(members) = proven.epochs.iter().find(|it| it.epoch() == of).copied() else {
            let last = proven.epochs.last().unwrap_or(&genesis).epoch();
            return Err(BadAccount::Epoch { of, last });
        };
        match epochs.iter_mut().find(|it| it.members == members) {
            Some(known) => known.transcripts.push(transcript),
            None => epochs.push(Together {
                members,
                keys: proven.keys,
                chain,
                transcripts: Vec::from([transcript]),
            }),
        }
        Ok(())
    }
}

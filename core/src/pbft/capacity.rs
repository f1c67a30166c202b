//! How large a window so many members bear: their longest message, a new view, must be one that all
//! accept.
//!
//! A new view holds a quorum of view changes, each of which holds a certificate for every position
//! above its stable checkpoint, each of which holds a quorum of signatures. So it grows with the
//! window and with the *square* of the quorum, and one that is over [`MAX_MESSAGE_BYTES`] would be
//! turned away by everybody: no view would ever be left again.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{config::Config, messages::MAX_MESSAGE_BYTES};
use crate::quorum::Membership;

/// The longest encoding of a digest, with its length.
const DIGEST_BYTES: u64 = 1 + 32;
/// The longest encoding of a signed vote or header: epoch, view and position of ten bytes each, a
/// digest, who signed, and the signature with its kind and length.
const VOTE_BYTES: u64 = 3 * 10 + DIGEST_BYTES + 3 + 2 + 64;
/// That of a checkpoint, which may name a roster and has no view.
const CHECKPOINT_BYTES: u64 = VOTE_BYTES - 10 + 1 + DIGEST_BYTES;
/// What a list, or a message around its lists, takes besides: a few numbers and a signature.
const AROUND_BYTES: u64 = 160;

/// A window with which a new view may be longer than a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[error(
    "a window of {window} can't work with {n} nodes: a new view might not fit in a message; make it \
     {largest} at most, and the checkpoint interval half of that"
)]
pub struct WindowTooLarge {
    /// What it was set to.
    pub window: u64,
    /// Among so many members.
    pub n: u16,
    /// What fits.
    pub largest: u64,
}

/// The longest encoding of a new view, without and for each position of the window.
fn new_view_bytes(members: Membership) -> (u64, u64) {
    let quorum = members.quorum() as u64;
    let around = AROUND_BYTES + quorum * (2 * AROUND_BYTES + quorum * CHECKPOINT_BYTES);
    let certificate = quorum * VOTE_BYTES + 2;
    (around, quorum * certificate + VOTE_BYTES)
}

/// The largest window that these members bear.
pub fn largest_window(members: Membership) -> u64 {
    let (around, each) = new_view_bytes(members);
    (MAX_MESSAGE_BYTES as u64).saturating_sub(around) / each
}

/// Refuses a window that is larger.
pub(crate) fn must_fit(window: u64, members: Membership) -> Result<(), WindowTooLarge> {
    let (n, largest) = (members.n(), largest_window(members));
    if window <= largest { Ok(()) } else { Err(WindowTooLarge { window, n, largest }) }
}

impl Config {
    /// The default for so many members: with a smaller window where they are too many for the usual.
    pub fn for_members(members: Membership) -> Self {
        let usual = Self::default();
        let checkpoint_interval = usual.checkpoint_interval.min(largest_window(members) / 2);
        let window = 2 * checkpoint_interval;
        Self { checkpoint_interval, window, pipeline: usual.pipeline.min(window), ..usual }
    }

    /// Refuses a window that is too large for so many members.
    pub fn must_fit(&self, members: Membership) -> Result<(), WindowTooLarge> {
        must_fit(self.window, members)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{sync::Arc, vec, vec::Vec};

    use super::*;
    use crate::{
        crypto::{Digest, Directory, Ed25519, SecretKey, Signable, Signed, encode},
        ids::{Epoch, NodeId, Principal, Seq, View},
        pbft::{
            Checkpoint, CheckpointCertificate, Message, NewView, PrePrepare, Prepare,
            PreparedCertificate, ViewChange,
        },
        quorum::MAX_NODES,
    };

    /// By the node whose number is longest, as real nodes sign.
    fn signed<T: Signable>(body: T) -> Signed<T> {
        let by = Principal::Node(NodeId(MAX_NODES - 1));
        let secret = SecretKey::from_seed(&[7; 32]);
        Signed::new(body, &Ed25519::new(by, secret, Arc::new(Directory::default())))
    }

    /// A new view of so many positions, with the longest numbers that there are.
    fn largest(quorum: usize, window: usize) -> Message {
        let (epoch, view, seq) = (Epoch(u64::MAX), View(u64::MAX), Seq(u64::MAX));
        let digest = Digest::of(&7);
        let pre_prepare = signed(PrePrepare { epoch, view, seq, digest });
        let prepare = Arc::new(signed(Prepare { epoch, view, seq, digest }));
        let prepares: Vec<_> = vec![prepare; quorum - 1];
        let prepared = PreparedCertificate {
            pre_prepare: pre_prepare.clone().into(),
            prepares: prepares.into(),
        };
        let successor = Some(digest);
        let checkpoint = signed(Checkpoint { epoch, seq, digest, successor });
        let change = signed(ViewChange {
            epoch,
            view,
            stable: seq,
            proof: Some(CheckpointCertificate { checkpoints: vec![checkpoint; quorum].into() }),
            prepared: vec![prepared; window],
        });
        let pre_prepares = vec![pre_prepare; window];
        let view_changes = vec![change; quorum];
        Message::NewView(Arc::new(signed(NewView { epoch, view, view_changes, pre_prepares })))
    }

    #[test]
    fn no_new_view_is_longer_than_what_is_counted_on_and_none_is_much_shorter() {
        for n in [4, 7, 13, 31] {
            let members = Membership::new(n).unwrap();
            let (around, each) = new_view_bytes(members);
            for window in [1, 5, 200] {
                let measured = encode(&largest(members.quorum(), window)).len() as u64;
                let counted = around + window as u64 * each;
                assert!(measured <= counted, "n = {n}, window = {window}: {measured} > {counted}");
                let spare = around + window as u64 * each / 50;
                assert!(measured + spare >= counted, "n = {n}, {window}: {measured} of {counted}");
            }
        }
    }

    #[test]
    fn the_default_fits_every_number_of_members_and_is_the_usual_up_to_seventy() {
        for n in 4..=MAX_NODES {
            let members = Membership::new(n).unwrap();
            let config = Config::for_members(members);
            assert_eq!((config.validate(), config.must_fit(members)), (Ok(()), Ok(())), "n = {n}");
            assert_eq!(config == Config::default(), Config::default().must_fit(members).is_ok());
            assert!(n > 70 || config == Config::default(), "n = {n}");
        }
    }

    #[test]
    fn a_window_that_is_too_large_is_refused_with_the_largest() {
        let members = Membership::new(100).unwrap();
        let refused = Config::default().must_fit(members).unwrap_err();
        assert_eq!((refused.window, refused.n), (200, 100));
        let with = |window| Config { window, ..Config::default() };
        assert_eq!(with(refused.largest).must_fit(members), Ok(()));
        assert!(with(refused.largest + 1).must_fit(members).is_err());
    }
}

//! The evidence that a node knows: one of each kind for each offender.

use alloc::sync::Arc;

use serde::Serialize;

use crate::{
    detector::evidence::{Assumption, Evidence, Offence, OffenceKind},
    ids::NodeId,
    quorum::NodeSet,
    sorted::SortedMap,
};

/// A further proof against somebody who is convicted already is kept while all that is held is
/// not longer than this: hundreds of pairs of votes, and a view change or two.
pub const MAX_FURTHER_BYTES: usize = 1024 * 1024;
/// How many proofs a peer is shown that doesn't know the same offenders.
pub const SHOWN_AT_A_TIME: usize = 4;

/// Evidence, and what it proves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Who did what, where, on which assumption.
    pub offence: Offence,
    /// The offender's own statements.
    pub evidence: Arc<Evidence>,
    /// How long their encoding is.
    pub bytes: usize,
}

impl Proof {
    /// What was judged.
    pub(super) fn new(offence: Offence, evidence: Arc<Evidence>) -> Self {
        let bytes = evidence.encode().len();
        Self { offence, evidence, bytes }
    }
}

/// Who is proven guilty, of what, and by what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Proofs {
    held: SortedMap<(NodeId, OffenceKind), Proof>,
    offenders: NodeSet,
    /// Whom something is proven of, however many lie.
    sure: NodeSet,
    bytes: usize,
    /// Which was shown last: another is next.
    shown: usize,
}

impl Proofs {
    /// All of them, by offender and kind.
    pub fn iter(&self) -> impl Iterator<Item = &Proof> {
        self.held.values()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether nobody is proven guilty.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Who is proven guilty of anything.
    pub fn offenders(&self) -> NodeSet {
        self.offenders
    }

    /// Whether somebody is known to have done this.
    pub fn contains(&self, offender: NodeId, kind: OffenceKind) -> bool {
        self.held.contains_key(&(offender, kind))
    }

    /// Takes what was judged. False: as much is known, or it is of somebody who is convicted already, of
    /// that or more, and too long. What assumes nothing takes the place of what does.
    pub(super) fn add(&mut self, proof: Proof) -> bool {
        let Offence { by, kind, assumption, .. } = proof.offence;
        let held = self.held.get(&(by, kind));
        if held.is_some_and(|held| held.offence.assumption <= assumption) {
            return false;
        }
        let bytes = self.bytes + proof.bytes - held.map_or(0, |held| held.bytes);
        let sure = assumption == Assumption::Absolute;
        let convicted = if sure { self.sure } else { self.offenders };
        if convicted.contains(by) && bytes > MAX_FURTHER_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.offenders.insert(by);
        if sure {
            self.sure.insert(by);
        }
        self.held.insert((by, kind), proof);
        true
    }

    /// A fingerprint of the offenders, and of whom it is sure: 0 if there are none, and different for
    /// different ones but for chance, which costs a repair and no more.
    pub(super) fn fingerprint(&self) -> u32 {
        // FNV-1a over their numbers, which leave room for a bit.
        let mix = |hash: u32, node: NodeId| {
            (node.0 | (u16::from(self.sure.contains(node)) << 15))
                .to_le_bytes()
                .iter()
                .fold(hash, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        };
        if self.is_empty() { 0 } else { self.offenders.iter().fold(0x811C_9DC5, mix).max(1) }
    }

    /// The next few to show to a peer; in time, all.
    pub(super) fn next_shown(&mut self) -> impl Iterator<Item = Arc<Evidence>> {
        let (from, count) = (self.shown, self.len());
        self.shown = if count == 0 { 0 } else { (from + SHOWN_AT_A_TIME) % count };
        let shown = count.min(SHOWN_AT_A_TIME);
        self.held.values().cycle().skip(from).take(shown).map(|proof| proof.evidence.clone())
    }
}

//! False accusations and false proofs, as requests of the liar itself: what goes to the docket.

use alloc::{boxed::Box, vec, vec::Vec};

use super::{Liar, Mind, Passing};
use crate::{
    crypto::{Digest, Signed},
    detector::{evidence::Evidence, suspicion::Kind},
    event::Tampering,
    ids::{ClientId, NodeId, Principal, RequestId, Timestamp},
    pbft::{Message, Prepare, Request},
    replica::Said,
    sorted::SortedMap,
};

/// For which turn each receiver was last told, by each liar.
pub(super) type Slandered = SortedMap<(NodeId, Principal), u64>;

/// A liar's statements are numbered by its turns, from here on: above those of the replica inside it,
/// which counts from its clock, so that they are heard.
const FIRST_NUMBER: u64 = 1 << 51;

impl Mind {
    /// Beside another message, when it is somebody else's turn to be accused. Everybody is told the
    /// same, as by a correct member.
    pub(super) fn slander(
        &mut self,
        liar: &Liar<'_>,
        against: &[NodeId],
        every_ms: u32,
        proof: bool,
        it: &mut Passing,
    ) -> Option<Tampering> {
        let Principal::Node(_) = it.to else { return None };
        let turn = liar.now.0 / (u64::from(every_ms) * 1_000) + 1;
        if self.slandered.insert((liar.id, it.to), turn) == Some(turn) {
            return None;
        }
        let honest = || liar.members.nodes().filter(|node| !self.liars.contains(node));
        let suspects: Vec<_> =
            if against.is_empty() { honest().collect() } else { against.to_vec() };
        let suspect = *suspects.get(turn as usize % suspects.len().max(1))?;
        let said = if proof {
            Said::Prove(Box::new(no_proof(liar, suspect)))
        } else {
            Said::Accuse { suspect, score: 90, reasons: vec![Kind::Malformed] }
        };
        let id = RequestId {
            client: ClientId::member(liar.id),
            timestamp: Timestamp(FIRST_NUMBER + turn),
        };
        let request = Signed::new(Request { id, operation: said.encode() }, liar.keys);
        it.more.push(Message::Request(request.into()));
        Some(Tampering::Accused)
    }
}

/// Two votes of the accused for one place, as the liar would have them: it can't sign for another.
fn no_proof(liar: &Liar<'_>, accused: NodeId) -> Evidence {
    let vote = |story: u8| {
        let (view, seq) = Default::default();
        let digest = Digest::of(&(accused, story));
        let body = Prepare { epoch: liar.members.epoch(), view, seq, digest };
        Signed { by: Principal::Node(accused), ..Signed::new(body, liar.keys) }
    };
    Evidence::Prepares(vote(0), vote(1))
}

//! How the liars of a storm lie.

use alloc::vec::Vec;

use super::{
    super::adversary::{Forgery, Strategy},
    choice::Choice,
};
use crate::{ids::NodeId, quorum::Membership};

/// The most ways of lying of one node.
const MOST_WAYS: u32 = 5;

/// One way of lying, or several.
pub(super) fn draw(members: Membership, liar: NodeId, draw: &mut Choice) -> Vec<Strategy> {
    let others: Vec<_> = members.others(liar).collect();
    (0..draw.between(1..MOST_WAYS + 1)).map(|_| lie(&others, draw)).collect()
}

/// A liar's false accusation.
pub(super) fn accusation(members: Membership, liar: NodeId, draw: &mut Choice) -> Strategy {
    let others: Vec<_> = members.others(liar).collect();
    Strategy::FalseAccusation {
        claim_ms: draw.between(1..20_000),
        every_ms: draw.between(5..500),
        to: if draw.coin() { draw.some_of(&others, 1) } else { Vec::new() },
    }
}

/// One way, restricted to some receivers or messages as often as not.
fn lie(others: &[NodeId], draw: &mut Choice) -> Strategy {
    let to = if draw.coin() { draw.some_of(others, 1) } else { Vec::new() };
    let kinds = if draw.coin() { draw.some_kinds() } else { Vec::new() };
    match draw.between(0..16) {
        0 => Strategy::Silent { kinds, to },
        1 => Strategy::Delay { by_ms: draw.between(20..2_000), kinds, to },
        2 => Strategy::Equivocate { victims: to, kinds: Vec::new() },
        3 => Strategy::Equivocate { victims: to, kinds },
        4 => Strategy::WrongDigest { kinds, to },
        5 => {
            let [view_by, seq_by] = draw.one_of(&[[1, 0], [-1, 0], [0, 1], [0, -1], [3, 7]]);
            Strategy::WrongPlace { view_by, seq_by, kinds, to }
        }
        6 => {
            let how = draw.one_of(&[Forgery::Few, Forgery::Repeated, Forgery::Foreign]);
            Strategy::Forge { how, kinds }
        }
        7 => Strategy::HidePrepared { to },
        8 => Strategy::TwoFacedViewChange { victims: to },
        9 => Strategy::FalseNewView { to },
        10 => Strategy::Replay { every: draw.between(1..9) as u16 },
        11 => Strategy::Reorder { by_ms: draw.between(5..200), kinds },
        12 => Strategy::Selective { kinds },
        13 => {
            draw.one_of(&[Strategy::FalseReply {}, Strategy::FalseState { kinds: Vec::new(), to }])
        }
        // Few enough for a run to stay short: the bounds under a real flood are tested elsewhere.
        14 => Strategy::Flood { per_second: draw.between(20..200), to },
        _ => Strategy::Slow { percent: draw.between(20..96) as u8 },
    }
}

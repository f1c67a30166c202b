//! Which piece of what lies where.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

/// Children of a node at most. Small, so that a changed leaf makes little else to be hashed: three
/// levels of half a kilobyte at the most.
pub(super) const FANOUT: u32 = 16;

/// The deepest node: four levels down to a piece, and four more inside one that is larger than a
/// leaf may be. 65,536 leaves of 32 KiB bound a piece at 2 GiB.
pub const MAX_DEPTH: usize = 8;

/// The way from the root to a node: which child at each level.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl Path {
    /// The way to a child.
    #[must_use]
    pub fn child(&self, slot: u8) -> Self {
        let mut path = self.0.clone();
        path.push(slot);
        Self(path)
    }
}

/// What the state consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The application's pieces.
    Application,
    /// Client sessions.
    Sessions,
    /// What replicas agreed on beside: the time, and what sessions need to stay bounded.
    Agreed,
    /// Who takes part from here on.
    Membership,
    /// Who lies, as far as all agree.
    Docket,
}

impl Section {
    const ALL: [Self; 5] =
        [Self::Application, Self::Sessions, Self::Agreed, Self::Membership, Self::Docket];

    const fn slot(self) -> u8 {
        self as u8
    }

    /// How many levels lie between the section and its pieces.
    const fn levels(self) -> usize {
        match self {
            Self::Application => 3,
            Self::Sessions => 2,
            Self::Agreed | Self::Membership | Self::Docket => 0,
        }
    }

    /// How many pieces it has.
    pub const fn pieces(self) -> u32 {
        FANOUT.pow(self.levels() as u32)
    }
}

/// One piece of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceId {
    /// Of what.
    pub section: Section,
    /// Which, from 0.
    pub index: u32,
}

impl PieceId {
    /// Where it lies. Pieces in order have paths in order.
    pub fn path(self) -> Path {
        let levels = self.section.levels() as u32;
        let digits = (0..levels).rev().map(|level| (self.index / FANOUT.pow(level) % FANOUT) as u8);
        Path(core::iter::once(self.section.slot()).chain(digits).collect())
    }

    /// The piece whose root lies there; `None`: no piece's does.
    pub(super) fn at(path: &[u8]) -> Option<Self> {
        let (slot, digits) = path.split_first()?;
        let section = *Section::ALL.get(usize::from(*slot))?;
        if digits.len() != section.levels() {
            return None;
        }
        let index = digits.iter().fold(0, |index, digit| index * FANOUT + u32::from(*digit));
        Some(Self { section, index })
    }
}

const _: () = assert!(
    Section::Application.pieces() == crate::app::MAX_PIECES,
    "every piece that an application may have has its place"
);

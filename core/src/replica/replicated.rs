//! The replicated state as pieces of a tree: the application, client sessions, what was agreed on
//! beside, who takes part, and who lies.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::{docket::Docket, epochs::Register, shell::Shell};
use crate::{
    app::Application,
    crypto::{decode, encode},
    ids::Timestamp,
    sorted::{SortedMap, SortedSet},
    state::{Damage, PieceId, Section, Tree},
    time::WallTime,
};

/// What was agreed on beside the application's state and who was answered what.
#[derive(Serialize, Deserialize)]
struct Agreed {
    time: WallTime,
    floor: Timestamp,
}

const AGREED: PieceId = PieceId { section: Section::Agreed, index: 0 };
const MEMBERSHIP: PieceId = PieceId { section: Section::Membership, index: 0 };
const DOCKET: PieceId = PieceId { section: Section::Docket, index: 0 };

fn application(index: u32) -> PieceId {
    PieceId { section: Section::Application, index }
}

fn sessions(index: u32) -> PieceId {
    PieceId { section: Section::Sessions, index }
}

impl<A: Application> Shell<A> {
    /// The pieces that may differ from those in the tree.
    fn changed_pieces(&self) -> impl Iterator<Item = PieceId> {
        let of_application = self.application.changed().iter().copied().map(application);
        let of_sessions = self.sessions.changed().iter().copied().map(sessions);
        of_application.chain(of_sessions).chain(self.docket.has_changed().then_some(DOCKET))
    }

    /// The bytes of a piece as it is now.
    fn piece(&self, piece: PieceId) -> Option<Vec<u8>> {
        match piece.section {
            Section::Application => self.application.piece(piece.index),
            Section::Sessions => self.sessions.piece(piece.index),
            Section::Agreed => {
                Some(encode(&Agreed { time: self.time, floor: self.sessions.floor() }))
            }
            Section::Membership => Some(encode(&self.register)),
            Section::Docket => self.docket.piece(),
        }
    }

    /// The state as it is now. Hashes what changed since the last time, and nothing else.
    pub(crate) fn update_tree(&mut self) {
        let pieces = self.changed_pieces().chain([AGREED, MEMBERSHIP]);
        let changes: SortedMap<_, _> = pieces.map(|piece| (piece, self.piece(piece))).collect();
        self.tree = self.tree.update(changes).tree;
        self.application.forget_changes();
        self.sessions.forget_changes();
        self.docket.forget_changes();
    }

    /// The tree of a replica at the start of history: the application may begin with anything.
    pub(crate) fn plant_tree(&mut self) {
        let indexes = self.application.pieces().into_iter();
        let pieces = indexes.map(application).map(|piece| (piece, self.piece(piece))).collect();
        self.tree = Tree::default().update(pieces).tree;
        self.update_tree();
    }

    /// Replaces the state by that of a tree, or nothing. Only pieces that differ are touched.
    pub(crate) fn install(&mut self, tree: &Tree) -> Result<(), Damage> {
        let agreed: Agreed =
            tree.piece(AGREED).and_then(|bytes| decode(&bytes)).ok_or(Damage::Agreed)?;
        let register: Register =
            tree.piece(MEMBERSHIP).and_then(|bytes| decode(&bytes)).ok_or(Damage::Agreed)?;
        let piece = tree.piece(DOCKET);
        let docket = Docket::installed(piece.as_deref(), register.members(), &self.config)
            .ok_or(Damage::Agreed)?;
        let mut differing: SortedSet<_> = tree.differences(&self.tree).into_iter().collect();
        differing.extend(self.changed_pieces());
        let (mut application, mut sessions) = (self.application.clone(), self.sessions.clone());
        for piece in differing {
            let content = tree.piece(piece);
            match piece.section {
                Section::Application => application.install(piece.index, content.as_deref())?,
                Section::Sessions => sessions.install(piece.index, content.as_deref())?,
                Section::Agreed | Section::Membership | Section::Docket => {}
            }
        }
        sessions.set_floor(agreed.floor);
        sessions.forget_changes();
        application.forget_changes();
        self.application = application;
        self.sessions = sessions;
        self.time = agreed.time;
        self.register = register;
        self.docket = docket;
        self.ending_since = self.register.end().map(|_| self.now);
        self.tree = tree.clone();
        Ok(())
    }

    /// Everything that decides what the replicated state is and how it goes on.
    pub(crate) fn state_parts(&self) -> impl Serialize {
        let changed: Vec<_> =
            self.changed_pieces().map(|piece| (piece.path(), self.piece(piece))).collect();
        (self.tree.digest(), self.piece(AGREED), changed)
    }
}
